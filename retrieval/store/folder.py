"""The data folder: who uses it, whether there is a library in it, and how its files are exchanged all at once.

Every process that has the library open holds a shared lock on DATA/cuepoint.lock; one that exchanges files holds an
exclusive one. An exchange is first prepared in DATA/exchange/. Once its plan lies there it is carried out, if need be
by the next process that opens the library: one killed at any point leaves either the old files or the new ones.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from model.errors import CuepointError
from retrieval.store.damage import DamagedLibrary, MissingDatabase, unusable

DATABASE = "cuepoint.sqlite3"
BESIDE = ("-wal", "-shm")  # what SQLite keeps beside a database
LOCK = "cuepoint.lock"
HEADER_BYTES = 100
MAGIC = b"SQLite format 3\0"
_MARK = b"A Cuepoint library is in this folder. Leave this file where it is.\n"
_WAIT_S = 10.0  # for another process that exchanges the files


# -- who uses it ---------------------------------------------------------------------------------


@dataclass
class Use:
    """As long as this object lives the folder's files are not exchanged."""

    lock: BinaryIO
    was_broken_off: bool  # nobody used the library, and the last one who did had no time to close it

    def mark(self) -> None:
        """Write down that there is a library here."""
        if os.fstat(self.lock.fileno()).st_size == 0:
            os.write(self.lock.fileno(), _MARK)


def use(folder: Path) -> Use:
    """Take part in the use of a folder, which is made if need be. Carries out an exchange that was broken off.

    Raises CuepointError when the folder cannot be written, or when its files are being exchanged for long.
    """
    lock = _lock_file(folder)
    deadline = time.monotonic() + _WAIT_S
    while True:
        if _locked(lock, fcntl.LOCK_EX):
            finish_exchange(folder)
            broken_off = _size(folder / f"{DATABASE}-wal") > 0
            fcntl.flock(lock, fcntl.LOCK_SH)
            return Use(lock, broken_off)
        if _locked(lock, fcntl.LOCK_SH):
            if not _plan_file(folder).exists():
                return Use(lock, False)
            fcntl.flock(lock, fcntl.LOCK_UN)  # its exchange was broken off this moment
        if time.monotonic() > deadline:
            raise CuepointError(f"The library in {folder} is being restored or repaired; try again when that is done.")
        time.sleep(0.05)


@contextlib.contextmanager
def used_alone(folder: Path) -> Iterator[None]:
    """Nobody else has the library open inside this context. Raises CuepointError if somebody has."""
    lock = _lock_file(folder)
    with lock:
        if not _locked(lock, fcntl.LOCK_EX):
            raise CuepointError(f"The library in {folder} is in use; stop Cuepoint, then try again.")
        finish_exchange(folder)
        try:
            yield
        finally:
            if not _plan_file(folder).exists():
                shutil.rmtree(_staging(folder), ignore_errors=True)


def _lock_file(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a+b")
    except (OSError, ValueError) as error:
        raise unusable(folder, getattr(error, "strerror", None) or error) from error


def _locked(lock: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# -- what is in it -------------------------------------------------------------------------------


def check_database_file(path: Path) -> None:
    """A look at the file before SQLite opens it. Costs nothing. Raises DamagedLibrary, MissingDatabase."""
    size = _size(path)
    if size <= 0:
        if holds_remains(path.parent):
            raise MissingDatabase(path, "is gone" if size < 0 else "is empty")
        return
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise DamagedLibrary(path, "it does not begin as a database does")
    page_size, changed, pages, valid_for = struct.unpack_from(">16xH6xII60xI", header)
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):
        raise DamagedLibrary(path, f"a page size of {page_size}")
    journal_is_empty = _size(path.with_name(f"{path.name}-wal")) <= 0
    if journal_is_empty and changed == valid_for and pages * page_size > size:
        raise DamagedLibrary(path, f"{pages * page_size - size:,} bytes are missing at its end")


def holds_remains(folder: Path) -> bool:
    """Whether there was a library in a folder without a database."""
    return (
        _size(folder / LOCK) > 0
        or _size(folder / f"{DATABASE}-wal") > 0
        or any(next(iter(_entries(folder / name)), None) for name in ("videos", "indexes"))
    )


def _entries(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from folder.iterdir()


def _size(path: Path) -> int:
    """In bytes; -1 for a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


# -- exchanging its files ------------------------------------------------------------------------


@dataclass(frozen=True)
class Exchange:
    """`new`: names of files and folders that come in. `old`: what goes, by the name it is kept under, or None."""

    new: list[str]
    old: dict[str, str | None] = field(default_factory=dict)


def new_files(folder: Path) -> Path:
    """An empty place for what is to come in. Only inside `used_alone`."""
    shutil.rmtree(_staging(folder), ignore_errors=True)
    place = _staging(folder) / "new"
    place.mkdir(parents=True)
    return place


def exchange(folder: Path, plan: Exchange) -> None:
    """Let what lies in `new_files` take its place. All or nothing, whenever the process is killed."""
    for name in plan.new:
        _sync(_staging(folder) / "new" / name)
    draft = _plan_file(folder).with_suffix(".part")
    draft.write_text(json.dumps({"new": plan.new, "old": plan.old}), encoding="utf-8")
    _sync(draft)
    draft.replace(_plan_file(folder))
    _sync(_staging(folder), recursive=False)
    finish_exchange(folder)


def finish_exchange(folder: Path) -> None:
    """Carry out a plan, from wherever it was broken off; without one, what was being prepared is dropped."""
    if not _staging(folder).exists():
        return
    if _plan_file(folder).exists():
        plan = Exchange(**json.loads(_plan_file(folder).read_text(encoding="utf-8")))
        waiting = [name for name in plan.new if (_staging(folder) / "new" / name).exists()]
        for name, kept in plan.old.items():
            if name not in plan.new or name in waiting:  # otherwise the new one is in its place already
                _put_away(folder / name, folder / kept if kept else None)
        for name in waiting:
            (_staging(folder) / "new" / name).replace(folder / name)
        _sync(folder, recursive=False)
        _plan_file(folder).unlink()
    shutil.rmtree(_staging(folder), ignore_errors=True)


def _put_away(old: Path, kept: Path | None) -> None:
    if not old.exists():
        return
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        old.replace(kept)
    elif old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink()


def _staging(folder: Path) -> Path:
    return folder / "exchange"


def _plan_file(folder: Path) -> Path:
    return _staging(folder) / "plan.json"


def _sync(path: Path, recursive: bool = True) -> None:
    """Onto the disk: a file, or a folder with what is in it."""
    if recursive and path.is_dir():
        for child in path.iterdir():
            _sync(child)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
