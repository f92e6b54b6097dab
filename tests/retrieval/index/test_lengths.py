"""Whatever a file claims: clips, sound, text and the playable copy lie inside what decodes."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from model.errors import UnreadableMedia
from model.media.probe import probe
from retrieval.index.ingest import run_job, take_in
from retrieval.index.lanes import playable
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Clip, Video
from tests import broken_media as broken
from tests.fakes import ColourEncoder, FakeModels
from tests.media_factory import Scene, make_video
from tests.retrieval.index.test_ingest import index

RED, GREEN, BLUE = ColourEncoder.colours.values()
SCENES = [Scene(3, RED), Scene(2, GREEN), Scene(4, BLUE)]


def run(library: Library, models: FakeModels, video: Video) -> Video:
    queue = JobQueue(library)
    job = queue.claim("here:1", queue.add(video.id, "local").id)
    assert job is not None
    return run_job(library, models, job)  # type: ignore[arg-type]


def check_inside(library: Library, video: Video, duration: float) -> None:
    """Clips cover the video from beginning to end and not more; the copy is as long."""
    clips = library.clips(video.id)
    assert video.duration == pytest.approx(duration, abs=0.15)
    assert [clips[0].start, clips[-1].end] == [0.0, pytest.approx(video.duration)]
    assert all(before.end == after.start for before, after in pairwise(clips))
    assert probe(Path(video.media_path or "")).duration == pytest.approx(duration, abs=0.2)


def test_a_film_whose_index_is_damaged_is_indexed_in_seconds(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    path = broken.damage_avi_index(make_video(tmp_path / "a.avi", SCENES, fps=30))
    began = time.monotonic()
    video = index(library, models, path)
    assert time.monotonic() - began < 20
    check_inside(library, video, 9.0)
    assert [clip.tags[0][0] for clip in library.clips(video.id)] == ["red", "green", "blue"]
    assert any("end of the file is damaged" in warning for warning in video.warnings)
    assert not list(library.folder(video.id).rglob("*.part*"))


def test_what_comes_after_an_odd_time_stamp_is_indexed(library: Library, models: FakeModels, tmp_path: Path) -> None:
    path = broken.move_mp4_picture(make_video(tmp_path / "a.mp4", SCENES, codec_options={"bf": "0"}), 7200, 20)
    video = index(library, models, path)
    check_inside(library, video, 9.0)
    assert [clip.tags[0][0] for clip in library.clips(video.id)] == ["red", "green", "blue"]


def test_a_picture_that_changes_its_size(library: Library, models: FakeModels, tmp_path: Path) -> None:
    wide = make_video(tmp_path / "a.ts", [Scene(3, RED)], audio=None, size=(320, 180))
    high = make_video(tmp_path / "b.ts", [Scene(3, GREEN)], audio=None, size=(180, 320))
    wide.write_bytes(wide.read_bytes() + high.read_bytes())
    video = index(library, models, wide)
    assert video.status == "ready" and video.duration == pytest.approx(6, abs=0.3)
    assert library.clips(video.id)[0].tags[0][0] == "red"


def test_an_estimated_length_is_measured_before_indexing(library: Library, models: FakeModels, tmp_path: Path) -> None:
    video = take_in(library, make_video(tmp_path / "a.webm", SCENES, container_options={"live": "1"}))
    guess = {**video.info, "duration": 900.0, "estimated": True, "warnings": ["The length is an estimate."]}
    library.update_video(video.id, info=json.dumps(guess), duration=900.0, warnings=json.dumps(guess["warnings"]))
    video = run(library, models, library.video(video.id))
    check_inside(library, video, 9.0)
    assert video.warnings == []


def test_a_video_taken_in_with_a_wrong_length_gets_its_real_one(
    library: Library, models: FakeModels, tmp_path: Path
) -> None:
    """As an older version left it: stopped in the middle of hours that are not there."""
    video = take_in(library, make_video(tmp_path / "a.mp4", SCENES))
    old = {key: value for key, value in video.info.items() if key != "faithful"} | {"duration": 8564.0}
    library.update_video(video.id, info=json.dumps(old), duration=8564.0)
    for number, (start, end) in enumerate([(0.0, 15.0), (15.0, 30.0)]):
        clip = Clip(0, video.id, number, start, end, [("red", 0.9)], [])
        library.add_clip(clip, np.zeros(1, np.float32), np.ones((1, 64)), np.ones((1, 64)), np.zeros(1))
    library.update_video(video.id, vision_model=models.vision.name, text_model=models.passages.name)
    video = run(library, models, library.video(video.id))
    check_inside(library, video, 9.0)


def test_without_a_copy_for_the_browser_the_rest_is_indexed(
    library: Library, models: FakeModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Path:
        raise UnreadableMedia("a.mp4 could not be prepared for playing: invalid argument.")

    monkeypatch.setattr(playable, "make_playable", fail)
    video = index(library, models, make_video(tmp_path / "a.mp4", SCENES))
    assert video.status == "ready" and len(library.clips(video.id)) == 3
    assert any("No copy for the browser" in warning for warning in video.warnings)
