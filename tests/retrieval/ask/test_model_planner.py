"""What a model says of a question is used where it can do no harm; whatever is wrong with it, the rules plan."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model.errors import UsageError
from model.language.llama_cpp import LlamaCppDecoder
from model.profile import DecoderChoice
from retrieval.ask.model_planner import ModelPlanner, Told, messages_of
from retrieval.ask.plan import EVERY_SOURCE, Plan, Window
from retrieval.ask.planner import load_planner
from retrieval.ask.rules import RulesPlanner
from tests.checkpoints.gguf_files import tiny_model
from tests.fakes import FakeModels
from tests.scripted_server import Reply, ScriptedServer, break_off, decoder, fall_silent, refuse, say

EVERY = ["seen", "said", "written"]
STRANGE = "Whereabouts in the recording do they unwrap the parcel?"  # no phrase of the rules


@pytest.fixture
def servers() -> Iterator[list[ScriptedServer]]:
    made: list[ScriptedServer] = []
    yield made
    for server in made:
        server.__exit__(None, None, None)


@pytest.fixture
def plan(servers: list[ScriptedServer]) -> Any:
    def plan(text: str, *replies: Reply, limit_s: float = 8.0, **told: Any) -> Plan:
        if told:
            replies = (say(json.dumps({"operation": "answer", "look_for": "", "sources": EVERY} | told)),)
        servers.append(ScriptedServer(*replies))
        models: Any = SimpleNamespace(decoder=decoder(servers[-1].url, new_tokens=300))
        return ModelPlanner(models, limit_s).plan(text)

    return plan


def test_a_wording_that_no_phrase_foresees_is_understood(plan: Any, servers: list[ScriptedServer]) -> None:
    assert RulesPlanner().plan(STRANGE).operation == "answer"
    made = plan(STRANGE, operation="when", look_for="unwrap the parcel")
    assert (made.operation, made.look_for, made.sources, made.question) == (
        "when", "unwrap the parcel", EVERY_SOURCE, STRANGE,
    )  # fmt: skip
    assert servers[-1].requests[0]["response_format"]["json_schema"]["schema"] == Told.model_json_schema()


def test_a_server_that_takes_no_schema_is_asked_without(plan: Any, servers: list[ScriptedServer]) -> None:
    good = say('Here it is:\n```json\n{"operation": "when", "look_for": "parcel", "sources": ["seen"]}\n```')
    made = plan(STRANGE, refuse(400, "response_format is not supported"), good)
    assert made.operation == "when" and "response_format" not in servers[-1].requests[-1]


def test_an_answer_is_not_asked_for_with_the_planners_schema(servers: list[ScriptedServer]) -> None:
    servers.append(ScriptedServer(say("{}")))
    server = decoder(servers[-1].url)
    ModelPlanner(SimpleNamespace(decoder=server)).plan(STRANGE)  # type: ignore[arg-type]
    list(server.stream([{"role": "user", "content": "Hello."}]))
    assert "response_format" not in servers[-1].requests[-1]


@pytest.mark.parametrize(
    "reply",
    [say("I would say when."), say('{"operation": "dance", "look_for": "x", "sources": []}'),
     say('{"operation": "when"'),
     say(""), say(*['{"operation": "when", '] * 100), refuse(500, "no memory"), break_off('{"operation"'),
     say('{"operation": "when", "look_for": "parcel", "sources": ["seen"], "window_start": 20, "window_end": 10}'),
     say('{"operation": "when", "look_for": "parcel", "sources": ["seen"], "window_start": -5}'),
     say("[]"), say('"when"')],
)  # fmt: skip
def test_what_is_no_plan_leaves_the_rules(plan: Any, reply: Reply) -> None:
    assert plan(STRANGE, reply) == RulesPlanner().plan(STRANGE)


def test_a_model_that_takes_too_long_leaves_the_rules(plan: Any) -> None:
    began = time.monotonic()
    assert plan(STRANGE, fall_silent('{"operation": "when", '), limit_s=0.5) == RulesPlanner().plan(STRANGE)
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("text", ["Thanks!", "How long is this video?", "Write down everything that is said"])
def test_what_the_rules_are_sure_of_asks_no_model(plan: Any, servers: list[ScriptedServer], text: str) -> None:
    assert plan(text, say("{}")) == RulesPlanner().plan(text) and not servers[-1].requests


def test_a_model_restricts_no_sources(plan: Any) -> None:
    assert plan(STRANGE, look_for="parcel", sources=["said"]).sources == EVERY_SOURCE
    assert plan(STRANGE, look_for="parcel", sources=["said"]).leans == "speech"
    said = "What does the narrator say about the ferry?"
    assert plan(said, look_for="ferry", sources=["said"]).sources == ("speech",)
    assert plan(said, look_for="ferry", sources=["written"]).sources == ("speech", "text")
    assert plan(said, look_for="ferry", sources=EVERY).sources == EVERY_SOURCE
    assert plan(said, look_for="ferry", sources=[]).sources == ("speech",)


def test_a_model_restricts_no_time_that_is_not_named(plan: Any) -> None:
    assert plan(STRANGE, look_for="parcel", window_start=0, window_end=10).window is None
    named = plan(
        "What goes on from the 70th up to the 80th second?", look_for="goes on", window_start=70, window_end=80
    )
    assert named.window == Window(70, 80, named=True)
    assert plan(STRANGE, look_for="parcel", scene="a kitchen").window is None
    assert plan(STRANGE, look_for="parcel", exclude="dogs").exclude == ""


def test_what_is_looked_for_are_the_questions_own_words(plan: Any) -> None:
    assert plan(STRANGE, operation="when", look_for="golden parrot").look_for == RulesPlanner().plan(STRANGE).look_for


def test_no_operation_that_phrases_name_is_lost(plan: Any) -> None:
    assert plan("When is it blue?", look_for="blue").operation == "when"
    assert plan("What colour is the boat?", operation="summarise", look_for="boat").operation == "answer"


def test_further_questions_are_planned_too(plan: Any) -> None:
    made = plan(
        "Tell me who drives the boat, and also the colour of its sail", look_for="drives the boat",
        further=["What is the colour of its sail?", "What do elephants eat?"],
    )  # fmt: skip
    assert [(one.question, one.wants) for one in made.others] == [("What is the colour of its sail?", "colour")] or (
        len(made.others) == 1
    )


@pytest.mark.parametrize("text", ["", " ", "x" * 10_000])
def test_empty_and_endless_questions_are_refused(plan: Any, text: str) -> None:
    with pytest.raises(UsageError):
        plan(text, say("{}"))


def test_the_prompt_is_the_same_but_for_its_end() -> None:
    assert messages_of("Who is it?")[:-1] == messages_of("What is it?")[:-1]


def test_the_profile_chooses_the_planner(models: FakeModels) -> None:
    assert isinstance(load_planner(models), RulesPlanner)  # type: ignore[arg-type]
    models.profile = replace(models.profile, decoder=replace(models.profile.decoder, planner="model"))
    assert isinstance(load_planner(models), ModelPlanner)  # type: ignore[arg-type]


def test_a_decoder_without_schemas_is_asked_in_words(models: FakeModels) -> None:
    models.decoder.says = '{"operation": "when", "look_for": "parcel", "sources": ["seen"]}'
    assert ModelPlanner(models).plan(STRANGE).operation == "when"  # type: ignore[arg-type]


def test_llama_cpp_is_bound_by_the_schema(tmp_path: Path) -> None:
    """A tiny model with random weights: what it writes is the beginning of a plan, and never harms."""
    model = LlamaCppDecoder(
        tiny_model(tmp_path / "tiny.gguf"), DecoderChoice("gguf", "path:x", context_tokens=3000, threads=1, slots=1)
    )
    try:
        first = next(model.stream(messages_of(STRANGE), 160, schema=Told.model_json_schema()))
        assert first.lstrip().startswith("{")
        made = ModelPlanner(SimpleNamespace(decoder=model), 30).plan(STRANGE)  # type: ignore[arg-type]
        assert made.sources == EVERY_SOURCE and made.window is None
    finally:
        model.close()
