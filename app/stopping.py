"""Processes that end soon after they are told to, whatever they are in the middle of.

Threads that answer or index cannot be broken off, and Python waits for them. Nothing is lost when they are cut short:
what they write is written in transactions.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from model.errors import CuepointError
from retrieval.store.claims import worker_name
from retrieval.store.jobs import JobQueue

SERVER_ENDS_WITHIN_S = 3.0
_PARENT_CHECK_S = 0.5
_RELEASE_WITHIN_S = 1.0  # another process may be writing


class PromptServer(uvicorn.Server):
    """Ends within SERVER_ENDS_WITHIN_S of SIGTERM or Ctrl+C, also while answers are being given."""

    def __init__(self, config: uvicorn.Config, end_workers: Callable[[], None] | None = None) -> None:
        """`end_workers` is called at once, in a thread: the workers end while the server still says goodbye."""
        super().__init__(config)
        self._end_workers = end_workers

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        _exit_after(SERVER_ENDS_WITHIN_S, 128 + sig)
        if self._end_workers is not None:
            threading.Thread(target=self._end_workers, daemon=True).start()
        super().handle_exit(sig, frame)


class WorkerEnd:
    """Ends a worker at once when it is told to, or when the process that started it is gone.

    Set `jobs` as soon as there are some: those that this process holds are handed back, and the next worker goes on.
    """

    def __init__(self, parent: int | None) -> None:
        """`parent`: the number of the process to end with."""
        self.jobs: JobQueue | None = None
        self._parent = parent
        self._told = threading.Event()

    def watch(self) -> None:
        """From here on, until the process ends. Call from the main thread, before anything takes long."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._told.set())
        threading.Thread(target=self._watch, name="end", daemon=True).start()

    def _watch(self) -> None:
        while self._parent is None or os.getppid() == self._parent:
            if self._told.wait(_PARENT_CHECK_S):
                break
        _exit_after(_RELEASE_WITHIN_S, 0)
        if self.jobs is not None:
            with contextlib.suppress(CuepointError, sqlite3.Error):  # it is freed a little later then
                self.jobs.release(worker_name())
        os._exit(0)


def _exit_after(seconds: float, code: int) -> None:
    end = threading.Timer(seconds, os._exit, (code,))
    end.daemon = True
    end.start()
