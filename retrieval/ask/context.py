"""What a question means after those before it: "and after that?", "when is it first mentioned?", "and the dog?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrieval.ask.plan import EVERY_SOURCE, Plan
from retrieval.ask.rules import RulesPlanner
from retrieval.search.lexicon import Lexicon, lexicons
from retrieval.store.records import Message

_FRAGMENT_WORDS, _FRAGMENT_CHARACTERS = 2, 4
_OWN = ("talk", "file", "summarise", "transcript", "list", "compare")  # such a question stands for itself


def in_context(plan: Plan, history: Sequence[Message]) -> Plan:
    """A follow-up that leans on the turn before is searched together with that turn's question; "and after that?" goes
    on from the moment that was cited first."""
    if plan.operation in ("after", "before"):
        return _from_moment(plan, history)
    lexicon = lexicons()[plan.language]
    asked = [message.text for message in history if message.role == "user"]
    leans = lexicon.has("follow.leans", plan.question) or plan.is_open or _is_fragment(plan.question, lexicon)
    whole = not plan.is_open or plan.sources != EVERY_SOURCE  # "the last thing that is said" needs no other word
    named = plan.operation != "answer" and not lexicon.has("follow.pronoun", plan.look_for) and whole
    if not asked or plan.operation in _OWN or not leans or named:
        return plan
    before = _topic([_planned(text) for text in asked])
    if before.operation in _OWN:
        return plan
    sources = plan.sources if plan.sources != EVERY_SOURCE else before.sources
    own = [] if plan.is_open else plan.terms
    sought = tuple(dict.fromkeys([*own, *before.terms]))
    look_for = f"{plan.look_for} {before.look_for}".strip() if own else before.look_for
    if plan.operation != "answer":  # "when is it first mentioned?"
        return replace(plan, look_for=look_for, sought=sought, sources=sources)
    return replace(
        plan,
        look_for=f"{plan.look_for} {before.look_for}".strip(),
        sought=sought,
        sources=sources,
        leans=plan.leans or before.leans,
        wants=plan.wants if plan.wants != "anything" else before.wants,
        names_nothing=False,
    )


def _topic(turns: Sequence[Plan]) -> Plan:
    """The last question that names what it is about: "when is it closed?" says something of the topic before it."""
    whole = (turn for turn in reversed(turns) if not lexicons()[turn.language].has("follow.pronoun", turn.question))
    return next(whole, turns[-1])


def may_stand_alone(plan: Plan) -> bool:
    """Whether a question that leans on others may mean something by itself as well: "What did he win?" """
    fragment = _is_fragment(plan.question, lexicons()[plan.language])
    return plan.operation not in ("after", "before", *_OWN) and not plan.is_open and not fragment


def _is_fragment(question: str, lexicon: Lexicon) -> bool:
    """Whether it is too short for a question of its own: "the dog?" A whole one may name one thing: "What is the name
    of the captain?" """
    return len(question.split()) <= _FRAGMENT_WORDS if lexicon.spaced else len(question) <= _FRAGMENT_CHARACTERS


def _from_moment(plan: Plan, history: Sequence[Message]) -> Plan:
    answers = [message.answer for message in history if message.answer]
    cited = answers[-1].get("citations", [])[:1] if answers and not plan.look_for else []
    anchor = next(((c["video_id"], c["start"], c["end"]) for c in cited), None)
    if anchor is None or plan.asked:
        return replace(plan, anchor=anchor)
    # "And after that?" asks for what the last question asked for that named it.
    turns = [_planned(message.text) for message in reversed(history) if message.role == "user"]
    asked = next((turn for turn in turns if turn.operation not in ("after", "before") or turn.look_for), None)
    return replace(plan, anchor=anchor, sources=asked.sources if asked else plan.sources)


def _planned(text: str) -> Plan:
    return RulesPlanner().plan(text)
