"""A web app with models that take milliseconds, served from this process, and indexed by a thread of it.

And Chromium to look at it with: Playwright is imported only by the tests that need it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import ASGIApp

from app.access.policy import Policy
from app.engine import Engine
from app.server import create_app
from app.settings import Settings
from app.uploads import Uploads
from model.errors import CuepointError
from retrieval.index.ingest import run_job
from retrieval.store.records import Video
from tests.chromium import find_chromium
from tests.fakes import ColourEncoder, FakeModels, Features, Scripted
from tests.media_factory import Scene, make_video
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from app.page.handlers import Handlers

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)
SCENE_S = 4.0
_START_LIMIT_S = 60.0
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
_PATIENCE_MS = 30_000


class SlowSpeaker(Scripted):
    """Says its words one by one, slowly enough to be watched."""

    word_s = 0.0

    def stream(self, *args: object, **kwargs: object) -> Generator[str, None, None]:
        for word in super().stream(*args, **kwargs):  # type: ignore[arg-type]
            time.sleep(self.word_s)
            yield word


class SlowEyes(ColourEncoder):
    look_s = 0.0

    def encode_frames(self, frames: object) -> Features:
        time.sleep(self.look_s)
        return super().encode_frames(frames)  # type: ignore[arg-type]


def web_client(engine: Engine, policy: Policy | None = None, **options: Any) -> TestClient:
    """A client of the app, as a program on the same machine would ask it."""
    options = {"base_url": "http://127.0.0.1:7860"} | options
    return TestClient(create_app(engine, supervise=False, policy=policy), **options)


def page_handlers(engine: Engine) -> Handlers:
    """What the page does on its events, without a page."""
    from app.page.handlers import Handlers
    from app.page.views import Views

    return Handlers(engine, Views(engine), Uploads(engine.library, engine.settings))


def colour_video(path: Path, *colours: tuple[int, int, int], text: str | None = None) -> Path:
    """Scenes of 4 s: red, green and blue unless others are given."""
    scenes = [Scene(SCENE_S, colour, text=text) for colour in colours or (RED, GREEN, BLUE)]
    return make_video(path, scenes, fps=10, size=(320, 180))


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = Engine(Settings(data_dir=tmp_path / "data"))
    models = FakeModels("The picture is green.")
    models.vision, models.decoder = SlowEyes(), SlowSpeaker("The picture is green.")
    engine.models = models  # type: ignore[assignment]
    return engine


@pytest.fixture
def indexed(engine: Engine, tmp_path: Path) -> Video:
    """A red, a green and a blue scene of 4 s each, indexed."""
    _, job = engine.add(colour_video(tmp_path / "colours.mp4"))
    assert job is not None
    claimed = engine.jobs.claim("test", job.id)
    assert claimed is not None
    return run_job(engine.library, engine.models, claimed)


@dataclass
class Served:
    url: str
    engine: Engine


@pytest.fixture
def served(engine: Engine) -> Iterator[Served]:
    """The app at a port of its own; queued videos are indexed beside it."""
    done = threading.Event()
    worker = threading.Thread(target=_work, args=(engine, done))
    worker.start()
    with serving(create_app(engine, supervise=False)) as url:
        yield Served(url, engine)
        done.set()
    worker.join(20)


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The address of an app that is served from a thread of this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, _START_LIMIT_S)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(20)


def _work(engine: Engine, done: threading.Event) -> None:
    while not done.wait(0.1):
        job = engine.jobs.claim("test")
        if job is not None:
            try:
                run_job(engine.library, engine.models, job)
            except CuepointError:
                continue  # recorded with the job
    engine.library.db.close()


def answer_slowly(engine: Engine, monkeypatch: pytest.MonkeyPatch, step_s: float = 0.1) -> None:
    """Each step of an answer can be watched: what comes too fast for a page is left out."""
    ask = engine.answerer.ask

    def slowly(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for answer in ask(*args, **kwargs):
            yield answer
            time.sleep(step_s)

    monkeypatch.setattr(engine.answerer, "ask", slowly)


def wait_until(true: Callable[[], object], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """Chromium, with arguments beside the usual ones."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE_MS)
    chromium = find_chromium()
    assert chromium, "no Chromium: `python -m tests.chromium` installs one; -m 'not browser' leaves these tests out"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*_ARGUMENTS, *arguments])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens the app; afterwards, nothing may have been asked of another origin and no script may have failed."""
    asked: list[str] = []
    failures: list[str] = []
    contexts = []

    def open_page(path: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1360, "height": 860}, "locale": "en-US"} | options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(served.url + path)
        page.locator("#cards .area-title").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked
    assert [url for url in asked if not url.startswith((served.url, "data:", "blob:"))] == []
    assert failures == []
