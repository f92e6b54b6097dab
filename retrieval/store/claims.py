"""Who holds a job. A claim has a number, and only the holder of the newest one may write.

No wall clock decides anything here: people, time servers and virtual machines set those back and ahead. A holder counts
its heartbeats up, and whoever would like to have the job watches that number with its own monotonic clock. This also
works between machines whose clocks differ. A process of the same machine that is gone need not be waited for.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from model.errors import CuepointError

STALE_AFTER_S = 15.0  # a holder that has been watched for this long without a heartbeat is taken for dead
_LONGEST_LOOK_S = 2.0  # counts between two looks at most: a watcher that slept itself has seen nothing


class ClaimLost(CuepointError):
    """The job belongs to another worker now: this one's writes are refused, and nothing has gone wrong."""

    def __init__(self, video_id: str) -> None:
        super().__init__(f"Another worker has taken over video {video_id}; this one stops and leaves the rest to it.")


@dataclass
class _Watched:
    pulse: tuple[int, int]  # the claim's number and its heartbeats
    last_look: float
    silent_s: float = 0.0


class Silence:
    """Measures how long holders have been silent. `clock` gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watched: dict[str, _Watched] = {}

    def of(self, job_id: str, claim: int, beats: int) -> float:
        """Seconds without a heartbeat while this process looked on; 0 at the first look."""
        now, pulse = self._clock(), (claim, beats)
        watched = self._watched.get(job_id)
        if watched is None or watched.pulse != pulse:
            watched = self._watched[job_id] = _Watched(pulse, now)
        watched.silent_s += min(max(now - watched.last_look, 0.0), _LONGEST_LOOK_S)
        watched.last_look = now
        return watched.silent_s

    def forget_others(self, job_ids: Iterable[str]) -> None:
        """Keep the measurements of these jobs alone."""
        kept = set(job_ids)
        self._watched = {job_id: watched for job_id, watched in self._watched.items() if job_id in kept}


def worker_name() -> str:
    """Names this process to `is_gone`: host:place:start:pid, where place and start tell apart processes of one number.

    The place is this boot of the machine and the container in it, the start is when the process began. Both are empty
    where the system does not tell.
    """
    return ":".join((os.uname().nodename, _place(), _start_of(os.getpid()), str(os.getpid())))


def is_gone(worker: str) -> bool:
    """Whether the process with that name has ended for certain; False when this machine cannot know.

    Of another boot or another container nothing is known: a machine there may have the same name.
    """
    host, _, rest = worker.partition(":")
    details, _, number = rest.rpartition(":")
    place, _, start = details.partition(":")
    if host != os.uname().nodename or not number.isdigit() or (place and place != _place()):
        return False
    return not _is_alive(int(number)) or bool(start and start != _start_of(int(number)))


@functools.cache
def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """Clock ticks from boot to the start of a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
