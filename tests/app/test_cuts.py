"""Clips by the command line and over HTTP."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.engine import Engine
from app.i18n import Language
from app.page.html import Shelf
from app.page.rows import summary_html
from model.media.probe import probe
from retrieval.ask.summary import Chapter, Summary
from retrieval.export.reels import file_name
from retrieval.search.regions import GRID
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Video
from tests.app.conftest import colour_video, web_client
from tests.fakes import FakeModels


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


def test_a_clip_over_http(client: TestClient, engine: Engine, indexed: Video, tmp_path: Path) -> None:
    reply = client.get(f"/media/{indexed.id}/clip.mp4?start=0:05&end=7.5")
    assert reply.status_code == 200 and reply.headers["content-type"] == "video/mp4"
    assert "colours%200.05-0.07.mp4" in reply.headers["content-disposition"]
    (tmp_path / "clip.mp4").write_bytes(reply.content)
    assert probe(tmp_path / "clip.mp4").duration == pytest.approx(2.5, abs=0.2)
    assert list((engine.library.folder(indexed.id) / "clips").iterdir()) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("start=5&end=3", "end after"),
        ("start=5", "no time"),
        ("start=x&end=9", "no time"),
        ("start=90&end=95", "only 0:12"),
    ],
)
def test_a_bad_clip_is_one_sentence(client: TestClient, indexed: Video, query: str, words: str) -> None:
    reply = client.get(f"/media/{indexed.id}/clip.mp4?{query}")
    assert reply.status_code == 422 and words in reply.json()["detail"]


def test_nobody_cuts_somebody_elses_video(client: TestClient, engine: Engine, tmp_path: Path) -> None:
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    assert client.get(f"/media/{theirs.id}/clip.mp4?start=0&end=2").status_code == 404


def test_an_original_that_is_gone_is_cut_from_its_copy(client: TestClient, indexed: Video) -> None:
    Path(indexed.source_path).unlink()
    assert client.get(f"/media/{indexed.id}/clip.mp4?start=1&end=3").status_code == 200


@pytest.mark.parametrize(
    ("title", "name"),
    [("a/b: <c>?.mp4", "b_ _c__ 0.01-0.02.mp4"), ("海 港.mkv", "海 港 0.01-0.02.mp4"), ("...", "ID 0.01-0.02.mp4")],
)
def test_a_clip_is_named_for_any_disk(engine: Engine, indexed: Video, title: str, name: str) -> None:
    engine.library.update_video(indexed.id, title=title)
    assert file_name(engine.library.video(indexed.id), [(1.0, 2.0)]) == name.replace("ID", indexed.id)


def test_the_command_cuts(
    engine: Engine, indexed: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())
    monkeypatch.chdir(tmp_path)
    data = str(engine.settings.data_dir)
    assert main(["--data-dir", data, "clip", indexed.id, "0:04", "0:06"]) == 0
    assert capsys.readouterr().out.strip() == "colours 0.04-0.06.mp4"
    assert probe(tmp_path / "colours 0.04-0.06.mp4").duration == pytest.approx(2.0, abs=0.2)
    out = str(tmp_path / "x.mp4")
    assert main(["--data-dir", data, "clip", indexed.id, "1", "2.5", "--output", out, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"video_id": indexed.id, "file": out, "moments": [{"start": 1.0, "end": 2.5}]}
    assert main(["--data-dir", data, "clip", indexed.id, "3", "1"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_what_counts_in_a_picture_over_http(client: TestClient, engine: Engine, indexed: Video, tmp_path: Path) -> None:
    address = f"/media/{indexed.id}/regions"
    shown = client.get(f"{address}.jpg?start=4.5&end=7&text=something green")
    assert (
        shown.status_code == 200 and shown.headers["content-type"] == "image/jpeg" and shown.content[:2] == b"\xff\xd8"
    )
    told = client.get(f"{address}.json?start=4.5&end=7&text=something green").json()
    assert 4.5 <= told["seconds"] < 7 and len(told["heat"]) == len(told["heat"][0]) and len(told["box"]) == 4
    assert client.get(f"{address}.jpg?start=90&end=95&text=green").status_code == 422
    assert client.get(f"{address}.jpg?start=4&end=7").status_code == 422
    assert client.get(f"{address}.png?start=4&end=7&text=green").status_code == 404
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    assert client.get(f"/media/{theirs.id}/regions.jpg?start=0&end=2&text=green").status_code == 404


def test_a_colour_comes_from_where_the_colour_head_looks(
    client: TestClient, engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    corner = np.diag([0.0, 0.2, 0.8]).astype(np.float32)
    head = SimpleNamespace(where=lambda question, picture: corner)
    monkeypatch.setattr(engine.models, "colour_answers", head, raising=False)
    address = f"/media/{indexed.id}/regions.json?start=4.5&end=7&text="
    told = client.get(address + "What colour is the wall?").json()
    assert told["heat"] == [[0, 0, 0], [0, 0.25, 0], [0, 0, 1]] and told["box"] == [0.667, 0.667, 1.0, 1.0]
    assert len(client.get(address + "a green wall").json()["heat"]) == GRID


def test_every_chapter_can_be_played_and_saved(client: TestClient, engine: Engine, indexed: Video) -> None:
    chapters = [Chapter(0.0, 4.0, "red <b>"), Chapter(4.0, 8.0, "green")]
    page = summary_html(indexed, Summary("", chapters, []), Shelf(engine.library, LOCAL_OWNER), Language("en"))
    saved = re.findall(r'class="save save-clip" href="([^"]+)"', page)
    assert len(saved) == len(chapters) == page.count('class="line chapter"') and "<b>" not in page
    clip = client.get("/" + html.unescape(saved[1]))
    assert clip.status_code == 200 and clip.headers["content-type"] == "video/mp4"
