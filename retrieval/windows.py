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


def best_windows(
    times: np.ndarray, vectors: np.ndarray, query: np.ndarray, bounds: np.ndarray, duration: float, count: int
) -> list[Window]:
    """The best windows that overlap little, best first.

    times: [n] seconds, rising; vectors: float32 [n, D] of unit length; query: [D]; bounds: [m] clip boundaries in
    seconds, to which windows that nearly touch them are moved, so that a moment starts at its cut.
    """
    if not len(times):
        return []
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    first = np.tile(np.arange(len(times)), len(WIDTHS_S))
    width = np.repeat(WIDTHS_S, len(times))
    last = np.searchsorted(times, times[first] + width - 1e-3)  # exclusive
    mean = sums[last] - sums[first]  # not divided by the count: only its direction matters
    scores = mean @ query / np.maximum(np.linalg.norm(mean, axis=1), 1e-9)
    starts, ends = times[first].astype(float), np.minimum(times[first] + width, duration)
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
