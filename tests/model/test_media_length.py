"""A video is as long as what decodes, whatever its header, its index or a single time stamp says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.media.audio import SAMPLE_RATE, read_audio
from model.media.frames import grab, open_frames
from model.media.probe import MediaInfo, probe
from model.media.remux import make_playable
from tests import broken_media as broken
from tests.media_factory import Scene, make_video, tone, truncate

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 40), (30, 40, 200)
THREE = (Scene(1, RED), Scene(1, GREEN), Scene(1, BLUE))
BEEP = np.concatenate([np.zeros(16_000, np.float32), tone(0.5), np.zeros(24_000, np.float32)])  # 1.0-1.5 s of 3 s


def check_agreement(path: Path, duration: float, beep: float | None = None) -> MediaInfo:
    """Probe, frames, sound and playable copy all say that it lasts so long; returns the probe's answer."""
    info = probe(path)
    assert info.duration == pytest.approx(duration, abs=0.15)
    times = [frame.time for frame in open_frames(path, info, fast=False).frames()]
    assert times == sorted(times) and times[0] >= 0 and times[-1] < info.duration + 1e-3
    copy = make_playable(path, info, path.parent / "out" / "copy.mp4")
    assert probe(copy).duration == pytest.approx(duration, abs=0.15)
    assert probe(copy).warnings in ((), ("no sound",))
    for file, known in ((path, info), (copy, probe(copy))):
        blocks = [block for _, block in read_audio(file, known)]
        sound = np.concatenate(blocks) if blocks else np.zeros(0)
        assert len(sound) / SAMPLE_RATE <= duration + 0.2
        if beep is not None:
            assert np.flatnonzero(np.abs(sound) > 0.1)[0] / SAMPLE_RATE == pytest.approx(beep, abs=0.1)
    return info


def colours(path: Path, info: MediaInfo, moments: list[float]) -> list[str]:
    names = {"red": RED, "green": GREEN, "blue": BLUE}
    points = [picture[60, 160].astype(int) for picture in grab(path, info, moments, 320)]
    return [min(names, key=lambda name: int(np.abs(point - names[name]).sum())) for point in points]


def small_clusters(path: Path) -> Path:
    return make_video(path, THREE, audio=BEEP, container_options={"cluster_time_limit": "500"})


def without_b_frames(path: Path) -> Path:
    return make_video(path, THREE, audio=BEEP, codec_options={"bf": "0"})


def uneven(path: Path) -> Path:
    """3 s whose frames are 0.1 s apart but for a few, so that the file's table of frame lengths has many entries."""
    times = [0, 0.1, 0.25, 0.3, 0.4, 0.55, *np.arange(0.6, 3.0, 0.1)]
    return make_video(path, THREE, audio=BEEP, times=times, codec_options={"bf": "0"})


REST = 10_000  # of a stream's packets
# What is done to 3 s of one container or another.
ODD_TIMES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "one picture two hours ahead": (".mp4", lambda path: broken.move_mp4_picture(path, 7200, 9)),
    "one picture 40 s ahead": (".mov", lambda path: broken.move_mp4_picture(path, 40, 9)),
    "one picture a moment ahead": (".mp4", lambda path: broken.move_mp4_picture(path, 0.55, 9)),
    "the last picture an hour ahead": (".mp4", lambda path: broken.move_mp4_picture(path, 3600, 29)),
    "one picture an hour ahead": (".flv", lambda path: broken.move_flv_tags(path, 3600, 9, 10)),
    "the last sound an hour ahead": (".flv", lambda path: broken.move_flv_tags(path, 3600, 8, 135, REST)),
    "all sound a day ahead": (".flv", lambda path: broken.move_flv_tags(path, 86400, 8, 0, REST)),
    "half a second an hour ahead": (".ts", lambda path: broken.move_ts_times(path, 3600, 1.2, 1.7)),
    "the clock jumps ahead for good": (".ts", lambda path: broken.move_ts_times(path, 3600, 1.2)),
    "the clock falls back for good": (".ts", lambda path: broken.move_ts_times(path, -9, 1.7)),
    "a cluster a minute ahead": (".mkv", lambda path: broken.move_mkv_cluster(path, 62, 2)),
    "the last cluster a minute ahead": (".mkv", lambda path: broken.move_mkv_cluster(path, 62, 5)),
}


@pytest.mark.parametrize("name", ODD_TIMES)
def test_odd_times_are_put_right(tmp_path: Path, name: str) -> None:
    suffix, damage = ODD_TIMES[name]
    make = small_clusters if suffix == ".mkv" else without_b_frames
    path = damage(make(tmp_path / f"a{suffix}"))
    info = check_agreement(path, 3.0, beep=1.0)
    assert colours(path, info, [0.5, 1.5, 2.5]) == ["red", "green", "blue"]
    assert len(list(open_frames(path, info, fast=False).frames())) >= 28
    if "a moment" not in name:
        assert not info.faithful and "time stamps were wrong" in " ".join(info.warnings)


