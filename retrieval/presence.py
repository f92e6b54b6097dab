"""Whether pictures may answer a question at all: the thresholds between what is seen and what is not in the video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.question import Question
from retrieval.records import Moment
from retrieval.words import stem, words

if TYPE_CHECKING:
    from retrieval.search import Searcher

SEEN_NOWHERE = 0.005  # probability below which a thing was not seen, not even from afar
# What the embedded encoder mostly misses in Flickr8k's photos where two people name it, being small, worn or beside the
# point: that it is seen nowhere says nothing. Printed by `python -m benchmarks.named_things tsv:data/flickr8k`.
HARDLY_NAMED = frozenset(
    """backpack balloon basket bed book bottle bowl bucket camera coat cover cream cup door drink drive duck fly
    glass greyhound jacket jeans light net opener orange paper phone plate purse scarf seat sheep shirt shoe
    sign skirt spray stick t table tank track uniform vest wall watch wheel wing""".split()  # noqa: SIM905
)
_HARDLY_NAMED_STEMS = frozenset(map(stem, HARDLY_NAMED))
# Share of random single things that may fit better than what was found. What others would refuse and deny:
# benchmarks/answer_quality/README.md.
RANDOM_FIT = 0.20


def picture_support(
    searcher: Searcher, question: Question, moments: Sequence[Moment], video_ids: Sequence[str]
) -> bool:
    """Whether the best looking moments may answer at all.

    No, when the question names a thing that the encoder knows well by name and sees nowhere; and no, when a frame of
    one thing picked at random fits the question about as well as the best moment does. What a question does not name
    cannot be missing.
    """
    if not moments or (question.names_nothing and question.kind != "when"):
        return bool(moments)
    concepts = searcher.library.concepts(video_ids, searcher.models.vision.name)
    for term in question.terms:
        if stem(term) in _HARDLY_NAMED_STEMS:
            continue
        named = [index for index, names in enumerate(searcher.models.vision.concepts) if is_called(names, term)]
        if named and float(concepts[:, named].sum(axis=1).max(initial=0.0)) < SEEN_NOWHERE:
            return False
    text = " ".join(question.terms) or question.subject
    return max(fit(searcher, m.video_id, m.start, m.end, text) for m in moments[:3])[1] <= RANDOM_FIT


def fit(searcher: Searcher, video_id: str, start: float, end: float, text: str) -> tuple[float, float]:
    """How well the best frame of a moment fits a text: the cosine, and the chance that a random thing fits as well.

    (-1, 1) where there is no frame.
    """
    frames = searcher.timeline(video_id).between(start, end)
    if not len(frames):
        return -1.0, 1.0
    query = searcher.models.vision.encode_text([text])[0]
    best = frames[int((frames @ query).argmax())]
    return float(best @ query), searcher.models.vision.chance(best, query)


def is_called(names: Sequence[str], term: str) -> bool:
    """Whether a thing is called `term`: its kind, or the last word of its name ("tiger cat" is a cat, no tiger)."""
    return any(stem(words(name)[-1]) == stem(term) for name in names)
