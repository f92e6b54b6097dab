"""The web app's own routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.engine import Engine
from retrieval.store.records import Video
from tests.app.conftest import colour_video, web_client
from tests.fakes import DIM


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


def test_health(client: TestClient) -> None:
    reply = client.get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "Cuepoint" in page.text
    loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']([^\"']+)", page.text)
    loaded += re.findall(
        r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')]+)", page.text + client.get("/theme.css").text
    )
    assert loaded
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []


def test_a_video_is_served_in_ranges(client: TestClient, indexed: Video) -> None:
    assert indexed.media_path is not None
    content = Path(indexed.media_path).read_bytes()
    whole = client.get(f"/media/{indexed.id}")
    assert whole.status_code == 200 and whole.content == content
    assert whole.headers["accept-ranges"] == "bytes" and whole.headers["content-type"] == "video/mp4"
    part = client.get(f"/media/{indexed.id}", headers={"Range": "bytes=100-299"})
    assert part.status_code == 206 and part.content == content[100:300]
    assert part.headers["content-range"] == f"bytes 100-299/{len(content)}"
    assert client.get(f"/media/{indexed.id}", headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert client.head(f"/media/{indexed.id}").headers["content-length"] == str(len(content))


def test_pictures_of_a_video(client: TestClient, indexed: Video) -> None:
    for name in ("thumbnail/0.jpg", "filmstrip.jpg"):
        reply = client.get(f"/media/{indexed.id}/{name}")
        assert reply.status_code == 200 and reply.content[:2] == b"\xff\xd8", name
    assert client.get(f"/media/{indexed.id}/thumbnail/999.jpg").status_code == 404


def test_a_transcript_as_subtitles(client: TestClient, engine: Engine, indexed: Video) -> None:
    engine.library.add_passages(indexed.id, "speech", [(1.0, 2.0, "A <b>word</b>")], np.ones((1, DIM), np.float32))
    vtt = client.get(f"/media/{indexed.id}/transcript.vtt")
    assert vtt.headers["content-type"].startswith("text/vtt") and "&lt;b&gt;word" in vtt.text
    srt = client.get(f"/media/{indexed.id}/transcript.srt?download=1")
    assert "colours.srt" in srt.headers["content-disposition"] and "00:00:01,000 --> 00:00:02,000" in srt.text
    assert client.get(f"/media/{indexed.id}/transcript.exe").status_code == 404


def test_somebody_elses_video_is_not_there(client: TestClient, engine: Engine, tmp_path: Path) -> None:
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    engine.library.update_video(theirs.id, media_path=str(tmp_path / "theirs.mp4"))
    for place in ("", "/thumbnail/0.jpg", "/filmstrip.jpg", "/transcript.vtt"):
        assert client.get(f"/media/{theirs.id}{place}").status_code == 404


@pytest.mark.parametrize("place", ["..%2f..%2fcuepoint.sqlite3", "x/thumbnail/..%2f..%2fcuepoint.jpg", "nothing"])
def test_nothing_outside_a_videos_folder_is_served(client: TestClient, place: str) -> None:
    assert client.get(f"/media/{place}").status_code in (404, 422)


def test_gradio_serves_no_file_of_the_library(client: TestClient, indexed: Video) -> None:
    for path in (indexed.media_path, str(Path(str(indexed.media_path)).parents[2] / "cuepoint.sqlite3")):
        assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)
