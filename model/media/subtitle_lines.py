"""Lines of subtitles as people wrote them, made fit to be read and searched: no mark-up, no fragments, no repeats.

Knows nothing of files. Times are seconds from the start of the picture.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

MOST_LINES = 20_000  # of one track: a film has 2000, a day of talk 15 000
MOST_CHARS = 1000  # of one line: two full rows have 90, a transcript by the paragraph some hundreds
_SHOWN_S = 2.0  # of a line that does not say how long it stands
_TOUCHING_S = 0.15  # lines with less between them follow each other: players and converters leave a frame or two
_FRAGMENTS = 4  # so many single syllables in a row, each shown before the one before has gone, are sung
_FRAGMENT_LETTERS = 8
# Angle brackets of the tags that SubRip, WebVTT and their converters know; "a < b" and "<gunshot>" are words.
_TAG = re.compile(r"</?(?:[bius]|font|span|c|v|lang|ruby|rt|p|br)(?:[.\s][^<>]*)?/?>|<\d[\d:.]*>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{[^{}]*\\[^{}]*\}")  # of ASS, which writers leave in other formats too
_BREAK = re.compile(r"\\[Nn]|<br\s*/?>|\r\n?|\n", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """What stands there from `start` to `end` (seconds); `end` None: the file does not say."""

    start: float
    end: float | None
    text: str


@dataclass(frozen=True)
class Spoken:
    """A finished line: 0 <= start < end <= the video's length, text on one row."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Subtitles:
    """The lines of a track in order of time, and one sentence for each thing that was left out or put right."""

    lines: tuple[Spoken, ...] = ()
    notices: tuple[str, ...] = field(default=())


def tidy(name: str, raw: Iterable[Line], duration: float) -> Subtitles:
    """The lines of a track ready for the index. `name` is that of the track or file, for the notices."""
    read = [replace(line, text=line.text.strip()) for line in raw]
    rows = [line for line in read if _tells(line.text)]
    forward = [line for line in rows if line.end is None or line.end >= line.start]
    inside = sorted((line for line in forward if _overlaps(line, duration)), key=lambda line: line.start)
    lines = _joined(_dated(inside, duration))
    notices = [
        _counted(name, len(rows) - len(forward), len(rows), "left out, for they end before they begin"),
        _counted(name, len(forward) - len(inside), len(forward), "left out, for their times lie outside the video"),
        _counted(name, max(0, len(lines) - MOST_LINES), len(lines), "left out, for there are too many"),
        _counted(name, sum(len(line.text) > MOST_CHARS for line in lines), len(lines), "cut, for they are too long"),
    ]
    kept = [replace(line, text=line.text[:MOST_CHARS].rstrip()) for line in lines[:MOST_LINES]]
    return Subtitles(tuple(kept), tuple(filter(None, notices)))


def plain(text: str) -> str:
    """Without mark-up of ASS, SubRip or WebVTT; rows stay rows, whatever the format breaks them with."""
    bare = _TAG.sub("", _BREAK.sub("\n", _OVERRIDE.sub("", text).replace("\\h", " ")))
    return "\n".join(" ".join(_shown(row).split()) for row in html.unescape(bare).split("\n")).strip()


def _shown(row: str) -> str:
    """Without control characters and marks of direction; unbreakable spaces are spaces."""
    return "".join(" " if c.isspace() else c for c in row if unicodedata.category(c) not in ("Cc", "Cf") or c == "\t")


def _tells(text: str) -> bool:
    """Whether there is a letter or digit: a lone note or dash says nothing."""
    return any(character.isalnum() for character in text)


def _overlaps(line: Line, duration: float) -> bool:
    return line.start < duration and (line.end is None or line.end > 0 or line.start >= 0)


def _dated(lines: Sequence[Line], duration: float) -> list[Spoken]:
    """With an end, inside the video: a line without one stands until the next, and not for long."""
    dated = []
    for number, line in enumerate(lines):
        end = line.end
        if end is None or end <= line.start:
            following = next((o.start for o in lines[number + 1 : number + 20] if o.start > line.start), duration)
            end = min(line.start + _SHOWN_S, following)
        start = max(0.0, line.start)
        if min(end, duration) > start:
            dated.append(Spoken(round(start, 3), round(min(end, duration), 3), line.text))
    return dated


def _joined(lines: Sequence[Spoken]) -> list[Spoken]:
    """Each thing once: repeats, rows that roll up, lines that grow word by word and sung syllables are joined."""
    kept: list[Spoken] = []
    for line in _sung(lines):
        for index in range(len(kept) - 1, max(-1, len(kept) - 4), -1):  # layers of one text lie side by side
            other = kept[index]
            joined = _join(other, line) if line.start - other.end <= _TOUCHING_S else None
            if joined is not None:
                kept[index] = joined[0]
                line = joined[1] if joined[1] is not None else replace(line, text="")
                break
        if line.text:
            kept.append(line)
    return [replace(line, text=" ".join(line.text.split())) for line in kept]


def _join(before: Spoken, line: Spoken) -> tuple[Spoken, Spoken | None] | None:
    """What becomes of two lines that touch: the first one, and what is new in the second; None: they are two."""
    until = max(before.end, line.end)
    if before.text == line.text:
        return replace(before, end=until), None
    shown, rows = before.text.split("\n"), line.text.split("\n")
    for count in range(min(len(shown), len(rows)), 0, -1):
        if shown[-count:] == rows[:count]:
            new = "\n".join(rows[count:])
            return (before, replace(line, text=new)) if new else (replace(before, end=until), None)
    if _grows(before.text, line.text):
        return Spoken(before.start, until, line.text), None
    return None


def _grows(text: str, longer: str) -> bool:
    """Whether a line is the other one with more words after it."""
    if not longer.startswith(text) or len(longer) == len(text):
        return False
    return not (longer[len(text)].isalnum() and text[-1].isascii() and text[-1].isalnum())


def _sung(lines: Sequence[Spoken]) -> list[Spoken]:
    """Runs of single syllables that overlap, as karaoke effects write them, become one line each."""
    joined: list[Spoken] = []
    run: list[Spoken] = []
    for line in lines:
        if run and not (_is_fragment(line) and run[-1].start < line.start < run[-1].end):
            joined += _closed(run)
            run = []
        if _is_fragment(line):
            run.append(line)
        else:
            joined.append(line)
    return joined + _closed(run)


def _is_fragment(line: Spoken) -> bool:
    return len(line.text) <= _FRAGMENT_LETTERS and not any(character.isspace() for character in line.text)


def _closed(run: list[Spoken]) -> list[Spoken]:
    if len(run) < _FRAGMENTS:
        return run
    spaced = all(line.text.isascii() for line in run)
    text = (" " if spaced else "").join(line.text for line in run)
    return [Spoken(run[0].start, max(line.end for line in run), text)]


def _counted(name: str, count: int, total: int, what: str) -> str:
    return f"{name}: {count} of {total} lines {what}." if count else ""
