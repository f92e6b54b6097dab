"""Questions about pictures answered in a word or two, by a head that learned which answers people give.

Quick (a few milliseconds beside the encoder) and sure of what is common; a language model that looks has more words.
`surest` lets the two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from model.errors import CheckpointError
from model.likely import AnswerKind, Likely
from model.vision.answer_head import load_answer_head

if TYPE_CHECKING:
    from model.text.embedder import TextEmbedder
    from model.vision.encoder import VisionEncoder

SHOWN = 5  # answers given, likeliest first


class ShortAnswers:
    """Safe to share between threads."""

    def __init__(self, vision: VisionEncoder, text: TextEmbedder, folder: Path) -> None:
        """`folder`: what the answer stage made. Raises CheckpointError for a head that is not of these models."""
        self._vision, self._text, self._head = vision, text, load_answer_head(folder)
        shape = self._head.config
        if (len(vision.concepts), text.dim) != (shape.concepts, shape.text_width):
            raise CheckpointError(
                f"{folder} was made for other models: expected {len(vision.concepts)} classes and sentence vectors of "
                f"{text.dim}, found {shape.concepts} and {shape.text_width}."
            )
        self._polar = torch.tensor([answer.lower() in ("yes", "no") for answer in shape.answers])
        self._numbers = torch.tensor([answer.isdigit() for answer in shape.answers])

    def to(self, question: str, pictures: Sequence[np.ndarray], kind: AnswerKind = "any") -> list[Likely]:
        """The likeliest answers of a kind to a question about pictures uint8 [H, W, 3], taken together; none of no
        pictures."""
        if not pictures:
            return []
        features = [self._vision.encode_frames(picture[None]) for picture in pictures]
        tokens, told = (
            torch.from_numpy(np.concatenate([getattr(feature, name) for feature in features]))
            for name in ("tokens", "log_probabilities")
        )
        asked = torch.from_numpy(self._text.embed([question])).expand(len(pictures), -1)
        with torch.inference_mode():
            logits = self._head(asked, tokens, told)
            shares = logits.masked_fill(self._out_of_question(kind), -torch.inf).softmax(-1).mean(0)
        best = shares.topk(min(SHOWN, len(shares)))
        return [
            Likely(self._head.config.answers[number], float(share))
            for share, number in zip(best.values, best.indices.tolist(), strict=True)
            if share > 0
        ]

    def _out_of_question(self, kind: AnswerKind) -> torch.Tensor:
        """Which answers are of a kind that is not asked for, bool [A]; never all."""
        none = torch.zeros_like(self._polar)
        unasked = none if kind == "any" else self._polar if kind == "number" else self._polar | self._numbers
        return none if unasked.all() else unasked
