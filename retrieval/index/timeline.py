"""A video as search sees it: all its frame vectors in order of time, and how alike two of its moments look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.vision.encoder import unit
from retrieval.index.windows import Windows
from retrieval.store.records import ClipFrames

_LEAST_SPREAD = 0.05  # of cosines: where frames are nearer to each other than this, all look the same


@dataclass(frozen=True)
class Timeline:
    """times: [n] seconds, rising; vectors: float32 [n, D] of unit length; cuts: [m] where clips begin, but the first;
    end: seconds."""

    times: np.ndarray
    vectors: np.ndarray
    cuts: np.ndarray
    end: float

    @classmethod
    def of(cls, clips: Sequence[ClipFrames]) -> Timeline:
        seen = [clip for clip in clips if len(clip.times)]
        if not seen:
            return cls(np.zeros(0, np.float32), np.zeros((0, 0), np.float32), np.zeros(0), 0.0)
        return cls(
            np.concatenate([clip.times for clip in seen]),
            np.concatenate([clip.vectors for clip in seen]),
            np.array([clip.clip.start for clip in clips[1:]]),
            clips[-1].clip.end,
        )

    def part(self, start: float, end: float) -> Timeline:
        """The stretch alone, in seconds; its cuts are left out."""
        first, last = np.searchsorted(self.times, (start, end))
        return Timeline(self.times[first:last], self.vectors[first:last], np.zeros(0), end)

    def between(self, start: float, end: float) -> np.ndarray:
        """The vectors of the frames of a stretch: [k, D], none where it has no frame."""
        return self.part(start, end).vectors

    def windows(self, low: float, high: float) -> Windows:
        """Those of the frames of a stretch; those of the whole video are kept."""
        chosen = (self.times >= low) & (self.times < high)
        return self._windows if chosen.all() else Windows(self.times[chosen], self.vectors[chosen])

    @cached_property
    def _windows(self) -> Windows:
        return Windows(self.times, self.vectors)

    def look(self, start: float, end: float) -> np.ndarray | None:
        """The mean direction of the frames of a stretch [D]; None where it has no frame."""
        vectors = self.between(start, end)
        return unit(vectors.mean(axis=0)) if len(vectors) else None

    def alike(self, one: np.ndarray, other: np.ndarray) -> float:
        """How alike two looks of this video are: 1 the same, 0 no more than any two of its frames are."""
        return (float(one @ other) - self._usual) / max(1 - self._usual, _LEAST_SPREAD)

    @cached_property
    def middle(self) -> np.ndarray:
        """The mean of all frame vectors [D], shorter than one: what all of the video has in common."""
        mean: np.ndarray = self.vectors.mean(axis=0)
        return mean

    @property
    def _usual(self) -> float:
        """The mean cosine of two frames. It is high: they share a place, a light, a camera."""
        return float(self.middle @ self.middle)
