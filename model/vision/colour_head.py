"""A small network that tells the colour of the thing that a question names, from where the thing seems to be.

A question's sentence vector attends to the cells of a frame's grid; the colours that were measured in the cells it
attends to, against those of the whole frame, and what the cells show give a score for each of the eleven basic colour
terms. Where to attend is learned from colours alone: nobody says where the thing is. Trained by
`model/training/colour.py`. Knows nothing of pictures or words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from model.vision.colour import NAMES
from model.vision.heads import load_weights, read_config, save_head

NAME = "colours"  # of its files
QUESTION_DROPOUT = 0.2
_LEAST_SHARE = 0.02  # of a cell: less of a colour is noise


@dataclass(frozen=True)
class ColourHeadConfig:
    cells: int  # G: of a frame, a square grid row by row
    cell_width: int  # D
    text_width: int  # E, of the text model's vectors
    width: int = 64  # inside
    dropout: float = 0.4


class ColourHead(nn.Module):
    """`forward` gives a logit for each of the eleven colours (`model.vision.colour.NAMES`)."""

    def __init__(self, config: ColourHeadConfig) -> None:
        super().__init__()
        self.config = config
        width, colours = config.width, len(NAMES)
        self.question = nn.Sequential(nn.Dropout(QUESTION_DROPOUT), nn.Linear(config.text_width, width))
        self.cell_norm = nn.LayerNorm(config.cell_width)
        self.dropout = nn.Dropout(config.dropout)
        self.key = nn.Linear(config.cell_width, width)
        self.places = nn.Parameter(torch.zeros(config.cells))
        self.measured = nn.Linear(colours, colours)
        self.around = nn.Parameter(torch.tensor(-0.3))  # a colour that is everywhere is the background's
        self.suggested = nn.Sequential(nn.Dropout(QUESTION_DROPOUT), nn.Linear(config.text_width, colours))
        self.value = nn.Linear(config.cell_width, width)
        self.shown = nn.Linear(width, colours)
        nn.init.eye_(self.measured.weight)
        nn.init.zeros_(self.measured.bias)

    def attention(self, questions: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, E] and cells [B, G, D] -> where the thing is looked for, [B, G], each row adding up to 1."""
        return self._attend(self.question(questions), self.cell_norm(cells.float()))

    def forward(self, questions: torch.Tensor, cells: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, E]; of one frame each the cells [B, G, D] and the share of each colour in each cell
        [B, G, 11] -> [B, 11]."""
        asked, normed, share = self.question(questions), self.cell_norm(cells.float()), shares.float()
        weights = self._attend(asked, normed)[..., None]
        there, everywhere = (torch.log(mean + _LEAST_SHARE) for mean in ((weights * share).sum(1), share.mean(1)))
        seen = functional.relu((weights * self.value(self.dropout(normed))).sum(1)) * torch.tanh(asked)
        colours: torch.Tensor = self.measured(there) + self.around * everywhere
        return colours + self.suggested(questions) + self.shown(self.dropout(seen))

    def _attend(self, asked: torch.Tensor, normed: torch.Tensor) -> torch.Tensor:
        fits = (self.key(self.dropout(normed)) * asked[:, None]).sum(-1) / math.sqrt(self.config.width)
        return (fits + self.places).softmax(-1)


def save_colour_head(folder: Path, head: ColourHead) -> None:
    save_head(folder, NAME, head, head.config)


def load_colour_head(folder: Path) -> ColourHead:
    """In evaluation mode, float32. Raises CheckpointError naming the file, what was expected and what was found."""
    head = ColourHead(read_config(folder, NAME, ColourHeadConfig, "a colour head"))
    load_weights(folder, NAME, head)
    return head.eval()
