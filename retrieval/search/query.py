"""What a search looks for. How a question or a search phrase comes to it is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrieval.search.words import content_words
from retrieval.store.records import Source

Relation = Literal["then", "after", "before", "while"]


@dataclass(frozen=True)
class Query:
    """`text` in plain words, `terms` the words of it that count; both empty where only `without` is given."""

    text: str
    terms: tuple[str, ...]
    without: str = ""  # what must not be seen
    parts: tuple[str, ...] = ()  # two things to find in the `relation`, each in its own words
    relation: Relation | None = None
    leans: Source | None = None  # the source that counts more

    @classmethod
    def of(cls, text: str) -> Query:
        """The words as they are."""
        return cls(text, tuple(content_words(text)))
