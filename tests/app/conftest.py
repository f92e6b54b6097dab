"""A web app with models that take milliseconds, served from this process, and indexed by a thread of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from app.engine import Engine
from app.server import create_app
from app.settings import Settings
from model.errors import CuepointError
from retrieval.ingest import run_job
from retrieval.records import Video
from tests.fakes import ColourEncoder, FakeModels, Features, Scripted
from tests.media_factory import Scene, make_video
from tests.ports import free_port

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)
SCENE_S = 4.0
_START_LIMIT_S = 60.0


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
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(engine, supervise=False), port=port, log_level="warning", timeout_graceful_shutdown=1)
    )
    done = threading.Event()
    threads = [threading.Thread(target=server.run, daemon=True), threading.Thread(target=_work, args=(engine, done))]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.started, _START_LIMIT_S)
    yield Served(f"http://127.0.0.1:{port}/", engine)
    done.set()
    server.should_exit = True
    for thread in threads:
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


def wait_until(true: Callable[[], object], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
