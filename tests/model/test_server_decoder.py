"""The decoder behind an OpenAI-compatible server: a real one (`transformers serve`), and one that is made to fail."""

from __future__ import annotations

import base64
import logging
import threading
import time
import traceback
from functools import partial

import pytest

from model.errors import CuepointError, ServerError
from model.language import endpoint, exchange
from model.language.chat import Message
from tests.ports import free_port
from tests.scripted_server import (
    QUESTION,
    ScriptedServer,
    answer,
    break_off,
    decoder,
    fall_silent,
    name_models,
    refuse,
    say,
    still,
)

KEY = "sk-a-very-secret-key-42"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of whoever runs the tests have no say, and nobody waits long for a second try."""
    for name in (endpoint.URL_VARIABLE, endpoint.KEY_VARIABLE, endpoint.MODEL_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(exchange, "BACKOFF_S", (0.02, 0.02))


def test_a_real_server_streams_an_answer_and_counts_its_tokens(model_server: str) -> None:
    there = decoder(model_server, "tiny/chat")
    there.warm_up([{"role": "system", "content": "Be short."}])
    pieces = list(there.stream(QUESTION, max_new_tokens=12))
    stats = there.last_stats
    assert len(pieces) > 3 and "".join(pieces).strip()
    assert stats is not None and stats.new_tokens == 12 and stats.prompt_tokens > 10 and stats.stills == 0
    assert 0 < stats.first_token_s < 30 and stats.tokens_per_second > 0
    assert answer(there, max_new_tokens=12) == "".join(pieces)  # the likeliest words: the same each time


def test_stills_reach_a_real_server_as_pictures(model_server: str) -> None:
    there = decoder(model_server, "tiny/seeing")
    blind = answer(there, max_new_tokens=8)
    without = there.last_stats
    seen = answer(there, [{"role": "user", "content": [still(1.0), still(2.0), "What is said?"]}], max_new_tokens=8)
    stats = there.last_stats
    assert blind and seen and stats is not None and without is not None
    assert stats.stills == 2
    labels = there.count_tokens("<1.0 seconds><2.0 seconds>")
    assert stats.prompt_tokens > without.prompt_tokens + 2 * labels  # the pictures' own tokens


def test_of_a_real_server_the_first_model_it_names_is_used(model_server: str) -> None:
    there = decoder(model_server, model="")
    assert there.model == ""
    there.warm_up()
    assert there.model.startswith("tiny/")
    assert answer(there, max_new_tokens=4)


def test_a_model_that_a_real_server_does_not_have_is_named_with_those_it_has(model_server: str) -> None:
    with pytest.raises(ServerError, match=r"does not know the model 'no/such': .*tiny/"):
        answer(decoder(model_server, "no/such"))


def test_answers_of_a_real_server_can_be_read_side_by_side(model_server: str) -> None:
    there, heard = decoder(model_server, "tiny/chat"), list[str]()
    threads = [threading.Thread(target=lambda: heard.append(answer(there, max_new_tokens=8))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(heard) == 4 and len(set(heard)) == 1 and heard[0]


def test_a_server_that_is_down_is_named_when_it_is_first_asked() -> None:
    port = free_port()
    there = decoder(f"http://127.0.0.1:{port}")
    for ask in (there.warm_up, lambda: answer(there)):
        with pytest.raises(ServerError, match=f"127.0.0.1:{port} does not answer: start it"):
            ask()


def test_a_busy_server_is_asked_again() -> None:
    with ScriptedServer(refuse(429, "busy", retry_after="0"), refuse(503, "loading"), say("It ", "is.")) as server:
        assert answer(decoder(server.url)) == "It is."
        assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up() -> None:
    with ScriptedServer(refuse(429, "slow down")) as server:
        with pytest.raises(ServerError, match="no more requests just now, saying “slow down”"):
            answer(decoder(server.url))
        assert len(server.requests) == 3


def test_a_server_that_wants_long_patience_is_not_waited_for() -> None:
    with ScriptedServer(refuse(429, "tomorrow", retry_after="3600")) as server:
        began = time.monotonic()
        with pytest.raises(ServerError):
            answer(decoder(server.url))
        assert len(server.requests) == 1 and time.monotonic() - began < 5


def test_breaking_off_before_the_first_word_is_tried_again_and_later_is_not() -> None:
    with ScriptedServer(break_off(), break_off("The ", "harbour "), say("never asked for")) as server:
        pieces: list[str] = []
        with pytest.raises(ServerError, match="broke off"):
            for piece in decoder(server.url).stream(QUESTION):
                pieces.append(piece)
        assert pieces == ["The ", "harbour "] and len(server.requests) == 2


@pytest.mark.parametrize("headers", [True, False])
def test_stop_ends_a_silent_answer_at_once_and_the_server_sees_it(headers: bool) -> None:
    with ScriptedServer(fall_silent(headers=headers)) as server:
        stopped = time.monotonic() + 0.5
        began = time.monotonic()
        assert answer(decoder(server.url), stop=lambda: time.monotonic() > stopped) == ""
        assert 0.5 <= time.monotonic() - began < 0.7
        assert server.left.wait(1.0)


def test_stop_ends_a_wait_between_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BACKOFF_S", (5.0,))
    with ScriptedServer(refuse(500, "out of memory")) as server:
        stopped = time.monotonic() + 0.3
        answer(decoder(server.url), stop=lambda: time.monotonic() > stopped)
        assert time.monotonic() - stopped < 0.2


def test_the_server_is_left_when_nobody_listens_any_more() -> None:
    with ScriptedServer(fall_silent("The ", "end ")) as server:
        stream = decoder(server.url).stream(QUESTION)
        assert next(stream) == "The "
        stream.close()
        assert server.left.wait(1.0)


def test_a_server_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "SILENCE_S", 0.3)
    with ScriptedServer(fall_silent("The ")) as server, pytest.raises(ServerError, match="has been silent"):
        answer(decoder(server.url))


def test_a_refused_key_is_said_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(refuse(401, "bad key")) as server:
        with pytest.raises(ServerError, match=f"{server.host} asks for a key: set CUEPOINT_SERVER_KEY"):
            answer(decoder(server.url))
        monkeypatch.setenv(endpoint.KEY_VARIABLE, KEY)
        with pytest.raises(ServerError, match=f"{server.host} refuses the key"):
            answer(decoder(server.url))
        assert server.authorizations[-1] == f"Bearer {KEY}" and len(server.requests) == 2


def test_the_key_is_in_no_log_line_error_or_representation(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2", "httpcore2", "httpx", "httpcore", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.setenv(endpoint.KEY_VARIABLE, KEY)
    texts: list[str] = []
    bad_key, odd, ill = refuse(401, f"Incorrect API key: {KEY}"), refuse(400, f"odd: {KEY}"), refuse(500, KEY)
    replies = (bad_key, odd, ill, break_off("a"), say("b"))
    for reply in replies:
        with ScriptedServer(reply, models=refuse(403, KEY)) as server:
            url = server.url.replace("http://", "http://ann:open%20sesame@") if reply is replies[-1] else server.url
            there = decoder(url)
            texts += [repr(there), repr(there.endpoint), str(there.last_stats)]
            for ask in (there.warm_up, partial(answer, there)):
                try:
                    texts.append(str(ask()))
                except CuepointError as error:
                    texts += [repr(error), *traceback.format_exception(error, chain=True)]
                    assert error.__cause__ is None and error.__context__ is None
            assert server.authorizations and all(server.authorizations)
    assert server.authorizations[-1].startswith("Basic ")
    login = base64.b64encode(b"ann:open sesame").decode()
    said = "\n".join([*texts, caplog.text, *(repr(record.__dict__) for record in caplog.records)])
    assert any(record.name.startswith("httpcore2") for record in caplog.records)  # all of it was logged
    assert "odd: …" in said
    assert not [secret for secret in (KEY, "sesame", login) if secret in said]


def test_a_model_without_eyes_is_asked_again_without_stills() -> None:
    seen: list[Message] = [{"role": "user", "content": ["Look:", still(1.0), "What is it?"]}]
    with ScriptedServer(refuse(400, "m is not a multimodal model"), say("Words.")) as server:
        there = decoder(server.url)
        assert answer(there, seen) == "Words."
        assert there.last_stats is not None and there.last_stats.stills == 0
        assert [isinstance(r["messages"][0]["content"], str) for r in server.requests] == [False, True]
        assert server.requests[1]["messages"][0]["content"] == "Look:What is it?"
        assert "stream_options" in server.requests[1]


def test_what_a_server_refuses_by_name_is_left_out_from_then_on() -> None:
    refusals = (
        refuse(422, "Unexpected fields in the request: {'stream_options'}"),
        refuse(400, "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
        refuse(400, "Unrecognized request argument supplied: chat_template_kwargs"),
    )
    with ScriptedServer(*refusals, say("Yes.")) as server:
        there = decoder(server.url)
        assert answer(there, max_new_tokens=7) == answer(there, max_new_tokens=9) == "Yes."
        assert len(server.requests) == 5
        last = server.requests[-1]
        assert last["max_completion_tokens"] == 9 and last["temperature"] == 0
        assert not {"max_tokens", "stream_options", "chat_template_kwargs"} & set(last)


def test_a_request_that_is_refused_whatever_is_left_out_says_why() -> None:
    with (
        ScriptedServer(refuse(400, "the moon is full")) as server,
        pytest.raises(ServerError, match="the moon is full"),
    ):
        answer(decoder(server.url), [{"role": "user", "content": [still(0.0), "Why?"]}])


def test_an_address_without_a_model_server_is_said_to_be_one() -> None:
    page = refuse(404, "nothing here")
    with ScriptedServer(page, models=page) as server, pytest.raises(ServerError, match=f"under {server.url}: check"):
        answer(decoder(server.url))
    web = ScriptedServer(lambda handler: handler.send(200, b"<html>Hello</html>"))
    with web as server, pytest.raises(ServerError, match=f"{server.host} .*URL"):
        answer(decoder(server.url))


def test_a_model_that_the_server_does_not_name_is_answered_with_a_hint() -> None:
    with ScriptedServer(refuse(404, "no such model"), models=name_models("qwen", "llama")) as server:
        with pytest.raises(ServerError, match=r"'m': set CUEPOINT_SERVER_MODEL to one of qwen, llama\."):
            answer(decoder(server.url))
        server.models = name_models()
        with pytest.raises(ServerError, match="names no model"):
            answer(decoder(server.url, model=""))


def test_thinking_aloud_is_not_shown() -> None:
    pieces = ("<thi", "nk>Let me see, a < b", "</th", "ink>\n\n", "It is", " blue", " <th", "e end>.")
    with ScriptedServer(say(*pieces, thinking="Hm, hm.")) as server:
        there = decoder(server.url)
        assert answer(there) == "It is blue <the end>."
        assert there.last_stats is not None and there.last_stats.new_tokens == len(pieces) + 1


def test_nothing_from_a_stop_string_on_is_shown() -> None:
    with ScriptedServer(say("One.", "\nQues", "tion: two")) as server:
        assert answer(decoder(server.url), stop_strings=["\nQuestion:", "\n\n"]) == "One."
        assert answer(decoder(server.url), stop_strings=["\nQuestions"]) == "One.\nQuestion: two"


def test_what_the_server_counts_is_believed() -> None:
    usage = {
        "prompt_tokens": 40,
        "completion_tokens": 9,
        "total_tokens": 49,
        "prompt_tokens_details": {"cached_tokens": 32},
    }
    with ScriptedServer(say("One", " two", usage=usage)) as server:
        there = decoder(server.url)
        answer(there)
        stats = there.last_stats
        assert stats is not None and (stats.prompt_tokens, stats.new_tokens, stats.cached_tokens) == (40, 9, 32)
