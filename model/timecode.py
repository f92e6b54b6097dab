"""Times as people read and type them."""

from __future__ import annotations

import re

from model.errors import UsageError

_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,9}):(\d{1,2}(?:\.\d{1,99})?)")  # longer numbers are no times
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{0,99})?|\.\d{1,99}")


def clock(seconds: float) -> str:
    """0:42, 12:05, 1:02:03. Whole seconds, rounded down: a player that shows 0:42 is inside that second."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(start: float, end: float) -> str:
    """0:42–0:51, or 0:42 alone when both ends fall into one second."""
    return clock(start) if clock(start) == clock(end) else f"{clock(start)}–{clock(end)}"


def subtitle_time(seconds: float, decimal: str) -> str:
    """00:00:42,250 (SRT, decimal ",") or 00:00:42.250 (WebVTT, decimal ".")."""
    milliseconds = round(max(0.0, seconds) * 1000)
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{decimal}{rest:03d}"


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