def test_two_recordings_in_one_file_come_one_after_the_other(tmp_path: Path) -> None:
    first = make_video(tmp_path / "a.ts", [Scene(2, RED)], audio=np.zeros(32_000, np.float32))
    second = make_video(tmp_path / "b.ts", [Scene(1, GREEN), Scene(2, BLUE)], audio=BEEP)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    info = check_agreement(first, 5.0, beep=3.0)
    assert colours(first, info, [1.0, 2.5, 4.0]) == ["red", "green", "blue"]


def test_a_damaged_index_is_passed_over(tmp_path: Path) -> None:
    path = broken.damage_avi_index(make_video(tmp_path / "a.avi", THREE, fps=30, audio=BEEP))
    info = check_agreement(path, 3.0, beep=1.0)
    assert info.as_stream and any("end of the file is damaged" in warning for warning in info.warnings)
    assert len(list(open_frames(path, info, fast=False).frames())) == 90
    assert colours(path, info, [0.5, 1.5, 2.5]) == ["red", "green", "blue"]


def test_pictures_that_are_zeros_at_the_end_do_not_count(tmp_path: Path) -> None:
    scenes = [Scene(4, RED), Scene(4, GREEN), Scene(4, BLUE)]
    path = make_video(tmp_path / "a.mp4", scenes, gop=5, container_options={"movflags": "faststart"})
    info = probe(broken.zero_tail(path, 0.5))
    assert 3 < info.duration < 9
    assert any("only" in warning and "of 12.0 s can be decoded" in warning for warning in info.warnings)
    assert probe(make_playable(path, info, tmp_path / "out" / "copy.mp4")).duration <= info.duration + 0.2


def test_a_frame_that_lasts_hours(tmp_path: Path) -> None:
    path = broken.stretch_mp4(uneven(tmp_path / "a.mp4"), 3, 30_000 * 9000)
    assert probe(path).duration == pytest.approx(3.0, abs=0.15)


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    path = broken.promise_mkv(make_video(tmp_path / "a.mkv", THREE, audio=BEEP), 8564)
    info = check_agreement(path, 3.0, beep=1.0)
    assert any("promises 8564.0 s" in warning for warning in info.warnings)


def test_a_header_that_promises_too_little(tmp_path: Path) -> None:
    path = broken.promise_mkv(make_video(tmp_path / "a.mkv", THREE, audio=BEEP), 0.5)
    assert check_agreement(path, 3.0, beep=1.0).warnings == ()


@pytest.mark.parametrize("suffix, options", [(".mp4", {}), (".mkv", {}), (".webm", {"live": "1"}), (".ts", {})])
@pytest.mark.parametrize("step", [10.0, 60.0])
def test_slide_shows_are_as_long_as_their_slides(
    tmp_path: Path, suffix: str, options: dict[str, str], step: float
) -> None:
    times = [step * index for index in range(6)]
    scenes = [Scene(step * 6)]
    extra = {"codec_options": {"bf": "0"}} if suffix != ".webm" else {}
    path = make_video(
        tmp_path / f"a{suffix}", scenes, 1 / step, audio=None, times=times, container_options=options, **extra
    )
    info = probe(path)
    assert 5 * step <= info.duration <= 6 * step + 1 and info.faithful
    assert [frame.time for frame in open_frames(path, info).frames()] == pytest.approx(times, abs=0.05)


def test_a_long_still_picture_is_no_lie(tmp_path: Path) -> None:
    times = [*np.arange(0, 1, 0.1), *np.arange(300, 301, 0.1)]
    for path in (
        make_video(tmp_path / "a.mp4", [Scene(301)], times=times, audio=None),
        make_video(tmp_path / "a.mkv", [Scene(301)], times=times, audio=None),
        make_video(tmp_path / "live.webm", [Scene(301)], times=times, audio="silence", container_options={"live": "1"}),
    ):
        info = probe(path)
        assert info.duration == pytest.approx(301, abs=0.2) and info.faithful, path.name
        assert [frame.time for frame in open_frames(path, info).frames()] == pytest.approx(times, abs=0.01)


def test_sound_may_go_on_long_after_the_picture(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv", ".avi", ".ts"):
        path = make_video(tmp_path / f"a{suffix}", [Scene(1)], audio=tone(20))
        info = probe(path)
        assert info.duration == pytest.approx(20, abs=0.1) and info.faithful, path.name


def test_a_film_of_which_the_end_is_missing_says_so_in_avi_too(tmp_path: Path) -> None:
    path = truncate(make_video(tmp_path / "a.avi", [Scene(5)]), 0.6)
    info = probe(path)
    assert 2 < info.duration < 4 and any("although it promises 5.0 s" in sentence for sentence in info.warnings)
