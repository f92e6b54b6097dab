"""How likely each line of a video answers a question: a logistic regression over plain signals of retrieval.

The signals compare a line with the question and with the video's other lines, by meaning (cosines of an embedder) and
by words; none is bound to a language. The weights lie in `confidence.json` with what they were fitted on, by
`python -m benchmarks.reading --fit`. A probability is that of a line that one would quote, the video's likeliest: those
of the others are too high, and do not add up to one. Knows nothing of storage, and nothing of what a question asks for:
a line that speaks of the right thing without the answer looks likely.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.text.embedder import scale_of
from retrieval.search.words import content_words
from retrieval.store.fulltext import stem, words

if TYPE_CHECKING:
    from model.text.embedder import TextEmbedder

WEIGHTS = Path(__file__).with_name("confidence.json")
FEATURES = ("cosine", "standing", "near", "lead")
_FITTED_TO = "multilingual-e5-small"
_LEAST_SPREAD = 0.01  # of the cosines in a video: less is noise, which must not be blown up to a lead
_MOST_STANDING = 4.0  # standard deviations; more says no more


@dataclass(frozen=True)
class Signals:
    """What is known of each line before it is read, float32 [n] each; more speaks for the line in all of them."""

    cosine: np.ndarray  # of question and line
    standing: np.ndarray  # that, in standard deviations over the mean of the video's lines
    near: np.ndarray  # share of the question's words in it and its neighbours, each weighed by how rare it is there
    lead: np.ndarray  # the same share in the line alone, less the best of the other lines

    def table(self) -> np.ndarray:
        """float64 [n, F], in the order of `FEATURES`."""
        return np.stack([getattr(self, name) for name in FEATURES], axis=1).astype(np.float64)


@dataclass(frozen=True)
class Weights:
    weights: dict[str, float]  # of each of `FEATURES`, none below zero
    bias: float
    likely: float  # a top line of at least this probability stands before what pictures may show
    quotable: float  # and of this may be quoted where pictures do not answer
    unlikely: float  # below this the video says nothing of it
    fitted_on: dict[str, Any]  # data, numbers of examples and figures, for people

    def probabilities(self, signals: Signals) -> np.ndarray:
        """float32 [n]"""
        logits = signals.table() @ np.array([self.weights[name] for name in FEATURES]) + self.bias
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


@functools.cache
def read_weights(path: Path = WEIGHTS) -> Weights:
    return Weights(**json.loads(path.read_text("utf-8")))


def likelihoods(question_terms: Sequence[str], cosines: np.ndarray, lines: Sequence[Sequence[str]]) -> np.ndarray:
    """float32 [n]: for each line the probability that it answers the question.

    question_terms: stems of the question's content words. cosines: float32 [n], of the question and each line by
    multilingual-e5-small, whose scale the weights were fitted to (`on_scale` brings others to it). lines: each
    line's stems, in order of time.
    `terms_of` and `stems_of` make them. All lines of the video should be given: a line is judged by how it stands out.
    """
    return read_weights().probabilities(signals(question_terms, cosines, lines))


def on_scale(cosines: Sequence[float], embedder: TextEmbedder) -> np.ndarray:
    """The cosines of any embedder as multilingual-e5-small's would be: float32 [n]."""
    fitted = scale_of(_FITTED_TO)
    near = (np.asarray(cosines, np.float32) - embedder.floor) / embedder.span
    return np.asarray(fitted.floor + fitted.span * near, np.float32)


def signals(question_terms: Sequence[str], cosines: np.ndarray, lines: Sequence[Sequence[str]]) -> Signals:
    """Raises ValueError if there are not as many cosines as lines."""
    if len(cosines) != len(lines):
        raise ValueError(f"{len(cosines)} cosines of {len(lines)} lines")
    cosine = np.asarray(cosines, np.float32)
    held = holdings(question_terms, lines)
    rarity = _rarity(held)
    around = held.copy()
    around[1:] |= held[:-1]
    around[:-1] |= held[1:]
    return Signals(
        cosine=cosine, standing=_standing(cosine), near=_share(around, rarity), lead=_margin(_share(held, rarity))
    )


def coverage(question_terms: Sequence[str], lines: Sequence[Sequence[str]]) -> np.ndarray:
    """float32 [n]: the share of the question's terms in each line, each weighed by how rare it is in the video."""
    held = holdings(question_terms, lines)
    return _share(held, _rarity(held))


def holdings(question_terms: Sequence[str], lines: Sequence[Sequence[str]]) -> np.ndarray:
    """bool [n, terms]: which line holds which term."""
    terms = list(dict.fromkeys(question_terms))
    sets = [set(line) for line in lines]
    return np.array([[term in line for term in terms] for line in sets], bool).reshape(len(lines), len(terms))


def _rarity(held: np.ndarray) -> np.ndarray:
    """float64 [terms]: BM25's inverse document frequency over the video's lines (Robertson and Zaragoza, 2009)."""
    count = held.sum(0)
    return np.log(1 + (len(held) - count + 0.5) / (count + 0.5))


def _share(held: np.ndarray, rarity: np.ndarray) -> np.ndarray:
    """float32 [n]"""
    return np.asarray((held @ rarity) / max(float(rarity.sum()), 1e-9), np.float32)


def _standing(values: np.ndarray) -> np.ndarray:
    if not len(values):
        return values
    standing = (values - values.mean()) / max(float(values.std()), _LEAST_SPREAD)
    return np.clip(standing, -_MOST_STANDING, _MOST_STANDING)


def _margin(values: np.ndarray) -> np.ndarray:
    """Each value less the greatest of the others; zero if there are none."""
    if len(values) < 2:
        return np.zeros_like(values)
    second, first = np.partition(values, -2)[-2:]
    best_other = np.full_like(values, first)
    best_other[int(values.argmax())] = second
    return values - best_other


def terms_of(question: str) -> list[str]:
    """The stems of what a question looks for, as `likelihoods` takes them."""
    return list(dict.fromkeys(stem(word) for word in content_words(question)))


@functools.lru_cache(maxsize=20_000)  # every question asks for all lines of a video
def stems_of(line: str) -> tuple[str, ...]:
    """A line's stems, as `likelihoods` takes them."""
    return tuple(stem(word) for word in words(line))
