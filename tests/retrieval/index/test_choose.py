from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from model.errors import UsageError
from model.media.probe import probe
from retrieval.index.choose import Choice, hear_again, tracks_of
from retrieval.index.ingest import run_job, take_in
from retrieval.store.claims import ClaimLost
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.originals import original_or_copy
from retrieval.store.records import Video
from retrieval.store.spoken import Spoken, TrackLines, first_heard, joined, spoken, track_lines
from tests.fakes import DIM, FakeModels
from tests.media_factory import make_video
from tests.several_tracks import make_tracks


def index(library: Library, models: FakeModels, path: Path, upload: str | None = None) -> Video:
    video = take_in(library, path, upload=upload)
    job = JobQueue(library).add(video.id, video.owner)
    claimed = JobQueue(library).claim("test", job.id)
    assert claimed is not None
    return run_job(library, models, claimed)  # type: ignore[arg-type]


def say(library: Library, video: Video, text: str, origin: str, language: str | None = None) -> None:
    library.add_passages(
        video.id, "speech", [(0.0, 1.0, text)], np.ones((1, DIM), np.float32), language=language, origin=origin
    )


@pytest.fixture
def talk(library: Library, models: FakeModels, tmp_path: Path) -> Video:
    """An indexed video with two sounds (1 English, 2 Spanish) and German subtitles (3), and lines of each origin."""
    video = index(library, models, make_tracks(tmp_path / "talk.mkv"))
    for text, origin in (("heard", "heard"), ("older", ""), ("beside", "file:talk.srt")):
        say(library, video, text, origin)
    library.add_passages(video.id, "text", [(0.0, 1.0, "EXIT")], np.ones((1, DIM), np.float32))
    with library.db.transaction() as db:
        db.execute("INSERT INTO spoken VALUES (?, 0, 2, 'en', 0.9)", (video.id,))
    return library.video(video.id)


def texts(library: Library, video: Video) -> set[str]:
    return {passage.text for passage in library.passages(video.id)}


def test_another_language_forgets_what_was_heard_and_nothing_else(
    library: Library, models: FakeModels, talk: Video
) -> None:
    clips = library.clips(talk.id)
    job = hear_again(library, JobQueue(library), talk, Choice(language="Spanish"))
    video = library.video(talk.id)
    assert video.choices == {"language": "es"} and video.status == "waiting" and job.status == "queued"
    assert texts(library, video) == {"Hallo", "beside", "EXIT"} and spoken(library, video.id) == []
    assert not library.lane_done(video.id, "hear") and library.lane_until(video.id, "hear") == 0
    assert library.lane_done(video.id, "see") and library.clips(video.id) == clips
    assert library.lane_done(video.id, "media") and video.media_path == talk.media_path
    claimed = JobQueue(library).claim("test")
    assert claimed is not None and claimed.id == job.id
    assert run_job(library, models, claimed).status == "ready"  # type: ignore[arg-type]
    assert library.lane_done(video.id, "hear")
    hear_again(library, JobQueue(library), library.video(video.id), Choice(language="auto"))
    assert library.video(video.id).choices == {}


def test_another_sound_is_heard_and_put_into_the_copy(library: Library, models: FakeModels, talk: Video) -> None:
    hear_again(library, JobQueue(library), talk, Choice(sound=2))
    video = library.video(talk.id)
    assert original_or_copy(video)[1].audio_index == 2
    claimed = JobQueue(library).claim("test")
    assert claimed is not None
    video = run_job(library, models, claimed)  # type: ignore[arg-type]
    assert video.media_path and pitch(Path(video.media_path)) == pytest.approx(600, rel=0.05)
    assert talk.media_path == video.media_path  # the old copy is not left behind
    (copy,) = Path(video.media_path).parent.glob("playable.*")
    assert copy == Path(video.media_path)


def pitch(path: Path) -> float:
    """Hertz of a tone, by the crossings of zero in its middle."""
    with av.open(str(path)) as container:
        wave = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    middle = wave[len(wave) // 4 : len(wave) * 3 // 4]
    return float((np.diff(np.signbit(middle)) != 0).sum() / 2 / (len(middle) / rate))


def test_other_subtitles_replace_those_that_were_taken(library: Library, talk: Video) -> None:
    hear_again(library, JobQueue(library), talk, Choice(subtitles=[]))
    assert library.video(talk.id).choices == {"subtitles": []} and texts(library, talk) == {"beside", "EXIT"}
    say(library, talk, "shown", "subtitles:3")
    hear_again(library, JobQueue(library), library.video(talk.id), Choice(subtitles=[3]))
    assert texts(library, talk) == {"shown", "beside", "EXIT"}  # nobody needs to read it again


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(sound=9), "talk.mkv has no stream 9; its sounds are 1 (English, “Main”), 2 (Spanish)."),
        (Choice(sound=3), "Stream 3 of talk.mkv is subtitles, not sound; its sounds are 1"),
        (Choice(sound=0), "Stream 0 of talk.mkv is a picture, not sound"),
        (Choice(subtitles=[3, 1]), "Stream 1 of talk.mkv is sound, not subtitles; its subtitles are 3 (German)."),
        (Choice(language="klingon"), "no language 'klingon' that speech is understood in; there are af, am"),
        (Choice(sound=2, language="xx"), "no language 'xx'"),
    ],
)
def test_what_cannot_be_chosen_changes_nothing(library: Library, talk: Video, choice: Choice, words: str) -> None:
    before = texts(library, talk)
    with pytest.raises(UsageError, match=re.escape(words)):
        hear_again(library, JobQueue(library), talk, choice)
    assert library.video(talk.id) == talk and texts(library, talk) == before


