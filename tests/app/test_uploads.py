"""Files on their way in: what is taken, what is refused, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app import uploads as module
from app.engine import Engine
from app.uploads import Refused, Uploads
from model.errors import UsageError
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Video
from tests.app.conftest import colour_video, page_handlers, web_client

GB = 1 << 30


@pytest.fixture
def uploads(engine: Engine) -> Uploads:
    return Uploads(engine.library, engine.settings, free_bytes=lambda: 100 * GB)


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


def sent(uploads: Uploads, content: bytes, name: str = "a.mp4", length: int | None = None, sender: str = "me") -> str:
    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 1000):
            yield content[at : at + 1000]

    size = len(content) if length is None else length
    return asyncio.run(uploads.receive(LOCAL_OWNER, sender, name, size, body()))


def left(uploads: Uploads) -> list[Path]:
    return list(uploads.folder.iterdir()) if uploads.folder.exists() else []


def test_a_file_arrives_whole_and_is_taken_once(uploads: Uploads) -> None:
    content = os.urandom(3_000_000)
    token = sent(uploads, content, "my film.mp4")
    with uploads.taken(token, LOCAL_OWNER) as path:
        assert path.read_bytes() == content and path.name == "my film.mp4"
        with pytest.raises(UsageError, match="not here any more"), uploads.taken(token, LOCAL_OWNER):
            pass
    assert left(uploads) == []


def test_another_owners_upload_is_not_there(uploads: Uploads) -> None:
    token = sent(uploads, b"1")
    with pytest.raises(UsageError), uploads.taken(token, "somebody"):
        pass
    with uploads.taken(token, LOCAL_OWNER):
        pass


@pytest.mark.parametrize("kind", ["link", "folder", "device", "gone"])
def test_only_a_regular_file_is_taken(uploads: Uploads, tmp_path: Path, kind: str) -> None:
    token = sent(uploads, b"1")
    (path,) = uploads.folder.glob("*/a.mp4")
    path.unlink()
    if kind == "link":
        (tmp_path / "secret").write_text("secret")
        path.symlink_to(tmp_path / "secret")
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        os.mkfifo(path)
    with pytest.raises(UsageError), uploads.taken(token, LOCAL_OWNER):
        pass


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\a.mp4", "a.mp4"),
        ("/", "video"),
        ("..", "video"),
        ("", "video"),
        (".hidden", "hidden"),
        ("a\0b\n.mp4", "ab.mp4"),
        ("half \ud800.mp4", "half .mp4"),
        ("猫.mp4", "猫.mp4"),
    ],
)
def test_names_are_made_harmless(uploads: Uploads, name: str, kept: str) -> None:
    with uploads.taken(sent(uploads, b"1", name), LOCAL_OWNER) as path:
        assert path.name == kept and path.parent.parent == uploads.folder


def test_long_names_are_cut(uploads: Uploads) -> None:
    with uploads.taken(sent(uploads, b"1", "猫" * 300 + ".mp4"), LOCAL_OWNER) as path:
        assert path.name.endswith("猫.mp4") and len(path.name.encode()) <= 200


def test_what_does_not_arrive_whole_is_not_kept(uploads: Uploads) -> None:
    for length in (4, 6):
        with pytest.raises(Refused) as refused:
            sent(uploads, b"12345", length=length)
        assert refused.value.status == 400
    with pytest.raises(Refused, match="is empty"):
        sent(uploads, b"")
    assert left(uploads) == []


def test_a_sender_who_falls_silent_is_given_up(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALLED_S", 0.05)

    async def body() -> AsyncIterator[bytes]:
        yield b"1"
        await asyncio.sleep(5)

    with pytest.raises(Refused, match="came to a halt"):
        asyncio.run(uploads.receive(LOCAL_OWNER, "me", "a.mp4", 9, body()))
    assert left(uploads) == []


def test_the_disk_is_never_filled(engine: Engine) -> None:
    uploads = Uploads(engine.library, engine.settings, free_bytes=lambda: 5 * GB)
    uploads.check("me", "a.mp4", 2 * GB)
    with pytest.raises(Refused, match=r"Not enough disk space for a\.mp4: 4\.2 GB are needed and 4\.0 GB") as refused:
        uploads.check("me", "a.mp4", int(2.1 * GB))
    assert refused.value.status == 507
    uploads._begin(LOCAL_OWNER, "other", "b.mp4", GB)  # what it is still to bring counts as filled
    with pytest.raises(Refused, match="Not enough disk space"):
        uploads.check("me", "a.mp4", 2 * GB)


def test_a_file_and_the_library_have_a_largest_size(engine: Engine, indexed: Video) -> None:
    settings = replace(engine.settings, max_upload_bytes=GB, max_library_bytes=GB)
    uploads = Uploads(engine.library, settings, free_bytes=lambda: 100 * GB)
    with pytest.raises(Refused, match=r"uploads may have 1\.0 GB") as refused:
        uploads.check("me", "a.mp4", GB + 1)
    assert refused.value.status == 413
    with pytest.raises(Refused, match="The library is full"):
        uploads.check("me", "a.mp4", GB)
    uploads.check("me", "a.mp4", GB - engine.library.bytes_of_all())


def test_one_sender_cannot_take_every_place(uploads: Uploads) -> None:
    for _ in range(module.AT_ONCE_FROM_ONE):
        uploads._begin(LOCAL_OWNER, "greedy", "a.mp4", 1)
    with pytest.raises(Refused, match="at once") as refused:
        uploads.check("greedy", "a.mp4", 1)
    assert refused.value.status == 429
    uploads.check("modest", "a.mp4", 1)


def test_files_that_nobody_takes_up_are_limited_and_swept(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [sent(uploads, b"1") for _ in range(module.WAITING_FROM_ONE)]
    with pytest.raises(Refused, match="wait a minute"):
        sent(uploads, b"1")
    stale = uploads.folder / "of an earlier run"
    stale.mkdir()
    (stale / "film.mp4").write_bytes(b"1")
    uploads.sweep()
    assert len(left(uploads)) == len(tokens) + 1
    late = time.time() + module.KEPT_S + 1
    later = time.monotonic() + module.KEPT_S + 1
    monkeypatch.setattr(module.time, "time", lambda: late)
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    uploads.sweep()
    assert left(uploads) == [] and module.KEPT_S + module.SWEEP_S <= 3600


def test_an_upload_over_http(client: TestClient, engine: Engine) -> None:
    assert client.get("/uploads", params={"name": "a.mp4", "length": 3}).status_code == 204
    assert client.get("/uploads", params={"name": "a.mp4", "length": 10**25}).status_code == 413
    assert client.get("/uploads", params={"length": "text"}).status_code == 422
    reply = client.post("/uploads", params={"name": "a.mp4"}, content=b"123")
    assert reply.status_code == 201 and len(reply.json()["token"]) > 16
    assert client.post("/uploads", content=b"").json() == {"detail": "video is empty."}
    assert client.post("/uploads", content=(b"1" for _ in range(3))).status_code == 411  # in chunks, of unknown length
    assert client.post("/gradio_api/upload", files={"files": b"123"}).status_code == 404


def test_one_file_from_several_people_at_once_is_one_video(engine: Engine, tmp_path: Path) -> None:
    content = colour_video(tmp_path / "film.mp4").read_bytes()
    on = page_handlers(engine)
    tokens = [sent(on.uploads, content, "film.mp4") for _ in range(4)]
    taken: list[str] = []
    problems: list[Exception] = []
    together = threading.Barrier(len(tokens))

    def take_in(token: str) -> None:
        try:
            with on.uploads.taken(token, LOCAL_OWNER) as path:
                together.wait()
                taken.append(engine.add(path, LOCAL_OWNER, path.name)[0].id)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=take_in, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == [] and len(taken) == 4 and len(set(taken)) == 1
    assert len(list(engine.library.incoming.iterdir())) == 1 and left(on.uploads) == []
    assert Path(engine.library.video(taken[0]).source_path).exists()
