"""A small network that answers questions about a frame with one of the answers it has learned.

A question's sentence vector asks the frame's grid tokens (attention and a product of both: Yang et al.,
arXiv:1511.02274; Teney et al., arXiv:1708.02711); what comes out is held against the answers' own sentence vectors, and
the class opinion enters as the mean vector of the classes' names, so that things nobody asked for in training have a
place too. Trained by `model/training/answer.py`. Knows nothing of pictures or words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from model.vision.alignment import LEAST_LOG_PROBABILITY
from model.vision.heads import load_weights, read_config, save_head

NAME = "answers"  # of its files
QUESTION_DROPOUT = 0.2
NEVER = -5.0  # logit of an answer before anything is learned: each is right seldom
_UNSEEN = 3.0  # lets what the question alone suggests be learned as fast as the rest
_SCALE = 10.0  # of cosines, and of unit vectors with as many small numbers as there are classes


@dataclass(frozen=True)
class AnswerHeadConfig:
    tokens: int  # T: grid tokens of a frame
    token_width: int  # D
    concepts: int  # C: classes
    text_width: int  # E, of the text model's vectors
    answers: Sequence[str]  # as they are said
    width: int = 512  # inside
    dropout: float = 0.5


class AnswerHead(nn.Module):
    """`forward` gives a logit for each of the A answers."""

    def __init__(self, config: AnswerHeadConfig) -> None:
        super().__init__()
        self.config = config
        width, text, answers = config.width, config.text_width, len(config.answers)
        self.question = nn.Sequential(
            nn.Dropout(QUESTION_DROPOUT), nn.Linear(text, width), nn.ReLU(),
            nn.Dropout(config.dropout), nn.Linear(width, width), nn.ReLU(),
        )  # fmt: skip
        self.token_norm = nn.LayerNorm(config.token_width)
        self.enter = nn.Linear(config.token_width, width)
        self.places = nn.Parameter(torch.zeros(config.tokens, width))
        self.key = nn.Linear(width, width)
        self.names = nn.Linear(config.concepts, text, bias=False)
        self.named = nn.Linear(text, width)
        self.concepts = nn.Linear(config.concepts, width)
        self.seen = nn.Linear(width, width)
        self.meaning = nn.Linear(width, text)
        self.answers = nn.Parameter(torch.randn(answers, text))
        self.scale = nn.Parameter(torch.tensor(_SCALE))
        self.straight = nn.Linear(width, answers)
        self.unseen = nn.Linear(text, answers, bias=False)  # what the question alone suggests
        self.dropout = nn.Dropout(config.dropout)
        nn.init.constant_(self.straight.bias, NEVER)

    def begin_with(self, names: torch.Tensor, answers: torch.Tensor) -> None:
        """The text model's unit vectors of the classes' names [C, E] and of the answers [A, E]; both go on learning."""
        with torch.no_grad():
            self.names.weight.copy_(names.T)
            self.answers.copy_(answers)

    def forward(self, questions: torch.Tensor, tokens: torch.Tensor, log_probabilities: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, E], tokens [B, T, D] and log_probabilities [B, C] of one frame each -> [B, A]."""
        asked = self.question(questions)
        token = functional.relu(self.enter(self.dropout(self.token_norm(tokens.float()))) + self.places)
        attention = (torch.tanh(self.key(token)) * asked[:, None]).sum(-1).softmax(1)
        looked_at = torch.einsum("bt,bth->bh", attention, token)
        opinion = log_probabilities.float()
        name = self.names(opinion.softmax(-1))
        told = opinion.clamp(min=LEAST_LOG_PROBABILITY)
        told = _SCALE * functional.normalize(told - told.mean(-1, keepdim=True), dim=-1)
        seen = functional.relu(
            self.seen(self.dropout(looked_at))
            + self.named(self.dropout(name * _SCALE / 2))
            + self.concepts(self.dropout(told))
        )
        both = self.dropout(seen * asked)
        meant = functional.normalize(self.meaning(both) + name, dim=-1)
        fits: torch.Tensor = self.scale * meant @ functional.normalize(self.answers, dim=-1).T
        return fits + self.straight(both) + self.unseen(self.dropout(questions)) * _UNSEEN


def save_answer_head(folder: Path, head: AnswerHead) -> None:
    save_head(folder, NAME, head, head.config)


def load_answer_head(folder: Path) -> AnswerHead:
    """In evaluation mode, float32. Raises CheckpointError naming the file, what was expected and what was found."""
    head = AnswerHead(read_config(folder, NAME, AnswerHeadConfig, "an answer head"))
    load_weights(folder, NAME, head)
    return head.eval()
