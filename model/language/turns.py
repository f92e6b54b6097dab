"""How several answers share one network and one processor: turns in the order of asking, and threads given back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from model import hardware

LOADAVG = Path("/proc/loadavg")
CALM_STEPS = 8  # a machine that was idle as often as this is taken to be idle
MOST_CALM_STEPS = 1024


class Turns:
    """A lock that is granted in the order of asking, so that no answer starves beside another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked = self._done = 0

    def __enter__(self) -> None:
        with self._changed:
            ticket = self._asked
            self._asked += 1
            self._changed.wait_for(lambda: ticket == self._done)

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._done += 1
            self._changed.notify_all()


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """torch keeps the number per thread once a thread has computed, so this leaves other threads alone."""
    import torch

    before = torch.get_num_threads()
    if before != count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)


class SpareCores:
    """With how many threads to take a step of decoding: `most` while the machine is idle, else one.

    A token is bound by memory, which one core does not quite saturate: on an idle machine two are a third faster. On a
    busy one each of 120 barriers a token waits for a thread that has lost its core, and 60 tokens/s become 5. So every
    disturbance makes it wait longer before the next try.
    """

    def __init__(self, most: int) -> None:
        self._most, self._cores = max(1, most), hardware.count_cores()
        self._used = 1
        self._calm, self._wanted, self._undisturbed = 0, CALM_STEPS, 0

    def choose(self) -> int:
        """To be asked before every step."""
        running = count_running()
        # Threads of the step before go on spinning for a while: they are no strangers.
        strangers = None if running is None else max(0, running - self._used)
        if strangers is not None and self._cores - strangers >= self._most:
            self._calm += 1
        else:
            if self._used > 1:
                self._wanted = min(2 * self._wanted, MOST_CALM_STEPS)
            self._calm = self._undisturbed = 0
        self._used = self._most if self._calm >= self._wanted else 1
        self._undisturbed += self._used > 1
        if self._undisturbed > MOST_CALM_STEPS // 4:
            self._wanted = CALM_STEPS
        return self._used


def count_running() -> int | None:
    """Threads that have a core or wait for one, on the whole machine, this one among them; None if it does not tell."""
    words = hardware.read_words(LOADAVG)  # "0.20 0.18 0.12 1/80 11206"
    running = words[3].partition("/")[0] if len(words) > 3 else ""
    return int(running) if running.isdigit() else None
