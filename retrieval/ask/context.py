"""What a question means after those before it: "and after that?", "when is it first mentioned?", "and the dog?"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from retrieval.ask.question import Question, parse
from retrieval.store.records import Message

_LEAN = re.compile(
    r"^(and|but|so|what about|how about|then)\b|\b(it|that|this|they|them|he|she|him|her|there|then)\b", re.IGNORECASE
)
_PRONOUN = re.compile(r"\b(?:it|he|she|they|them|him|her|this)\b|它|他|她", re.IGNORECASE)


def in_context(question: Question, history: Sequence[Message]) -> Question:
    """A follow-up that leans on the turn before is searched together with that turn's question; "and after that?" goes
    on from the moment that was cited first."""
    if question.timed and question.timed.how in ("after", "before"):
        answers = [message.answer for message in history if message.answer]
        cited = answers[-1].get("citations", [])[:1] if answers and not question.timed.subject else []
        anchor = next(((c["video_id"], c["start"], c["end"]) for c in cited), None)
        prefers = question.prefers
        if anchor and not question.timed.asked:  # of the last question that named what it asks for
            turns = [parse(message.text) for message in reversed(history) if message.role == "user"]
            prefers = next((turn.prefers for turn in turns if not turn.timed or turn.timed.subject), None)
        return replace(question, anchor=anchor, prefers=prefers)
    if question.timed and not _PRONOUN.search(question.timed.subject):
        return question  # it names what is to be counted
    asked = [message.text for message in history if message.role == "user"]
    if not asked or not (len(question.terms) <= 1 or _LEAN.search(question.text)):
        return question
    before = parse(asked[-1])
    if question.timed:  # "when is it first mentioned?"
        prefers = question.prefers or before.prefers
        return replace(before, text=question.text, kind=question.kind, timed=question.timed, prefers=prefers)
    return replace(
        question,
        kind=before.kind if question.is_open and question.kind == "visual" else question.kind,
        prefers=question.prefers or before.prefers,
        topic=question.topic or before.topic,
        subject=f"{question.subject} {before.subject}",
        terms=list(dict.fromkeys([*question.terms, *before.terms])),
    )
