"""Requests that make no sense get a sentence, never an error of the server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.engine import Engine
from model.errors import UsageError
from retrieval.store.records import Message, Video
from tests.app.conftest import web_client

HUGE = 10**25
HALF = '"so \\ud800 it begins"'  # half of a character, as JSON can hold it
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


@pytest.mark.parametrize("text", [HALF, '"\\udfff"', '"\\ud800"'])
def test_half_a_character_in_a_comment_is_refused(client: TestClient, indexed: Video, text: str) -> None:
    reply = client.post(f"/media/{indexed.id}/comments", content=f'{{"seconds": 1, "text": {text}}}', headers=JSON)
    assert reply.status_code == 422 and "broken character" in reply.json()["detail"]
    assert client.get(f"/media/{indexed.id}/comments").json() == {"comments": []}


def test_a_whole_character_of_two_halves_is_kept(client: TestClient, indexed: Video) -> None:
    body = '{"seconds": 1, "text": "\\ud83c\\udfac"}'
    reply = client.post(f"/media/{indexed.id}/comments", content=body, headers=JSON)
    assert reply.status_code == 201 and reply.json()["text"] == "🎬"


def test_half_a_character_in_a_title_is_refused(client: TestClient, engine: Engine, indexed: Video) -> None:
    chat = engine.chats.start("local", [indexed.id])
    engine.chats.add(chat.id, Message("user", "What is green?"))
    reply = client.patch(f"/chats/{chat.id}", content=f'{{"title": {HALF}}}', headers=JSON)
    assert reply.status_code == 422 and "broken character" in reply.json()["detail"]
    assert client.get(f"/chats/{chat.id}").json()["title"] == "What is green?"


@pytest.mark.parametrize(
    "body",
    [
        '{"seconds": NaN, "text": "x"}', '{"seconds": Infinity, "text": "x"}', '{"seconds": -Infinity, "text": "x"}',
        '{"seconds": 1e999, "text": "x"}', f'{{"seconds": {HUGE}, "text": "x"}}',
        f'{{"seconds": 1{"0" * 400}, "text": "x"}}',
        '{"seconds": NaN, "text": 5}', '{"seconds": "\\ud800", "text": "x"}', '{"\\ud800": 1}', "[NaN]", "{", "",
        f'{{"seconds": 1{"0" * 5000}, "text": "x"}}', '{"seconds": 1, "text": null}', '"\\ud800"',
    ],
)  # fmt: skip
def test_numbers_that_are_none_and_broken_json_are_refused(client: TestClient, indexed: Video, body: str) -> None:
    reply = client.post(f"/media/{indexed.id}/comments", content=body, headers=JSON)
    assert reply.status_code in (400, 422) and reply.json()["detail"]
    assert client.get(f"/media/{indexed.id}/comments").json() == {"comments": []}


@pytest.mark.parametrize("number", [str(HUGE), str(-HUGE), str(2**63), str(2**64), "9" * 300, "9" * 5000])
def test_a_number_too_large_names_nothing(client: TestClient, indexed: Video, number: str) -> None:
    for method, place in (("DELETE", f"comments/{number}"), ("GET", f"thumbnail/{number}.jpg")):
        assert client.request(method, f"/media/{indexed.id}/{place}").status_code in (404, 422)


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-1", "9" * 400, "9" * 5000, f"{'9' * 5000}:00", f"1:{'9' * 5000}:00", "1e999"]
)
def test_times_that_are_none_are_refused(client: TestClient, indexed: Video, value: str) -> None:
    for place in (
        f"clip.mp4?start={value}&end=2", f"clip.mp4?start=0&end={value}", f"highlights.mp4?seconds={value}",
        f"regions.json?start={value}&end=2&text=green", f"regions.jpg?start=0&end={value}&text=green",
    ):  # fmt: skip
        reply = client.get(f"/media/{indexed.id}/{place}")
        assert reply.status_code == 422 and reply.json()["detail"], place


def test_a_search_of_chats_takes_any_words(client: TestClient) -> None:
    for words in ("%ED%A0%80", "%00", "%25_\\", "x" * 9000):
        assert client.get(f"/chats?search={words}").status_code == 200


def test_names_of_no_video_are_not_found(client: TestClient) -> None:
    for name in ("%ED%A0%80", "%00", "x" * 3000, str(HUGE), "-1", "nan"):
        assert client.get(f"/media/{name}").status_code == 404
        assert client.get(f"/chats/{name}").status_code == 404


def test_nothing_broken_reaches_the_database_by_another_way(engine: Engine, indexed: Video) -> None:
    half, chats = json.loads(HALF), engine.chats
    chat = chats.start("local", [indexed.id])
    chats.add(chat.id, Message("user", "What is green?"))
    ways = [
        lambda: chats.add(chat.id, Message("user", half)),
        lambda: chats.edit(chat.id, "local", 0, half),
        lambda: chats.search("local", half),
        lambda: engine.finder.search(half),
        lambda: next(iter(engine.answerer.ask(half, [indexed.id]))),
        lambda: engine.library.update_video(indexed.id, title=half),
        lambda: engine.library.video(half),
        lambda: engine.library.db.rows("SELECT * FROM comments WHERE id = ?", (HUGE,)),
    ]
    for way in ways:
        with pytest.raises(UsageError):
            way()


def test_a_file_whose_name_is_no_text_is_refused(engine: Engine, indexed: Video, tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    name.write_bytes((tmp_path / "colours.mp4").read_bytes())
    with pytest.raises(UsageError, match="name of the file"):
        engine.add(name)
