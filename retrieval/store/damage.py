"""What went wrong with the library's files, as a sentence that says what to do. No error of SQLite reaches a person."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from model.errors import CuepointError, UsageError

READING = (sqlite3.Error, UnicodeDecodeError)  # what reading a damaged file raises
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_NO_ACCESS = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_DAMAGE_WORDS = ("malformed", "no such table", "no such column", "Could not decode", "vtable constructor", "fts5 file")


class DamagedLibrary(CuepointError):
    """The database cannot be read as it should be. `cuepoint repair` and `cuepoint restore` help."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The database {path} is damaged ({_short(reason)}). `cuepoint repair` saves what can be read,"
            " `cuepoint restore FILE` brings a backup back; neither deletes it."
        )


class MissingDatabase(CuepointError):
    """The folder holds a library without its database."""

    def __init__(self, path: Path, state: str) -> None:
        super().__init__(
            f"The database {path} {state}, though there is a library in this folder; nothing was changed."
            " `cuepoint restore FILE` brings a backup back, `cuepoint repair` begins a new database."
        )


def unusable(folder: Path, reason: object) -> CuepointError:
    return CuepointError(f"The data folder {folder} cannot be used ({reason}); choose another with --data-dir.")


def told(error: Exception, path: Path) -> CuepointError | None:
    """An error of the database at `path` as a sentence; None if it is one of the program."""
    if isinstance(error, (UnicodeEncodeError, OverflowError)):
        return UsageError("The request holds a text or a number that cannot be stored; write it in another way.")
    if isinstance(error, UnicodeDecodeError):
        return DamagedLibrary(path, "a text makes no sense")
    if not isinstance(error, sqlite3.Error):
        return None
    code, reason = getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error)
    if code in _DAMAGE or any(word in reason for word in _DAMAGE_WORDS):
        return DamagedLibrary(path, reason)
    if code == sqlite3.SQLITE_FULL:
        return CuepointError("The disk is full: free some space, then retry; nothing finished so far is lost.")
    if code in _NO_ACCESS:
        return unusable(path.parent, reason)
    if code == sqlite3.SQLITE_IOERR:
        return CuepointError(
            f"The database {path} could not be read or written ({reason}); check the disk, then retry."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CuepointError(f"Another process has kept the database {path} busy for too long; try again.")
    return None


def _short(reason: str) -> str:
    """One line without what SQLite puts in front of it."""
    return " ".join(reason.replace("*** in database main ***", "").split())[:200]
