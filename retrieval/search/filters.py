"""What a search may find: a stretch of time and the sources. Knows nothing of how it is searched."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from model.errors import UsageError
from model.timecode import clock, seconds_of
from retrieval.store.records import Source

_SOURCES: dict[str, Source] = {
    "seen": "visual", "visual": "visual", "heard": "speech", "speech": "speech", "read": "text", "text": "text"
}  # fmt: skip
_LEAST_S = 0.1  # two stretches that share less only touch


@dataclass(frozen=True)
class Filter:
    """From `start` to `end`, in seconds of each video, and only these sources: None leaves it open."""

    start: float | None = None
    end: float | None = None
    sources: frozenset[Source] | None = None

    def admits(self, source: Source) -> bool:
        return self.sources is None or source in self.sources

    def cut(self, start: float, end: float) -> tuple[float, float] | None:
        """What lies in the stretch of a moment; None if it lies outside."""
        first, last = max(start, self.low), min(end, self.high)
        return (first, last) if last - first >= min(_LEAST_S, end - start) else None

    def check_inside(self, durations: Iterable[float]) -> None:
        """Raises UsageError when the stretch begins after the end of every video; durations in seconds."""
        longest = max(durations, default=math.inf)
        if self.low >= longest:
            raise UsageError(
                f"The search begins at {clock(self.low)} and the video ends at {clock(longest)};"
                " choose a start that lies in the video."
            )

    @property
    def low(self) -> float:
        return self.start or 0.0

    @property
    def high(self) -> float:
        return math.inf if self.end is None else self.end


EVERYTHING = Filter()


def make_filter(start: object = None, end: object = None, sources: str | Iterable[object] | None = None) -> Filter:
    """A filter from what people type: times as seconds or m:ss, sources as seen, heard and read.

    Raises UsageError for times that are none or contradict each other, and for unknown sources.
    """
    first, last = _seconds(start, "start"), _seconds(end, "end")
    if last is not None and last <= (first or 0.0):
        raise UsageError(
            f"The search would end at {clock(last)}, before it begins ({clock(first or 0.0)});"
            " the end must come after the start."
        )
    return Filter(first, last, None if sources is None else _known(sources))


def _seconds(value: object, name: str) -> float | None:
    if value is None:
        return None
    seconds = math.nan
    if isinstance(value, str):
        with contextlib.suppress(UsageError):
            seconds = seconds_of(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise UsageError(
            f"The {name} {value!r} is no time in a video; give seconds (83.5) or minutes and seconds (1:23)."
        )
    return seconds


def _known(sources: str | Iterable[object]) -> frozenset[Source]:
    listed = [sources] if isinstance(sources, str) else list(sources)
    names = [part.strip().lower() for value in listed for part in str(value).split(",")]
    unknown = next((name for name in names if name not in _SOURCES), None)
    if unknown is not None or not names:
        said = f"There is no source {unknown!r}" if names else "No source is chosen"
        raise UsageError(f"{said}; choose from seen, heard and read.")
    return frozenset(_SOURCES[name] for name in names)
