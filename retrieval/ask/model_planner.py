"""The planner with a model: it says in JSON how a question is meant, in wordings that no phrase of ours foresees.

The rules plan first, and what the model says is laid over their plan where it can do no harm: it may name the operation
and widen the sources, but it restricts nothing that the question does not say in words. What is no JSON, contradicts
itself or comes too late is not used.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import CuepointError
from model.language.chat import Message
from model.loading import Models
from retrieval.ask.plan import EVERY_SOURCE, Plan, Window
from retrieval.ask.rules import RulesPlanner, checked
from retrieval.search.lexicon import lexicons
from retrieval.search.words import content_words
from retrieval.store.fulltext import stem, words
from retrieval.store.records import Source

logger = logging.getLogger(__name__)

LIMIT_S = 8.0  # from the question to its plan: with the prompt in the cache a small model takes two on two cores
_NEW_TOKENS = 160
_MOST_FURTHER = 3
_FROM_QUESTION = 0.5  # of the words of what is looked for, which must be the question's own
_SETTLED = ("talk", "file", "compare", "transcript", "after", "before")  # what only phrases fill in
_SOURCES: dict[str, Source] = {"seen": "visual", "said": "speech", "written": "text"}

Asked = Literal["answer", "when", "first", "last", "how_long", "how_often", "gone", "list", "summarise"]


class Told(BaseModel):
    """What a model says of a question: `PROMPT` explains it, and its JSON schema binds the model."""

    model_config = ConfigDict(extra="ignore")

    operation: Asked
    look_for: str = Field(max_length=200)
    sources: list[Literal["seen", "said", "written"]] = Field(max_length=3)
    wants: Literal["anything", "colour", "count", "yes_no", "where", "action"] = "anything"
    window_start: float | None = None
    window_end: float | None = None
    scene: str = Field("", max_length=100)
    exclude: str = Field("", max_length=100)
    language: Literal["en", "zh"] = "en"
    further: list[str] = Field(default_factory=list, max_length=_MOST_FURTHER)


PROMPT = """You say how a question about a video is meant, as JSON. You do not answer it.
operation: answer (what, who, why, which), when (at what moment), first or last (the first or last time of something), \
how_long (how long something is there), how_often (how many times), gone (when it is not there), list (all of them), \
summarise (what the video is about).
look_for: the few words of the question that name what must be found.
sources: seen (pictures), said (speech), written (text on the screen); all three if the question does not say which.
wants: colour, count, yes_no, where, action or anything.
window_start, window_end: seconds, only if the question names times. scene, exclude: only if the question names them.
further: other questions in the same message."""
_EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("At which point does the tall man come in?", {"operation": "when", "look_for": "tall man come in"}),
    (
        "Number of times they bring up the budget?",
        {"operation": "how_often", "look_for": "budget", "sources": ["said"]},
    ),
    ("Which fee stands on the poster?", {"operation": "answer", "look_for": "fee poster", "sources": ["written"]}),
)


class ModelPlanner:
    """Plans with the profile's language model. Safe to use from several threads."""

    def __init__(self, models: Models, limit_s: float = LIMIT_S) -> None:
        self.models = models
        self.limit_s = limit_s
        self.rules = RulesPlanner()

    def plan(self, text: str) -> Plan:
        """Raises UsageError for an empty or over-long question, and one with broken characters."""
        base = self.rules.plan(text)
        if base.operation in _SETTLED:
            return base
        told = self._told(checked(text))
        return base if told is None else laid_over(base, told, checked(text), self.rules)

    def _told(self, text: str) -> Told | None:
        """What the model says of it; None where that cannot be used."""
        decoder, ends = self.models.decoder, time.monotonic() + self.limit_s
        options: dict[str, Any] = (
            {"schema": Told.model_json_schema()} if getattr(decoder, "takes_schema", False) else {}
        )

        def late() -> bool:
            return time.monotonic() > ends

        said = ""
        try:
            stream = decoder.stream(messages_of(text), max_new_tokens=_NEW_TOKENS, stop=late, **options)
            with contextlib.closing(stream) as pieces:
                for piece in pieces:
                    said += piece
        except CuepointError as error:
            logger.warning("The question is planned by rules: %s", error)
            return None
        if late():
            logger.info("The question is planned by rules: the model took longer than %.0f s.", self.limit_s)
            return None
        return read(said)


