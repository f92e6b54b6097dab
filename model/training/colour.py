"""Stage colour: a head learns to tell the colour of the thing that a question names.

Questions that people asked and, many more, questions made from captions. The loss is of colours alone, so that where
to look is learned without a box having been drawn anywhere.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional

from model.errors import UsageError
from model.loading import Models
from model.training.answer import embed_all
from model.training.config import ColourConfig
from model.training.lessons import chance_of, own_questions
from model.training.looking import Looked, look_at
from model.training.loop import Run, mixed_precision, train
from model.training.object_words import COLOURS
from model.training.readers.colour_questions import asks_for_a_colour, colour_questions
from model.training.samples import Answered
from model.training.speaking import features_folder
from model.vision.colour import NAMES, cell_colours
from model.vision.colour_head import ColourHead, ColourHeadConfig, save_colour_head
from model.vision.encoder import FrameFeatures, VisionEncoder

logger = logging.getLogger(__name__)
STEPS_TO_DRAW = 1_000_000  # questions are drawn by chance, so there is no number of them to go through
SMOOTHING = 0.05  # people do not agree on colours
RARE = 0.3  # power of how much rarer than others a colour is, by which it counts more
# What people answer beside the basic colours, and the nearest of these.
ALSO = {
    "silver": "grey", "blonde": "yellow", "blond": "yellow", "gold": "yellow", "tan": "brown", "beige": "brown",
    "maroon": "red", "teal": "blue", "turquoise": "blue", "navy": "blue", "dark blue": "blue", "light blue": "blue",
    "violet": "purple", "cream": "white",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    sample: int
    question: str
    right: tuple[float, ...]  # share of each colour of NAMES, adding up to 1


@dataclass
class Batch:
    questions: torch.Tensor  # [B, E]
    cells: torch.Tensor  # [B, G, D]
    shares: torch.Tensor  # [B, G, 11]
    right: torch.Tensor  # [B, 11]


class CellEncoder:
    """Shows the feature store what this stage needs of a frame: cells for tokens, their colours for classes."""

    def __init__(self, vision: VisionEncoder) -> None:
        self._vision, self.name = vision, f"cells of {vision.name}"

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        cells = self._vision.encode_cells(frames)
        shares = cell_colours(frames, math.isqrt(cells.shape[1]))
        return FrameFeatures(np.zeros((len(frames), 0), np.float32), cells, [], shares.reshape(len(frames), -1))


class Colour:
    """The task of `loop.train`."""

    def __init__(self, config: ColourConfig, models: Models, looked: Looked, validation: Looked | None) -> None:
        self.config, self.looked, self.validation = config, looked, validation
        self.asked, self.made = questions_of(looked)
        if not self.asked and not self.made:
            raise UsageError("The data hold no question for a colour and no caption that names one: add data.")
        self.judged = questions_of(validation) if validation else ([], [])
        every = [q for questions in (self.asked, self.made, *self.judged) for q in questions]
        self.vectors = embed_all(models.text, [q.question for q in every])
        counts = np.sum([q.right for q in (*self.asked, *self.made)], axis=0) + 1.0
        self.weights = torch.tensor((counts.mean() / counts) ** RARE, dtype=torch.float32)
        (cells, width), settings = looked.frames(0).tokens.shape[1:], (config.width, config.dropout)
        torch.manual_seed(config.loop.seed)
        self.module = ColourHead(ColourHeadConfig(cells, width, models.text.dim, *settings))

    def batch(self, indices: np.ndarray, dice: np.ndarray) -> Batch:
        """Questions by chance alone; `indices` only say how many."""
        return self._batch([self._draw(chance_of(row)) for row in dice])

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        logits = module(batch.questions, batch.cells, batch.shares).float()
        weights = self.weights.to(logits.device)
        return functional.cross_entropy(logits, batch.right, weight=weights, label_smoothing=SMOOTHING)

    def evaluate(self) -> dict[str, float]:
        """The share that is answered with one of the right colours: of what people asked, and of what was made."""
        found: dict[str, float] = {}
        self.module.eval()
        for name, questions in zip(("asked", "generated"), self.judged, strict=True):
            if questions and self.validation:
                found[name] = float(np.mean([self._is_right(self.validation, question) for question in questions]))
        self.module.train()
        return found

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Asked]:
        """One frame's cells and their colours, and a question about it."""
        made = self.made and (not self.asked or rng.random() < self.config.generated)
        questions = self.made if made else self.asked
        question = questions[int(rng.integers(len(questions)))]
        frames = self.looked.frames(question.sample, int(rng.integers(self.config.views)))
        number = int(rng.integers(len(frames)))
        return frames.tokens[number], frames.concepts[number], question

    def _batch(self, drawn: Sequence[tuple[np.ndarray, np.ndarray, Asked]]) -> Batch:
        device = self.module.places.device  # where the loop has put it
        cells, shares = (torch.from_numpy(np.stack(column)).to(device) for column in list(zip(*drawn, strict=True))[:2])
        asked = torch.from_numpy(np.stack([self.vectors[q.question] for *_, q in drawn])).to(device)
        right = torch.tensor([q.right for *_, q in drawn], device=device)
        return Batch(asked, cells, shares.reshape(*cells.shape[:2], len(NAMES)), right)

    def _is_right(self, looked: Looked, question: Asked) -> bool:
        """By the first frame of its sample."""
        frames = looked.frames(question.sample)
        batch = self._batch([(frames.tokens[0], frames.concepts[0], question)])
        with torch.inference_mode():
            best = int(self.module(batch.questions, batch.cells, batch.shares).argmax())
        return question.right[best] > 0


def run(config: ColourConfig, models: Models, output: Path) -> dict[str, float]:
    """Train the head, or go on; the result lies in `output` as colours.json and colours.safetensors.

    Raises UsageError if the data ask for no colours, CuepointError as `loop.train` does.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision(config.loop))
    folder, seed = features_folder(config.features, output) / "cells", config.loop.seed
    eyes = CellEncoder(models.vision)
    with accelerator.main_process_first():  # the others find the features made
        looked = look_at(config.data, eyes, folder, config.views, config.frames, seed)
        held_out = config.validation
        validation = look_at(held_out, eyes, folder, 1, config.frames, seed) if held_out else None
    task = Colour(config, models, looked, validation)
    logger.info("%d questions that people asked and %d made ones", len(task.asked), len(task.made))
    figures = train(task, Run(output, config.loop, asdict(config)), STEPS_TO_DRAW, accelerator)
    if accelerator.is_main_process:
        save_colour_head(output, task.module)
    return figures


def questions_of(looked: Looked) -> tuple[list[Asked], list[Asked]]:
    """What people asked, and what is made from captions."""
    asked, made = list[Asked](), list[Asked]()
    for number, sample in enumerate(looked.samples):
        own = [q for q in own_questions(sample, False) if not q.options and asks_for_a_colour(q.question)]
        for questions, of in ((own, asked), (colour_questions(sample.captions, crc32(sample.id.encode())), made)):
            of.extend(Asked(number, q.question, right) for q in questions if (right := shares_of(q)))
    return asked, made


def shares_of(question: Answered) -> tuple[float, ...]:
    """How many answers name each of NAMES, adding up to 1; empty where most name none of them."""
    spoken = [answer.lower().strip() for answer in question.answers]
    named = Counter(colour for answer in spoken if (colour := COLOURS.get(answer) or ALSO.get(answer)))
    if 2 * named.total() <= len(spoken):
        return ()
    return tuple(named[name] / named.total() for name in NAMES)
