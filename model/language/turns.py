"""How several answers share one network and one processor: turns in the order of asking, and threads given back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """A lock that is granted in the order of asking, so that no answer starves beside another; to `width` at once."""

    def __init__(self, width: int = 1) -> None:
        self._changed = threading.Condition()
        self._width = width
        self._asked = self._done = 0

    def __enter__(self) -> None:
        with self._changed:
            ticket = self._asked
            self._asked += 1
            self._changed.wait_for(lambda: ticket < self._done + self._width)

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
