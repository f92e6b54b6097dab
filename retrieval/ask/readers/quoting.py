"""The reader without a model: it shows the evidence itself, word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrieval.ask.evidence import Evidence, Item
from retrieval.ask.find import RIVAL
from retrieval.ask.plan import Plan
from retrieval.ask.readers.reader import Claim, Halted, Report
from retrieval.ask.say import Say
from retrieval.store.records import Message

MOST_QUOTED = 3  # the answering line is among the first three for nine of ten questions (docs/answers.md)


class QuotingReader:
    """Quotes what is said or written; of pictures it gives the moment and what was recognised."""

    waits_for_a_server = words_times = False
    prompt = ""

    def read(
        self, plan: Plan, evidence: Evidence, history: Sequence[Message], report: Report, stop: Halted
    ) -> Iterator[Claim]:
        if plan.operation == "when":
            yield Claim(Say(plan.language).when(evidence.items))
        else:
            yield quoted(plan, evidence)


def quoted(plan: Plan, evidence: Evidence, words: bool = False) -> Claim:
    """The likeliest items of the leading source, or of `words`, as they are; all of them where all is asked for."""
    say = Say(plan.language)
    chosen = worth_quoting(plan, evidence.items, words)
    return Claim(say.quotes(chosen))


def worth_quoting(plan: Plan, items: Sequence[Item], words: bool = False) -> list[tuple[int, Item]]:
    """The numbered items of the leading source, or of `words`, that may answer."""
    shown = items[0].source == "visual" and not words
    same = [(n, item) for n, item in enumerate(items, 1) if (item.source == "visual") == shown]
    if plan.is_open or shown:
        return same if plan.is_open else same[:1]
    best = same[0][1].likelihood
    most = max(plan.how_many, MOST_QUOTED)
    return [(n, item) for n, item in same if item.likelihood >= RIVAL * best][:most]
