"""A reel of a video's best moments: which they are, and as a file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.engine import Engine
from model.errors import UsageError
from model.media.cut import Stretch
from model.media.probe import probe
from retrieval.ask.summary import Chapter, Summary
from retrieval.export import highlights as choosing
from retrieval.export.highlights import highlights
from retrieval.store.records import Video
from tests.app.conftest import web_client
from tests.fakes import FakeModels


@pytest.fixture
def chaptered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three chapters, one a colour, whatever the video is like."""
    chapters = [Chapter(0.0, 4.0, "a"), Chapter(4.0, 8.0, "b"), Chapter(8.0, 12.0, "c")]
    monkeypatch.setattr(choosing, "summarize", lambda *_: Summary("", chapters, []))


def chosen(engine: Engine, video: Video, query: str = "", seconds: float = 30.0) -> list[Stretch]:
    stretches = highlights(engine.searcher, engine.models, video, query, seconds)
    length = sum(end - start for start, end in stretches)
    assert 0 < length <= seconds + 1e-6 and all(0 <= start < end <= video.duration for start, end in stretches)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(stretches))
    return stretches


@pytest.mark.usefixtures("chaptered")
def test_every_chapter_gets_its_time(engine: Engine, indexed: Video) -> None:
    starts = [start for start, _ in chosen(engine, indexed, seconds=6.0)]
    assert starts == [0.0, 4.0, 8.0]
    assert len(chosen(engine, indexed, seconds=3.0)) == 1  # too short for three
    assert chosen(engine, indexed) == [(0.0, pytest.approx(indexed.duration))]  # all of it: one stretch


def test_a_query_chooses_its_moments(engine: Engine, indexed: Video) -> None:
    stretches = chosen(engine, indexed, "something green", seconds=4.0)
    assert all(start >= 3.5 and end <= 8.5 for start, end in stretches[:1])


@pytest.mark.parametrize("seconds", [0.0, -5.0, 1.0, 1e6, float("nan")])
def test_an_impossible_length_is_one_sentence(engine: Engine, indexed: Video, seconds: float) -> None:
    with pytest.raises(UsageError, match="2 to 600 seconds"):
        highlights(engine.searcher, engine.models, indexed, "", seconds)


def test_a_query_that_nothing_fits(engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    searcher: Any = SimpleNamespace(search=lambda *_, **__: [], library=engine.library)
    with pytest.raises(UsageError, match="No moment"):
        highlights(searcher, engine.models, indexed, "zebra")


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


@pytest.mark.usefixtures("chaptered")
def test_a_reel_over_http(client: TestClient, indexed: Video, tmp_path: Path) -> None:
    reply = client.get(f"/media/{indexed.id}/highlights.mp4?seconds=6")
    assert reply.status_code == 200 and "colours%20highlights.mp4" in reply.headers["content-disposition"]
    (tmp_path / "reel.mp4").write_bytes(reply.content)
    assert probe(tmp_path / "reel.mp4").duration == pytest.approx(6.0, abs=0.2)
    assert client.get(f"/media/{indexed.id}/highlights.mp4?seconds=0").status_code == 422
    assert client.get("/media/nothing/highlights.mp4").status_code == 404


@pytest.mark.usefixtures("chaptered")
def test_a_reel_by_the_command_line(
    engine: Engine, indexed: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())
    out = tmp_path / "reel.mp4"
    base = ["--data-dir", str(engine.settings.data_dir), "highlights", indexed.id, "--output", str(out)]
    assert main([*base, "--seconds", "6", "--json"]) == 0
    assert [moment["start"] for moment in json.loads(capsys.readouterr().out)["moments"]] == [0.0, 4.0, 8.0]
    assert probe(out).duration == pytest.approx(6.0, abs=0.2)
    assert main([*base, "--seconds", "0"]) == 2
