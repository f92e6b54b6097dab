"""Times as people type them."""

from __future__ import annotations

import re

from model.errors import UsageError

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)")
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+")


def seconds_of(text: str) -> float:
    """42, 42.5, 0:42, 1:02:03.5 as seconds. Raises UsageError for anything else."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    found = _CLOCK.fullmatch(text)
    if not found:
        raise UsageError(
            f"{text[:40]!r} is no time; write seconds, such as 42.5, or minutes and seconds, such as 0:42."
        )
    hours, minutes, seconds = int(found[1] or 0), int(found[2]), float(found[3])
    if seconds >= 60 or (found[1] and minutes >= 60):
        raise UsageError(f"{text[:40]!r} is no time: a minute has 60 seconds and an hour 60 minutes.")
    return hours * 3600 + minutes * 60 + seconds
