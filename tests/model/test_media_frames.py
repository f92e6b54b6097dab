"""Frames come in order, at their times, upright and with the right colours, and from any start the same."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from model.errors import UnreadableMedia, UsageError
from model.media.frames import grab, open_frames
from model.media.probe import probe
from tests.media_factory import Scene, corrupt, make_audio, make_video

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 40), (30, 40, 200)
THREE = (Scene(1, RED), Scene(1, GREEN), Scene(1, BLUE))


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s at 25 frames/s with B frames and a key frame a second."""
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    scenes = [Scene(3, RED), Scene(3, GREEN, "HALF"), Scene(3, BLUE), Scene(3, (120, 120, 120))]
    return make_video(path, scenes, fps=25, gop=25)


def colour_at_centre(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return picture[height // 3, width // 2].astype(int)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts", ".mov"])
def test_every_frame_at_its_time_with_its_colour(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"clip{suffix}", THREE, fps=10)
    frames = list(open_frames(path, probe(path), fast=False).frames())
    assert [frame.time for frame in frames] == pytest.approx([index / 10 for index in range(30)], abs=2e-3)
    for index, colour in ((5, RED), (15, GREEN), (25, BLUE)):
        assert np.abs(colour_at_centre(frames[index].rgb()) - colour).max() <= 12
        assert frames[index].luma.shape == (36, 64)


def test_kept_frames_stay_valid_and_sizes_are_respected(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", THREE, fps=10)
    frames = list(open_frames(path, probe(path)).frames())
    pictures = [frame.rgb(100) for frame in frames]
    assert {picture.shape for picture in pictures} == {(56, 100, 3)}
    assert np.abs(colour_at_centre(pictures[0]) - RED).max() <= 12
    assert frames[0].rgb(5000).shape == (180, 320, 3)  # never enlarged


@pytest.mark.parametrize(
    "codec, pix_fmt", [("libx264", "yuv420p10le"), ("libx264", "yuv444p"), ("libx265", "yuv420p10le")]
)
def test_other_pixel_formats_look_the_same(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    path = make_video(tmp_path / "clip.mp4", [Scene(0.5, GREEN)], codec=codec, pix_fmt=pix_fmt, audio=None)
    frame = next(open_frames(path, probe(path)).frames())
    assert np.abs(colour_at_centre(frame.rgb()) - GREEN).max() <= 12
    assert 60 < frame.luma.mean() < 160


@pytest.mark.parametrize("rotation, shape", [(90, (320, 180)), (180, (180, 320)), (270, (320, 180))])
def test_rotated_pictures_come_upright(tmp_path: Path, rotation: int, shape: tuple[int, int]) -> None:
    path = make_video(tmp_path / "clip.mp4", [Scene(0.5, BLUE)], rotation=rotation, audio=None)
    info = probe(path)
    assert (info.rotation, info.height, info.width) == (rotation, *shape)
    picture = next(open_frames(path, info).frames()).rgb()
    assert picture.shape == (*shape, 3)
    # The white square stands at the bottom left as stored; a clockwise turn takes it along.
    rows, columns = np.nonzero(picture.min(axis=2) > 200)
    upper, left = rows.mean() < shape[0] / 2, columns.mean() < shape[1] / 2
    assert (upper, left) == {90: (True, True), 180: (True, False), 270: (False, False)}[rotation]


def test_wide_pixels_are_squared(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", [Scene(0.5)], sar=Fraction(2), audio=None)
    info = probe(path)
    assert (info.width, info.height) == (640, 180)
    assert next(open_frames(path, info).frames()).rgb(320).shape == (90, 320, 3)


def test_variable_rate_keeps_real_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.5, 0.6, 1.9]
    path = make_video(tmp_path / "clip.mp4", THREE, times=times)
    assert [frame.time for frame in open_frames(path, probe(path)).frames()] == pytest.approx(times, abs=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_begin_at_the_picture_whatever_the_file_says(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"clip{suffix}", THREE, start_s=8.0)
    info = probe(path)
    assert (info.start_s, info.duration) == (pytest.approx(8.0, abs=0.01), pytest.approx(3.0, abs=0.1))
    assert next(open_frames(path, info).frames()).time == pytest.approx(0.0, abs=1e-3)
    assert np.abs(colour_at_centre(grab(path, info, [1.5], 320)[0]) - GREEN).max() <= 12


@pytest.mark.parametrize("fast", [True, False])
def test_a_run_from_the_middle_gives_the_very_same_frames(long_clip: Path, fast: bool) -> None:
    info = probe(long_clip)
    whole = [(frame.time, frame.rgb(64)) for frame in open_frames(long_clip, info, fast=fast).frames()]
    for start in (0.02, 4.99, 7.3, 11.8):
        part = [(frame.time, frame.rgb(64)) for frame in open_frames(long_clip, info, fast=fast).frames(start)]
        expected = [item for item in whole if item[0] >= start - 1e-3]
        assert [time for time, _ in part] == [time for time, _ in expected]
        assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(part, expected, strict=True))


def test_fast_leaves_enough_frames_whatever_the_encoder_did(tmp_path: Path) -> None:
    options = {"bf": "16", "b_strategy": "0", "x264-params": "b-adapt=0:b-pyramid=none:scenecut=0"}
    path = make_video(tmp_path / "clip.mp4", [Scene(4)], fps=30, gop=250, codec_options=options, audio=None)
    info = probe(path)
    times = [frame.time for frame in open_frames(path, info).frames()]
    assert len(times) < 60  # most of the 120 frames are spared
    assert np.diff(times).max() < 1 / 6


def test_fast_loses_nothing_at_low_rates_or_without_spare_frames(tmp_path: Path) -> None:
    slow = make_video(tmp_path / "slow.mp4", [Scene(2)], fps=10)
    intra = make_video(tmp_path / "intra.avi", [Scene(1)], fps=30)
    assert len(list(open_frames(slow, probe(slow)).frames())) == 20
    assert len(list(open_frames(intra, probe(intra)).frames())) == 30


def test_grab_gives_the_picture_shown_then(long_clip: Path) -> None:
    info = probe(long_clip)
    times = [10.0, 1.0, 4.01, 99.0, -1.0, 7.0]
    shown = list(open_frames(long_clip, info, fast=False).frames())
    for time, picture in zip(times, grab(long_clip, info, times, 160), strict=True):
        expected = [frame for frame in shown if frame.time <= max(time, 0.0) + 1e-3][-1]
        assert np.array_equal(picture, expected.rgb(160))


def test_damage_is_counted_and_passed_over(tmp_path: Path) -> None:
    path = corrupt(make_video(tmp_path / "clip.mp4", [Scene(3)], fps=10, audio=None), at=0.3, count=200)
    reader = open_frames(path, probe(path))
    times = [frame.time for frame in reader.frames()]
    assert reader.damage >= 1
    assert 20 <= len(times) < 30
    assert times[-1] == pytest.approx(2.9, abs=0.01)


def test_refusals(tmp_path: Path, long_clip: Path) -> None:
    sound = make_audio(tmp_path / "sound.mp3")
    with pytest.raises(UnreadableMedia, match=r"sound\.mp3 has no picture"):
        open_frames(sound, probe(sound))
    with pytest.raises(UsageError, match="pyav or decord"):
        open_frames(long_clip, probe(long_clip), backend="eyes")


def test_decord_reads_the_same_frames_or_says_it_is_missing(long_clip: Path) -> None:
    info = probe(long_clip)
    try:
        other = list(open_frames(long_clip, info, backend="decord").frames(9.0))
    except UsageError as refusal:
        assert "pip install decord" in str(refusal)
        return
    own = list(open_frames(long_clip, info, fast=False).frames(9.0))
    assert [frame.time for frame in other] == pytest.approx([frame.time for frame in own], abs=1e-3)
    assert np.abs(other[0].rgb(64).astype(int) - own[0].rgb(64)).mean() < 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on Unix only")
def test_a_process_that_is_forked_from_another_thread_goes_on() -> None:
    """As on ZeroGPU. What the main thread scaled with is freed in the new process, where that thread does not run."""
    program = """
import os, threading, av, numpy as np
from model.media.picture import luma_thumbnail, upright_rgb, browser_yuv

frame = av.VideoFrame.from_ndarray(np.zeros((720, 1280, 3), np.uint8), format="rgb24")
luma_thumbnail(frame), upright_rgb(frame, 0, 1.0, 480), browser_yuv(frame, 640, 360)

def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)

thread = threading.Thread(target=fork)
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["7"]
