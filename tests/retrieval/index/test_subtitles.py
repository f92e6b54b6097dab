from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.media.probe import MediaInfo
from model.media.probe import Track as Listed
from model.speech.voice import Speech
from retrieval.index.coverage import Coverage
from retrieval.index.ingest import run_job, take_in
from retrieval.index.subtitle_choice import choose_tracks
from retrieval.index.subtitles import attach, waiting
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Passage, Video
from retrieval.store.transcripts import tracks, transcript
from tests.fakes import FakeModels
from tests.subtitle_factory import Cue, Track, make_subtitled, srt

ENGLISH: list[Cue] = [(1.0, 3.0, "The harbour is closed"), (4.0, 6.5, "Meet me at noon")]
CHINESE: list[Cue] = [(1.0, 3.0, "港口已经关闭了"), (4.0, 6.5, "中午来见我")]
# What the reading of Dickens in the fixture `speech` says, by the stretch.
DICKENS: list[Cue] = [
    (
        0.9,
        8.3,
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of folly",
    ),
    (8.5, 13.1, "it was the epoch of belief, it was the epoch of incredulity,"),
    (13.1, 17.0, "it was the season of Light, it was the season of Darkness,"),
    (17.2, 20.8, "it was the spring of hope, it was the winter of despair,"),
    (20.9, 24.3, "we had everything before us, we had nothing before us,"),
    (24.3, 28.6, "we were all going direct to Heaven, we were all going direct the other way"),
    (28.8, 41.8, "in short, the period was so far like the present period that some of its noisiest authorities"),
]


@dataclass(frozen=True)
class Heard:
    start: float
    end: float
    text: str


@dataclass
class Ears:
    """Hears what the cues say; remembers the stretches that it was given."""

    cues: list[Cue]
    name: str = "ears"
    given: list[float] = field(default_factory=list)

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Any]:
        self.given.append(offset)
        end = offset + len(audio) / 16_000
        said = [text for a, b, text in self.cues if a < end - 0.5 and b > offset + 0.5]
        return [Heard(offset, end, " ".join(said))] if said else []


def queue(library: Library, video: Video) -> None:
    JobQueue(library).add(video.id, "local")


def run(library: Library, models: FakeModels, video: Video) -> Video:
    queue(library, video)
    job = JobQueue(library).claim("here:1")
    assert job is not None
    return run_job(library, models, job)  # type: ignore[arg-type]


def index(library: Library, models: FakeModels, path: Path) -> Video:
    return run(library, models, take_in(library, path))


def lines(library: Library, video: Video, origin: str) -> list[Passage]:
    return [p for p in library.passages(video.id, "speech") if p.origin == origin]


def texts(passages: list[Passage]) -> list[str]:
    return [passage.text for passage in passages]


