"""What a question asks for, as data: what every planner makes and all that finding and reading know of the question.

`plan_schema` gives the same as a JSON schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from retrieval.search.filters import Filter
from retrieval.search.query import Query, Relation
from retrieval.search.words import content_words
from retrieval.store.records import Source

Operation = Literal[
    "answer",  # from what is seen, said and written
    "when",  # the moments themselves
    "first", "last", "how_long", "how_often", "gone",  # computed from every place where it is
    "after", "before",  # what comes next to something else
    "list",  # all texts, everything said, all that is seen
    "compare", "summarise", "transcript",
    "file",  # facts of the file
    "talk",  # thanks, a greeting, "what can you do?"
]  # fmt: skip
Wants = Literal["anything", "colour", "count", "yes_no", "where", "action"]
NOT_SOUGHT: frozenset[Operation] = frozenset({"summarise", "transcript", "file", "talk", "list", "compare"})
EVERY_SOURCE: tuple[Source, ...] = ("visual", "speech", "text")
AROUND_S = 2.0  # on both sides of a time that is named
_LEAST_S = 4.0  # of a part that is a share of a video: the end of a short one is not its last second
_FROZEN = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_FROZEN)
class Window:
    """A part of a video: from `start` to `end` seconds, negative ones from its end; or, with `shares`, of its length
    (0 to 1). Or the neighbourhood of the best moment of a `scene`."""

    start: float = 0.0
    end: float | None = None
    shares: bool = False
    scene: str = ""
    named: bool = False  # by its time: then whatever it shows is asked about

    @property
    def asked(self) -> float:
        """The time that is asked for: the middle of its neighbourhood, else where the window begins."""
        near = self.end is not None and self.named and self.end - self.start == 2 * AROUND_S
        return self.start + AROUND_S if near else self.start

    def within(self, duration: float) -> Filter:
        """The stretch of a video that lasts so many seconds; it may lie behind its end."""
        scale = duration if self.shares else 1.0
        start, end = self.start * scale, None if self.end is None else self.end * scale
        if self.shares and end is not None and end - start < _LEAST_S:
            start, end = max(0.0, min(start, duration - _LEAST_S)), min(duration, max(end, start + _LEAST_S))
        if start < 0:
            start = max(0.0, duration + start)
        if end is not None and end < 0:
            end = max(0.0, duration + end)
        return Filter(start or None, end)


@dataclass(frozen=True, config=_FROZEN)
class Place:
    """A part of the screen. None: anywhere in that direction."""

    across: Literal["left", "middle", "right"] | None = None
    down: Literal["top", "middle", "bottom"] | None = None


@dataclass(frozen=True, config=_FROZEN)
class Plan:
    """What to do for a question. When in doubt a planner leaves a field as it is: then nothing is restricted."""

    question: str  # in whole, without the part of the video that it keeps to
    operation: Operation = "answer"
    look_for: str = ""  # in plain words, what must be said, written or seen
    exclude: str = ""  # what must not be seen
    sources: tuple[Source, ...] = EVERY_SOURCE  # that may answer
    leans: Source | None = None  # the one that it likely means
    relation: Relation | None = None  # how two things lie to each other: `parts`
    parts: tuple[str, ...] = ()
    asked: str = ""  # of "after" and "before": what to ask of what comes there
    window: Window | None = None
    place: Place | None = None
    wants: Wants = "anything"
    how_many: int = 1  # so many texts: "Which two words ...?"
    choices: tuple[str, ...] = ()  # of an either-or question
    fact: str = ""  # of "file" and "talk": which one
    names_nothing: bool = False  # asks for a thing without a word for it: "What is on the table?" names the table
    language: str = "en"  # to answer in, a code of `retrieval/search/lexicons`
    others: tuple[Plan, ...] = ()  # further questions of the same message
    anchor: tuple[str, float, float] | None = None  # video, start, end: the moment that "and after that?" points at
    says_about: bool = False  # asks what is said or written about something: then that must be spoken of
    category: str = ""  # of thing that is asked for: the state in "Which state is mentioned?"
    topic: tuple[str, ...] = ()  # of the words to look for, those that what is said or written must speak of
    sought: tuple[str, ...] = field(default=())  # words to look for in place of those of `look_for`

    @property
    def terms(self) -> list[str]:
        """The words that say what is looked for."""
        return list(self.sought) or content_words(self.look_for or self.question)

    @property
    def is_open(self) -> bool:
        """Whether it asks for whatever is said or shown: "What does the man ask?" """
        return not content_words(self.look_for, fallback=False)

    @property
    def names_no_topic(self) -> bool:
        """Whether it asks for words without saying what they are about: "Which state is mentioned?" """
        worded = self.leans in ("speech", "text") or "visual" not in self.sources
        return self.operation in ("answer", "when") and worded and not self.topic

    def query(self) -> Query:
        """What to search for."""
        whole = self.leans == "speech" and not self.sought  # `look_for` is without the speaker: no sentence any more
        text = self.question if whole or not self.look_for else self.look_for
        if self.exclude and self.is_open:  # "not the dog": nothing else is asked for
            text = ""
        leans = None if self.leans == "visual" else self.leans
        return Query(text, tuple(self.terms) if text else (), self.exclude, self.parts, self.relation, leans)


_ADAPTER = TypeAdapter(Plan)


def plan_schema() -> dict[str, Any]:
    """The JSON schema of a plan."""
    return _ADAPTER.json_schema()


def read_plan(data: str) -> Plan:
    """A plan from its JSON. Raises ValueError (pydantic's) for what is none."""
    return _ADAPTER.validate_json(data)


def all_of(plan: Plan) -> Sequence[Plan]:
    """The plan of every question in a message, in order."""
    return (plan, *plan.others)