def messages_of(text: str) -> list[Message]:
    """The same for every question but for its end, so that it stays in the prefix cache."""
    messages: list[Message] = [{"role": "system", "content": PROMPT}]
    for question, told in _EXAMPLES:
        whole = Told(**({"sources": ["seen", "said", "written"]} | told)).model_dump_json(exclude_none=True)
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": whole}]
    return [*messages, {"role": "user", "content": text}]


def read(said: str) -> Told | None:
    """The JSON in what a model wrote; None where there is none, or it contradicts itself."""
    start, end = said.find("{"), said.rfind("}")
    try:
        told = Told.model_validate(json.loads(said[start : end + 1]))
    except (ValueError, ValidationError):
        logger.info("The question is planned by rules: the model wrote no plan.")
        return None
    begins, ends = told.window_start, told.window_end
    backwards = begins is not None and ends is not None and ends <= begins
    return None if backwards or (begins or 0) < 0 or (ends is not None and ends <= 0) else told


def laid_over(base: Plan, told: Told, text: str, rules: RulesPlanner) -> Plan:
    """The rules' plan with what the model adds to it."""
    sources, leans = _sources(base, told)
    plan = replace(base, sources=sources, leans=leans, language=_language(base, told, text))
    if base.operation == "answer":  # phrases that name another one are sure of it
        plan = replace(plan, operation=told.operation)
    if told.operation == "summarise" and base.operation != "summarise" and content_words(base.look_for, fallback=False):
        plan = replace(plan, operation=base.operation)  # names a thing: "What is the wall about to do?"
    if plan.operation == "summarise":
        plan = replace(plan, look_for="")
    elif _is_from(told.look_for, text):
        plan = replace(plan, look_for=told.look_for.strip())
    if base.wants == "anything":
        plan = replace(plan, wants=told.wants)
    if base.window is None:
        plan = replace(plan, window=_window(told, text))
    if not base.exclude and told.exclude and _is_from(told.exclude, text, 1.0):
        plan = replace(plan, exclude=told.exclude.strip())
    further = [one for one in told.further if _is_from(one, text) and one.strip() != text]
    if not base.others and further:
        plan = replace(plan, others=tuple(replace(rules.plan(one), others=()) for one in further[:_MOST_FURTHER]))
    return plan


def _sources(base: Plan, told: Told) -> tuple[tuple[Source, ...], Source | None]:
    """What the rules restrict a question to stays so where the model agrees; alone neither restricts anything."""
    named = {_SOURCES[name] for name in told.sources}
    if base.sources != EVERY_SOURCE and named and named != set(base.sources):
        return tuple(source for source in EVERY_SOURCE if source in named | set(base.sources)), base.leans
    leans = base.leans or (next(iter(named)) if len(named) == 1 else None)
    return base.sources, leans


def _language(base: Plan, told: Told, text: str) -> str:
    """The model's, if the question has a word of it."""
    lexicon = lexicons()[told.language]
    known = set(words(text)) & lexicon.stop if lexicon.spaced else [word for word in lexicon.stop if word in text]
    return told.language if known else base.language


def _window(told: Told, text: str) -> Window | None:
    """Only of times that the question names, or a scene that it describes."""
    lexicon = lexicons()["en"]
    timed = any(char.isdigit() for char in text) or bool(set(words(text)) & (set(lexicon.numbers) - {"a", "an", "one"}))
    if timed and (told.window_start is not None or told.window_end is not None):
        return Window(told.window_start or 0.0, told.window_end, named=True)
    if told.scene and _is_from(told.scene, text, 1.0) and content_words(told.scene, fallback=False):
        return Window(scene=told.scene.strip())
    return None


def _is_from(part: str, text: str, least: float = _FROM_QUESTION) -> bool:
    has = {stem(word) for word in words(text)}
    own: Sequence[str] = content_words(part)
    return bool(own) and sum(stem(word) in has for word in own) >= least * len(own)
