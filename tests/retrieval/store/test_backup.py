"""Backups: consistent while others write, verified before they are brought back, and brought back all or nothing."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import CuepointError
from retrieval.store.backup import MANIFEST, UnreadableBackup, back_up, restore
from retrieval.store.chats import Chats
from retrieval.store.comments import Comments
from retrieval.store.folder import DATABASE, LOCK
from retrieval.store.library import Library
from retrieval.store.records import Message, Video
from tests.fakes import FakeModels
from tests.retrieval.conftest import register

FILM = b"a film" * 1000


@pytest.fixture
def filled(library: Library, video: Video) -> Library:
    """A video with its files, an upload that waits, a chat and a comment."""
    folder = library.folder(video.id)
    for name in ("playable.mp4", "thumbnails/00000.jpg", "filmstrip.jpg", "clips/cut.mp4", ".playable.1.part.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FILM + name.encode())
    upload = library.incoming / "0123" / "upload.mp4"
    upload.parent.mkdir()
    upload.write_bytes(b"uploaded")
    library.update_video(video.id, media_path=str(folder / "playable.mp4"), source_path=str(upload.resolve()))
    vectors = FakeModels().passages.embed(["The ferry leaves at nine."])
    library.add_passages(video.id, "speech", [(1.0, 2.0, "The ferry leaves at nine.")], vectors)
    Comments(library).add(video.id, 1.0, "so it begins")
    chats = Chats(library)
    chats.add(chats.start("local", [video.id]).id, Message("user", "When does it leave?"))
    (library.data_dir / "indexes").mkdir()
    (library.data_dir / "indexes" / "text.faiss").write_bytes(b"an index")
    return library


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a database, but for the paths that name its own folder."""
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {table: [tuple(row) for row in db.execute(f"SELECT * FROM {table}")] for table in tables}
    home = str(path.parent)
    return {
        table: [tuple(x.replace(home, "HOME") if isinstance(x, str) else x for x in row) for row in found]
        for table, found in rows.items()
    }


def test_a_backup_restored_elsewhere_is_the_same_library(filled: Library, video: Video, tmp_path: Path) -> None:
    done = back_up(filled, tmp_path / "all.zip", with_media=True)
    assert (done.videos, done.files) == (1, 5) and done.bytes == done.file.stat().st_size
    restored = restore(done.file, tmp_path / "else where")
    assert (restored.videos, restored.without_copy, restored.kept_as) == (1, 0, None)
    assert content(tmp_path / "else where" / DATABASE) == content(filled.db.path)
    again = Library(tmp_path / "else where")
    assert again.match_words("ferry", None, 5)
    media = Path(again.video(video.id).media_path or "")
    assert media.is_relative_to(again.data_dir) and media.read_bytes() == FILM + b"playable.mp4"
    assert Path(again.video(video.id).source_path).read_bytes() == b"uploaded"
    kept = sorted(p.relative_to(again.folder(video.id)).as_posix() for p in again.folder(video.id).rglob("*.*"))
    assert kept == ["filmstrip.jpg", "playable.mp4", "thumbnails/00000.jpg"]
    assert not (again.data_dir / "indexes").exists() and not (again.data_dir / "exchange").exists()


def test_without_media_the_words_are_there_and_the_pictures_are_not(
    filled: Library, video: Video, tmp_path: Path
) -> None:
    done = back_up(filled, tmp_path / "words.zip")
    shutil.rmtree(filled.data_dir / "videos")
    assert done.files == 1
    restored = restore(done.file, tmp_path / "elsewhere")
    assert restored.without_copy == 1
    assert Library(tmp_path / "elsewhere").match_words("ferry", None, 5)


def test_the_manifest_has_the_sum_of_every_file(filled: Library, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "all.zip", with_media=True)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        listed = json.loads(archive.read(MANIFEST))["files"]
        assert {*listed, MANIFEST} == set(archive.namelist())
        for name, described in listed.items():
            data = archive.read(name)
            assert described == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_a_backup_is_one_state_while_others_write(filled: Library, video: Video, tmp_path: Path) -> None:
    stop, written = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():  # always two rows together
            with filled.db.transaction() as db:
                for _ in range(2):
                    db.execute(
                        "INSERT INTO comments (video_id, seconds, text, created_at) VALUES (?, 1, ?, 0)",
                        (video.id, f"pair {written[0]}"),
                    )
            written[0] += 1
        filled.db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            while written[0] < 20 * number:
                time.sleep(0.01)
            back_up(filled, tmp_path / f"{number}.zip")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        restore(tmp_path / f"{number}.zip", tmp_path / str(number))
        pairs = [row[3] for row in content(tmp_path / str(number) / DATABASE)["comments"]][1:]
        assert len(pairs) >= 2 * 20 * number and pairs[::2] == pairs[1::2]


