"""Speech that subtitles have already written down is not recognised again.

A track of subtitles stands for the speech at a stretch if it is whole, in the language that is spoken there, and its
lines fill most of the stretch: so a file with subtitles for its first half is heard in its second. A tag can lie, and a
file can belong to another cut of a film: the first stretches are heard all the same, and what is heard must agree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from model.speech.voice import PAD_WINDOWS, WINDOW_S, Speech
from retrieval.store.library import Library
from retrieval.store.records import Passage
from retrieval.store.transcripts import Transcript, is_written, shared, tracks

COVERED = 0.6  # of a stretch: lines are taken away in the pauses inside it, and stand a little late or early
AGREES = 0.5  # of what is heard must be written: the same speech comes to 0.8 and more, and to 0.6 where subtitles
# shorten it; texts of the same language and subject share 0.2 of their words, and seldom 0.5
_ENOUGH_UNITS = 40  # words, or characters of scripts without spaces, that are heard before a track is trusted
_NEAR_S = 1.5  # lines that stand so little before or after are compared with a stretch too
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]|[^\W_]+(?:['’][^\W_]+)*")


class Stretch(Protocol):
    """A piece of time, in seconds."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...


class Said(Protocol):
    @property
    def text(self) -> str: ...


@dataclass
class _Trial:
    """How well a track has agreed with what was heard."""

    track: Transcript
    heard: int = 0
    written_too: int = 0
    trusted: bool | None = None  # None: not decided yet

    def compare(self, text: str, lines: Sequence[Passage]) -> None:
        heard, written = units(text), units(" ".join(line.text for line in lines))
        self.heard += heard.total()
        self.written_too += (heard & written).total()
        if self.heard >= _ENOUGH_UNITS:
            self.trusted = self.written_too >= AGREES * self.heard


@dataclass
class Coverage:
    """What the subtitles of a video cover; `library` must have them already."""

    library: Library
    video_id: str
    _trials: list[_Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        video = self.library.video(self.video_id)
        found = tracks(self.library, video)
        self._trials = [_Trial(track) for track in found if track.written and track.whole and track.language]

    def uncovered(
        self, stretches: Sequence[Speech], language: str | None, hear: Callable[[Speech], Sequence[Said]]
    ) -> list[Speech]:
        """The stretches, all in one language, that must be recognised. `hear` recognises one, where that is tried."""

        def heard(speech: Speech) -> Callable[[], str]:
            return lambda: " ".join(line.text for line in hear(speech))

        return [speech for speech in stretches if not self.covers(speech, language, heard(speech))]

    def covers(self, speech: Stretch, language: str | None, hear: Callable[[], str]) -> bool:
        """Whether a stretch in that language needs no recognition. `hear` recognises it, where that must be tried."""
        pad = PAD_WINDOWS * WINDOW_S
        start, end = speech.start, speech.end
        if end - start > 3 * pad:
            start, end = start + pad, end - pad
        for trial in self._trials:
            if trial.track.language != language or trial.trusted is False:
                continue
            if shared(start, end, trial.track.lines) < COVERED * (end - start):
                continue
            if trial.trusted is None:
                text = hear()
                if not units(text):  # nothing to hear instead
                    return True
                trial.compare(text, _near(trial.track.lines, start, end))
                if trial.trusted is False:
                    self._distrust(trial.track)
            if trial.trusted:
                return True
        return False

    def settle(self) -> None:
        """All is heard: what was recognised on trial, and stands in trusted subtitles, is dropped again."""
        for trial in self._trials:
            if trial.trusted:
                forget_heard_again(self.library, self.video_id, trial.track.origin, trusted=True)

    def _distrust(self, track: Transcript) -> None:
        """Its language is not what it says, or its times are not: nobody knows which."""
        with self.library.db.transaction() as db:
            db.execute(
                "UPDATE passages SET language = NULL WHERE video_id = ? AND source = 'speech' AND origin = ?",
                (self.video_id, track.origin),
            )
        name = track.origin.removeprefix("file:").replace("subtitles:", "Subtitle track ")
        self.library.add_warning(
            self.video_id, f"{name} says other things than are heard at its times: what is said was heard instead."
        )


def units(text: str) -> Counter[str]:
    """Words, and single characters of scripts that write no spaces; in lower case."""
    return Counter(match[0].casefold().replace("’", "'") for match in _UNIT.finditer(text))


def forget_heard_again(library: Library, video_id: str, origin: str, trusted: bool = False) -> None:
    """Drop what was heard of words that stand in subtitles of the same language, which came later or on trial.

    Unless the track is `trusted` already, both must agree.
    """
    track = next((t for t in tracks(library, library.video(video_id)) if t.origin == origin), None)
    if track is None or track.language is None or not track.whole:
        return
    heard = [
        line
        for line in library.passages(video_id, "speech")
        if not is_written(line.origin)
        and line.language in (track.language, None)
        and shared(line.start, line.end, track.lines) >= COVERED * (line.end - line.start)
    ]
    trial = _Trial(track, trusted=trusted or None)
    for line in heard:
        if not trusted:
            trial.compare(line.text, _near(track.lines, line.start, line.end))
    if trial.trusted:
        with library.db.transaction() as db:
            db.executemany("DELETE FROM passages WHERE id = ?", [(line.id,) for line in heard])


def hear_gaps_again(library: Library, video_id: str, before: Sequence[Passage]) -> None:
    """Lines of subtitles have gone: if nothing else tells what is said at their times, the video is heard anew."""
    every = tracks(library, library.video(video_id))
    languages = {line.language for line in before}
    left = [line for t in every if not t.written or (t.whole and t.language in languages) for line in t.lines]
    left.sort(key=lambda line: line.start)
    gone = any(shared(line.start, line.end, left) < COVERED * (line.end - line.start) for line in before)
    if not gone or not library.lane_until(video_id, "hear") or not Path(library.video(video_id).source_path).exists():
        return
    heard = [(line.id,) for t in every if not t.written for line in t.lines]
    with library.db.transaction() as db:
        db.executemany("DELETE FROM passages WHERE id = ?", heard)
        db.execute("DELETE FROM spoken WHERE video_id = ?", (video_id,))
        db.execute("UPDATE lanes SET until = 0, done = 0 WHERE video_id = ? AND lane = 'hear'", (video_id,))


def _near(lines: Sequence[Passage], start: float, end: float) -> list[Passage]:
    return [line for line in lines if line.start < end + _NEAR_S and line.end > start - _NEAR_S]
