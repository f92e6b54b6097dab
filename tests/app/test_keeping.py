"""Backup, restore and repair on the command line, and what a damaged library makes of every other command."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import server
from app.cli import main
from app.engine import Engine
from app.settings import Settings
from retrieval.store.comments import Comments
from retrieval.store.folder import DATABASE
from retrieval.store.records import Video
from tests.app.conftest import colour_video, web_client
from tests.fakes import FakeModels
from tests.ports import free_port

LINES = [f"The ferry number {number} leaves at nine." for number in range(300)]


@pytest.fixture(autouse=True)
def quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A library that a process has left, and the id of its video."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.engine.Models", lambda profile: FakeModels())
        patch.setattr("app.commands.index.print_json", lambda value: None)
        assert main(["--data-dir", str(folder / "data"), "index", str(colour_video(folder / "a.mp4")), "--json"]) == 0
    library = Engine(Settings(folder / "data")).library
    (video,) = library.videos()
    vectors = np.asarray(FakeModels().passages.embed(LINES), np.float32)
    library.add_passages(video.id, "speech", [(1.0, 2.0, line) for line in LINES], vectors)
    Comments(library).add(video.id, 1.0, "so it begins")
    library.db.close()
    library.db._use.lock.close()
    return folder / "data", video.id


@pytest.fixture
def data(filled: tuple[Path, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled[0], tmp_path / "data"))


@pytest.fixture
def unserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` does everything but listen."""
    monkeypatch.setattr(server.PromptServer, "run", lambda self: None)


def run(data: Path, *arguments: str) -> int:
    return main(["--data-dir", str(data), *arguments])


def flip(path: Path, count: int, seed: int) -> None:
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(count):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


@pytest.mark.usefixtures("unserved")
@pytest.mark.parametrize("count", [2, 200])
@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_never_end_in_a_traceback(
    data: Path, filled: tuple[Path, str], capsys: pytest.CaptureFixture[str], seed: int, count: int
) -> None:
    flip(data / DATABASE, count, seed)
    commands = [["list"], ["list", "--json"], ["show", filled[1]], ["show", filled[1], "--json"], ["export", filled[1]]]
    commands += [["comments", filled[1]], ["chats"], ["serve", "--port", str(free_port())]]
    for command in commands:
        code = run(data, *command)  # an exception would end the test
        told = capsys.readouterr().err
        assert code in ((0, 1) if count == 200 else (0, 1, 2)) and "Traceback" not in told
        if code == 1:
            assert "damaged" in told and "cuepoint repair" in told and len(told.strip().splitlines()) == 1
    if count == 200:
        assert code == 1, "serving begins with a look at the whole file"
    copy = Path(shutil.copytree(data, data.parent / "copy"))  # Gradio keeps the app of `serve`, and with it the library
    assert run(copy, "repair") == 0
    assert run(copy, "list") == 0 and run(copy, "serve", "--port", str(free_port())) == 0


def test_a_database_of_no_length_is_named_and_left_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / DATABASE).write_bytes(b"")
    for command in ("list", "serve"):
        assert run(data, command) == 1
        told = capsys.readouterr().err.strip()
        assert "is empty" in told and "cuepoint restore FILE" in told and len(told.splitlines()) == 1
    assert (data / DATABASE).stat().st_size == 0


def test_a_truncated_database_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (data / DATABASE).read_bytes()
    for length in (10, 100, 5000, len(whole) // 2, len(whole) - 1):
        (data / DATABASE).write_bytes(whole[:length])
        assert run(data, "list") == 1
        assert "is damaged" in capsys.readouterr().err


def test_backup_and_restore_keep_their_contracts(
    data: Path, filled: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str, home: Path = data, code: int = 0) -> Any:
        assert run(home, *arguments, "--json") == code
        return json.loads(capsys.readouterr().out)

    target, home = tmp_path / "b.zip", tmp_path / "elsewhere"
    done = said("backup", str(target), "--with-media")
    assert (
        set(done) == {"file", "bytes", "videos", "files", "with_media"} and done["videos"] == 1 and done["with_media"]
    )
    restored = said("restore", str(target), home=home)
    assert set(restored) == {"data_dir", "videos", "files", "without_copy", "kept_as"} and restored["kept_as"] is None
    shown = said("show", filled[1], home=home)
    assert len(shown["passages"]) == len(LINES) and Path(shown["media_path"]).is_relative_to(home)
    assert run(home, "restore", str(target)) == 1
    assert "--force" in capsys.readouterr().err
    assert Path(said("restore", str(target), "--force", home=home)["kept_as"]).is_dir()
    target.write_bytes(target.read_bytes()[:-100])
    assert run(home, "restore", str(target)) == 3
    told = capsys.readouterr().err.strip()
    assert "b.zip" in told and len(told.splitlines()) == 1
    assert said("repair", home=home) == {
        "data_dir": str(home), "damaged": False, "kept_as": None, "saved": {}, "lost": {}, "seen_anew": 0
    }  # fmt: skip
    flip(home / DATABASE, 200, 1)
    repaired = said("repair", home=home)
    assert repaired["damaged"] and Path(repaired["kept_as"]).exists() and repaired["saved"]["passages"] > 0


def test_damage_while_the_app_runs_is_told(engine: Engine, indexed: Video) -> None:
    with web_client(engine, raise_server_exceptions=False) as client:
        assert client.get(f"/media/{indexed.id}/comments").status_code == 200
        engine.library.db.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path = engine.library.db.path
        path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
        reply = client.get(f"/media/{indexed.id}/comments")
        assert reply.status_code == 500 and "cuepoint repair" in reply.json()["detail"]


@pytest.mark.parametrize("place", ["file/data", "file", "/proc/cuepoint", "~nobody-of-that-name/data", "a\0b"])
@pytest.mark.usefixtures("unserved")
def test_a_folder_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "file").touch()
    folder = place if place.startswith(("/", "~")) else str(tmp_path / place)
    for command in ("serve", "list", "worker"):
        assert main(["--data-dir", folder, command]) in (1, 2)
        told = capsys.readouterr().err.strip()
        assert "cannot be used" in told and len(told.splitlines()) == 1


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
@pytest.mark.parametrize("filled_before", [True, False])
def test_a_read_only_folder_is_one_sentence(data: Path, filled_before: bool) -> None:
    folder = data if filled_before else data.parent / "empty"
    folder.mkdir(exist_ok=True)
    for path in (*folder.glob("*"), folder):
        path.chmod(0o555)
    powerless = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"] if os.getuid() == 0 else []
    for command in ("serve", "list"):
        call = [*powerless, sys.executable, "-m", "app", "--data-dir", str(folder), command]
        done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1 and "cannot be used" in done.stderr and "Traceback" not in done.stderr
    for path in (*folder.glob("*"), folder):
        path.chmod(0o755)
