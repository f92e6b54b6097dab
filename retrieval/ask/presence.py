"""Whether pictures may answer a question at all: the thresholds between what is seen and what is not in the video."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from model.vision.colour import NAMES
from retrieval.ask.plan import Plan
from retrieval.search.lexicon import lexicons
from retrieval.store.fulltext import stem, words
from retrieval.store.records import Moment

if TYPE_CHECKING:
    from model.known_things import KnownThing
    from retrieval.index.timeline import Timeline
from retrieval.search.search import Searcher

SEEN_NOWHERE = 0.005  # probability below which a thing was not seen, not even from afar
# What the embedded encoder mostly misses in Flickr8k's photos where two people name it, being small, worn or beside the
# point: that it is seen nowhere says nothing. Printed by `python -m benchmarks.named_things tsv:data/flickr8k@train`.
HARDLY_NAMED = frozenset(
    """backpack balloon basket bed book bottle bowl bucket camera coat cover cream cup door drink drive duck fly
    glass greyhound jacket jeans light net opener orange paper phone plate purse scarf seat sheep shirt shoe
    sign skirt spray stick t table tank track uniform vest wall watch wheel wing""".split()  # noqa: SIM905
)
_HARDLY_NAMED_STEMS = frozenset(map(stem, HARDLY_NAMED))
# Share of random single things that may fit better than what was found. What others would refuse and deny:
# benchmarks/answer_quality/README.md.
RANDOM_FIT = 0.20
# Where a time is asked for, nothing looks again at what was found: the fit alone decides.
RANDOM_FIT_WHEN = 0.08
_STEADY_S = 1.5  # three frames
# A known thing that people do not name is seen in at most so many photos: only then does its absence tell. A question
# mostly asks for what is there; a model's answer is more easily wrong.
SEEN_ELSEWHERE_ASKED, SEEN_ELSEWHERE_ANSWERED = 0.15, 0.25
_BEFORE_A_THING = frozenset(
    """a an the any some no this that these those another other many which what his her its their my our your only one
    two three four five""".split()  # noqa: SIM905
) | {*NAMES, "gray"}


def picture_chance(searcher: Searcher, plan: Plan, moments: Sequence[Moment], video_ids: Sequence[str]) -> float:
    """The chance, 0 to 1, that a frame of a random thing fits a plan as well as the best of the moments does.

    1 where it names a thing that the encoder knows well and sees nowhere; 0 where it names none, for what a question
    does not name cannot be missing.
    """
    if plan.names_nothing:
        return 0.0
    if unseen_word(searcher, plan, video_ids):
        return 1.0
    text = " ".join(plan.terms) or plan.look_for
    return max(fit(searcher, m.video_id, m.start, m.end, text) for m in moments[:3])[1]


def unseen_word(searcher: Searcher, plan: Plan, video_ids: Sequence[str]) -> str | None:
    """The word of a question for a thing that is in none of the videos, by its cosine or by the encoder's classes; None
    where there is no such word."""
    models = searcher.models
    concepts = searcher.library.concepts(video_ids, models.vision.name)
    if not len(concepts):
        return None  # nothing is seen at all
    terms = {stem(term): term for term in plan.terms}
    if not lexicons()[plan.language].has("visual.unreal", plan.question):
        named = things_named(plan.question) & terms.keys()
        things = [t for t in models.known_things if stem(t.name) in named and t.elsewhere <= SEEN_ELSEWHERE_ASKED]
        if things:
            for thing in unseen_among(searcher, things, [searcher.timeline(video_id) for video_id in video_ids]):
                return terms[stem(thing.name)]
    for term in plan.terms:
        if stem(term) in _HARDLY_NAMED_STEMS:
            continue
        numbers = [index for index, names in enumerate(models.vision.concepts) if is_called(names, term)]
        if numbers and float(concepts[:, numbers].sum(axis=1).max(initial=0.0)) < SEEN_NOWHERE:
            return term
    return None


def says_the_unseen(searcher: Searcher, said: str, video_id: str, start: float, end: float) -> bool:
    """Whether a few words about a moment (seconds) name a thing that its pictures do not show."""
    named = things_named(f"the {said}")
    things = [t for t in searcher.models.known_things if stem(t.name) in named]
    likely = [thing for thing in things if thing.elsewhere <= SEEN_ELSEWHERE_ANSWERED]
    return bool(unseen_among(searcher, likely, [searcher.timeline(video_id).part(start, end)]))


def unseen_among(searcher: Searcher, things: Sequence[KnownThing], lines: Sequence[Timeline]) -> list[KnownThing]:
    """Those of the things that stay, in all that is seen, below the cosine that they mostly reach."""
    lines = [line for line in lines if len(line.times)]
    if not things or not lines:
        return []
    names = searcher.models.vision.encode_text([thing.name for thing in things])
    best = np.max([steadiest(line.times, line.vectors @ names.T) for line in lines], axis=0)
    return [thing for thing, value in zip(things, best, strict=True) if value < thing.least]


def steadiest(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The most that each value is for about a second: times [n] in seconds, rising, and values [n, k] -> [k].

    What is there stays a while; what one frame alone resembles is mostly a blur.
    """
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=float)])
    first, last = np.searchsorted(times, times - _STEADY_S / 2), np.searchsorted(times, times + _STEADY_S / 2, "right")
    most: np.ndarray = ((sums[last] - sums[first]) / (last - first)[:, None]).max(0)
    return most


def things_named(text: str) -> set[str]:
    """Stems of the words that stand as a thing, behind an article, a number or a colour: not "when does he train?"."""
    return {stem(word) for before, word in pairwise(words(text)) if before in _BEFORE_A_THING}


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
    return stem(term) in _heads(tuple(names))


@functools.lru_cache(maxsize=4096)  # encoders know about a thousand things, and every question asks for all of them
def _heads(names: tuple[str, ...]) -> frozenset[str]:
    """The stems of the last words."""
    return frozenset(stem(words(name)[-1]) for name in names)
