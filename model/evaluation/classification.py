"""Classification: accuracy, and precision, recall and F1 as the mean over classes."""

from __future__ import annotations

import numpy as np


def accuracy(wanted: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> float:
    """wanted, predicted: class numbers int [N]; weights [N]: how often each counts."""
    return float(np.average(wanted == predicted, weights=weights))


def macro_scores(
    wanted: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float, float]:
    """Precision, recall and F1: each class counts the same, however rare.

    The mean is over the classes that occur in `wanted` or `predicted`; one that is never predicted has precision 0. F1
    is the mean of the classes' F1, not that of the two means (Opitz and Burst, arXiv:1911.03347).
    """
    counted = np.ones(len(wanted)) if weights is None else weights.astype(float)
    classes = int(max(wanted.max(), predicted.max())) + 1
    hits = np.bincount(wanted, counted * (wanted == predicted), classes)
    actual, claimed = np.bincount(wanted, counted, classes), np.bincount(predicted, counted, classes)
    present = actual + claimed > 0
    hits, actual, claimed = hits[present], actual[present], claimed[present]
    precision = np.divide(hits, claimed, out=np.zeros_like(hits), where=claimed > 0)
    recall = np.divide(hits, actual, out=np.zeros_like(hits), where=actual > 0)
    f1 = 2 * hits / (actual + claimed)
    return float(precision.mean()), float(recall.mean()), float(f1.mean())
