"""Samples beside what a frozen encoder made of them, for the stages that teach a decoder to word what is seen.

Knows nothing of words: captions and questions are only handed to the augmentation, which must not belie them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.errors import UsageError
from model.training import readers
from model.training.config import DataChoice
from model.training.features import PICTURES, FeatureStore, FrameEncoder, compute_features
from model.training.samples import Sample

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frames:
    """Features of F frames and when they are shown."""

    tokens: np.ndarray  # float16 [F, T, D]
    concepts: np.ndarray  # float16 [F, C]
    times: np.ndarray  # float32 [F], seconds

    def __len__(self) -> int:
        return len(self.times)

    def later(self, seconds: float) -> Frames:
        return replace(self, times=self.times + np.float32(seconds))


def join(parts: Sequence[Frames], times: Sequence[float] | None = None) -> Frames:
    """Frames one after the other, shown at `times` (seconds) or at their own."""
    own = np.concatenate([part.times for part in parts])
    return Frames(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.concepts for part in parts]),
        own if times is None else np.asarray(times, np.float32),
    )


class Looked:
    """Samples that could be read, in the order of their data sets, each with V views of its frames."""

    def __init__(self, parts: Sequence[tuple[list[Sample], FeatureStore]]) -> None:
        self.samples: list[Sample] = []
        self._places: list[tuple[FeatureStore, int]] = []
        for samples, store in parts:
            for sample, row in zip(samples, store.rows, strict=True):
                if row >= 0:
                    self.samples.append(sample)
                    self._places.append((store, int(row)))

    def __len__(self) -> int:
        return len(self.samples)

    def is_still(self, index: int) -> bool:
        return _is_still(self.samples[index])

    def frames(self, index: int, view: int = 0) -> Frames:
        """Of a sample; of a still there is one. Views go round."""
        store, row = self._places[index]
        view, count = view % store.times.shape[1], 1 if self.is_still(index) else store.times.shape[2]
        return Frames(
            store.tokens[row, view, :count], store.concepts[row, view, :count], store.times[row, view, :count]
        )


def look_at(
    choices: Sequence[DataChoice], encoder: FrameEncoder, folder: Path, views: int, frames: int, seed: int
) -> Looked:
    """Features of all samples that say anything, kept in `folder`: a folder each data set, so that runs can share them.

    Raises UsageError if nothing is left.
    """
    parts = []
    for choice in choices:
        samples = [s for s in readers.read(choice.reader, Path(choice.path), choice.split) if s.captions or s.questions]
        count = 1 if all(map(_is_still, samples)) else frames
        told = [replace(s, captions=(*s.captions, *(q.question for q in s.questions))) for s in samples]
        place = folder / _name(choice, views, count)
        parts.append((samples, compute_features(told, encoder, place, views, count, seed)))
    looked = Looked(parts)
    total = sum(len(samples) for samples, _ in parts)
    if not len(looked):
        named = ", ".join(choice.path for choice in choices)
        raise UsageError(f"No sample with a caption or a question could be read from {named}.")
    if len(looked) < total:
        logger.warning("%d of %d samples could not be read and are left out", total - len(looked), total)
    return looked


def _is_still(sample: Sample) -> bool:
    return sample.file.suffix.lower() in PICTURES


def _name(choice: DataChoice, views: int, frames: int) -> str:
    """Of the folder of a data set's features."""
    path = Path(choice.path).resolve()
    told = hashlib.sha256(f"{choice.reader}:{path}".encode()).hexdigest()[:8]
    return f"{path.parent.name}-{path.stem}-{choice.split}-{views}x{frames}-{told}"
