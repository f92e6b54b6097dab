"""What was found for a question: numbered pieces with their times, and what was searched."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from model.language.chat import Still
from model.language.notes import Note
from retrieval.store.records import Citation, Source

MAX_ITEMS = 5  # shown under an answer; more are scrolled past
QUOTE_CHARS = 300
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# "⟦⟧" and "“”" are ours: citations and quotes in answers.
_NOT_QUOTED = str.maketrans({"⟦": "[", "⟧": "]", "“": "'", "”": "'"} | dict.fromkeys(_DIRECTIONS, " "))


@dataclass(frozen=True)
class Item:
    """One piece of evidence. `quote` is verbatim for speech and text; for pictures, what was recognised."""

    video_id: str
    start: float
    end: float
    source: Source
    quote: str
    likelihood: float = 0.0  # that it answers the question, 0 to 1
    written: bool = False  # speech that comes from subtitles, and was not heard

    def as_citation(self) -> Citation:
        return Citation(self.video_id, self.start, self.end, self.source, self.quote, self.written)

    def as_note(self, stills: Sequence[Still] = ()) -> Note:
        """What a model is given of it."""
        return Note(self.source, self.start, self.end, self.quote, stills)


@dataclass(frozen=True)
class Evidence:
    """`items`: those that fit best, the likeliest first. `found` is False when none of them is likely to answer."""

    items: list[Item]
    found: bool
    searched: list[Source] = field(default_factory=list)  # those that the videos have anything of
    span: tuple[float, float] | None = None  # seconds, of the part that was searched; None: all
    unseen: str | None = None  # the question's word for a thing that no picture shows
    lacking: Source | None = None  # the only source that could answer, where the videos have nothing of it
    too_late: float | None = None  # seconds that are asked about and lie behind the end
    notices: list[str] = field(default_factory=list)  # what the index says is missing from it
    unsought: Sequence[Source] = ()  # what the videos have beside it
    blind: bool = False  # the eye does not understand the words that are asked with: pictures were not searched
    unheard: bool = False  # somebody speaks, of whom nothing was understood: there is speech and no transcript
    telling: str = ""  # a sentence that tools computed from the items: it is the answer
    videos: Sequence[str] = ()  # that were asked, where a reader is to see more of them than the items

    @property
    def lead(self) -> Source | None:
        """The source of the likeliest item."""
        return self.items[0].source if self.items else None

    def as_guess(self) -> Evidence:
        """The same, not believed."""
        return replace(self, found=False)


def quotable(text: str) -> str:
    """Words as they may stand in a quote: on one line, without marks that end a quote, stand for a citation, or turn
    the direction of reading."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    return " ".join(plain.translate(_NOT_QUOTED).split())


def distinct(items: Sequence[Item]) -> list[Item]:
    """Without those that begin inside one of the same source before them, or repeat its words."""
    kept: list[Item] = []
    for item in items:
        same = (o for o in kept if o.video_id == item.video_id and o.source == item.source)
        if not any(_repeats(item, other) for other in same):
            kept.append(item)
    return kept


def _repeats(item: Item, other: Item) -> bool:
    """Whether an item says nothing that another of its source does not say at that time."""
    if item.source == "text":  # each is quoted with what stands beside it, so two of one screen share most pieces
        pieces = item.quote.split(" · ")
        shared = sum(piece in other.quote for piece in pieces)
        return shared == len(pieces) or (2 * shared > len(pieces) and item.start < other.end and other.start < item.end)
    return other.start <= item.start < other.end or item.quote == other.quote != ""
