"""Stage answer: a head learns to answer questions about a frame with one of the answers that its data know.

Questions that people asked and, for more photos and more words, questions made from captions. Several annotators'
answers are right each as far as they agree; binary cross entropy over all answers (Teney et al., arXiv:1708.02711,
section 3.2).
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional

from model.errors import UsageError
from model.evaluation.answers import parts
from model.evaluation.qa import AGREEING, score
from model.loading import Models
from model.text.embedder import TextEmbedder
from model.training.config import AnswerConfig
from model.training.lessons import chance_of, own_questions, picture_drawer
from model.training.looking import Looked, look_at
from model.training.loop import Run, mixed_precision, train
from model.training.readers.questions import with_questions
from model.training.samples import Answered
from model.training.speaking import features_folder
from model.vision.answer_head import AnswerHead, AnswerHeadConfig, save_answer_head

logger = logging.getLogger(__name__)
STEPS_TO_DRAW = 1_000_000  # questions are drawn by chance, so there is no number of them to go through
_TEXTS_AT_ONCE = 512

Asked = Mapping[int, Sequence[Answered]]  # by the number of the sample


@dataclass
class Batch:
    questions: torch.Tensor  # [B, E]
    tokens: torch.Tensor  # [B, T, D]
    concepts: torch.Tensor  # [B, C]
    right: torch.Tensor  # [B, A], 0 to 1: how right each answer is


class Vocabulary:
    """Answers that are learned: those that at least `least` questions have, in the form they are most often given."""

    def __init__(self, questions: Sequence[Answered], least: int) -> None:
        forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        seen: Counter[str] = Counter()
        for question in questions:
            seen.update(agreed(question))
            forms_of = [question.answer] if len(question.answers) <= AGREEING else question.answers
            for form in forms_of:
                forms[key_of(form)][said_as(form)] += 1
        self.keys = [key for key, count in seen.items() if count >= least]
        self.answers = [forms[key].most_common(1)[0][0] for key in self.keys]
        self._numbers = {key: number for number, key in enumerate(self.keys)}

    def right(self, question: Answered) -> dict[int, float]:
        """How right each answer is that is right at all, by its number."""
        return {self._numbers[key]: share for key, share in agreed(question).items() if key in self._numbers}


class Answer:
    """The task of `loop.train`."""

    def __init__(self, config: AnswerConfig, models: Models, looked: Looked, validation: Looked | None) -> None:
        self.config, self.looked, self.validation = config, looked, validation
        self.asked, self.made = questions_of(looked, config)
        self.judged = questions_of(validation, config) if validation else ({}, {})
        every = [q for asked in (self.asked, self.made) for questions in asked.values() for q in questions]
        self.vocabulary = Vocabulary(every, config.least_seen)
        if not self.vocabulary.answers:
            raise UsageError("The data hold no answer that several questions have: add data, or lower least_seen.")
        self.asked, self.made = (learnable(asked, self.vocabulary) for asked in (self.asked, self.made))
        self._drawers = {id(asked): picture_drawer(asked) for asked in (self.asked, self.made) if asked}
        judged = [q for asked in self.judged for questions in asked.values() for q in questions]
        self.vectors = embed_all(models.text, [q.question for q in (*every, *judged)])
        frames, settings = looked.frames(0), (config.width, config.dropout)
        (_, tokens, width), concepts = frames.tokens.shape, frames.concepts.shape[1]
        torch.manual_seed(config.loop.seed)
        self.module = AnswerHead(
            AnswerHeadConfig(tokens, width, concepts, models.text.dim, self.vocabulary.answers, *settings)
        )
        names, answers = [names[0] for names in models.vision.concepts], self.vocabulary.answers
        self.module.begin_with(*(torch.from_numpy(models.text.embed(texts)) for texts in (names, answers)))

    def batch(self, indices: np.ndarray, dice: np.ndarray) -> Batch:
        """Questions by chance alone; `indices` only say how many."""
        drawn = [self._draw(chance_of(row)) for row in dice]
        right = torch.zeros(len(drawn), len(self.vocabulary.answers))
        for row, (_, _, question) in enumerate(drawn):
            for number, share in self.vocabulary.right(question).items():
                right[row, number] = share
        device = self.module.scale.device  # where the loop has put it
        questions, tokens, concepts = (
            torch.from_numpy(np.stack(column)).to(device)
            for column in zip(*((self.vectors[q.question], t, c) for t, c, q in drawn), strict=True)
        )
        return Batch(questions, tokens, concepts, right.to(device))

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Answered]:
        """One frame's tokens and class opinion, and a question about it."""
        asked = self.made if self.made and (not self.asked or rng.random() < self.config.generated) else self.asked
        index = self._drawers[id(asked)](rng)
        frames = self.looked.frames(index, int(rng.integers(self.config.views)))
        number = int(rng.integers(len(frames)))
        question = asked[index][int(rng.integers(len(asked[index])))]
        return frames.tokens[number], frames.concepts[number], question

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        logits = module(batch.questions, batch.tokens, batch.concepts)
        every = functional.binary_cross_entropy_with_logits(logits.float(), batch.right, reduction="sum")
        return every / len(logits)

    def evaluate(self) -> dict[str, float]:
        """The share that is answered rightly: of the questions people asked, and of those made from captions."""
        if not self.validation:
            return {}
        found = {}
        self.module.eval()
        for name, asked in zip(("asked", "generated"), self.judged, strict=True):
            scores = [s for index, questions in asked.items() for s in self._scores(self.validation, index, questions)]
            if scores:
                found[name] = float(np.mean(scores))
        self.module.train()
        return found

    def _scores(self, looked: Looked, index: int, questions: Sequence[Answered]) -> list[float]:
        """Of each question about one sample, by its first frame."""
        frames = looked.frames(index)
        tokens, concepts = (torch.from_numpy(array[:1]).expand(len(questions), *array.shape[1:])
                            for array in (frames.tokens, frames.concepts))  # fmt: skip
        asked = torch.from_numpy(np.stack([self.vectors[q.question] for q in questions]))
        with torch.inference_mode():
            best = self.module(asked, tokens, concepts).argmax(-1).tolist()
        return [score(self.vocabulary.answers[i], question) for i, question in zip(best, questions, strict=True)]