def test_a_video_without_sound_cannot_be_heard(library: Library, models: FakeModels, tmp_path: Path) -> None:
    video = index(library, models, make_video(tmp_path / "still.mp4", audio=None))
    for choice in (Choice(sound=0), Choice(language="en")):
        with pytest.raises(UsageError, match=r"still\.mp4"):
            hear_again(library, JobQueue(library), video, choice)


def test_a_worker_that_is_at_it_loses_its_claim(library: Library, talk: Video) -> None:
    jobs = JobQueue(library)
    first = hear_again(library, jobs, talk, Choice(language="es"))
    running = jobs.claim("slow", first.id)
    assert running is not None
    theirs = library.guarded(jobs.guard(running))
    theirs.add_passages(talk.id, "speech", [(0.0, 1.0, "hola")], np.ones((1, DIM), np.float32), origin="heard")
    again = hear_again(library, jobs, library.video(talk.id), Choice(language="en"))
    assert again.id == first.id and "hola" not in texts(library, talk)
    with pytest.raises(ClaimLost):
        theirs.add_passages(talk.id, "speech", [(1.0, 2.0, "adiós")], np.ones((1, DIM), np.float32), origin="heard")
    with pytest.raises(ClaimLost):
        theirs.finish_lane(talk.id, "hear")
    assert not jobs.heartbeat(running)
    taken = jobs.claim("next")  # at once: nobody has it
    assert taken is not None and taken.claim > running.claim and taken.attempts == 1
    assert library.video(talk.id).choices == {"language": "en"}


def test_an_upload_with_more_tracks_than_its_copy_stays(library: Library, models: FakeModels, tmp_path: Path) -> None:
    plain = index(library, models, make_video(tmp_path / "plain.mp4"), upload="plain.mp4")
    assert not Path(plain.source_path).exists()
    talk = index(library, models, make_tracks(tmp_path / "talk.mkv"), upload="talk.mkv")
    assert Path(talk.source_path).exists()
    hear_again(library, JobQueue(library), talk, Choice(sound=2))
    library.delete_video(talk.id)
    assert not Path(talk.source_path).exists() and not list(library.incoming.iterdir())


def test_when_the_original_is_gone_its_copy_is_heard(library: Library, models: FakeModels, talk: Video) -> None:
    path = Path(talk.source_path)
    kept = shutil.copy(path, path.with_name("kept.mkv"))
    say(library, talk, "dicho", "heard:2", "es")
    path.unlink()
    with pytest.raises(UsageError, match=r"one sound, stream 1 \(English, “Main”\); add the file again"):
        hear_again(library, JobQueue(library), talk, Choice(sound=2))
    library.update_video(talk.id, info=json.dumps(talk.info | {"tracks": with_another(talk.info["tracks"])}))
    with pytest.raises(UsageError, match="no subtitles; add the file again to have track 4"):
        hear_again(library, JobQueue(library), library.video(talk.id), Choice(subtitles=[3, 4]))
    hear_again(library, JobQueue(library), talk, Choice(sound=1, language="es"))
    assert texts(library, talk) == {"dicho", "Hallo", "beside", "EXIT"}  # nobody could hear the second sound again
    claimed = JobQueue(library).claim("test")
    assert claimed is not None
    video = run_job(library, models, claimed)  # type: ignore[arg-type]
    assert video.status == "ready" and library.lane_done(video.id, "hear")
    assert take_in(library, Path(kept)).source_path == str(kept)  # the same file once more: its tracks are back
    hear_again(library, JobQueue(library), library.video(video.id), Choice(sound=2))


def with_another(tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tracks with subtitles 4, of which nothing was stored."""
    return [*tracks, tracks[3] | {"index": 4}]


def test_the_tracks_of_a_library_of_before_are_listed(library: Library, talk: Video) -> None:
    info = {key: value for key, value in talk.info.items() if key != "tracks"}
    library.update_video(talk.id, info=json.dumps(info))
    assert tracks_of(library, library.video(talk.id)) == probe(Path(talk.source_path)).tracks
    assert "tracks" in library.video(talk.id).info


def test_what_is_spoken_and_which_transcripts_there_are(library: Library, talk: Video) -> None:
    say(library, talk, "hola", "heard", "es")
    say(library, talk, "adiós", "heard", "es")
    assert track_lines(library, talk.id)[0] == TrackLines("heard", "es", 2)
    assert {(t.origin, t.language) for t in track_lines(library, talk.id)} == {
        ("heard", "es"), ("heard", None), ("", None), ("subtitles:3", "de"), ("file:talk.srt", None),
    }  # fmt: skip
    stretches = [Spoken(0, 9, None, 0.2), Spoken(9, 20, "en", 0.9), Spoken(20, 30, "en", 0.7), Spoken(30, 40, "zh", 1)]
    assert first_heard(stretches) == [("en", 9), ("zh", 30)]
    assert joined(stretches)[1] == Spoken(9, 30, "en", 0.7) and len(joined(stretches)) == 3
