"""Which sound tracks are heard: the first that is understood, those in other languages, and a sentence for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.media.probe import MediaInfo, Track, probe
from model.speech.recognizer import Line
from model.speech.voice import Speech
from retrieval.index.ingest import run_job, take_in
from retrieval.index.lanes import listening
from retrieval.index.lanes.tracks import FURTHER_SOUND_S, Understood, choose_sounds, without_repeats
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Passage, Video
from tests.fakes import FakeModels
from tests.media_factory import Scene, tone
from tests.track_files import RATE, PictureTrack, SoundTrack, join, write_tracks


def english(language: str) -> bool:
    return language == "en"


def anything(language: str) -> bool:
    return True


SPANISH_FIRST = (SoundTrack(tone(3, 440, RATE)[None], language="spa", disposition="default"),
                 SoundTrack(tone(3, 880, RATE)[None], language="eng"))  # fmt: skip


def info_of(*tracks: Track, duration: float = 60.0) -> MediaInfo:
    return MediaInfo(duration, 0, 0, 0, 0.0, None, "aac", "matroska", 0.0, audio_index=tracks[0].index, tracks=tracks)


def sound(index: int, language: str | None = None, **more: Any) -> Track:
    return Track(index, "sound", "aac", language, **more)


def heard(*tracks: Track, understood: Understood = anything, chosen: bool = False, duration: float = 60.0) -> str:
    """The streams to hear with their origins, and how many are told of, as "1:heard 2:heard:2 +1"."""
    sounds, notices = choose_sounds(info_of(*tracks, duration=duration), understood, chosen)
    assert [s.first for s in sounds] == [True] + [False] * (len(sounds) - 1)
    return " ".join([*(f"{s.info.audio_index}:{s.origin}" for s in sounds), f"+{len(notices)}"])


def test_the_first_track_stays_first_and_other_languages_follow() -> None:
    assert heard(sound(1, "es"), sound(2, "en")) == "1:heard 2:heard:2 +0"
    assert heard(sound(1, "es"), sound(2, "en"), sound(3, "es"), sound(4)) == "1:heard 2:heard:2 4:heard:4 +1"


def test_a_language_that_is_not_understood_gives_way_to_one_that_is() -> None:
    assert heard(sound(1, "es"), sound(2, "en"), understood=english) == "2:heard +1"
    assert heard(sound(1, "en"), sound(2, "es"), understood=english) == "1:heard +1"
    assert heard(sound(1, "es"), understood=english) == "1:heard +0"  # the tag may lie, and there is no other
    assert heard(sound(1, "es"), sound(2, "en"), understood=english, chosen=True) == "1:heard 2:heard:2 +0"


def test_commentary_and_unknown_formats_wait_to_be_chosen() -> None:
    unknown = Track(3, "sound", None, "fr")
    assert heard(sound(1, "en"), sound(2, "fr", aside=True), unknown) == "1:heard +2"
    (notice, _) = choose_sounds(
        info_of(sound(1, "en"), sound(2, "fr", title="The  maker", aside=True), unknown), anything, False
    )[1]
    assert notice.startswith("Not heard: sound track 2 (French, “The maker”), because it is a commentary")


def test_long_files_are_heard_once() -> None:
    three = sound(1, "es"), sound(2, "en"), sound(3, "fr")
    assert heard(*three, duration=FURTHER_SOUND_S - 1) == "1:heard 2:heard:2 +1"
    assert heard(*three, duration=FURTHER_SOUND_S + 1) == "1:heard +2"


def test_files_of_older_versions_list_no_tracks() -> None:
    info = MediaInfo(9.0, 0, 0, 0, 0.0, None, "aac", "mp4", 0.0)
    assert choose_sounds(info, english, False)[0][0].info is info
    assert choose_sounds(MediaInfo(9.0, 2, 2, 0, 9.0, "h264", None, "mp4", 0.0), english, False) == ([], [])


def test_notices_of_an_earlier_choice_go(library: Library, video: Video) -> None:
    library.add_warning(video.id, "no sound")
    for tracks in ("12", "2"):
        library.replace_warnings(video.id, ("Not heard",), [f"Not heard: sound track {track}." for track in tracks])
    assert library.video(video.id).warnings == ["no sound", "Not heard: sound track 2."]


def test_what_two_tracks_say_at_the_same_time_is_kept_once() -> None:
    known = [
        Passage(1, "v", "speech", 0.0, 4.0, "The harbour bridge was opened in 1932."),
        Passage(2, "v", "speech", 9.0, 12.0, "你好世界"),
    ]
    lines = [
        Line(0.1, 3.9, "the harbor bridge was opened in 1932"),
        Line(0.5, 3.0, "No wonder the harbour is full"),
        Line(20.0, 24.0, "The harbour bridge was opened in 1932."),
        Line(9.0, 12.0, "你好，世界。"),
    ]
    assert without_repeats(lines, known) == lines[1:3]


@pytest.mark.parametrize("title", ["Director's Commentary", "English Audio Description", "Kommentar"])
def test_titles_tell_what_is_not_the_film(tmp_path: Path, title: str) -> None:
    tracks = (SoundTrack(tone(1, 440, RATE)[None], title="Film"), SoundTrack(tone(1, 880, RATE)[None], title=title))
    info = probe(write_tracks(tmp_path / "a.mkv", sounds=tracks))
    assert [track.aside for track in info.tracks] == [False, True]


class _AllIsSpeech:
    """Stands for VoiceActivity: each block is a stretch."""

    resume_at = 0.0

    def feed(self, time: float, audio: np.ndarray) -> list[Speech]:
        return [Speech(time, time + len(audio) / 16_000, audio)]

    def flush(self) -> list[Speech]:
        return []


class _Pitch:
    """Writes down the pitch it hears; 440 Hz is Spanish, all else English."""

    name, languages = "pitch", frozenset({"en", "es"})

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        return [Line(offset, offset + len(audio) / 16_000, f"pitch {_hertz(audio)}")]

    def rate_languages(self, audio: np.ndarray) -> dict[str, float]:
        return {"es": 0.98, "en": 0.01} if _hertz(audio) == 440 else {"en": 0.98, "es": 0.01}


def _hertz(audio: np.ndarray) -> int:
    return round(int(np.argmax(np.abs(np.fft.rfft(audio[:16_000])))), -1)


def index(library: Library, models: FakeModels, path: Path) -> Video:
    video = take_in(library, path)
    job = JobQueue(library).claim("here:1", JobQueue(library).add(video.id, "local").id)
    assert job is not None
    return run_job(library, models, job)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "others, expected",
    [
        (_Pitch(), [("heard", "es", "pitch 440"), ("heard:2", "en", "pitch 880")]),
        (None, [("heard", "en", "pitch 880")]),  # only English is recognised
    ],
)
def test_each_track_becomes_a_transcript_of_its_own(
    library: Library, models: FakeModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    others: _Pitch | None, expected: list[tuple[str, str, str]],
) -> None:  # fmt: skip
    monkeypatch.setattr(listening, "VoiceActivity", _AllIsSpeech)
    models.speech, models.languages = _Pitch(), others  # type: ignore[assignment]
    video = index(library, models, write_tracks(tmp_path / "film.mkv", [PictureTrack([Scene(3)])], SPANISH_FIRST))
    passages = library.passages(video.id, "speech")
    assert [(p.origin, p.language, p.text) for p in passages] == expected
    told = "Not heard: sound track 1 (Spanish), because its language is not recognised. Choose it to have it heard."
    assert (told in video.warnings) == (others is None)


def test_two_mixes_of_one_sound_are_one_transcript(
    library: Library, models: FakeModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "VoiceActivity", _AllIsSpeech)
    models.speech = models.languages = _Pitch()  # type: ignore[assignment]
    sounds = [SoundTrack(tone(3, hertz, RATE)[None]) for hertz in (440, 440, 880)]
    video = index(library, models, write_tracks(tmp_path / "film.mkv", [PictureTrack([Scene(3)])], sounds))
    passages = library.passages(video.id, "speech")
    assert [(p.origin, p.text) for p in passages] == [("heard", "pitch 440"), ("heard:3", "pitch 880")]


def test_sound_in_another_format_from_the_middle_on_is_told(
    library: Library, models: FakeModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "VoiceActivity", _AllIsSpeech)
    parts = [
        write_tracks(
            tmp_path / f"{codec}.ts", [PictureTrack([Scene(4)])], [SoundTrack(tone(4, 440, RATE)[None], codec=codec)]
        )
        for codec in ("aac", "mp2")
    ]
    warnings = index(library, models, join(tmp_path / "joined.ts", *parts)).warnings
    assert any("of the sound could not be decoded" in sentence for sentence in warnings)
