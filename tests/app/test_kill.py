"""A worker killed with -9 at random points of a run, restarted each time, ends with the index of an unbroken run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.engine import Engine
from app.settings import Settings
from tests.media_factory import Scene, make_video

pytestmark = pytest.mark.models
KILLS = 5
COLOURS = [(180, 40, 40), (40, 160, 60), (40, 60, 170), (200, 180, 60), (90, 90, 90), (20, 20, 20)]


def start_worker(data: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "app", "--data-dir", str(data), "worker"])


def fingerprint(data: Path, video_id: str) -> dict[str, object]:
    """Everything the index holds, without row numbers."""
    library = Engine(Settings(data)).library
    frames = library.video_frames(video_id)
    rows = library.db.rows("SELECT kind, vector FROM vectors WHERE video_id = ?", (video_id,))
    vectors = sorted((row["kind"], np.frombuffer(row["vector"], "<f4").round(3).tolist()) for row in rows)
    return {
        "clips": [(f.clip.number, f.clip.start, f.clip.end, f.clip.tags, f.times.tolist()) for f in frames],
        "passages": [(p.source, p.start, p.end, p.text) for p in library.passages(video_id)],
        "sightings": [(s.time, [box.text for box in s.boxes]) for s in library.sightings(video_id)],
        "vectors": vectors,
        "thumbnails": [Image.open(library.thumbnail(f.clip)).size for f in frames],
        "lanes": [
            tuple(row)
            for row in library.db.rows("SELECT lane, done FROM lanes WHERE video_id = ? ORDER BY lane", (video_id,))
        ],
    }


def test_killing_the_worker_loses_and_repeats_nothing(tmp_path: Path, speech: np.ndarray) -> None:
    scenes = [Scene(7, COLOURS[i % 6], f"CHAPTER {i + 1}" if i % 2 == 0 else None) for i in range(12)]
    path = make_video(tmp_path / "long.mp4", scenes, fps=25, size=(1280, 720), audio=speech)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    command = [sys.executable, "-m", "app", "--data-dir", str(whole), "index", str(path), "--json"]
    unbroken = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["video_id"]

    engine = Engine(Settings(broken))
    video, job = engine.add(path)
    assert job is not None
    chance = random.Random(7)
    worked: list[float] = []  # progress at each kill

    def progress() -> float:
        return sum(engine.jobs.job(job.id).lanes.values())

    for number in range(KILLS):
        worker = start_worker(broken)
        wait_until(lambda pid=worker.pid: (engine.jobs.job(job.id).worker or "").endswith(f":{pid}"), worker)
        if number % 2:  # on a slow machine no kill would leave it time: a job that gets no further is given up
            wait_until(lambda last=worked[-1]: progress() > last, worker)
        time.sleep(chance.uniform(0.05, 0.8))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worked.append(progress())
        if engine.jobs.job(job.id).status == "done":
            break
        engine.jobs.release_dead()
    worker = start_worker(broken)
    wait_until(lambda: engine.jobs.job(job.id).status in ("done", "failed"), worker)
    worker.kill()
    worker.wait()
    assert engine.jobs.job(job.id).status == "done", engine.jobs.job(job.id).error
    assert worked == sorted(worked), "finished work was lost"
    assert len(worked) == KILLS, f"the run was over after {len(worked)} kills; make the video longer"
    assert fingerprint(broken, video.id) == fingerprint(whole, unbroken)


def wait_until(condition, worker: subprocess.Popen[bytes], limit_s: float = 120) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "the worker did not get there"
        assert worker.poll() is None, "the worker ended by itself"
        time.sleep(0.02)
