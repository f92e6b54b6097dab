"""Moments inside and across clips: windows of several widths over a video's frames, scored against a query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDTHS_S = (2.0, 4.0, 8.0)
_OVERLAP = 0.3  # of the shorter one: two windows that share more show the same moment


@dataclass(frozen=True)
class Window:
    start: float
    end: float
    score: float  # cosine of the query and the window's mean frame vector


class Windows:
    """All windows of a stretch of video. What no query changes is computed once: keep it for the next one."""

    def __init__(self, times: np.ndarray, vectors: np.ndarray) -> None:
        """times: [n] seconds, rising; vectors: float32 [n, D] of unit length."""
        self._times, self._vectors = times, vectors
        self._first = np.tile(np.arange(len(times)), len(WIDTHS_S))
        self._width = np.repeat(WIDTHS_S, len(times))
        self._last = np.searchsorted(times, times[self._first] + self._width - 1e-3)  # exclusive
        sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
        # Of a window's mean only the direction matters, so it is not divided by the count.
        lengths = [
            np.linalg.norm(sums[last] - sums[first], axis=1)
            for first, last in zip(*(np.split(ends, len(WIDTHS_S)) for ends in (self._first, self._last)), strict=True)
        ]
        self._length = np.maximum(np.concatenate(lengths), 1e-9)

    def best(self, query: np.ndarray, bounds: np.ndarray, end: float, count: int) -> list[Window]:
        """Those that overlap little, best first, at most `count`. query: [D]; end: seconds, of the stretch.

        bounds: [m] clip boundaries in seconds, to which windows that nearly touch them are moved, so that a moment
        starts at its cut.
        """
        if not len(self._times):
            return []
        sums = np.concatenate([[0.0], np.cumsum(self._vectors @ query, dtype=np.float64)])
        scores = (sums[self._last] - sums[self._first]) / self._length
        starts = self._times[self._first].astype(float)
        ends = np.minimum(starts + self._width, end)
        kept: list[Window] = []
        for i in np.argsort(-scores, kind="stable"):
            window = Window(float(starts[i]), float(ends[i]), float(scores[i]))
            if all(_overlap(window, other) <= _OVERLAP for other in kept):
                kept.append(window)
                if len(kept) == count:
                    break
        return [_snap(window, bounds) for window in kept]


def _overlap(a: Window, b: Window) -> float:
    shared = min(a.end, b.end) - max(a.start, b.start)
    return shared / max(min(a.end - a.start, b.end - b.start), 1e-6)


def _snap(window: Window, bounds: np.ndarray) -> Window:
    """Cut off a sliver of another shot at either end."""
    start, end = window.start, window.end
    for bound in bounds[(bounds > start) & (bounds < end)]:
        if bound - start <= 0.25 * (end - start):
            start = float(bound)
        elif end - bound <= 0.25 * (end - start):
            end = float(bound)
    return Window(start, end, window.score)
