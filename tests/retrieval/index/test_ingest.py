from __future__ import annotations

import itertools
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.errors import Cancelled, CuepointError, UnreadableMedia
from model.media.probe import probe
from model.reading.screen_text import TextBox
from retrieval.ask.find import Finder
from retrieval.export.reels import cut_video
from retrieval.index import ingest
from retrieval.index.ingest import run_job, take_in
from retrieval.search.query import Query
from retrieval.search.regions import find_regions
from retrieval.search.search import Searcher
from retrieval.store.claims import ClaimLost
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.originals import original_or_copy
from retrieval.store.records import LANES, Job, Video
from tests.fakes import ColourEncoder, FakeModels, Silent
from tests.media_factory import Scene, corrupt, make_audio, make_video, write_noise
from tests.track_files import PictureTrack, write_tracks

RED, GREEN, BLUE = ColourEncoder.colours.values()
SCENES = [Scene(3, RED), Scene(2, GREEN), Scene(4, BLUE)]


def index(library: Library, models: FakeModels, path: Path) -> Video:
    video = take_in(library, path)
    job = JobQueue(library).claim("here:1", JobQueue(library).add(video.id, "local").id)
    assert job is not None
    return run_job(library, models, job)  # type: ignore[arg-type]


def test_a_video_becomes_clips_pictures_and_a_playable_copy(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = index(library, models, make_video(tmp_path / "a.mp4", SCENES))
    clips = library.clips(video.id)
    assert [(round(c.start, 1), round(c.end, 1)) for c in clips] == [(0, 3), (3, 5), (5, 9)]
    assert [c.tags[0][0] for c in clips] == ["red", "green", "blue"]
    assert all(library.thumbnail(c).exists() for c in clips) and library.filmstrip(video.id).exists()
    assert (
        video.status == "ready"
        and video.media_path
        and probe(Path(video.media_path)).duration == pytest.approx(9, abs=0.2)
    )
    assert all(library.lane_done(video.id, lane) for lane in LANES)


def test_an_uploaded_photo_is_a_short_video_and_its_copy_stays(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    sent = tmp_path / "sent" / "photo.jpg"
    sent.parent.mkdir()
    Image.new("RGB", (640, 360), GREEN).save(sent)
    video = take_in(library, sent, upload="photo.jpg")
    job = JobQueue(library).claim("here:1", JobQueue(library).add(video.id, "local").id)
    assert job is not None
    video = run_job(library, models, job)  # type: ignore[arg-type]
    (clip,) = library.clips(video.id)
    assert (clip.start, clip.end, clip.tags[0][0]) == (0.0, 5.0, "green") and library.thumbnail(clip).exists()
    assert not Path(video.source_path).exists() and video.media_path
    path, info = original_or_copy(video)
    assert path == Path(video.media_path) and info.duration == pytest.approx(5, abs=0.1)
    assert cut_video(video, [(1.0, 3.0)], tmp_path / "moment.mp4").exists()


class _OneScript(Silent):
    """Sees a line that it cannot read in all that is green."""

    def read(self, picture: np.ndarray) -> list[TextBox]:
        green = picture[:, :, 1].mean() > 2 * picture[:, :, 0].mean()
        return [TextBox("", 0.9, (0.1, 0.1, 0.5, 0.2))] if green else []


def test_text_in_an_unknown_script_is_told_with_its_times(library: Library, models: FakeModels, tmp_path: Path) -> None:
    models.ocr = _OneScript()
    video = index(library, models, make_video(tmp_path / "a.mp4", [Scene(3, RED), Scene(3, GREEN), Scene(3, BLUE)]))
    (told,) = [warning for warning in video.warnings if "script" in warning]
    assert told == "At 0:03–0:06 there is text on the screen in a script that Cuepoint cannot read."
    assert library.passages(video.id, "text") == []


def test_what_is_seen_is_found(library: Library, models: FakeModels, tmp_path: Path) -> None:
    video = index(library, models, make_video(tmp_path / "a.mp4", SCENES))
    best = Finder(Searcher(library, models)).search("something green", [video.id])[0]  # type: ignore[arg-type]
    assert 3 <= best.start < best.end <= 5.01 and best.sources == ["visual"]


def test_the_same_file_twice_is_indexed_once(library: Library, models: FakeModels, tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", SCENES)
    first = index(library, models, path)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(path.read_bytes())
    assert take_in(library, copy).id == first.id
    assert len(library.videos()) == 1


def test_a_cancelled_run_keeps_what_it_has_and_goes_on_later(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    path = make_video(tmp_path / "a.mp4", SCENES)
    video = take_in(library, path)
    queue = JobQueue(library)
    job = queue.claim("here:1", queue.add(video.id, "local").id)
    assert job is not None
    encode, seen = models.vision.encode_frames, threading.Event()

    def slow(frames):  # type: ignore[no-untyped-def]
        if seen.is_set():
            queue.cancel(video.id)
            threading.Event().wait(3)  # longer than a heartbeat
        seen.set()
        return encode(frames)

    models.vision.encode_frames = slow  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        run_job(library, models, job)  # type: ignore[arg-type]
    kept = library.clips(video.id)
    assert kept and library.video(video.id).status == "cancelled"
    models.vision.encode_frames = encode  # type: ignore[method-assign]
    index(library, models, path)
    assert [c.id for c in library.clips(video.id)][: len(kept)] == [c.id for c in kept], (
        "finished clips were done again"
    )
    assert len(library.clips(video.id)) == 3


def test_sound_alone_has_clips_without_pictures(library: Library, models: FakeModels, tmp_path: Path) -> None:
    video = index(library, models, make_audio(tmp_path / "a.mp3", seconds=20))
    assert [round(c.end) for c in library.clips(video.id)] == [15, 20]
    assert any("no picture" in warning for warning in video.warnings)


def test_damage_is_reported_and_the_rest_indexed(library: Library, models: FakeModels, tmp_path: Path) -> None:
    path = corrupt(make_video(tmp_path / "a.mp4", SCENES, audio=None, gop=5), at=0.5, count=1500)
    video = index(library, models, path)
    assert library.clips(video.id)[-1].end == pytest.approx(video.duration)
    assert any("damaged" in warning for warning in video.warnings)


def test_no_video_is_refused_and_nothing_is_registered(library: Library, tmp_path: Path) -> None:
    for path in (write_noise(tmp_path / "noise.mp4"), tmp_path / "missing.mp4"):
        with pytest.raises(UnreadableMedia, match=path.name):
            take_in(library, path)
    assert library.videos() == []


def test_a_full_disk_is_one_sentence(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "a.mp4")
    monkeypatch.setattr(ingest, "_LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(CuepointError, match="disk space"):
        take_in(library, path)
    assert library.videos() == []


def test_an_upload_is_kept_until_it_is_indexed(library: Library, models: FakeModels, tmp_path: Path) -> None:
    path = make_video(tmp_path / "temporary-name.mp4", SCENES)
    video = take_in(library, path, upload="holiday.mp4")
    assert video.title == "holiday.mp4" and not path.exists() and Path(video.source_path).exists()
    queue = JobQueue(library)
    job = queue.claim("here:1", queue.add(video.id, "local").id)
    assert job is not None
    run_job(library, models, job)  # type: ignore[arg-type]
    assert not Path(video.source_path).exists()
    assert Path(library.video(video.id).media_path or "").exists()


def test_a_vanished_file_is_named_and_adding_it_again_goes_on(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    path = make_video(tmp_path / "a.mp4", SCENES)
    video = take_in(library, path)
    queue = JobQueue(library)
    moved = path.rename(tmp_path / "elsewhere.mp4")
    job = queue.claim("here:1", queue.add(video.id, "local").id)
    assert job is not None
    with pytest.raises(UnreadableMedia, match="no longer there"):
        run_job(library, models, job)  # type: ignore[arg-type]
    assert library.video(video.id).status == "failed"
    assert index(library, models, moved).status == "ready"


def test_a_run_whose_job_was_taken_over_stops_and_marks_nothing(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = take_in(library, make_video(tmp_path / "a.mp4", SCENES))
    queue = JobQueue(library)
    job = queue.claim("here:1", queue.add(video.id, "local").id)
    assert job is not None
    encode, taken = models.vision.encode_frames, list[Job]()

    def slow(frames):  # type: ignore[no-untyped-def]
        if not taken:
            queue.release("here:1")
            new = queue.claim("here:2")
            assert new is not None
            taken.append(new)
        return encode(frames)

    models.vision.encode_frames = slow  # type: ignore[method-assign]
    with pytest.raises(ClaimLost):
        run_job(library, models, job)  # type: ignore[arg-type]
    assert queue.job(job.id).status == "running" and queue.job(job.id).worker == "here:2"
    assert library.video(video.id).status == "indexing" and library.clips(video.id) == []
    done = run_job(library, models, taken[0])  # type: ignore[arg-type]
    assert done.status == "ready" and len(library.clips(video.id)) == 3


def test_a_video_deleted_while_it_is_indexed_leaves_nothing(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = take_in(library, make_video(tmp_path / "a.mp4", SCENES))
    queue = JobQueue(library)
    job = queue.claim("here:1", queue.add(video.id, "local").id)
    assert job is not None
    encode = models.vision.encode_frames

    def deleting(frames):  # type: ignore[no-untyped-def]
        if library.videos():
            library.delete_video(video.id)
        return encode(frames)

    models.vision.encode_frames = deleting  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        run_job(library, models, job)  # type: ignore[arg-type]
    assert not library.folder(video.id).exists()


STOPPED_WORKER = """
import logging, sys, time
from pathlib import Path
from model.errors import CuepointError
from retrieval.store.claims import worker_name
from retrieval.store.claims import ClaimLost
from retrieval.index.ingest import run_job
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from tests.fakes import FakeModels

library, models = Library(Path(sys.argv[1])), FakeModels()
encode = models.vision.encode_frames
models.vision.encode_frames = lambda frames: (time.sleep(0.7), encode(frames))[1]
job = JobQueue(library).claim(worker_name())
try:
    run_job(library, models, job)
except CuepointError as error:
    print(type(error).__name__, flush=True)
"""


def test_a_worker_that_was_stopped_and_goes_on_does_no_harm(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    video = take_in(library, make_video(tmp_path / "a.mp4", SCENES))
    clock = itertools.count()
    queue = JobQueue(library, lambda: float(next(clock)))
    job_id = queue.add(video.id, "local").id
    command = [sys.executable, "-c", STOPPED_WORKER, str(library.data_dir)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not library.clips(video.id):
            assert time.monotonic() < deadline and worker.poll() is None
            time.sleep(0.02)
        worker.send_signal(signal.SIGSTOP)
        kept = library.clips(video.id)
        queue.release_dead()  # it is not dead
        new = next(job for _ in range(60) if (job := queue.claim("here:2", job_id)))
        done = run_job(library, models, new)  # type: ignore[arg-type]
        before = [tuple(row) for table in ("clips", "vectors", "lanes", "jobs") for row in dump(library, table)]
        worker.send_signal(signal.SIGCONT)
        assert worker.communicate(timeout=60)[0].strip() == "ClaimLost"
    finally:
        worker.kill()
        worker.wait()
    assert before == [tuple(row) for table in ("clips", "vectors", "lanes", "jobs") for row in dump(library, table)]
    assert done.status == library.video(video.id).status == "ready" and library.video(video.id).error is None
    assert [c.number for c in library.clips(video.id)] == [0, 1, 2] and library.clips(video.id)[: len(kept)] == kept


def dump(library: Library, table: str) -> list[sqlite3.Row]:
    return library.db.rows(f"SELECT * FROM {table}")


def test_two_pictures_of_one_file_are_both_seen_and_read(
    library: Library, models: FakeModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A speaker and the slides. Where something is seen is found in both, and the copy for the player can be made."""
    read: list[np.ndarray] = []
    monkeypatch.setattr(models.ocr, "read", lambda picture: read.append(picture) or [], raising=False)
    camera, slides = PictureTrack([Scene(4, RED)]), PictureTrack([Scene(4, BLUE, "ONE", moving=False)], (640, 360))
    video = index(library, models, write_tracks(tmp_path / "talk.mkv", [camera, slides]))
    assert {picture.shape for picture in read} == {(360 + 180 + 14, 640, 3)}
    for picture in read:
        np.testing.assert_allclose([picture[60, 200], picture[500, 20]], [RED, BLUE], atol=16)
    searcher = Searcher(library, models)  # type: ignore[arg-type]
    regions = find_regions(searcher, video, 0.0, 4.0, Query.of("something red"))
    assert regions.picture.shape[0] > regions.picture.shape[1] * 0.8
    assert any("two pictures" in sentence for sentence in video.warnings)
    assert video.media_path and probe(Path(video.media_path)).second is None
