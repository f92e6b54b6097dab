"""Moments: how well the best window of a video fits the one that was meant. And a plain search for that window.

The search is not the app's, which looks at speech and text too: it measures a vision encoder, by itself.
"""

from __future__ import annotations

import numpy as np

OVERLAPS = (0.3, 0.5, 0.7)
SHORTEST_WINDOW_S = 2.0
_SAME = 1e-9  # windows that differ by rounding alone

Span = tuple[float, float]  # start and end in seconds


def iou(a: Span, b: Span) -> float:
    """Shared time over time covered by either, 0 to 1. "R1@IoU": Gao et al., TALL, arXiv:1705.02101, section 5."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    covered = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, shared / covered) if covered > 0 else 0.0


def best_window(times: np.ndarray, scores: np.ndarray, end: float, start: float = 0.0) -> Span:
    """The window of 2, 4, 8 ... seconds whose mean score stands out most; all of it where there is but one window.

    times [N]: of frames in seconds, ascending; scores [N]: how well each fits the query. A window is held against all
    of its own width, in their standard deviations: by the mean alone the shortest would always win, since short ones
    vary most, and by a statistic for independent frames the longest, since neighbours are alike.
    """
    sums = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    best, found = -np.inf, (start, end)
    width = SHORTEST_WINDOW_S
    while width < end - start:
        begins = np.arange(start, end - width + 1e-6, width / 4)
        low, high = np.searchsorted(times, begins), np.searchsorted(times, begins + width)
        filled = high > low
        begins, means = begins[filled], (sums[high] - sums[low])[filled] / (high - low)[filled]
        spread = means.std() if len(means) else 0.0
        if spread > _SAME:
            lead = (means - means.mean()) / spread
            place = int(lead.argmax())
            if lead[place] > best:
                best, found = float(lead[place]), (float(begins[place]), float(begins[place] + width))
        width *= 2
    return found
