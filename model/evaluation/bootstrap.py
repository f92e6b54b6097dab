"""Figures with an interval that says how much they would change with other pictures of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
_SEED = 0
_TAIL = 2.5  # per cent at either end: 95 % lie between


@dataclass(frozen=True)
class Figure:
    value: float
    low: float  # of the 95 % confidence interval
    high: float


Statistic = Callable[[np.ndarray], Mapping[str, float]]


def with_intervals(statistic: Statistic, groups: int, resamples: int = RESAMPLES) -> dict[str, Figure]:
    """Percentile bootstrap (Efron and Tibshirani, 1993, chapter 13) over groups: the pictures or videos, drawn anew.

    `statistic` is given how often each group counts, int [groups], and names its figures; one that is not a number in
    some resample (nothing of it was drawn) is left out there. The same each time: the seed is fixed.
    """
    if groups < 1:
        raise ValueError("there must be at least one group")
    random = np.random.default_rng(_SEED)
    values = statistic(np.ones(groups, int))
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(resamples):
        weights = np.bincount(random.integers(groups, size=groups), minlength=groups)
        for name, value in statistic(weights).items():
            if np.isfinite(value):
                drawn[name].append(value)
    found = {}
    for name, value in values.items():
        low, high = np.percentile(drawn[name], [_TAIL, 100 - _TAIL]) if drawn[name] else (value, value)
        found[name] = Figure(float(value), float(low), float(high))
    return found


def number_groups(keys: Sequence[Hashable]) -> np.ndarray:
    """int [n]: equal keys get the same number, counted from 0 in order of appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], int)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """NaN where nothing counts."""
    total = weights.sum()
    return float(values @ weights / total) if total else float("nan")