def run(config: AnswerConfig, models: Models, output: Path) -> dict[str, float]:
    """Train the head, or go on; the result lies in `output` as answers.json and answers.safetensors.

    Raises UsageError if the data hold no questions, CuepointError as `loop.train` does.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision(config.loop))
    folder, seed, held_out = features_folder(config.features, output), config.loop.seed, config.validation
    with accelerator.main_process_first():  # the others find the features made
        looked = look_at(config.data, models.vision, folder, config.views, config.frames, seed)
        validation = look_at(held_out, models.vision, folder, 1, config.frames, seed) if held_out else None
    task = Answer(config, models, looked, validation)
    logger.info("%d answers are learned", len(task.vocabulary.answers))
    figures = train(task, Run(output, config.loop, asdict(config)), STEPS_TO_DRAW, accelerator)
    if accelerator.is_main_process:
        save_answer_head(output, task.module)
    return figures


def questions_of(looked: Looked, config: AnswerConfig) -> tuple[Asked, Asked]:
    """What people asked, and what is made from captions; multiple choices are left out, whose answers are letters."""
    asked = {i: [q for q in own_questions(s, False) if not q.options] for i, s in enumerate(looked.samples)}
    captioned = [i for i, sample in enumerate(looked.samples) if sample.captions]
    bare = [replace(looked.samples[i], questions=()) for i in captioned]
    made = with_questions(bare, config.loop.seed, config.made_of_each)
    generated = {i: s.questions for i, s in zip(captioned, made, strict=True) if s.questions}
    return {i: questions for i, questions in asked.items() if questions}, generated


def learnable(asked: Asked, vocabulary: Vocabulary) -> Asked:
    """The questions that have an answer which is learned."""
    kept = {index: [q for q in questions if vocabulary.right(q)] for index, questions in asked.items()}
    return {index: questions for index, questions in kept.items() if questions}


def agreed(question: Answered) -> dict[str, float]:
    """How right each answer is, by its key: of several annotators' answers min(matches / 3, 1), as VQA judges."""
    if len(question.answers) <= AGREEING:
        return {key_of(question.answer): 1.0}
    counts = Counter(map(key_of, question.answers))
    return {key: min(count / AGREEING, 1.0) for key, count in counts.items()}


def key_of(answer: str) -> str:
    """The same for answers that are judged to be the same."""
    return ", ".join(sorted(set(parts(answer))))


def said_as(answer: str) -> str:
    return " ".join(answer.replace("_", " ").split())


def embed_all(text: TextEmbedder, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """float32 [E] of each, unit length."""
    known = sorted(set(texts))
    starts = range(0, len(known), _TEXTS_AT_ONCE)
    return {
        each: vector
        for start in starts
        for each, vector in zip(
            known[start : start + _TEXTS_AT_ONCE], text.embed(known[start : start + _TEXTS_AT_ONCE]), strict=True
        )
    }
