"""How much of what is asked for a video shows at each time: a curve a source over the whole timeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.index.timeline import Timeline

POINTS = 200  # enough for a curve under a player
_LEAST_RISE = 0.03  # of cosines over the video's median: less is noise, and is not drawn large


@dataclass(frozen=True)
class Relevance:
    """times: [n] seconds, the middles of n equal stretches that cover the video; each source: [n], 0 to 1."""

    times: np.ndarray
    visual: np.ndarray
    speech: np.ndarray
    text: np.ndarray

    def as_json(self) -> dict[str, Any]:
        return {
            name: [round(float(value), 3) for value in getattr(self, name)]
            for name in ("times", "visual", "speech", "text")
        }


def middles(duration: float, points: int) -> np.ndarray:
    """The middles of `points` equal stretches of a video, in seconds: [points]."""
    return (np.arange(points) + 0.5) * duration / points


def seen_curve(line: Timeline, query: np.ndarray, ceiling: float, duration: float, points: int) -> np.ndarray:
    """How the frames fit a vector [D]: 0 at the video's median, `ceiling` (0 to 1) at its best frame.

    Cosines mean nothing by themselves, so they are measured by the video's own; where several frames fall into one
    stretch the best counts, where none does the curve runs straight.
    """
    if not len(line.times):
        return np.zeros(points)
    cosines = line.vectors @ query
    usual = float(np.median(cosines))
    heights = ceiling * np.clip((cosines - usual) / max(float(cosines.max()) - usual, _LEAST_RISE), 0, 1)
    curve = np.interp(middles(duration, points), line.times, heights)
    stretch = np.clip((line.times * points / duration).astype(int), 0, points - 1)
    filled = np.zeros(points, bool)
    filled[stretch] = True
    best = np.zeros(points)
    np.maximum.at(best, stretch, heights)
    drawn: np.ndarray = np.where(filled, best, curve)
    drawn[middles(duration, points) > line.end] = 0  # not seen yet
    return drawn


def told_curve(passages: Iterable[tuple[float, float, float]], duration: float, points: int) -> np.ndarray:
    """(start, end, strength) passages as a curve: the strongest at each time."""
    curve = np.zeros(points)
    for start, end, strength in passages:
        first = min(points - 1, max(0, int(start * points / duration)))
        last = min(points, max(first + 1, int(np.ceil(end * points / duration))))
        curve[first:last] = np.maximum(curve[first:last], strength)
    return curve
