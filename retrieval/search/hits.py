"""Passages that a question finds, and how well they fit: by their words, or by their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.search.confidence import read_weights
from retrieval.store.fulltext import stem, words
from retrieval.store.records import Passage

_EVERY_WORD = 0.999
# The likelihood of a line that counts half: a search wants five moments, and one of three to be right is a good one.
_EVEN = 0.3
_NOISE = 0.1
MAX_MOMENT_S = 12.0  # of a text that stays for long, the moment is where it begins


@dataclass(frozen=True)
class Hit:
    """A passage with how well it fits: share of the query's words it has, and how likely it is what is looked for."""

    passage: Passage
    coverage: float
    likelihood: float  # 0 to 1, see `retrieval.search.confidence`
    nearness: float = 0.0  # of a phrase and a line that says it in other words, 0 to 1; where it was measured

    @property
    def strength(self) -> float:
        """For ranking moments, 0 to 1: words that stand there as they were typed are what is looked for."""
        counted = self.likelihood / (self.likelihood + _EVEN)
        if self.likelihood < read_weights().unlikely:
            counted *= _NOISE  # something is always nearest; where there is nothing else it may still be shown
        return 1.0 if self.coverage >= _EVERY_WORD else max(counted, self.nearness)


def coverage(terms: Sequence[str], text: str) -> float:
    """The share of the terms that a text has, compared by stem."""
    if not terms:
        return 0.0
    present = {stem(word) for word in words(text)}
    return sum(stem(term) in present for term in terms) / len(terms)
