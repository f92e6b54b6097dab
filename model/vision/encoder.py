"""What every vision encoder is given and gives back: frames and texts in one space. Knows no particular network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Tag = tuple[str, float]  # name, probability


@dataclass(frozen=True)
class FrameFeatures:
    """What an encoder makes of N frames. `tokens` and `log_probabilities` feed the adapter."""

    pooled: np.ndarray  # float32 [N, dim], unit length
    tokens: np.ndarray  # float16 [N, T, D]
    labels: list[list[Tag]]  # per frame the likeliest classes, best first
    log_probabilities: np.ndarray  # float16 [N, classes]: as logarithms, since float16 would round small ones to zero

    @property
    def probabilities(self) -> np.ndarray:
        """float16 [N, classes]."""
        return np.exp(self.log_probabilities.astype(np.float32)).astype(np.float16)

    def __len__(self) -> int:
        return len(self.pooled)


class VisionEncoder(Protocol):
    """Frames and texts into one space, where the dot product says how well they match."""

    dim: int
    name: str  # changes whenever the vectors do: stored beside them
    contrast: float  # what a difference of cosines says of which text is likelier, in nats

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        """frames: uint8 [N, H, W, 3] RGB, of any size. Raises ValueError for another shape or type."""
        ...

    def encode_cells(self, frames: np.ndarray) -> np.ndarray:
        """float16 [N, G, D]: what each cell of a square grid over a frame shows, row by row, as fine as it is known.

        frames: as for encode_frames.
        """
        ...

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length."""
        ...

    def tags(self, frames: np.ndarray | FrameFeatures) -> list[list[Tag]]:
        """Per frame the things it shows, likeliest first; empty where nothing is likely."""
        ...

    @property
    def concepts(self) -> Sequence[tuple[str, ...]]:
        """The names of the things whose probabilities `FrameFeatures` holds, in their order."""
        ...

    def chance(self, frame: np.ndarray, query: np.ndarray) -> float:
        """How ordinary the match of a frame and a query is: 0 (nothing random does as well) to 1 (anything does).

        frame, query: float32 [dim], unit length. Cosines of different encoders cannot be compared, this can.
        """
        ...


def check_frames(frames: np.ndarray) -> None:
    """Raises ValueError unless `frames` are uint8 [N, H, W, 3] with at least one pixel each."""
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
        raise ValueError(f"frames must be uint8 [N, H, W, 3], not {frames.dtype} {list(frames.shape)}")
    if 0 in frames.shape[1:3]:
        raise ValueError(f"frames must be uint8 [N, H, W, 3] of at least one pixel, not {list(frames.shape)}")


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros stays one."""
    scaled: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
    return scaled


# What people put around the thing they look for. It only blurs the vector: "where in the video can I see ..." costs
# three points of R@10.
_FRAMING = re.compile(
    r"""^\s*(?:please\s+)?
    (?:(?:can|could)\s+you\s+)?
    (?:(?:show|find|give)\s+(?:me\s+)?|(?:look|search)\s+for\s+)?
    (?:(?:where|when)\s+(?:in\s+(?:the|this)\s+video\s+)?(?:can|do|could)\s+(?:i|we|you)\s+see\s+
      |(?:(?:a|an|the|any|all|every)\s+)?(?:photo|picture|image|clip|shot|frame|scene|moment|part|video)s?
       \s+(?:of|where|when|with|showing|in\s+which|that\s+shows?)\s+)?""",
    re.IGNORECASE | re.VERBOSE,
)


def bare_query(text: str) -> str:
    """The thing asked for, without "show me the moment where" and the question mark; `text` if nothing is left."""
    return _FRAMING.sub("", text, count=1).strip(" ?.!") or text
