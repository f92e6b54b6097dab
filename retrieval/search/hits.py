"""Passages that a question finds, and how well they fit: by their words, or by their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.store.fulltext import stem, words
from retrieval.store.records import Passage

MAX_MOMENT_S = 12.0  # of a text that stays for long, the moment is where it begins
_COSINE_FLOOR, _COSINE_SPAN = 0.25, 0.40  # MiniLM: unrelated sentences lie below the floor, paraphrases above the sum


@dataclass(frozen=True)
class Hit:
    """A passage with how well it fits: share of the query's words it has, and cosine of its text vector."""

    passage: Passage
    coverage: float
    cosine: float

    @property
    def strength(self) -> float:
        """0 (unrelated) to 1."""
        return max(self.coverage, min(1.0, max(0.0, (self.cosine - _COSINE_FLOOR) / _COSINE_SPAN)))


def coverage(terms: Sequence[str], text: str) -> float:
    """The share of the terms that a text has, compared by stem."""
    if not terms:
        return 0.0
    present = {stem(word) for word in words(text)}
    return sum(stem(term) in present for term in terms) / len(terms)
