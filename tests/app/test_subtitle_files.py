"""Subtitle files of a video: beside it, named on the command line, sent to the page; and saved again by language."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from app.cli import main
from app.engine import Engine
from app.page.handlers import Handlers
from app.page.session import Session
from retrieval.index.ingest import run_job
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Video
from tests.app.conftest import colour_video, page_handlers, web_client
from tests.app.test_page import request
from tests.fakes import FakeModels
from tests.subtitle_factory import srt

CUES = [(1.0, 3.0, "The harbour is closed"), (4.0, 6.5, "Meet me at noon")]


def work(engine: Engine) -> None:
    while job := engine.jobs.claim("test"):
        run_job(engine.library, engine.models, job)


def said(engine: Engine, video: Video) -> list[tuple[str, str | None, str]]:
    return [(p.origin, p.language, p.text) for p in engine.library.passages(video.id, "speech")]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("app.engine.Models", lambda *_: FakeModels())

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["--data-dir", str(tmp_path / "data"), *map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_index_finds_the_files_beside_a_video_also_later(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    film = colour_video(tmp_path / "talk.mp4")
    _, out, _ = run("index", film, "--json")
    video_id = json.loads(out)["video_id"]
    assert "harbour" not in run("show", video_id)[1]
    (tmp_path / "talk.en.srt").write_text(srt(CUES))
    code, out, _ = run("index", film, "--json")
    assert code == 0 and json.loads(out)["video_id"] == video_id
    assert "subs en  The harbour is closed" in run("show", video_id)[1]
    assert run("index", film)[0] == 0
    assert run("show", video_id)[1].count("The harbour is closed") == 1


def test_index_takes_a_file_that_is_named_and_says_what_is_wrong_with_another(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    film = colour_video(tmp_path / "talk.mp4")
    (tmp_path / "words.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nHello there\n")
    (tmp_path / "page.srt").write_text("<html>not found</html>")
    code, out, err = run("index", film, "--subtitles", tmp_path / "words.vtt", "--subtitles", tmp_path / "page.srt")
    assert code == 0 and "note: page.srt was left out: it is no subtitle file" in err
    assert "Hello there" in run("show", out.split()[0])[1]
    code, _, err = run("index", film, film, "--subtitles", tmp_path / "words.vtt")
    assert code == 2 and "belongs to one video" in err


def test_export_writes_one_language(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    film = colour_video(tmp_path / "talk.mp4")
    (tmp_path / "talk.en.srt").write_text(srt(CUES))
    (tmp_path / "talk.zh.srt").write_text(srt([(1.0, 3.0, "港口已经关闭了")]))
    video_id = json.loads(run("index", film, "--json")[1])["video_id"]
    assert run("export", video_id)[1].count("-->") == 2
    chinese = run("export", video_id, "--language", "zh", "--format", "vtt")[1]
    assert "港口已经关闭了" in chinese and chinese.count("-->") == 1
    code, _, err = run("export", video_id, "--language", "fr")
    assert code == 2 and "in 'fr'; languages it has: en, zh" in err


def test_the_page_serves_the_language_that_is_asked_for(engine: Engine, indexed: Video) -> None:
    for language, text in (("en", "hello"), ("de", "hallo"), ("de", "Welt")):
        engine.library.add_passages(
            indexed.id, "speech", [(1.0, 2.0, text)], np.ones((1, 4)), language=language, origin=f"file:{text}.srt"
        )
    client = web_client(engine)
    assert "hello" in client.get(f"/media/{indexed.id}/transcript.vtt?language=en").text
    assert "hallo" not in client.get(f"/media/{indexed.id}/transcript.vtt?language=en").text
    assert client.get(f"/media/{indexed.id}/transcript.srt?language=fr").status_code == 404


def upload(on: Handlers, session: Session, path: Path, first: bool = True) -> str:
    """Sends a file to the page; returns the notices."""

    async def body() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    token = asyncio.run(on.uploads.receive(LOCAL_OWNER, "", path.name, path.stat().st_size, body()))
    event = SimpleNamespace(_data={"token": token, "first": first})
    *_, last = on.upload(session, request(), event)  # type: ignore[arg-type]
    return str(last[0])


def test_subtitles_that_are_sent_with_a_video_join_it(engine: Engine, tmp_path: Path) -> None:
    on, session = page_handlers(engine), Session()
    (tmp_path / "talk.en.srt").write_text(srt(CUES))
    assert upload(on, session, colour_video(tmp_path / "talk.mp4")) == ""
    assert upload(on, session, tmp_path / "talk.en.srt", first=False) == ""
    work(engine)
    (video,) = engine.library.videos()
    assert said(engine, video) == [("file:talk.en.srt", "en", text) for _, _, text in CUES]


def test_subtitles_join_a_video_of_the_library_and_others_are_told_why_not(
    engine: Engine, indexed: Video, tmp_path: Path
) -> None:
    on, session = page_handlers(engine), Session()
    (tmp_path / "colours.srt").write_text(srt(CUES))
    (tmp_path / "stranger.srt").write_text(srt(CUES))
    (tmp_path / "colours.de.srt").write_text("Dear friend")
    assert "colours.srt was added to “colours.mp4”" in upload(on, session, tmp_path / "colours.srt")
    assert "stranger.srt belongs to no video here" in upload(on, session, tmp_path / "stranger.srt")
    assert "colours.de.srt was left out: it is no subtitle file" in upload(on, session, tmp_path / "colours.de.srt")
    work(engine)
    assert len(said(engine, indexed)) == 2
    assert len(engine.library.videos()) == 1
