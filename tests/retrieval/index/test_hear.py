"""The hear lane with a made-up voice: a stretch of a constant value is speech, and the value says in which language."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import Cancelled
from model.media.probe import MediaInfo, Track
from model.speech.recognizer import Line
from model.speech.voice import SAMPLE_RATE, Speech
from retrieval.index.lanes import listening
from retrieval.index.lanes.hear import HearLane
from retrieval.index.lanes.listening import Listener
from retrieval.index.lanes.work import Work
from retrieval.store.library import Library
from retrieval.store.records import Video
from retrieval.store.spoken import spoken
from tests.fakes import FakeModels
from tests.retrieval.conftest import register

LOUDNESS = {"en": 0.1, "zh": 0.2, "es": 0.3, "noise": 0.4}
SHARES = {
    "en": {"en": 0.97},
    "zh": {"zh": 0.98, "en": 0.01},
    "es": {"es": 0.95},
    "noise": {"cy": 0.4, "la": 0.4, "en": 0.05},
}


def language_of(audio: np.ndarray) -> str:
    loud = float(audio[np.flatnonzero(audio)[0]])
    return min(LOUDNESS, key=lambda name: abs(LOUDNESS[name] - loud))


class Voice:
    """Finds stretches of one constant value; the end of each is a place to resume at."""

    def __init__(self) -> None:
        self.resume_at, self._audio, self._begun = 0.0, np.zeros(0, np.float32), False

    def feed(self, time: float, audio: np.ndarray) -> list[Speech]:
        if not self._begun:
            self.resume_at, self._begun = time, True
        self._audio = np.concatenate([self._audio, audio])
        return list(self._ended())

    def flush(self) -> list[Speech]:
        self._audio = np.append(self._audio, np.float32(0))
        return list(self._ended())

    def _ended(self) -> Iterator[Speech]:
        while len(self._audio):
            changes = np.flatnonzero(np.diff(self._audio))
            if self._audio[0] == 0 and not len(changes):
                self._forget(len(self._audio))
            elif not len(changes):
                return
            else:
                end = int(changes[0]) + 1
                samples, start = self._audio[:end], self.resume_at
                self._forget(end)
                if samples[0]:
                    yield Speech(start, self.resume_at, samples)

    def _forget(self, count: int) -> None:
        self._audio = self._audio[count:]
        self.resume_at = round(self.resume_at + count / SAMPLE_RATE, 6)


class English:
    name = "english"

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        return [Line(offset, offset + len(audio) / SAMPLE_RATE, f"English at {offset:.0f}")]


class Others(English):
    name, languages = "others", frozenset({"en", "zh", "es", "cy"})

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        return [Line(offset, offset + len(audio) / SAMPLE_RATE, f"{language} at {offset:.0f}")]

    def rate_languages(self, audio: np.ndarray) -> dict[str, float]:
        return {"en": 0.001, "zh": 0.001, "es": 0.001} | SHARES[language_of(audio)]


OTHERS = Others()
Hear = Callable[..., Video]


@pytest.fixture
def hear(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hear:
    """Hears (language or None for silence, seconds) pieces; again for a video that is given."""

    def hear(
        *pieces: tuple[str | None, float],
        tag: str | None = None,
        language: str | None = None,
        others: Any = OTHERS,
        video: Video | None = None,
        stop: threading.Event | None = None,
    ) -> Video:
        parts = [np.full(round(s * SAMPLE_RATE), LOUDNESS.get(name or "", 0.0), np.float32) for name, s in pieces]
        audio = np.concatenate(parts)

        def sound(self: Listener, start: float) -> Iterator[tuple[float, np.ndarray]]:
            for begin in range(0, len(audio), 30 * SAMPLE_RATE):
                first = max(begin, round(start * SAMPLE_RATE))
                if first < begin + 30 * SAMPLE_RATE:
                    yield first / SAMPLE_RATE, audio[first : begin + 30 * SAMPLE_RATE]

        monkeypatch.setattr(listening, "VoiceActivity", Voice)
        monkeypatch.setattr(Listener, "sound", sound)
        duration = len(audio) / SAMPLE_RATE
        video = video or register(library, tmp_path, f"v{len(library.videos())}", duration=duration)
        if language:
            library.update_video(video.id, choices=json.dumps({"language": language}))
        models = FakeModels()
        models.speech, models.languages = English(), others  # type: ignore[assignment]
        tracks = (Track(1, "subtitles", "subrip", "fr"), Track(2, "sound", "aac", tag))
        info = MediaInfo(duration, 0, 0, 0, 0, None, "aac", "mp4", 0, audio_index=2, tracks=tracks)
        library.update_video(video.id, info=json.dumps(replace(info, tracks=()).to_json()))  # no subtitles to read
        HearLane(Work(library, models, video.id, Path("none"), info, stop or threading.Event())).run()  # type: ignore[arg-type]
        return library.video(video.id)

    return hear


def lines(library: Library, video: Video) -> list[tuple[str | None, str]]:
    return [(p.language, p.text) for p in library.passages(video.id, "speech")]


def test_each_language_goes_to_its_recogniser_and_is_stored(hear: Hear, library: Library) -> None:
    video = hear(("en", 8), (None, 3), ("zh", 9), (None, 3), ("en", 7))
    assert lines(library, video) == [("en", "English at 0"), ("zh", "zh at 11"), ("en", "English at 23")]
    assert {p.origin for p in library.passages(video.id)} == {"heard"}
    runs = spoken(library, video.id)
    assert [(run.start, run.end, run.language) for run in runs] == [(0, 8, "en"), (11, 20, "zh"), (23, 30, "en")]
    assert all(run.likelihood > 0.9 for run in runs) and video.warnings == []
    assert library.lane_done(video.id, "hear")


def test_neighbours_in_another_language_are_heard_together(hear: Hear, library: Library) -> None:
    video = hear(("zh", 6), (None, 1), ("zh", 6), (None, 1), ("zh", 6), (None, 5), ("zh", 6))
    assert lines(library, video) == [("zh", "zh at 0"), ("zh", "zh at 25")]


def test_a_short_stretch_borrows_across_groups(hear: Hear, library: Library) -> None:
    video = hear(("en", 21), (None, 40), ("noise", 1), (None, 40), ("noise", 4))
    assert lines(library, video) == [("en", "English at 0"), ("en", "English at 61")]
    assert video.warnings == ["Speech at 1:42–1:46 was not written down: its language could not be told."]


def test_one_notice_says_when_nothing_was_written_down(hear: Hear, library: Library) -> None:
    video = hear(("noise", 30), (None, 9), ("noise", 4))
    assert lines(library, video) == []
    assert video.warnings == ["Speech at 0:00–0:30 and 0:39–0:43 was not written down: its language could not be told."]
    many = hear(*[piece for _ in range(9) for piece in (("noise", 4.0), (None, 31.0))])
    (notice,) = many.warnings
    assert "and 3 more times was not" in notice


def test_a_tag_that_lies_changes_nothing(hear: Hear, library: Library) -> None:
    assert lines(library, hear(("en", 8), tag="es")) == [("en", "English at 0")]
    assert lines(library, hear(("es", 8), tag="en")) == [("es", "es at 0")]


def test_what_the_user_says_is_believed(hear: Hear, library: Library) -> None:
    assert lines(library, hear(("en", 8), (None, 5), ("noise", 8), language="es")) == [
        ("es", "es at 0"),
        ("es", "es at 13"),
    ]
    video = hear(("zh", 8), language="en")
    assert lines(library, video) == [("en", "English at 0")] and video.warnings == []


def test_hearing_again_replaces_the_notices(hear: Hear, library: Library) -> None:
    video = hear(("noise", 8))
    library.add_warning(video.id, "Something else.")
    with library.db.transaction() as db:
        db.execute("UPDATE lanes SET until = 0, done = 0 WHERE lane = 'hear'")
        db.execute("DELETE FROM spoken")
    assert hear(("noise", 8), language="es", video=video).warnings == ["Something else."]


def test_without_the_recogniser_of_languages_english_is_heard_and_a_notice_says_what_is_lost(
    hear: Hear, library: Library
) -> None:
    video = hear(("en", 8), others=None)
    assert lines(library, video) == [("en", "English at 0")]
    (notice,) = video.warnings
    assert notice.startswith("Speech was taken for English without a check") and "make setup" in notice
    tagged = hear(("es", 8), others=None, tag="es")
    assert lines(library, tagged) == []
    (notice,) = tagged.warnings
    assert notice.startswith("Speech at 0:00–0:08 was not written down: it is in Spanish, and Whisper base")


PIECES = [
    ("en", 9), (None, 1), ("zh", 9), (None, 2), ("noise", 1), (None, 2), ("en", 12), (None, 35), ("noise", 1),
    (None, 1), ("zh", 8), (None, 100), ("noise", 1), (None, 50), ("es", 14), (None, 1), ("es", 14), (None, 1),
    ("noise", 5),
]  # fmt: skip


@pytest.mark.parametrize("calls", range(1, 9))
def test_a_killed_run_goes_on_and_ends_with_the_same_index(hear: Hear, library: Library, calls: int) -> None:
    stop = threading.Event()

    class Killed(Others):
        rated = 0

        def rate_languages(self, audio: np.ndarray) -> dict[str, float]:
            self.rated += 1
            if self.rated == calls:
                stop.set()
            return super().rate_languages(audio)

    whole = hear(*PIECES)
    broken = hear(("en", 0.5))
    with library.db.transaction() as db:
        db.execute("DELETE FROM passages WHERE video_id = ?", (broken.id,))
        db.execute("DELETE FROM spoken WHERE video_id = ?", (broken.id,))
        db.execute("UPDATE lanes SET until = 0, done = 0 WHERE video_id = ? AND lane = 'hear'", (broken.id,))
    with pytest.raises(Cancelled):
        hear(*PIECES, others=Killed(), video=broken, stop=stop)
    assert not library.lane_done(broken.id, "hear")
    again = hear(*PIECES, video=broken)
    assert lines(library, again) == lines(library, whole) != []
    assert spoken(library, again.id) == spoken(library, whole.id)
    assert again.warnings == whole.warnings
