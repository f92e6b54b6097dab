"""A transcript as a subtitle file: SubRip (SRT) or WebVTT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model.timecode import subtitle_time
from retrieval.store.records import Passage

MEDIA_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt"}
_LEAST_S = 0.1  # players drop cues without a length


def render(passages: Sequence[Passage], kind: str) -> str:
    """The passages as the text of a file of that kind ("srt" or "vtt")."""
    if kind == "srt":
        return "\n".join(_srt(passages))
    return "\n".join(["WEBVTT", "", *_vtt(passages)])


def _srt(passages: Sequence[Passage]) -> Iterable[str]:
    for number, passage in enumerate(passages, start=1):
        yield f"{number}\n{_times(passage, ',')}\n{_line(passage.text).replace('-->', '->')}\n"


def _vtt(passages: Sequence[Passage]) -> Iterable[str]:
    for passage in passages:
        text = _line(passage.text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        yield f"{_times(passage, '.')}\n{text}\n"


def _times(passage: Passage, decimal: str) -> str:
    end = max(passage.end, passage.start + _LEAST_S)
    return f"{subtitle_time(passage.start, decimal)} --> {subtitle_time(end, decimal)}"


def _line(text: str) -> str:
    """A blank line would end the cue."""
    return " ".join(text.split())
