"""The embedded encoder with trained heads: its frames and sentences meet in a space that was learned from captions.

What a frame is called still comes from the classifier; how well a sentence fits it comes mostly from the heads, and in
part from the classifier's names, which know things that no caption of the training data spoke of.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from model.hub import identity
from model.text.embedder import TextEmbedder
from model.vision.alignment import load_heads
from model.vision.embedded import EmbeddedEncoder
from model.vision.encoder import FrameFeatures, Tag, bare_query, unit
from model.vision.zero_shot import load_labels

NAMES_SHARE = 0.2  # of a cosine, that comes from the classifier's names
_HEAD_FRAMES = 64  # at once through the heads


class AlignedEncoder:
    """Satisfies `VisionEncoder`. Safe to share between threads."""

    def __init__(self, text: TextEmbedder, heads: Path, folder: Path | None = None, bf16: bool | None = None) -> None:
        """`heads`: a folder that the align stage made; `folder` and `bf16` as for EmbeddedEncoder.

        Raises CheckpointError for heads that do not fit, PackError if the pack is not there.
        """
        self._text, self._base = text, EmbeddedEncoder(text, folder, bf16)
        self.contrast = self._base.contrast
        self._heads = load_heads(heads)
        self.dim = self._heads.config.dim + self._base.dim
        self.name = f"aligned/{identity(heads)}/{NAMES_SHARE:g}"

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        """As EmbeddedEncoder's, but for the pooled vectors."""
        features = self._base.encode_frames(frames)
        learned = [np.empty((0, self._heads.config.dim), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(features), _HEAD_FRAMES):
                part = slice(start, start + _HEAD_FRAMES)
                tokens, told = features.tokens[part], features.log_probabilities[part]
                learned.append(self._heads.frames(torch.from_numpy(tokens), torch.from_numpy(told)).numpy())
        pooled = joined(np.concatenate(learned), features.pooled)
        return FrameFeatures(pooled, features.tokens, features.labels, features.log_probabilities)

    def encode_cells(self, frames: np.ndarray) -> np.ndarray:
        return self._base.encode_cells(frames)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length. "Show me the moment where a dog runs" is embedded as "a dog runs"."""
        named = self._text.embed([bare_query(text) for text in texts])
        with torch.inference_mode():
            return joined(self._heads.texts(torch.from_numpy(named)).numpy(), named)

    def tags(self, frames: np.ndarray | FrameFeatures) -> list[list[Tag]]:
        return self._base.tags(frames)

    @property
    def concepts(self) -> list[tuple[str, ...]]:
        return self._base.concepts

    def chance(self, frame: np.ndarray, query: np.ndarray) -> float:
        """The share of the 1,000 names that fit the frame better than the query does. Both float32 [dim]."""
        return float((self._names @ frame > float(query @ frame)).mean())

    @functools.cached_property
    def _names(self) -> np.ndarray:
        """float32 [1000, dim]."""
        return self.encode_text([f"a photo of {label.name}" for label in load_labels()])


def joined(learned: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Unit vectors side by side, so that a cosine is the weighted mean of both cosines: float32 [N, both widths]."""
    return unit(np.concatenate([(1 - NAMES_SHARE) ** 0.5 * learned, NAMES_SHARE**0.5 * named], 1)).astype(np.float32)
