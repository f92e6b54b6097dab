"""Retrieval: at which rank the right picture is found by its caption, and the right caption by its picture.

Recall@k and median rank as in Hodosh, Young and Hockenmaier, "Framing Image Description as a Ranking Task" (JAIR 47,
2013), section 4: a picture with several captions is found by each of them, and finds the first of any.
"""

from __future__ import annotations

import numpy as np

DEPTHS = (1, 5, 10)
_ROWS_AT_ONCE = 512  # of the score matrix: flat in memory however many captions there are


def text_to_image_ranks(texts: np.ndarray, images: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """int [M]: at which rank (1 is best) each text's own picture stands among all.

    texts [M, D], images [N, D], owner int [M]: the picture of each text. A picture of equal score is counted as better:
    an encoder that sees no difference is not rewarded for it.
    """
    found = []
    for first in range(0, len(texts), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        scores = _scores(texts[rows], images)  # [m, N]
        own = np.take_along_axis(scores, owner[rows, None], axis=1)
        found.append((scores >= own).sum(axis=1))  # its own score is one of them
    return np.concatenate(found) if found else np.empty(0, int)


def image_to_text_ranks(texts: np.ndarray, images: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """int [N]: at which rank each picture's best own text stands among the texts of others; arguments as above.

    Raises ValueError if a picture has no text.
    """
    if len(np.unique(owner)) != len(images):
        raise ValueError("every picture must have at least one text")
    found = []
    for first in range(0, len(images), _ROWS_AT_ONCE):
        rows = np.arange(first, min(first + _ROWS_AT_ONCE, len(images)))
        scores = _scores(images[rows], texts)  # [n, M]
        own = owner[None] == rows[:, None]
        best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
        found.append(1 + ((scores >= best) & ~own).sum(axis=1))
    return np.concatenate(found) if found else np.empty(0, int)


def recall_at(ranks: np.ndarray, depth: int, weights: np.ndarray | None = None) -> float:
    """Share of queries whose answer stands at rank `depth` or better."""
    return float(np.average(ranks <= depth, weights=weights))


def median_rank(ranks: np.ndarray, weights: np.ndarray | None = None) -> float:
    """`weights`: int [n], how often each query counts."""
    return float(np.median(ranks if weights is None else np.repeat(ranks, weights)))


def _scores(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Dot products [n, m]; what is not a number matches nothing."""
    scores: np.ndarray = np.nan_to_num(queries.astype(np.float32) @ gallery.astype(np.float32).T, nan=-np.inf)
    return scores
