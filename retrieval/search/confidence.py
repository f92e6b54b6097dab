"""How likely each line of a video answers a question: a logistic regression over plain signals of retrieval.

The signals compare a line with the question and with the video's other lines, by meaning (cosines of an embedder) and
by words; none is bound to a language, and where question and line are in two, that is a signal too. The weights lie in
`confidence.json` with what they were fitted on, by `python -m benchmarks.reading --fit`. A probability is that of a
line that one would quote, the video's likeliest: those of the others are too high, and do not add up to one. Knows
nothing of storage, and of what a question asks for only whether that is a number: a line that speaks of the right
thing without the answer looks likely.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.text.e5 import is_han
from model.text.embedder import scale_of
from retrieval.search.lexicon import lexicon_of, told_language
from retrieval.search.words import content_words
from retrieval.store.fulltext import stem, words

if TYPE_CHECKING:
    from model.text.embedder import TextEmbedder

WEIGHTS = Path(__file__).with_name("confidence.json")
FEATURES = ("cosine", "standing", "near", "lead", "number", "apart", "lines")
_FITTED_TO = "multilingual-e5-small"
_LEAST_SPREAD = 0.01  # of the cosines in a video: less is noise, which must not be blown up to a lead
_MOST_STANDING = 4.0  # standard deviations; more says no more


@dataclass(frozen=True)
class Signals:
    """What is known of each line before it is read, float32 [n] each. Of the first five more speaks for the line."""

    cosine: np.ndarray  # of question and line
    standing: np.ndarray  # that, in standard deviations over the mean of the video's lines
    near: np.ndarray  # share of the question's words in it and its neighbours, each weighed by how rare it is there
    lead: np.ndarray  # the same share in the line alone, less the best of the other lines
    number: np.ndarray  # where a number is asked for: 1 if it has one, -1 if not; else 0
    apart: np.ndarray  # 1 where it is in another language than the question: then all others are lower
    lines: np.ndarray  # logarithm of how many there are: of few the likeliest is the right one sooner

    def table(self) -> np.ndarray:
        """float64 [n, F], in the order of `FEATURES`."""
        return np.stack([getattr(self, name) for name in FEATURES], axis=1).astype(np.float64)


@dataclass(frozen=True)
class Weights:
    weights: dict[str, float]  # of each of `FEATURES`
    bias: float
    likely: float  # a top line of at least this probability stands before what pictures may show
    quotable: float  # and of this may be quoted where pictures do not answer
    worded: float  # the same where it is asked by name for what is said or written
    worded_apart: float  # and there of lines in another language
    unlikely: float  # below this the video says nothing of it
    fitted_on: dict[str, Any]  # data, numbers of examples and figures, for people

    def probabilities(self, signals: Signals) -> np.ndarray:
        """float32 [n]"""
        logits = signals.table() @ np.array([self.weights[name] for name in FEATURES]) + self.bias
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


@functools.cache
def read_weights(path: Path = WEIGHTS) -> Weights:
    return Weights(**json.loads(path.read_text("utf-8")))


def likelihoods(
    question: str, terms: Sequence[str], cosines: np.ndarray, lines: Sequence[str], languages: Sequence[str | None] = ()
) -> np.ndarray:
    """float32 [n]: for each line the probability that it answers the question.

    terms: stems of the question's content words. cosines: float32 [n], of the question and each line by
    multilingual-e5-small, whose scale the weights were fitted to (`on_scale` brings others to it). lines: in order of
    time; all lines of the video should be given, for a line is judged by how it stands out. languages: of each line,
    as ISO 639-1, where they are known.
    """
    return read_weights().probabilities(signals(question, terms, cosines, lines, languages))


def on_scale(cosines: Sequence[float], embedder: TextEmbedder) -> np.ndarray:
    """The cosines of any embedder as multilingual-e5-small's would be: float32 [n]."""
    fitted = scale_of(_FITTED_TO)
    near = (np.asarray(cosines, np.float32) - embedder.floor) / embedder.span
    return np.asarray(fitted.floor + fitted.span * near, np.float32)


def signals(
    question: str, terms: Sequence[str], cosines: np.ndarray, lines: Sequence[str], languages: Sequence[str | None] = ()
) -> Signals:
    """As `likelihoods` takes them. Raises ValueError if there are not as many cosines as lines."""
    if len(cosines) != len(lines):
        raise ValueError(f"{len(cosines)} cosines of {len(lines)} lines")
    cosine = np.asarray(cosines, np.float32)
    held = holdings(terms, [stems_of(line) for line in lines])
    rarity = _rarity(held)
    around = held.copy()
    around[1:] |= held[:-1]
    around[:-1] |= held[1:]
    return Signals(
        cosine=cosine,
        standing=_standing(cosine),
        near=_share(around, rarity),
        lead=_margin(_share(held, rarity)),
        number=_numbers(question, lines),
        apart=_apart(question, lines, languages or [None] * len(lines)),
        lines=np.full(len(lines), np.log(max(len(lines), 1)), np.float32),
    )


def _numbers(question: str, lines: Sequence[str]) -> np.ndarray:
    """float32 [n], see Signals."""
    if not lexicon_of(question).has("wants.number", question):
        return np.zeros(len(lines), np.float32)
    return np.array([1 if has_number(line) else -1 for line in lines], np.float32)


@functools.lru_cache(maxsize=20_000)
def has_number(line: str) -> bool:
    """Whether a line has digits, or a number word greater than one, which may be an article."""
    if any(char.isdigit() for char in line):
        return True
    lexicon = lexicon_of(line)
    return any(lexicon.numerals.get(word, 0) > 1 for word in (words(line) if lexicon.spaced else line))


def _apart(question: str, lines: Sequence[str], languages: Sequence[str | None]) -> np.ndarray:
    """float32 [n], see Signals."""
    han, told = is_han(question), told_language(question)
    differs = [
        is_han(line) != han or (None not in (told, language) and told != language)
        for line, language in zip(lines, languages, strict=True)
    ]
    return np.array(differs, np.float32)


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
