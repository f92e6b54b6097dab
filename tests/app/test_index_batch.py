"""`cuepoint index` with many files: none takes the others with it, and one that is stopped leaves nothing half done."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import main
from app.commands import index as command
from app.commands import worker
from app.engine import Engine
from app.settings import Settings
from retrieval.store.library import Library
from tests.fakes import FakeModels
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
    assert main(["--data-dir", str(tmp_path), "index", "--json", "odd.mp4", "good.mp4"]) == 1
    captured = capsys.readouterr()
    first, second = map(json.loads, captured.out.splitlines())
    assert "odd.mp4 could not be indexed" in first["error"] and second == {"file": "good.mp4"}
    assert "Traceback" not in captured.err and captured.err.count("\n") == 1


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that take milliseconds, and a lane with a defect that only the file odd.mp4 meets."""

    def fails(library: Library, video_id: str) -> None:
        if library.video(video_id).title == "odd.mp4":
            raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr("app.engine.Models", lambda *_: FakeModels())
    monkeypatch.setattr("retrieval.index.lanes.see.save_filmstrip", fails)


def three_files(folder: Path) -> list[Path]:
    names = ("first.mp4", "odd.mp4", "last.mp4")
    return [make_video(folder / name, [Scene(1 + n)], audio=None) for n, name in enumerate(names)]


def test_a_defect_in_a_lane_does_not_end_the_command(
    tmp_path: Path, faulty: None, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(path) for path in three_files(tmp_path)]
    assert main(["--data-dir", str(tmp_path / "data"), "index", "--json", *paths]) == 1
    first, odd, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["clips"] == last["clips"] == 1 and "ZeroDivisionError" in odd["error"]
    states = {video.title: video.status for video in Library(tmp_path / "data").videos()}
    assert states == {"first.mp4": "ready", "odd.mp4": "failed", "last.mp4": "ready"}


@pytest.mark.parametrize("saving_fails", [False, True])
def test_nor_does_it_end_the_worker(
    tmp_path: Path, faulty: None, monkeypatch: pytest.MonkeyPatch, saving_fails: bool
) -> None:
    def no_room(searcher: object) -> None:
        raise OSError(28, "No space left on device")

    if saving_fails:
        monkeypatch.setattr("retrieval.search.search.Searcher.save", no_room)
    engine = Engine(Settings.from_environment(tmp_path / "data", "embedded"))
    for path in three_files(tmp_path):
        engine.add(path)
    assert [worker._work_once(engine) for _ in range(4)] == [True, True, True, False]
    states = {video.title: video.status for video in engine.library.videos()}
    assert states == {"first.mp4": "ready", "odd.mp4": "failed", "last.mp4": "ready"}


def test_nor_does_one_request_end_a_batch(
    tmp_path: Path, faulty: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("dictionary changed size during iteration")

    engine = Engine(Settings.from_environment(tmp_path / "data", "embedded"))
    engine.add(three_files(tmp_path)[0])
    assert worker._work_once(engine)
    monkeypatch.setattr("app.commands.batch.summarize", fails)
    lines = b'{"id": 1, "op": "summary"}\n\xff\xfe\n' + b"[" * 100_000 + b'\n{"id": 2, "op": "search", "text": "red"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines), encoding="utf-8"))
    assert main(["--data-dir", str(tmp_path / "data"), "batch", "--json"]) == 0
    replies = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [reply["id"] for reply in replies] == [1, None, None, 2]
    assert "RuntimeError" in replies[0]["error"] and "results" in replies[3]


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
