"""The door before Gradio: every event of the running page is walked with paths, and none of them leads to a file."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from app.access.page_door import PageDoor, is_plain
from app.engine import Engine
from app.server import create_app
from retrieval.store.records import Video
from tests.app.conftest import Served, serving

SECRET = "the secret of another user"
_QUEUE = "gradio_api/queue/"
_PATIENCE_S = 20.0


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def hostile_paths(secret: Path, engine: Engine) -> list[str]:
    """Absolute, relative, through a link, of the library, of another upload, a device, addresses."""
    link = engine.settings.data_dir / "uploads" / "linked" / "film.mp4"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(secret)
    return [
        str(secret), f"../../../../../../{secret}", str(link), "linked", "linked/film.mp4", "uploads/linked/film.mp4",
        str(engine.library.db.path), "/dev/zero", "/proc/self/environ", f"file://{secret}", "http://127.0.0.1:9/secret",
    ]  # fmt: skip


def as_files(path: str) -> list[Any]:
    """The shapes in which Gradio knows files."""
    marked = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return [
        marked, [marked], {"value": marked}, {"value": {"path": path}}, {"path": path}, [[{"file": marked}]],
        marked | {"url": path, "orig_name": "a.mp4"}, {"path": path, "is_stream": True} | marked,
    ]  # fmt: skip


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=_PATIENCE_S) as client:
        yield client


def events(client: httpx.Client) -> list[dict[str, Any]]:
    return [d for d in client.get("config").json()["dependencies"] if d["backend_fn"]]


def join(client: httpx.Client, event: dict[str, Any], data: list[Any], extra: Any = None) -> httpx.Response:
    body = {"data": data, "event_data": extra, "fn_index": event["id"], "session_hash": uuid.uuid4().hex[:12]}
    reply = client.post(f"{_QUEUE}join", json=body)
    if reply.status_code == 200:
        reply.extensions["session"] = body["session_hash"]
    return reply


def outcome(client: httpx.Client, joined: httpx.Response) -> str:
    """All that an event answered, as it was sent."""
    said = []
    with client.stream("GET", f"{_QUEUE}data", params={"session_hash": joined.extensions["session"]}) as stream:
        for line in stream.iter_lines():
            said.append(line)
            if '"process_completed"' in line or '"close_stream"' in line:
                break
    return "\n".join(said)


def holds_secret(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes()
    ]


def test_no_event_takes_a_file(client: httpx.Client, served: Served, secret: Path) -> None:
    """Each event, each of its inputs, each shape of a file; also as what comes with the event."""
    walked = events(client)
    assert len(walked) > 20
    for event in walked:
        empty: list[Any] = [None] * len(event["inputs"])
        for path in hostile_paths(secret, served.engine)[:2]:
            for shape in as_files(path):
                for place in range(len(empty)):
                    data = [*empty[:place], shape, *empty[place + 1 :]]
                    assert join(client, event, data).status_code == 422, (event["targets"], place, shape)
                assert join(client, event, empty, {"token": shape, "id": shape}).status_code == 422, event["targets"]
    assert holds_secret(served.engine.settings.data_dir) == []


def test_no_event_opens_a_path_that_it_is_told(
    client: httpx.Client, served: Served, secret: Path, indexed: Video
) -> None:
    """Words are allowed, so a path may come as words, in every input and as every field that our buttons send."""
    fields = ("token", "id", "act", "title", "text", "name", "path", "first", "position", "start", "end")
    for event in events(client):
        for path in hostile_paths(secret, served.engine):
            joined = join(client, event, [path] * len(event["inputs"]), dict.fromkeys(fields, path))
            assert joined.status_code == 200, joined.text
            assert SECRET not in outcome(client, joined), (event["targets"], path)
    assert holds_secret(served.engine.settings.data_dir) == []
    assert client.get("healthz").status_code == 200  # no device has held it up
    assert served.engine.library.video(indexed.id).status == "ready"


def test_a_new_component_that_takes_files_gets_none(tmp_path: Path, secret: Path) -> None:
    """Whoever adds an upload field of Gradio's to a page behind the door finds that it cannot be used."""
    with gr.Blocks() as blocks:
        field, shown = gr.File(), gr.Textbox()
        field.change(lambda path: Path(path).read_text(), field, shown)
    app = gr.mount_gradio_app(FastAPI(), blocks.queue(), path="/")
    _gradio(app).app = PageDoor(_gradio(app).app)
    with serving(app) as url, httpx.Client(base_url=url, timeout=_PATIENCE_S) as client:
        (event,) = events(client)
        for shape in as_files(str(secret)):
            assert join(client, event, [shape]).status_code == 422
        assert client.post("gradio_api/upload", files={"files": b"1"}).status_code == 404