def test_tracks_become_passages_with_language_origin_and_vectors(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    path = make_subtitled(tmp_path / "a.mkv", [Track(ENGLISH, language="eng"), Track(CHINESE, language="chi")])
    video = index(library, models, path)
    english, chinese = lines(library, video, "subtitles:1"), lines(library, video, "subtitles:2")
    assert [(p.start, p.end, p.text, p.language) for p in english] == [(*cue, "en") for cue in ENGLISH]
    assert [(p.text, p.language) for p in chinese] == [(text, "zh") for _, _, text in CHINESE]
    vectors = library.db.rows("SELECT 1 FROM vectors WHERE kind = 'text' AND video_id = ?", (video.id,))
    assert len(vectors) == 4
    assert library.match_words("harbour", [video.id], 5)


def test_a_run_that_is_repeated_doubles_nothing(library: Library, models: FakeModels, tmp_path: Path) -> None:
    video = index(library, models, make_subtitled(tmp_path / "a.mkv", [Track(ENGLISH, language="eng")]))
    before = library.passages(video.id)
    library.update_video(video.id, status="waiting")
    with library.db.transaction() as db:
        db.execute("UPDATE lanes SET done = 0, until = 0 WHERE lane = 'hear'")
    assert library.passages(run(library, models, video).id) == before


def test_pictures_are_read_by_ocr(library: Library, models: FakeModels, tmp_path: Path) -> None:
    class Reader:
        def read(self, picture: np.ndarray) -> list[Any]:
            return [type("Box", (), {"text": "read from a picture"})]

        def forget(self) -> None:
            pass

    models.another_ocr = Reader  # type: ignore[method-assign]
    video = index(library, models, make_subtitled(tmp_path / "a.mkv", [Track(ENGLISH, "hdmv_pgs_subtitle", "eng")]))
    assert texts(lines(library, video, "subtitles:1")) == ["read from a picture"] * 2


def test_a_language_that_nobody_names_is_told_from_the_text(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = index(library, models, make_subtitled(tmp_path / "a.mkv", [Track(CHINESE)]))
    assert {line.language for line in lines(library, video, "subtitles:1")} == {"zh"}


def test_a_language_tag_that_lies_is_put_right_with_a_notice(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    german = [(n, n + 0.9, "Ich weiß nicht, was du willst, aber das ist nicht der Weg zu mir") for n in range(1, 9, 2)]
    video = index(library, models, make_subtitled(tmp_path / "a.mkv", [Track(german, language="eng")]))
    assert {line.language for line in lines(library, video, "subtitles:1")} == {"de"}
    assert any("is marked as 'en' and reads like 'de'" in warning for warning in video.warnings)


def test_a_file_beside_the_video_that_comes_and_changes_later(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = index(library, models, make_subtitled(tmp_path / "talk.mkv", []))
    beside = tmp_path / "talk.en.srt"
    beside.write_text(srt(ENGLISH))
    assert attach(library, video, [beside])
    run(library, models, video)
    assert texts(lines(library, video, "file:talk.en.srt")) == [text for _, _, text in ENGLISH]
    assert {line.language for line in lines(library, video, "file:talk.en.srt")} == {"en"}
    assert not attach(library, video, [beside]) and not waiting(library, video.id)  # nothing new
    beside.write_text(srt(ENGLISH[:1]))
    assert attach(library, video, [beside]) and attach(library, video, [beside])  # until it is stored
    run(library, models, video)
    assert texts(lines(library, video, "file:talk.en.srt")) == ["The harbour is closed"]


def test_a_file_that_comes_while_its_video_is_indexed_is_taken_up(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = take_in(library, make_subtitled(tmp_path / "talk.mkv", []))
    beside = tmp_path / "talk.srt"
    beside.write_text(srt(ENGLISH))
    queue(library, video)
    job = JobQueue(library).claim("here:1")
    assert job is not None

    class Slow(FakeModels):
        def __init__(self) -> None:
            super().__init__()
            see = self.vision.encode_frames

            def attach_meanwhile(frames: np.ndarray) -> Any:
                while not library.lane_done(video.id, "hear"):
                    time.sleep(0.01)
                attach(library, video, [beside])
                return see(frames)

            self.vision.encode_frames = attach_meanwhile  # type: ignore[method-assign]

    run_job(library, Slow(), job)  # type: ignore[arg-type]
    follow = JobQueue(library).claim("here:1")
    assert follow is not None and follow.id != job.id
    run_job(library, models, follow)  # type: ignore[arg-type]
    assert len(lines(library, video, "file:talk.srt")) == 2
    assert JobQueue(library).claim("here:1") is None


def test_a_wrong_file_is_a_notice_and_a_right_one_takes_it_away(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = index(library, models, make_subtitled(tmp_path / "talk.mkv", []))
    beside = tmp_path / "talk.srt"
    beside.write_bytes(b"<html>404</html>")
    assert not attach(library, video, [beside]) and not attach(library, video, [beside])
    assert [w for w in library.video(video.id).warnings if "talk.srt" in w] == [
        "talk.srt was left out: it is no subtitle file (SubRip, WebVTT, ASS or SSA)."
    ]
    beside.write_text(srt(ENGLISH))
    assert attach(library, video, [beside])
    assert not [w for w in library.video(video.id).warnings if "talk.srt" in w]


def test_the_users_choice_of_tracks_counts(library: Library, models: FakeModels, tmp_path: Path) -> None:
    path = make_subtitled(tmp_path / "a.mkv", [Track(ENGLISH, language="eng"), Track(CHINESE, language="chi")])
    video = index(library, models, path)
    library.update_video(video.id, choices='{"subtitles": [2]}')
    run(library, models, video)
    assert not lines(library, video, "subtitles:1") and len(lines(library, video, "subtitles:2")) == 2


def test_another_track_of_an_upload_can_be_chosen_when_its_original_is_gone(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    codes = ("eng", "chi", "ger", "fre", "spa", "ita")
    sent = make_subtitled(tmp_path / "a.mkv", [Track([(1, 2, f"words in {code}")], language=code) for code in codes])
    video = run(library, models, take_in(library, sent, upload="a.mkv"))
    assert not Path(video.source_path).exists()
    assert {line.language for line in library.passages(video.id, "speech")} == {"en", "zh"}
    library.update_video(video.id, choices='{"subtitles": [3]}')
    run(library, models, video)
    assert texts(library.passages(video.id, "speech")) == ["words in ger"]


# -- which tracks ------------------------------------------------------------------------------------------------------


def listed(*given: Listed) -> MediaInfo:
    sound = Listed(1, "sound", "aac", "ja")
    return MediaInfo(10, 1, 1, 0, 1, "h264", "aac", "matroska", 0, audio_index=1, tracks=(sound, *given))


def subtitle(index: int, language: str | None = "en", **more: Any) -> Listed:
    return Listed(index, "subtitles", more.pop("codec", "subrip"), language, **more)


def chosen(*given: Listed, **choices: Any) -> list[int]:
    return [track.index for track in choose_tracks(listed(*given), choices)[0]]


def test_each_language_once_the_whole_and_plain_one() -> None:
    assert chosen(subtitle(2, forced=True), subtitle(3), subtitle(4, title="English (SDH)")) == [3]
    assert chosen(subtitle(2, title="Commentary by the director"), subtitle(3, title="Full")) == [3]
    assert chosen(subtitle(2, codec="hdmv_pgs_subtitle"), subtitle(3)) == [3]
    assert chosen(subtitle(2), subtitle(3, default=True), subtitle(4, "de")) == [3, 4]


def test_a_language_with_nothing_but_additions_keeps_them() -> None:
    assert chosen(subtitle(2, forced=True), subtitle(3, title="Signs & Songs"), subtitle(4, "de")) == [2, 3, 4]


def test_of_thirty_languages_few_are_taken_and_the_others_named() -> None:
    codes = [
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "sv",
        "da",
        "fi",
        "pl",
        "cs",
        "hu",
        "ro",
        "tr",
        "ru",
        "uk",
        "ja",
        "zh",
        "ko",
        "en",
        "el",
        "he",
        "ar",
        "th",
        "vi",
        "id",
    ]
    every = [subtitle(2 + n, code, default=code == "fr") for n, code in enumerate(codes)]
    taken, notices = choose_tracks(listed(*every), {})
    assert [track.language for track in taken] == ["fr", "ja", "zh", "en"]
    assert len(notices) == 1 and notices[0].startswith("22 more subtitle tracks are not taken in, and can be chosen")
    assert "German" in notices[0] and "10 more" in notices[0]


def test_a_format_without_a_reader_is_said() -> None:
    taken, notices = choose_tracks(listed(subtitle(2, codec=None, title="Teletext")), {})  # type: ignore[arg-type]
    assert not taken
    assert notices == ["Subtitle track 2 “Teletext” is left out: there is no reader for its format (unknown)."]


def test_a_choice_overrules_all_of_that() -> None:
    assert chosen(subtitle(2), subtitle(3, "de"), subtitle(4, "fr"), subtitles=[4]) == [4]
    assert chosen(subtitle(2), subtitles=[]) == []


# -- instead of hearing ------------------------------------------------------------------------------------------------


def dickens(tmp_path: Path, speech: np.ndarray, cues: list[Cue], language: str = "eng") -> Path:
    return make_subtitled(
        tmp_path / "a.mkv", [Track(cues, language=language)], len(speech) / 16_000, speech, sound_language="eng"
    )


def test_speech_that_subtitles_have_is_not_recognised(
    library: Library, models: FakeModels, tmp_path: Path, speech: np.ndarray
) -> None:
    ears = models.speech = Ears(DICKENS)  # type: ignore[assignment]
    video = index(library, models, dickens(tmp_path, speech, DICKENS))
    assert max(ears.given) < 14  # the first stretches only, to see that both say the same
    assert transcript(library, video)[-1].text.startswith("in short, the period")
    assert {line.origin for line in library.passages(video.id, "speech")} == {"subtitles:2"}  # none of them twice


def test_half_a_file_with_subtitles_is_heard_in_its_other_half(
    library: Library, models: FakeModels, tmp_path: Path, speech: np.ndarray
) -> None:
    ears = models.speech = Ears(DICKENS)  # type: ignore[assignment]
    video = index(library, models, dickens(tmp_path, speech, DICKENS[:4]))
    assert [at for at in ears.given if at > 20] and not [at for at in ears.given if 16 < at < 20]
    origins = [line.origin for line in transcript(library, video)]
    assert origins[:4] == ["subtitles:2"] * 4 and set(origins[4:]) == {"heard"}


def test_subtitles_in_another_language_stand_beside_what_is_heard(
    library: Library, models: FakeModels, tmp_path: Path, speech: np.ndarray
) -> None:
    ears = models.speech = Ears(DICKENS)  # type: ignore[assignment]
    chinese = [(start, end, "那是最好的时代,那是最坏的时代") for start, end, _ in DICKENS]
    video = index(library, models, dickens(tmp_path, speech, chinese, "chi"))
    assert max(ears.given) > 24
    assert {line.origin for line in transcript(library, video)} == {"heard"}
    assert {line.origin for line in transcript(library, video, "zh")} == {"subtitles:2"}
    assert {track.origin for track in tracks(library, video)} == {"heard", "subtitles:2"}  # both are searched


def test_subtitles_of_another_film_are_not_trusted(
    library: Library, models: FakeModels, tmp_path: Path, speech: np.ndarray
) -> None:
    ears = models.speech = Ears(DICKENS)  # type: ignore[assignment]
    wrong = [(start, end, "Please close the garden gate behind you") for start, end, _ in DICKENS]
    video = index(library, models, dickens(tmp_path, speech, wrong))
    assert max(ears.given) > 24
    assert any("says other things than are heard" in warning for warning in video.warnings)
    assert {line.origin for line in transcript(library, video)} == {"heard"}


def test_what_was_heard_gives_way_to_subtitles_that_come_later_and_returns_with_their_end(
    library: Library, models: FakeModels, tmp_path: Path, speech: np.ndarray
) -> None:
    models.speech = Ears(DICKENS)  # type: ignore[assignment]
    path = make_subtitled(tmp_path / "talk.mkv", [], len(speech) / 16_000, speech, sound_language="eng")
    video = index(library, models, path)
    assert {line.origin for line in library.passages(video.id, "speech")} == {"heard"}
    beside = tmp_path / "talk.en.srt"
    beside.write_text(srt(DICKENS))
    attach(library, video, [beside])
    run(library, models, video)
    assert {line.origin for line in library.passages(video.id, "speech")} == {"file:talk.en.srt"}
    beside.write_text(srt(DICKENS[:2]))
    attach(library, video, [beside])
    run(library, models, video)
    assert "in short" in " ".join(texts(lines(library, video, "heard")))


def test_a_line_here_and_there_covers_nothing(library: Library, video: Video) -> None:
    pieces = [(1.0, 2.0, "one word"), (9.0, 10.0, "another")]
    library.add_passages(video.id, "speech", pieces, np.ones((2, 4)), language="en", origin="file:first.en.srt")
    coverage = Coverage(library, video.id)
    stretch = Speech(0.5, 8.0, np.zeros(1, np.float32))
    assert not coverage.covers(stretch, "en", lambda: pytest.fail("nothing is to be compared"))
    assert not coverage.covers(replace(stretch, start=1.0, end=2.0), "fr", lambda: pytest.fail("another language"))
