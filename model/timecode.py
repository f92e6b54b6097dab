"""Times as people read them."""

from __future__ import annotations


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
