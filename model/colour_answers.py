"""Questions for the colour of a thing, answered by a head that learned where to look and what people call colours."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from model.errors import CheckpointError
from model.likely import Likely
from model.vision.colour import NAMES, cell_colours
from model.vision.colour_head import load_colour_head

if TYPE_CHECKING:
    from model.text.embedder import TextEmbedder
    from model.vision.encoder import VisionEncoder

_AMERICAN = re.compile(r"\bcolors?\b", re.IGNORECASE)


class ColourAnswers:
    """Safe to share between threads."""

    def __init__(self, vision: VisionEncoder, text: TextEmbedder, folder: Path) -> None:
        """`folder`: what the colour stage made. Raises CheckpointError for a head that is not of these models."""
        self._vision, self._text, self._head = vision, text, load_colour_head(folder)
        shape = self._head.config
        cells = vision.encode_cells(np.zeros((1, 64, 64, 3), np.uint8)).shape[1:]
        if (*cells, text.dim) != (shape.cells, shape.cell_width, shape.text_width):
            raise CheckpointError(
                f"{folder} was made for other models: expected {cells[0]} cells of {cells[1]} numbers and sentence "
                f"vectors of {text.dim}, found {shape.cells}, {shape.cell_width} and {shape.text_width}."
            )

    def to(self, question: str, pictures: Sequence[np.ndarray]) -> list[Likely]:
        """The eleven basic colours as answers to a question about pictures uint8 [H, W, 3], taken together, likeliest
        first, spelt as the question is; none of no pictures."""
        if not pictures:
            return []
        side = math.isqrt(self._head.config.cells)
        cells = np.concatenate([self._vision.encode_cells(picture[None]) for picture in pictures])
        shares = np.concatenate([cell_colours(picture[None], side) for picture in pictures])
        asked = torch.from_numpy(self._text.embed([question])).expand(len(pictures), -1)
        with torch.inference_mode():
            likely = self._head(asked, torch.from_numpy(cells), torch.from_numpy(shares)).softmax(-1).mean(0)
        american = {"grey": "gray"} if _AMERICAN.search(question) else {}
        names = [american.get(name, name) for name in NAMES]
        return [Likely(names[number], float(likely[number])) for number in likely.argsort(descending=True).tolist()]

    def where(self, question: str, picture: np.ndarray) -> np.ndarray:
        """Where the thing is looked for in a picture uint8 [H, W, 3]: float32 [side, side], adding up to 1."""
        side = math.isqrt(self._head.config.cells)
        asked, cells = self._text.embed([question]), self._vision.encode_cells(picture[None])
        with torch.inference_mode():
            weights = self._head.attention(torch.from_numpy(asked), torch.from_numpy(cells))
        return weights.numpy().reshape(side, side)
