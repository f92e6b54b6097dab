"""Reports of videos and chats: complete, in three forms, and with nobody else's words at work in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.engine import Engine
from app.exporting import REPORTS, render_chat, render_video
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Chat, Message, Video
from tests.app.conftest import colour_video, web_client
from tests.fakes import DIM, FakeModels

EVIL = '<script>alert(1)</script> <img src=http://evil.example/x onerror="a()"> [x](javascript:a) **b** # c'


class Seen(HTMLParser):
    """Tags with their attributes, and the text of a page as a browser would take it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def video(engine: Engine, indexed: Video) -> Video:
    """A video whose title, speech and text are somebody's attempt to be more than words."""
    engine.library.update_video(indexed.id, title=EVIL)
    for source in ("speech", "text"):
        engine.library.add_passages(indexed.id, source, [(5.0, 7.0, f"{source} {EVIL}")], np.ones((1, DIM), np.float32))  # type: ignore[arg-type]
    return engine.library.video(indexed.id)


@pytest.fixture
def chat(engine: Engine, video: Video) -> Chat:
    chat = engine.chats.start(LOCAL_OWNER, [video.id])
    cited = [
        {"video_id": whose, "start": 5.0, "end": 7.0, "source": "speech", "quote": EVIL} for whose in (video.id, "x")
    ]
    engine.chats.add(chat.id, Message("user", f"What is {EVIL}?"))
    engine.chats.add(chat.id, Message("assistant", f"It is {EVIL} [0:05–0:07].", {"found": True, "citations": cited}))
    return engine.chats.chat(chat.id, LOCAL_OWNER)


def harmless(html: str, pictures: int) -> Seen:
    """Nothing runs, nothing is fetched, and there are that many pictures inside."""
    seen = Seen(html)
    names = [tag for tag, _ in seen.tags]
    assert "script" not in names and "a" not in names and "link" not in names
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    sources = [attributes["src"] or "" for tag, attributes in seen.tags if tag == "img"]
    assert len(sources) == pictures and all(source.startswith("data:image/jpeg;base64,/9j/") for source in sources)
    assert "default-src 'none'" in html
    assert EVIL in seen.text
    return seen


def test_a_videos_report_as_html_holds_everything(engine: Engine, video: Video) -> None:
    seen = harmless(render_video(engine, video, "html"), pictures=1)  # one chapter
    for words in ("Summary", "Chapters", "Looks like", "Transcript", "On-screen text", "speech <script>", "0:05–0:07"):
        assert words in seen.text


def test_a_chats_report_as_html_shows_what_it_cites(engine: Engine, chat: Chat) -> None:
    seen = harmless(render_chat(engine, chat, "html"), pictures=1)  # the other video is deleted
    assert "What is <script>" in seen.text and "heard in a deleted video" in seen.text


def test_markdown_is_words_alone(engine: Engine, video: Video, chat: Chat) -> None:
    for text in (render_video(engine, video, "md"), render_chat(engine, chat, "md")):
        assert not re.search(r"(?<!\\)<|(?<!\\)\[x|(?<!\\)\*\*b", text)
        assert text.startswith("# ") and "\\<script\\>" in text and "**0:05–0:07**" in text
    assert "## Transcript" in render_video(engine, video, "md")


def test_json_is_what_it_was(engine: Engine, video: Video, chat: Chat) -> None:
    report = json.loads(render_video(engine, video, "json"))
    assert report["title"] == EVIL and report["transcript"] == [{"start": 5.0, "end": 7.0, "text": f"speech {EVIL}"}]
    assert {"summary", "chapters", "tags", "on_screen_text", "duration", "video_id"} <= set(report)
    said = json.loads(render_chat(engine, chat, "json"))
    titles = [citation["title"] for citation in said["messages"][1]["citations"]]
    assert titles == [EVIL, None] and said["videos"] == [{"video_id": video.id, "title": EVIL}]


def test_pictures_of_somebody_elses_video_stay_out(engine: Engine, video: Video, chat: Chat) -> None:
    engine.library.update_video(video.id, owner=LOCAL_OWNER)
    engine.library.add_owner("somebody")
    engine.library.update_video(video.id, owner="somebody")
    html = render_chat(engine, chat, "html")
    assert "data:image" not in html and "in a deleted video" in html


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


def test_reports_over_http_are_saved_and_never_shown(
    client: TestClient, engine: Engine, indexed: Video, tmp_path: Path
) -> None:
    chat = engine.chats.start(LOCAL_OWNER, [indexed.id])
    engine.chats.add(chat.id, Message("user", "What is red?"))
    for address, name in (
        (f"/media/{indexed.id}/report", "colours"),
        (f"/chats/{chat.id}/export", "What%20is%20red%3F"),
    ):
        for kind in REPORTS:
            reply = client.get(f"{address}.{kind}")
            assert reply.status_code == 200 and reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}.{kind}"
        assert client.get(f"{address}.exe").status_code == 404
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    foreign = engine.chats.start("somebody", [])
    for address in (f"/media/{theirs.id}/report.md", f"/chats/{foreign.id}/export.md"):
        assert client.get(address).status_code == 404


def test_reports_by_the_command_line(
    engine: Engine,
    video: Video,
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())
    base = ["--data-dir", str(engine.settings.data_dir)]
    assert main([*base, "export", video.id, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["video_id"] == video.id
    target = tmp_path / "chat.html"
    assert main([*base, "chats", "export", chat.id, "--format", "html", "--output", str(target)]) == 0
    harmless(target.read_text(encoding="utf-8"), pictures=1)
    assert main([*base, "chats", "export", chat.id, "--output", str(tmp_path / "no" / "chat.md")]) == 1
    assert "cannot be written" in capsys.readouterr().err
