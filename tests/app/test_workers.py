from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from app import workers
from app.settings import Settings
from app.workers import Supervisor


def starts(tmp_path: Path, program: str, seconds: float) -> int:
    """How often a worker that runs `program` is started in so many seconds."""
    supervisor = Supervisor(Settings(tmp_path))
    marks = tmp_path / "marks"
    supervisor.command = [sys.executable, "-S", "-c", f"open({str(marks)!r}, 'a').write('x')\n{program}"]
    supervisor.start()
    time.sleep(seconds)
    supervisor.stop()
    assert all(process.poll() is not None for process in supervisor.processes)
    return len(marks.read_text())


def test_a_worker_that_ends_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHECK_S", 0.05)
    assert starts(tmp_path, "", 1.0) >= 2


def test_one_that_always_ends_is_started_ever_more_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHECK_S", 0.05)
    assert starts(tmp_path, "", 3.0) <= 7  # at an even pace it would be about forty


def test_one_that_runs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHECK_S", 0.05)
    assert starts(tmp_path, "import time; time.sleep(60)", 1.0) == 1