def test_a_library_in_use_or_with_videos_is_not_overwritten(filled: Library, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.zip")
    with pytest.raises(CuepointError, match="in use"):
        restore(tmp_path / "b.zip", filled.data_dir, force=True)
    filled.db.close()
    filled.db._use.lock.close()
    before = content(filled.db.path)
    with pytest.raises(CuepointError, match="--force"):
        restore(tmp_path / "b.zip", filled.data_dir)
    assert content(filled.db.path) == before


def test_by_force_the_old_library_is_moved_aside(filled: Library, video: Video, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.zip", with_media=True)
    Comments(filled).add(video.id, 2.0, "written after the backup")
    now = content(filled.db.path)
    filled.db.close()
    filled.db._use.lock.close()
    done = restore(tmp_path / "b.zip", filled.data_dir, force=True)
    assert done.kept_as is not None
    aside = {table: rows for table, rows in content(done.kept_as / DATABASE).items() if table != "videos"}
    assert aside == {table: rows for table, rows in now.items() if table != "videos"}
    assert (done.kept_as / "videos" / video.id / "playable.mp4").exists()
    assert len(Comments(Library(filled.data_dir)).of(video.id)) == 1


@pytest.mark.parametrize("damage", [b"", b"\xff" * 9000])
def test_an_empty_or_damaged_database_needs_no_force(filled: Library, tmp_path: Path, damage: bytes) -> None:
    back_up(filled, tmp_path / "b.zip")
    before = content(filled.db.path)
    filled.db.close()
    filled.db._use.lock.close()
    filled.db.path.write_bytes(damage)
    done = restore(tmp_path / "b.zip", filled.data_dir)
    assert content(filled.db.path) == before
    assert done.kept_as is not None and (done.kept_as / DATABASE).read_bytes() == damage
    assert done.without_copy == 0, "the videos' files were never gone"


def rewrite(archive: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None]) -> None:
    """Change the files of an archive, by name, and what its manifest says."""
    with zipfile.ZipFile(archive) as old:
        files = {name: old.read(name) for name in old.namelist() if name != MANIFEST}
        manifest = json.loads(old.read(MANIFEST))
    change(files, manifest)
    with zipfile.ZipFile(archive, "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
        new.writestr(MANIFEST, json.dumps(manifest))


def add(files: dict[str, bytes], manifest: dict[str, Any], name: str, data: bytes = b"evil") -> None:
    files[name] = data
    manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "videos/../../evil", "/tmp/evil", "videos/x/../../../evil", "videos\\..\\..\\evil", "evil", "videos",
        "videos/evil", "C:/x/evil", "cuepoint.lock", "videos/./x/evil", "exchange/plan.json", "videos//x/evil",
    ],
)  # fmt: skip
def test_no_archive_writes_outside_of_the_folder(filled: Library, tmp_path: Path, name: str) -> None:
    back_up(filled, tmp_path / "b.zip")
    rewrite(tmp_path / "b.zip", lambda files, manifest: add(files, manifest, name))
    with pytest.raises(UnreadableBackup):
        restore(tmp_path / "b.zip", tmp_path / "inner" / "home")
    assert not list(tmp_path.rglob("evil*")) and not Path("/tmp/evil").exists()
    assert not (tmp_path / "inner" / "home" / DATABASE).exists()


