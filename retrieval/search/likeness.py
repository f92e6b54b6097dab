"""How much two moments show the same: by their time, by their words, and by how they look."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from retrieval.index.timeline import Timeline
from retrieval.search.fusion import overlap
from retrieval.store.fulltext import words
from retrieval.store.records import Moment

_NEAR_S = 8.0  # what looks the same and is no farther off is more of the same; later on it is there once more
_FAR_SHARE = 0.5


class Likeness:
    """Compares the moments of one search, and computes each one's look once."""

    def __init__(self, timeline: Callable[[str], Timeline]) -> None:
        self._timeline = timeline
        self._looks: dict[tuple[str, float, float], np.ndarray | None] = {}

    def __call__(self, a: Moment, b: Moment) -> float:
        """0 (different) to 1. Moments of different videos differ: a copy elsewhere is another place to look."""
        if a.video_id != b.video_id:
            return 0.0
        shared = overlap(a, b)
        if a.quote and b.quote:
            return 1.0 if words(a.quote) == words(b.quote) else shared
        if "visual" not in a.sources or "visual" not in b.sources:
            return shared
        one, other = self._look(a), self._look(b)
        if one is None or other is None:
            return shared
        apart = max(a.start, b.start) - min(a.end, b.end)
        near = _FAR_SHARE + (1 - _FAR_SHARE) * math.exp(-max(0.0, apart) / _NEAR_S)
        return max(shared, near * self._timeline(a.video_id).alike(one, other))

    def _look(self, moment: Moment) -> np.ndarray | None:
        key = (moment.video_id, moment.start, moment.end)
        if key not in self._looks:
            self._looks[key] = self._timeline(moment.video_id).look(moment.start, moment.end)
        return self._looks[key]
