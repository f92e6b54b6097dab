"""What every reader is: it gets a plan, the evidence and the history, and streams claims that name their items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from model.language.chat import GenerationStats
from retrieval.ask.evidence import Evidence, Item
from retrieval.ask.plan import Plan
from retrieval.store.records import Message

Halted = Callable[[], bool]


@dataclass(frozen=True)
class Claim:
    """A sentence, or a piece of one, and the numbers (from one) of the items that it rests on.

    A "denial" says that the evidence does not answer, "unsure" that the reader cannot tell: with them nothing else is
    said. `item` is a new piece of evidence that the reader looked up, with the next number.
    """

    text: str
    items: tuple[int, ...] = ()
    verdict: Literal["", "denial", "unsure"] = ""
    item: Item | None = None


@dataclass
class Report:
    """What a reader has to say about itself."""

    stats: GenerationStats | None = None  # of the model, where one was asked
    problem: str = ""  # why no model could word it: one sentence


class Reader(Protocol):
    """Safe to use from several threads."""

    waits_for_a_server: bool  # then many may read at once
    words_times: bool  # whether it words what tools computed; else that is the answer as it is
    prompt: str  # that its prompts begin with, to be read before the first question; empty where it has none

    def read(
        self, plan: Plan, evidence: Evidence, history: Sequence[Message], report: Report, stop: Halted
    ) -> Iterator[Claim]: ...
