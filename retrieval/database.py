"""One SQLite file in WAL mode, one connection a thread. Knows nothing of what is stored."""

from __future__ import annotations

import copy
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import CuepointError
from retrieval.migrations import migrate

_BUSY_TIMEOUT_S = 30  # writers are short; a longer wait means that something is wrong


class Database:
    """`rows`/`row` read; `transaction()` writes, all or nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._guard: Callable[[sqlite3.Connection], None] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            migrate(self.connection)
        except (OSError, sqlite3.Error) as error:
            raise CuepointError(
                f"The data folder {path.parent} cannot be used ({error}); choose another with --data-dir."
            ) from error

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
        """A write transaction; raises CuepointError with a plain sentence when the disk is full."""
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if self._guard is not None:
                self._guard(connection)
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                raise CuepointError(
                    "The disk is full: free some space, then retry; nothing finished so far is lost."
                ) from error
            raise

    def rows(self, sql: str, parameters: tuple[object, ...] | dict[str, object] = ()) -> list[sqlite3.Row]:
        return self.connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: tuple[object, ...] | dict[str, object] = ()) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
        return found

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
