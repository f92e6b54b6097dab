"""Stretches of a media file as an mp4 of their own, cut in a child process with a time limit: no file can hang the app.

What a stretch must be like is decided here; how it is copied or encoded stands in `cutting`, which the child runs.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from model.errors import Cancelled, CuepointError, UsageError
from model.media.container import check_local_file
from model.media.probe import MediaInfo
from model.timecode import clock

LONGEST_S = 600.0  # of all stretches together: more is a film, and encoding it would keep two cores for long
_OVER_S = 1.0  # an end so far behind the video's is taken for the video's: times are shown in whole seconds
_PATIENCE_S, _PATIENCE_FACTOR = 60.0, 4.0  # time limit: so much, and so many times the length
_ASK_EVERY_S = 0.1
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Stretch = tuple[float, float]  # seconds from the start of the picture


def cut(
    path: Path,
    info: MediaInfo,
    stretches: Sequence[Stretch],
    destination: Path,
    cancel: Callable[[], bool] | None = None,
    timeout_s: float | None = None,
) -> Path:
    """Write the stretches one after the other to `destination`; the file appears under that name only when complete.

    One stretch is copied as it is where a key frame lies up to half a second before its start; then it begins there.
    Everything else is encoded anew (H.264 and AAC), to the frame. Without a picture the file holds sound alone.
    Raises UsageError for stretches that make no sense, UnreadableMedia if the file is gone, Cancelled, and
    CuepointError when cutting fails or takes too long.
    """
    check_local_file(path)
    wanted = checked(stretches, info.duration)
    limit = timeout_s or _PATIENCE_S + _PATIENCE_FACTOR * sum(end - start for start, end in wanted)
    partial = destination.with_name(f".{destination.stem}.{os.getpid()}.part.mp4")
    order = {
        "path": str(path.absolute()),
        "info": info.to_json(),
        "stretches": wanted,
        "target": str(partial.absolute()),
        "limit_s": limit,
    }
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        _run(path.name, order, limit, cancel or (lambda: False))
        partial.replace(destination)
    except OSError as problem:
        raise _unwritable(destination, problem) from problem
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return destination


def checked(stretches: Sequence[Stretch], duration: float) -> list[Stretch]:
    """The stretches as they will be cut, ends no later than the video's. Raises UsageError with one sentence."""
    if not stretches:
        raise UsageError("There is nothing to cut: name a start and an end.")
    wanted, last = [], 0.0
    for start, end in stretches:
        if not (math.isfinite(start) and math.isfinite(end)) or start < 0:
            raise UsageError("A clip's start and end must be times from 0 on, such as 42 or 0:42.")
        if end <= start:
            raise UsageError(f"A clip must end after it starts; this one would go from {start:g} s to {end:g} s.")
        if start >= duration or end > duration + _OVER_S:
            outside = start if start >= duration else end
            raise UsageError(f"The video is only {clock(duration)} ({duration:.1f} s) long; {outside:g} s is past it.")
        if start < last:
            raise UsageError("The stretches of a reel must follow each other in time and must not overlap.")
        last = min(end, duration)
        wanted.append((start, last))
    length = sum(end - start for start, end in wanted)
    if length > LONGEST_S:
        raise UsageError(f"A clip may have {clock(LONGEST_S)} at most; this one would have {clock(length)}.")
    return wanted


def _run(name: str, order: dict[str, object], limit: float, cancel: Callable[[], bool]) -> None:
    """Let a child cut; it is killed when nobody wants its work any more or it takes too long."""
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    deadline = time.monotonic() + limit
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        question.write(json.dumps(order).encode())
        question.seek(0)
        # -P: the folder we happen to stand in must not supply modules.
        command = [sys.executable, "-P", "-m", "model.media.cutting"]
        child = subprocess.Popen(command, stdin=question, stdout=answer, stderr=subprocess.DEVNULL, env=environment)
        try:
            while child.poll() is None:
                if cancel():
                    raise Cancelled("Cutting the clip was stopped.")
                if time.monotonic() > deadline:
                    raise CuepointError(f"{name}: the clip was not ready within {limit:.0f} s; choose a shorter one.")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_ASK_EVERY_S)
        finally:
            child.kill()
            child.wait()
        answer.seek(0)
        _judge(name, child.returncode, answer.read())


def _judge(name: str, code: int, said: bytes) -> None:
    try:
        report = json.loads(said)
    except ValueError:
        raise CuepointError(f"{name}: no clip could be cut: FFmpeg failed on it (code {code}).") from None
    if report.get("errno") in _NO_ROOM:
        raise OSError(report["errno"], report["error"])
    if "error" in report:
        raise CuepointError(f"{name}: no clip could be cut: {report['error']}.")


def _unwritable(destination: Path, problem: OSError) -> CuepointError:
    if problem.errno in _NO_ROOM:
        return CuepointError(f"There is no room left on the disk for {destination.name}.")
    return CuepointError(f"{destination} cannot be written: {problem.strerror or problem}.")
