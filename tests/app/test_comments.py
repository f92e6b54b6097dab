"""Comments over HTTP and on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.engine import Engine
from retrieval.store.comments import Comments
from retrieval.store.records import Video
from tests.app.conftest import colour_video, web_client
from tests.fakes import FakeModels


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


def test_a_comment_is_written_listed_and_deleted(client: TestClient, indexed: Video) -> None:
    address = f"/media/{indexed.id}/comments"
    made = client.post(address, json={"seconds": 4.25, "text": "<b>green</b>!"})
    assert made.status_code == 201 and made.json()["text"] == "<b>green</b>!"
    assert client.get(address).json() == {"comments": [made.json()]}
    assert client.delete(f"{address}/{made.json()['id']}").status_code == 204
    assert client.get(address).json() == {"comments": []}
    assert client.delete(f"{address}/{made.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [({"seconds": 4, "text": " "}, "empty"), ({"seconds": 400, "text": "late"}, "ends at"), ({"text": "when?"}, "")],
)
def test_a_bad_comment_is_refused(client: TestClient, indexed: Video, body: dict[str, object], words: str) -> None:
    reply = client.post(f"/media/{indexed.id}/comments", json=body)
    assert reply.status_code == 422 and words in str(reply.json()["detail"])
    assert client.get(f"/media/{indexed.id}/comments").json() == {"comments": []}


def test_nobody_reads_or_writes_on_somebody_elses_video(client: TestClient, engine: Engine, tmp_path: Path) -> None:
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    address = f"/media/{theirs.id}/comments"
    assert client.get(address).status_code == client.delete(f"{address}/1").status_code == 404
    assert client.post(address, json={"seconds": 0, "text": "hello"}).status_code == 404
    assert Comments(engine.library).of(theirs.id) == []


def test_comments_on_the_command_line(
    engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())
    call = ["--data-dir", str(engine.library.data_dir), "comments", indexed.id]
    assert main([*call, "--at", "0:04", "--add", "here it turns green", "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["comments"]
    assert main(call) == 0
    assert "0:04  here it turns green" in capsys.readouterr().out
    assert main([*call, "--add", "when?"]) == 2
    assert "needs a moment and a text" in capsys.readouterr().err
    assert main([*call, "--delete", str(made["id"]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["comments"] == []
