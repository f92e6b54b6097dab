"""Moments that show two things in an order: one after the other, or both at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from retrieval.search.query import Relation
from retrieval.store.records import Moment

_USUAL_GAP_S = 15.0  # "a dog, then a car": a pair this far apart is worth a third of one that touches
_SLACK_S = 1.0  # two things in order may overlap this much: windows are not sharper


def join(relation: Relation, first: Sequence[Moment], second: Sequence[Moment]) -> list[Moment]:
    """Moments of one video in the order asked for, best first.

    first, second: best first, in order of time but for "while". "Then" gives a moment from the first to the end of the
    second, "while" what both share, "after" the later one and "before" the earlier one. Scores: the geometric mean of
    both, each measured by the best of its list, so that neither makes up for the other; less the farther apart.
    """
    if not first or not second:
        return []
    best = max(first[0].score, 1e-9), max(second[0].score, 1e-9)
    joined = []
    for a in first:
        for b in second:
            near = _nearness(relation, a, b)
            if near > 0 and a.video_id == b.video_id:
                score = near * math.sqrt(a.score / best[0] * b.score / best[1])
                joined.append(_moment(relation, a, b, score))
    return sorted(joined, key=lambda moment: -moment.score)


def _nearness(relation: Relation, a: Moment, b: Moment) -> float:
    shared = min(a.end, b.end) - max(a.start, b.start)
    if relation == "while":
        return min(1.0, shared / max(min(a.end - a.start, b.end - b.start), 0.1))
    if b.start < a.end - _SLACK_S or b.start <= a.start:
        return 0.0
    return math.exp(-max(0.0, b.start - a.end) / _USUAL_GAP_S)


def _moment(relation: Relation, a: Moment, b: Moment, score: float) -> Moment:
    wanted, other = (b, a) if relation == "after" else (a, b)
    start, end = wanted.start, wanted.end
    if relation == "then":
        start, end = a.start, max(a.end, b.end)
    elif relation == "while":
        start, end = max(a.start, b.start), min(a.end, b.end)
    return replace(
        wanted,
        start=start,
        end=end,
        score=score,
        sources=[*wanted.sources, *(s for s in other.sources if s not in wanted.sources)],
        quote=wanted.quote or other.quote,
        passage_id=wanted.passage_id or other.passage_id,
    )
