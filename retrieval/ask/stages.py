"""Stages of answering that only so many questions are in at once, the others waiting in the order of asking.

Each stage has threads of its own, so what is quick (finding the moments) never waits for what is slow (wording an
answer). A listener who pauses holds up nobody, and one who stops or leaves makes room for the next.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

POLL_S = 0.1  # how long a stop waits at most while nothing comes
LAST_WORDS_S = 0.2  # of a stopped piece of work, to say what it has so far
IDLE_S = 30.0  # after which a thread without work ends

Item = TypeVar("Item")
Halted = Callable[[], bool]


class _Ended:
    """Stands behind the last item: with what was raised, if anything."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Task(Generic[Item]):
    """One question's work in a stage."""

    def __init__(self, work: Callable[[Halted], Iterable[Item]], stop: Halted) -> None:
        self.arrived: queue.SimpleQueue[Item | _Ended] = queue.SimpleQueue()
        self.begun, self.left = threading.Event(), threading.Event()
        self._work, self._stop = work, stop
        self._context = contextvars.copy_context()  # the page's event, in which ZeroGPU finds whose quota it is

    def run(self) -> None:
        self._context.run(self._run)

    def _run(self) -> None:
        self.begun.set()
        ended = _Ended()
        try:
            if not self.halted():
                for item in self._work(self.halted):
                    self.arrived.put(item)
                    if self.left.is_set():
                        break
        except BaseException as error:  # raised again where it is listened to
            ended = _Ended(error)
        self.arrived.put(ended)

    def halted(self) -> bool:
        return self.left.is_set() or self._stop()


class Stage:
    """At most `width` pieces of work at once. Safe to use from several threads."""

    def __init__(self, name: str, width: int) -> None:
        self.name, self.width = name, width
        self._waiting: queue.SimpleQueue[_Task[Any]] = queue.SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()

    def stream(self, work: Callable[[Halted], Iterable[Item]], stop: Halted | None = None) -> Iterator[Item]:
        """What `work(halted)` gives, item by item, once it is its turn. What it raises is raised here.

        `halted` is true once the listener has stopped or left. A stop ends this within POLL_S where the work has not
        begun; else what the work still says within LAST_WORDS_S is passed on.
        """
        stop = stop or (lambda: False)
        task = _Task(work, stop)
        self._add(task)
        over_s: float | None = None  # when to listen no longer
        try:
            while over_s is None or time.monotonic() < over_s:
                if over_s is None and stop():
                    if not task.begun.is_set():
                        return
                    over_s = time.monotonic() + LAST_WORDS_S
                try:
                    item = task.arrived.get(timeout=POLL_S)
                except queue.Empty:
                    continue
                if isinstance(item, _Ended):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            task.left.set()

    def run(self, work: Callable[[], Item], stop: Halted | None = None) -> Item | None:
        """What `work` returns, once it is its turn; None when it was stopped before that."""
        return next(self.stream(lambda halted: iter([work()]), stop), None)

    def _add(self, task: _Task[Any]) -> None:
        with self._lock:
            self._waiting.put(task)
            if self._threads < self.width:
                self._threads += 1
                threading.Thread(target=self._serve, name=self.name, daemon=True).start()

    def _serve(self) -> None:
        while (task := self._next()) is not None:
            task.run()

    def _next(self) -> _Task[Any] | None:
        """The one that has waited longest; None when there was nothing to do for long."""
        try:
            return self._waiting.get(timeout=IDLE_S)
        except queue.Empty:
            with self._lock:
                if not self._waiting.empty():  # it came this moment
                    return self._waiting.get()
                self._threads -= 1
            return None
