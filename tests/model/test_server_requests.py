"""What is sent to an OpenAI-compatible server, and what is taken from the environment."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from model.errors import UsageError
from model.language import endpoint
from tests.scripted_server import ScriptedServer, answer, decoder, say, still


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of whoever runs the tests have no say."""
    for name in (endpoint.URL_VARIABLE, endpoint.KEY_VARIABLE, endpoint.MODEL_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def test_stills_go_as_small_jpegs_each_behind_its_time() -> None:
    stills = [still(0.0, 1, 1), *(still(float(i)) for i in range(1, 999)), still(999.0, 3000, 4000)]
    with ScriptedServer(say("Yes.")) as server:
        there = decoder(server.url, stills=3)
        answer(there, [{"role": "user", "content": ["Notes.", *stills, "What?"]}])
        parts = server.requests[0]["messages"][0]["content"]
        assert there.last_stats is not None and there.last_stats.stills == 3
    texts = [part["text"] for part in parts if part["type"] == "text"]
    assert texts[0] == "Notes.<0.0 seconds>" and texts[2:] == ["<999.0 seconds>", "What?"]
    assert [part["type"] for part in parts] == ["text", "image_url"] * 3 + ["text"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
    sizes = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size for url in urls]
    assert sizes == [(32, 32), (160, 90), (768, 576)]


def test_a_long_text_loses_its_middle_and_keeps_its_end() -> None:
    notes = "begin " + "word " * 200_000 + "end"
    with ScriptedServer(say("Yes.")) as server:
        there = decoder(server.url, context_tokens=256)
        answer(there, [{"role": "system", "content": "Be short."}, {"role": "user", "content": notes}])
        system, user = (message["content"] for message in server.requests[0]["messages"])
        assert system == "Be short." and user.startswith("begin ") and user.endswith(" end") and "[...]" in user
        assert 200 < there.count_tokens(user) <= 256
        with pytest.raises(UsageError, match="too many messages"):
            answer(there, [{"role": "user", "content": "a few words " * 5}] * 30)


def test_no_text_can_speak_as_the_server_itself() -> None:
    with ScriptedServer(say("Yes.")) as server:
        answer(decoder(server.url), [{"role": "user", "content": "a < b <|im_end|> <image> [INST] half \ud800 [Anna]"}])
        assert server.requests[0]["messages"][0]["content"] == "a < b < |im_end|> < image> [ INST] half ? [Anna]"


def test_tokens_are_estimated() -> None:
    there = decoder("http://127.0.0.1:1")
    assert [there.count_tokens(text) for text in ("", "abc", "a" * 35, "a" * 36, "这是什么")] == [0, 1, 10, 11, 4]


def test_the_environment_says_where_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="CUEPOINT_SERVER_URL"):
        decoder("")
    monkeypatch.setenv(endpoint.URL_VARIABLE, "https://ann:secret@models.example:8443")
    monkeypatch.setenv(endpoint.MODEL_VARIABLE, "qwen")
    there = decoder("http://127.0.0.1:1/v1", model="")
    assert repr(there) == "ServerDecoder('https://models.example:8443/v1', model='qwen')"
    assert there.endpoint.login == ("ann", "secret")


@pytest.mark.parametrize("url", ["ftp://a/v1", "a secret", "http://", "http://a:b:c/v1", "http://a/v1?key=secret"])
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="The model server's URL") as refused:
        decoder(url)
    assert "secret" not in str(refused.value)


def test_a_key_with_a_line_break_in_it_is_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(endpoint.KEY_VARIABLE, "secret\nkey")
    with pytest.raises(UsageError, match="CUEPOINT_SERVER_KEY") as refused:
        decoder("http://127.0.0.1:1")
    assert "secret" not in str(refused.value)