def test_behind_the_door_gradio_checks_for_itself(engine: Engine, secret: Path) -> None:
    """The second lock: without the door, Gradio copies no file that was not uploaded, and opens no device."""
    app = create_app(engine, supervise=False)
    _gradio(app).app = _gradio(app).app.app  # type: ignore[attr-defined]
    with serving(app) as url, httpx.Client(base_url=url, timeout=_PATIENCE_S) as client:
        event = next(e for e in events(client) if len(e["inputs"]) == 2 and [t[1] for t in e["targets"]] == ["submit"])
        for path in (str(secret), "/dev/zero", str(engine.library.db.path)):
            joined = join(client, event, [{"path": path, "meta": {"_type": "gradio.FileData"}}, None])
            last = json.loads(outcome(client, joined).splitlines()[-1].removeprefix("data: "))
            assert last["msg"] == "process_completed" and last["success"] is False, path
        assert client.get("healthz").status_code == 200
    assert holds_secret(engine.settings.data_dir) == []


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE"])
def test_what_the_page_does_not_need_is_not_there(client: httpx.Client, secret: Path, method: str) -> None:
    for path in (
        f"gradio_api/file={secret}", f"gradio_api/file/{secret}", f"file={secret}", "gradio_api/proxy=http://127.0.0.1:9/",
        f"gradio_api/file=http://127.0.0.1:9/{secret}", "gradio_api/upload", "gradio_api/component_server",
        "gradio_api/run/predict", "gradio_api/api/predict", "gradio_api/call/ask", "gradio_api/info",
        "gradio_api/openapi.json", "gradio_api/stream/x", "gradio_api/vibe-code", "gradio_api/deep_link", "monitoring",
        "gradio_api/custom_component/x/client/component/index.js", "gradio_api/process_recording", "runs",
        "openapi.json",
        "gradio_api/run-history/records", "gradio_api/app_id", "gradio_api/dev/reload", "login_check",
    ):  # fmt: skip
        assert client.request(method, path).status_code in (404, 405), path


@pytest.mark.parametrize(
    "event",
    [
        b"", b"[]", b"no json", b"[" * 100_000, b'{"data": [{"path": "/etc/passwd"}]}', b'{"data": [[[["deep"]]]]}',
        b'{"data": [], "event_data": {"moment": {"id": 1}}}', b'{"data": ["\\ud800"]}', b'{"data": [], "request": {}}',
        b'{"data": [], "oauth_token": "x"}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_plain_event_is_refused(event: bytes) -> None:
    assert not is_plain(event)


def test_what_our_page_sends_is_plain() -> None:
    event = {"data": [None, "where is it?", True, 3.5, ["seen", "heard"]], "event_data": {"id": "a1", "start": 4.0}}
    assert is_plain(
        json.dumps(event | {"fn_index": 3, "trigger_id": 7, "session_hash": "x", "batched": False}).encode()
    )
    assert is_plain(json.dumps({"data": ["猫在哪里？"], "event_data": None}).encode())


def test_an_endless_event_is_cut_off(client: httpx.Client) -> None:
    assert client.post(f"{_QUEUE}join", content=b'{"data": ["' + b"a" * (2 << 20)).status_code == 413


def _gradio(app: FastAPI) -> Mount:
    """Where Gradio's app is mounted: the last route."""
    mount = app.routes[-1]
    assert isinstance(mount, Mount)
    return mount
