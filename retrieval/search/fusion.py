"""From the findings of each source to one list: moments that show the same are one, and the first ones differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from retrieval.search.filters import Filter
from retrieval.search.hits import MAX_MOMENT_S, Hit
from retrieval.search.query import Query
from retrieval.store.records import Moment, Source

RANK_OFFSET = 10  # reciprocal rank fusion (Cormack et al., SIGIR 2009), smaller than 60 because the lists are short
_PREFERRED, _OTHERS = 2.0, 0.4  # factors when the question names its source
_SAME = 0.5  # of the shorter one: two moments that share more of it show the same
# Of MMR's sum; the rest is for being unlike what stands before. On 30 videos of photos, ten things in thirteen shots
# each, the first five results show 3.8 shots (2.9 with 0.7, 2.1 with 1), and one is right for 99 of 100 captions (97).
_RELEVANCE_SHARE = 0.6


def merge(moments: Sequence[Moment]) -> list[Moment]:
    """Join moments of different sources that show the same time; their scores add up, the strongest gives the times."""
    kept: list[Moment] = []
    for moment in sorted(moments, key=lambda m: -m.score):
        index = next((i for i, other in enumerate(kept) if overlap(moment, other) > _SAME), None)
        if index is None:
            kept.append(moment)
        elif not set(moment.sources) <= set(kept[index].sources):  # else the same source once more: nothing new
            kept[index] = _joined(kept[index], moment)
    return sorted(kept, key=lambda m: -m.score)


def _joined(strong: Moment, weak: Moment) -> Moment:
    return replace(
        strong,
        score=strong.score + weak.score,
        sources=[*strong.sources, *(source for source in weak.sources if source not in strong.sources)],
        quote=strong.quote or weak.quote,
        passage_id=strong.passage_id or weak.passage_id,
    )


def overlap(a: Moment, b: Moment) -> float:
    """The share of the shorter moment that both show: 0 to 1."""
    if a.video_id != b.video_id:
        return 0.0
    shared = min(a.end, b.end) - max(a.start, b.start)
    return max(0.0, shared) / max(min(a.end - a.start, b.end - b.start), 0.1)


def diversify(moments: Sequence[Moment], alike: Callable[[Moment, Moment], float], top: int) -> list[Moment]:
    """The `top` moments that fit and differ, by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    moments: best first; `alike` says how much two of them show the same, 0 to 1. Scores never rise down the list: a
    moment that had to stand back is worth no more than the one before it.
    """
    left = list(moments)
    chosen: list[Moment] = []
    most = [0.0] * len(left)  # how alike each is to the one chosen that is most like it
    best_score = max((moment.score for moment in left), default=1.0) or 1.0
    while left and len(chosen) < top:
        gains = [
            _RELEVANCE_SHARE * moment.score / best_score - (1 - _RELEVANCE_SHARE) * same
            for moment, same in zip(left, most, strict=True)
        ]
        index = max(range(len(left)), key=gains.__getitem__)
        moment = left.pop(index)
        most.pop(index)
        most = [max(same, alike(moment, other)) for other, same in zip(left, most, strict=True)]
        chosen.append(replace(moment, score=min(moment.score, chosen[-1].score)) if chosen else moment)
    return chosen


def weighed(query: Query, hits: Sequence[Hit], within: Filter) -> list[Moment]:
    """Passages, the strongest first, as moments in the stretch; scores fall with the rank among those of a source."""
    moments = []
    ranks: dict[Source, int] = {}
    for hit in hits:
        passage = hit.passage
        stretch = within.cut(passage.start, passage.end)
        rank = ranks[passage.source] = ranks.get(passage.source, -1) + 1
        score = factor(query, passage.source) * hit.strength / (RANK_OFFSET + rank)
        if score > 0 and stretch:
            start, end = stretch[0], min(stretch[1], stretch[0] + MAX_MOMENT_S)
            moments.append(Moment(passage.video_id, start, end, score, [passage.source], passage.text, passage.id))
    return moments


def factor(query: Query, source: Source) -> float:
    """What a source counts: more if the question names it, less if it names another."""
    if query.leans is None:
        return 1.0
    return _PREFERRED if source == query.leans else _OTHERS
