"""Servers and workers end when they are told to, and leave the rest of their work to the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from app.engine import Engine
from app.settings import Settings
from tests.app.conftest import colour_video, wait_until
from tests.ports import free_port

LIMIT_S = 5.0
START_S = 60.0

BUSY_SERVER = """
import asyncio, sys, threading, time, uvicorn
from fastapi import FastAPI
from app.stopping import PromptServer

app, busy = FastAPI(), []

def answer():
    busy.append(1)
    time.sleep(60)

@app.get("/busy")
def count():
    return len(busy)

@app.get("/in-a-thread")
def route():
    answer()

@app.get("/in-the-default-pool")
async def other():
    await asyncio.to_thread(answer)

PromptServer(uvicorn.Config(app, port=int(sys.argv[1]), log_level="critical", timeout_graceful_shutdown=1)).run()
"""

WORKER = """
import sys, time
import app.engine
from app.cli import main
from tests.fakes import ColourEncoder, FakeModels

class SlowModels(FakeModels):
    def __init__(self, profile):
        super().__init__()
        encode = self.vision.encode_frames
        self.vision.encode_frames = lambda frames: (time.sleep(60 if {slow} == "seeing" else 0), encode(frames))[1]

    def warm(self, *names):
        print("loading", flush=True)
        time.sleep(60 if {slow} == "loading" else 0)

app.engine.Models = SlowModels
main(["--data-dir", {data}, "worker", *sys.argv[1:]])
"""


@contextmanager
def running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def is_up(url: str, count: int) -> bool:
    try:
        return bool(httpx.get(f"{url}/busy", timeout=2).json() >= count)
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_while_it_answers(number: signal.Signals) -> None:
    port = free_port()
    with running(BUSY_SERVER, str(port)) as server:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_up(url, 0), START_S)
        places = [*["in-a-thread"] * 5, *["in-the-default-pool"] * 2]
        asked = [subprocess.Popen([sys.executable, "-S", "-c", ask(f"{url}/{place}")]) for place in places]
        wait_until(lambda: is_up(url, len(asked)), START_S)
        server.send_signal(number)
        server.wait(LIMIT_S)
        for process in asked:
            process.kill()
            process.wait()


def ask(url: str) -> str:
    return f"import urllib.request as r\ntry: r.urlopen({url!r})\nexcept OSError: pass"


def worker_of(data: Path, slow: str) -> str:
    return WORKER.format(slow=repr(slow), data=repr(str(data)))


def test_a_worker_whose_server_dies_while_it_loads_ends(tmp_path: Path) -> None:
    parent = "import os, subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1], '--parent',"
    parent += " str(os.getpid())], stdout=subprocess.PIPE, text=True); p.stdout.readline(); print(p.pid, flush=True)"
    parent += "\nimport time; time.sleep(60)"
    with running(parent, worker_of(tmp_path, "loading")) as server:
        assert server.stdout is not None
        worker = psutil.Process(int(server.stdout.readline()))
        server.send_signal(signal.SIGKILL)
        server.wait()
        worker.wait(LIMIT_S)


def test_a_worker_whose_server_dies_while_it_indexes_ends(tmp_path: Path) -> None:
    engine, job_id = queued(tmp_path)
    parent = "import os, subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', sys.argv[1], '--parent',"
    parent += " str(os.getpid())]); print(p.pid, flush=True); time.sleep(120)"
    with running(parent, worker_of(tmp_path / "data", "seeing")) as server:
        assert server.stdout is not None
        while not (line := server.stdout.readline()).strip().isdigit():
            pass
        wait_until(lambda: engine.jobs.job(job_id).status == "running", START_S)
        server.send_signal(signal.SIGKILL)
        server.wait()
        psutil.Process(int(line)).wait(LIMIT_S)
    assert engine.jobs.job(job_id).status == "queued"


def test_a_worker_told_to_end_leaves_its_job_to_the_next_at_once(tmp_path: Path) -> None:
    engine, job_id = queued(tmp_path)
    with running(worker_of(tmp_path / "data", "seeing")) as worker:
        wait_until(lambda: engine.jobs.job(job_id).status == "running", START_S)
        time.sleep(0.5)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(LIMIT_S) == 0
    assert engine.jobs.job(job_id).status == "queued" and engine.jobs.job(job_id).attempts == 0
    assert engine.library.video(engine.jobs.job(job_id).video_id).status == "waiting"
    with running(worker_of(tmp_path / "data", "")):
        wait_until(lambda: engine.jobs.job(job_id).status == "done", START_S)


def queued(tmp_path: Path) -> tuple[Engine, str]:
    engine = Engine(Settings(tmp_path / "data"))
    _, job = engine.add(colour_video(tmp_path / "colours.mp4"))
    assert job is not None
    return engine, job.id


def test_what_serves_the_page_loads_no_models() -> None:
    program = "import sys, app.commands.serve, app.commands.worker; print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
