"""Which words may answer a plan at all, and from which likelihood."""

from __future__ import annotations

from model.text.e5 import is_han
from retrieval.ask.check import numbers_in
from retrieval.ask.plan import Plan
from retrieval.search.confidence import read_weights
from retrieval.search.hits import coverage
from retrieval.search.lexicon import lexicon_of
from retrieval.store.fulltext import words


def least_likely(plan: Plan, quote: str = "") -> float:
    """The likelihood from which words may answer a plan. None is too low where a text is asked for by the thing it
    stands on: people describe the sign, and not what it says."""
    if plan.place or (plan.sources == ("text",) and not plan.says_about):
        return 0.0
    weights = read_weights()
    worded = plan.leans in ("speech", "text") or "visual" not in plan.sources
    if plan.operation == "when" and not worded and coverage(plan.terms, quote) < 1:
        return weights.likely  # it is mostly seen, and what only speaks of something like it would pass for it
    if not worded or plan.says_about:
        return weights.quotable
    return weights.worded_apart if is_han(quote) != is_han(plan.question) else weights.worded


def is_of_kind(plan: Plan, words_found: str) -> bool:
    """Whether words can answer a plan at all: one for a colour must name one, one for a number have one."""
    lexicon = lexicon_of(words_found)
    if plan.wants == "colour":
        said = words_found if not lexicon.spaced else set(words(words_found))
        return any(colour in said for colour in lexicon.words["colours.names"])
    return plan.wants != "count" or bool(numbers_in(lexicon, words_found))
