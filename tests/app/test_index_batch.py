"""`cuepoint index` with many files: none takes the others with it, and one that is stopped leaves nothing half done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.commands import index as command
from app.engine import Engine
from tests.media_factory import Scene, make_video

CODE = """
import sys, time
import app.engine
from app.cli import main
from retrieval.index import ingest
from tests.fakes import FakeModels

app.engine.Models = lambda *_: FakeModels()
sys.exit(main(sys.argv[1:]))
"""


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


def test_a_defect_in_one_file_is_one_sentence_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(engine: Engine, path: Path, *_: object) -> dict[str, object]:
        if path.name == "odd.mp4":
            raise ValueError("all input arrays must have the same shape")
        return {"file": str(path)}

    monkeypatch.setattr(command, "index_file", fails)
    from app.cli import main

    assert main(["--data-dir", str(tmp_path), "index", "--json", "odd.mp4", "good.mp4"]) == 1
    captured = capsys.readouterr()
    first, second = map(json.loads, captured.out.splitlines())
    assert "odd.mp4 could not be indexed" in first["error"] and second == {"file": "good.mp4"}
    assert "Traceback" not in captured.err and captured.err.count("\n") == 1


def test_stopped_while_it_writes_it_leaves_no_part_file(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", [Scene(20)], fps=30, size=(960, 540), audio=None)
    data = tmp_path / "data"
    child = start("--data-dir", data, "index", path)
    limit = time.monotonic() + 60
    while not list(data.rglob("*.part*")):
        assert child.poll() is None and time.monotonic() < limit, child.communicate()
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 130
    assert not list(data.rglob("*.part*"))
