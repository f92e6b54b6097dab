"""Moments: how well the best window of a video fits the one that was meant. And a plain search for that window.

The search is not the app's, which looks at speech and text too: it measures a vision encoder, by itself.
"""

from __future__ import annotations

import numpy as np

OVERLAPS = (0.3, 0.5, 0.7)
SHORTEST_WINDOW_S = 2.0

Span = tuple[float, float]  # start and end in seconds


def iou(a: Span, b: Span) -> float:
    """Shared time over time covered by either, 0 to 1. "R1@IoU": Gao et al., TALL, arXiv:1705.02101, section 5."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    covered = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, shared / covered) if covered > 0 else 0.0


def best_window(times: np.ndarray, scores: np.ndarray, end: float, start: float = 0.0) -> Span:
    """The window of 2, 4, 8 ... seconds that stands out most from the rest of the video.

    times [N]: of frames in seconds, ascending; scores [N]: how well each fits the query. Standing out is the scan
    statistic of a Gaussian mean (Kulldorff, Communications in Statistics 1997): difference of the means inside and
    outside, times sqrt(n m / (n + m)). The mean alone would always choose the shortest window, which varies most.
    """
    best, found = -np.inf, (start, end)
    sums = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
    width = SHORTEST_WINDOW_S
    while width < end - start:
        for begin in np.arange(start, end - width + 1e-6, width / 4):
            low, high = np.searchsorted(times, [begin, begin + width])
            inside, outside = high - low, len(times) - (high - low)
            if not inside or not outside:
                continue
            total = sums[high] - sums[low]
            contrast = total / inside - (sums[-1] - total) / outside
            value = contrast * np.sqrt(inside * outside / len(times))
            if value > best:
                best, found = value, (float(begin), float(begin + width))
        width *= 2
    return found
