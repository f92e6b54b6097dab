"""Who uses the data folder, what is seen to be damaged before it is opened, and exchanges that are broken off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from model.errors import CuepointError
from retrieval.store import folder as folders
from retrieval.store.damage import DamagedLibrary, MissingDatabase
from retrieval.store.folder import DATABASE, LOCK, Exchange, exchange, finish_exchange, new_files, use, used_alone
from retrieval.store.library import Library
from retrieval.store.records import Video


def test_a_new_folder_just_works(tmp_path: Path) -> None:
    assert Library(tmp_path / "new" / "deeper").videos() == []
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / DATABASE).touch()
    assert Library(tmp_path / "empty").videos() == []


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("sign", ["videos/0123/playable.mp4", "indexes/text.faiss", f"{DATABASE}-wal", LOCK])
def test_a_library_without_its_database_is_not_taken_for_a_new_one(tmp_path: Path, sign: str, gone: bool) -> None:
    (tmp_path / sign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / sign).write_bytes(b"something")
    if not gone:
        (tmp_path / DATABASE).touch()
    with pytest.raises(MissingDatabase, match=r"restore FILE.*repair") as raised:
        Library(tmp_path)
    assert ("is gone" if gone else "is empty") in str(raised.value)
    assert (tmp_path / DATABASE).exists() is not gone and (tmp_path / sign).exists()


def test_what_was_a_library_once_is_remembered(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.db.close()
    del library
    (tmp_path / DATABASE).write_bytes(b"")
    with pytest.raises(MissingDatabase):
        Library(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda content: b"no" + content[2:], lambda content: content[:50], lambda content: content[:-4096]]
)
def test_a_wrong_header_and_a_short_file_are_named(library: Library, video: Video, damage) -> None:  # type: ignore[no-untyped-def]
    path = library.db.path
    library.db.close()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedLibrary, match=r"is damaged .*repair.*restore"):
        Library(path.parent)


def test_processes_share_a_library_and_none_may_exchange_it_meanwhile(tmp_path: Path) -> None:
    held = use(tmp_path)
    assert use(tmp_path)
    with pytest.raises(CuepointError, match="in use"), used_alone(tmp_path):
        pass
    del held


def test_who_waits_too_long_for_an_exchange_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_WAIT_S", 0.1)
    with used_alone(tmp_path), pytest.raises(CuepointError, match="restored or repaired"):
        use(tmp_path)


def test_many_processes_may_begin_a_library_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from retrieval.store.library import Library; Library(Path(sys.argv[1]))"
    )
    begun = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "data")]) for _ in range(6)]
    assert [process.wait(60) for process in begun] == [0] * 6


class Killed(BaseException):
    pass


@pytest.mark.parametrize("steps", range(12))
def test_an_exchange_that_is_killed_at_any_step_is_finished_or_never_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    old = {"a": "old a", "b": "old b", "only-old": "old"}
    new = {"a": "new a", "b": "new b", "only-new": "new"}
    for name, text in old.items():
        (tmp_path / name).write_text(text)
    place = new_files(tmp_path)
    for name, text in new.items():
        (place / name).write_text(text)
    left = steps
    replace, unlink = Path.replace, Path.unlink

    def counted(change):  # type: ignore[no-untyped-def]
        def change_or_die(path: Path, *arguments: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return change(path, *arguments, **options)

        return change_or_die

    monkeypatch.setattr(Path, "replace", counted(replace))
    monkeypatch.setattr(Path, "unlink", counted(unlink))
    plan = Exchange(list(new), {"a": "kept/a", "b": None, "only-old": "kept/only-old", "never-was": "kept/x"})
    killed = False
    try:
        exchange(tmp_path, plan)
    except Killed:
        killed = True
    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Path, "unlink", unlink)
    assert killed is (steps < 8)  # more steps than that there are not
    finish_exchange(tmp_path)
    here = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    if steps == 0:
        assert here == old
    else:
        assert here == new
        assert {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()} == {
            "a": "old a", "only-old": "old"
        }  # fmt: skip
    assert not (tmp_path / "exchange").exists()