def test_a_link_in_an_archive_is_refused(filled: Library, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as old:
        data, manifest = old.read(DATABASE), json.loads(old.read(MANIFEST))
    add({}, manifest, "videos/x/playable.mp4", b"/etc/passwd")
    link = zipfile.ZipInfo("videos/x/playable.mp4")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
        new.writestr(DATABASE, data)
        new.writestr(link, b"/etc/passwd")
        new.writestr(MANIFEST, json.dumps(manifest))
    with pytest.raises(UnreadableBackup, match="refused"):
        restore(tmp_path / "b.zip", tmp_path / "home")


def damaged_database(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    add(files, manifest, DATABASE, files[DATABASE][:3000] + b"\xff" * 9000 + files[DATABASE][12000:])


def no_library(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    add(files, manifest, DATABASE, b"")


def other_bytes(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    files[DATABASE] = files[DATABASE][:-1] + b"x"


@pytest.mark.parametrize(
    "change",
    [
        damaged_database,
        no_library,
        other_bytes,
        lambda files, manifest: manifest.update(format=99),
        lambda files, manifest: manifest.update(schema=9999),
        lambda files, manifest: manifest.update(files=[]),
        lambda files, manifest: manifest.clear(),
        lambda files, manifest: files.update({"videos/x/more": b"not listed"}),
        lambda files, manifest: files.pop(DATABASE),
    ],
)
def test_an_archive_that_is_not_what_it_says_is_refused(filled: Library, tmp_path: Path, change: Any) -> None:
    back_up(filled, tmp_path / "b.zip")
    rewrite(tmp_path / "b.zip", change)
    with pytest.raises(UnreadableBackup, match=r"b\.zip"):
        restore(tmp_path / "b.zip", tmp_path / "home")
    assert {path.name for path in (tmp_path / "home").glob("*")} <= {LOCK}


def test_a_cut_or_foreign_file_is_refused(filled: Library, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.zip", with_media=True)
    whole = (tmp_path / "b.zip").read_bytes()
    files = {"cut.zip": whole[: len(whole) // 2], "empty.zip": b"", "noise.zip": b"\x00\x01" * 5000}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme.txt", "not ours")
    for name in (*files, "other.zip", "missing.zip"):
        with pytest.raises(UnreadableBackup, match=name):
            restore(tmp_path / name, tmp_path / "home")
    assert not (tmp_path / "home" / DATABASE).exists()


def test_changed_bytes_in_an_archive_are_found(filled: Library, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.zip", with_media=True)
    whole, chance = (tmp_path / "b.zip").read_bytes(), random.Random(1)
    for number in range(40):
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        (tmp_path / "c.zip").write_bytes(changed)
        home = tmp_path / f"home{number}"
        try:
            restore(tmp_path / "c.zip", home)
        except CuepointError:
            assert not (home / DATABASE).exists()
        else:  # a byte that says nothing, a date
            assert content(home / DATABASE)["comments"] == content(filled.db.path)["comments"]


def test_a_place_that_cannot_be_written_is_named(filled: Library, tmp_path: Path) -> None:
    for target in (tmp_path / "nowhere" / "b.zip", filled.data_dir):
        with pytest.raises(CuepointError, match="cannot be written"):
            back_up(filled, target)
    (tmp_path / "file").touch()
    back_up(filled, tmp_path / "b.zip")
    with pytest.raises(CuepointError, match="cannot be used"):
        restore(tmp_path / "b.zip", tmp_path / "file" / "home")
    assert {path.name for path in tmp_path.iterdir()} == {"b.zip", "data", "file", "first.mp4"}


def test_a_damaged_database_is_not_backed_up(filled: Library, tmp_path: Path) -> None:
    filled.db.close()
    with filled.db.path.open("r+b") as file:
        file.seek(4096 * 6)
        file.write(b"\xff" * 4096 * 3)
    with pytest.raises(CuepointError, match="damaged"):
        back_up(filled, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


RESTORE = """
import sys
from pathlib import Path
from retrieval.store.backup import restore
print("go", flush=True)
restore(Path(sys.argv[1]), Path(sys.argv[2]), force=True)
"""


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(filled: Library, video: Video, tmp_path: Path) -> None:
    folder, chance = filled.data_dir, random.Random(3)
    rng = np.random.default_rng(0)
    for number in range(30):
        (filled.folder(video.id) / f"thumbnails/{number:05d}.jpg").write_bytes(rng.bytes(200_000))
    back_up(filled, tmp_path / "b.zip", with_media=True)
    new = {table: rows for table, rows in content(filled.db.path).items() if table not in ("videos", "users")}
    register(filled, tmp_path, "later")
    filled.db.close()
    filled.db._use.lock.close()
    old = {table: rows for table, rows in content(filled.db.path).items() if table not in ("videos", "users")}
    saved = tmp_path / "saved"
    shutil.copytree(folder, saved)
    outcomes = []
    for _ in range(12):
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        process = subprocess.Popen(
            [sys.executable, "-c", RESTORE, str(tmp_path / "b.zip"), str(folder)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
        time.sleep(chance.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        library = Library(folder)
        library.db.check()
        library.db.close()
        library.db._use.lock.close()
        found = {table: rows for table, rows in content(folder / DATABASE).items() if table not in ("videos", "users")}
        assert found in (old, new)
        assert (folder / "videos" / video.id / "playable.mp4").exists()
        outcomes.append(found == new)
    assert len(outcomes) == 12
