"""One SQLite file in WAL mode, one connection a thread. Knows nothing of what is stored."""

from __future__ import annotations

import contextlib
import copy
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import CuepointError
from retrieval.store.damage import READING, DamagedLibrary, told, unusable
from retrieval.store.folder import check_database_file, use
from retrieval.store.migrations import migrate, missing_tables

_BUSY_TIMEOUT_S = 30  # writers are short; a longer wait means that something is wrong


class Database:
    """`rows`/`row` read; `transaction()` writes, all or nothing.

    Whatever SQLite says of a damaged file, a full disk or a folder that cannot be written comes as a CuepointError.
    """

    def __init__(self, path: Path) -> None:
        """Looks at the file's header and at the names of its tables; after an unclean end, at everything."""
        self.path = path
        self._local = threading.local()
        self._guard: Callable[[sqlite3.Connection], None] | None = None
        self._use = use(path.parent)
        try:
            check_database_file(path)
            migrate(self.connection)
            if missing := missing_tables(self.connection):
                raise DamagedLibrary(path, f"there is no table {missing[0]}")
        except (OSError, *READING) as error:
            raise self._told_at_start(error) from error
        self._use.mark()
        if self._use.was_broken_off:
            self.check()

    def _told_at_start(self, error: Exception) -> CuepointError:
        if isinstance(error, OSError):
            return unusable(self.path.parent, error.strerror or error)
        return told(error, self.path) or DamagedLibrary(self.path, str(error))

    def check(self) -> None:
        """Read the whole file: about 0.1 s for 100 MB. Raises DamagedLibrary."""
        try:
            (answer,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise DamagedLibrary(self.path, answer)
            for (words,) in self.connection.execute(
                "SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5%'"
            ).fetchall():
                self.connection.execute(f"INSERT INTO {words}({words}) VALUES ('integrity-check')")
        except READING as error:
            raise told(error, self.path) or DamagedLibrary(self.path, str(error)) from error

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, opened on first use."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    def guarded(self, guard: Callable[[sqlite3.Connection], None]) -> Database:
        """The same database, but each write transaction calls `guard` first, which raises to refuse it."""
        other = copy.copy(self)
        other._guard = guard
        return other

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction. Raises CuepointError with a plain sentence for whatever the database cannot do."""
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if self._guard is not None:
                self._guard(connection)
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            self._raise_told(error)
            raise

    def rows(self, sql: str, parameters: tuple[object, ...] | dict[str, object] = ()) -> list[sqlite3.Row]:
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except Exception as error:
            self._raise_told(error)
            raise

    def row(self, sql: str, parameters: tuple[object, ...] | dict[str, object] = ()) -> sqlite3.Row | None:
        try:
            found: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
        except Exception as error:
            self._raise_told(error)
            raise
        return found

    def _raise_told(self, error: BaseException) -> None:
        sentence = told(error, self.path) if isinstance(error, Exception) else None
        if sentence is not None:
            raise sentence from error

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
