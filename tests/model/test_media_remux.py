"""Playable copies: the right container, the same pictures at the same times, and nothing left behind on failure."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.errors import Cancelled
from model.media.audio import read_audio
from model.media.frames import grab, open_frames
from model.media.probe import MediaInfo, probe
from model.media.remux import make_playable
from tests.media_factory import Scene, make_audio, make_video, tone

THREE = (Scene(1, (200, 30, 30)), Scene(1, (30, 180, 40)), Scene(1, (30, 40, 200)))


def playable(path: Path) -> tuple[Path, MediaInfo]:
    """The copy and what a probe says of it; where there is a picture, it has been compared with the source's."""
    source = probe(path)
    copy = make_playable(path, source, path.parent / "out" / "copy.mp4")
    assert copy.is_file() and not copy.is_symlink()
    assert [entry.name for entry in copy.parent.iterdir()] == [copy.name]
    info = probe(copy)
    if source.has_video:
        first = [frame.time for frame in open_frames(path, source, fast=False).frames()]
        second = [frame.time for frame in open_frames(copy, info, fast=False).frames()]
        assert second == pytest.approx(first, abs=2e-3)
        moments = [0.5, 1.5, 2.5]
        for before, after in zip(grab(path, source, moments, 160), grab(copy, info, moments, 160), strict=True):
            assert before.shape == after.shape
            assert np.abs(before.astype(int) - after).mean() < 6
    return copy, info


@pytest.mark.parametrize(
    "name, video, audio, suffix, codecs",
    [
        ("a.mkv", "libx264", "aac", ".mp4", ("h264", "aac")),
        ("a.mkv", "libx264", "libopus", ".mp4", ("h264", "opus")),
        ("a.mkv", "libx264", "ac3", ".mp4", ("h264", "aac")),
        ("a.ts", "libx264", "aac", ".mp4", ("h264", "aac")),
        ("a.mov", "libx264", "pcm_s16le", ".mp4", ("h264", "aac")),
        ("a.avi", "libx264", "libmp3lame", ".mp4", ("h264", "mp3")),
        ("a.mkv", "libvpx", "libopus", ".webm", ("vp8", "opus")),
        ("a.mkv", "libvpx", "aac", ".webm", ("vp8", "opus")),
        ("a.mp4", "libvpx-vp9", "aac", ".mp4", ("vp9", "aac")),
        ("a.avi", "mjpeg", "pcm_s16le", ".mp4", ("h264", "aac")),
        ("a.mp4", "mpeg4", "aac", ".mp4", ("h264", "aac")),
        ("a.mp4", "libx265", "aac", ".mp4", ("h264", "aac")),
    ],
)
def test_every_kind_becomes_one_that_browsers_play(
    tmp_path: Path, name: str, video: str, audio: str, suffix: str, codecs: tuple[str, str]
) -> None:
    options = {"bf": "0"} if name == "a.avi" and video == "libx264" else None
    path = make_video(tmp_path / name, THREE, codec=video, audio_codec=audio, codec_options=options)
    copy, info = playable(path)
    assert copy.suffix == suffix
    assert (info.video_codec, info.audio_codec) == codecs
    assert info.duration == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p"])
def test_pixels_that_browsers_cannot_show_are_encoded_again(tmp_path: Path, pix_fmt: str) -> None:
    path = make_video(tmp_path / "a.mp4", THREE, pix_fmt=pix_fmt, container_options={"movflags": "faststart"})
    copy, _ = playable(path)
    assert copy.read_bytes() != path.read_bytes()


@pytest.mark.parametrize("suffix, options", [(".mp4", {"movflags": "faststart"}), (".webm", {})])
def test_a_file_that_is_fine_is_not_written_again(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    path = make_video(tmp_path / f"a{suffix}", THREE, container_options=options)
    copy, _ = playable(path)
    assert copy.suffix == suffix
    assert copy.stat().st_ino == path.stat().st_ino


def test_the_index_is_moved_to_the_front(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", THREE)
    assert path.read_bytes().index(b"moov") > path.read_bytes().index(b"mdat")
    data = playable(path)[0].read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_rotation_survives(tmp_path: Path, codec: str) -> None:
    path = make_video(tmp_path / "a.mov", THREE, rotation=90, codec=codec)
    _, info = playable(path)
    assert (info.width, info.height) == (180, 320)


@pytest.mark.parametrize("audio_codec", ["aac", "ac3"])
@pytest.mark.parametrize("start_s, shift", [(5.0, 0.0), (0.0, 0.4), (1.0, -0.4)])
def test_picture_starts_at_zero_and_sound_keeps_its_place(
    tmp_path: Path, audio_codec: str, start_s: float, shift: float
) -> None:
    beep = np.concatenate([np.zeros(16_000, np.float32), tone(0.5), np.zeros(16_000, np.float32)])
    path = make_video(
        tmp_path / "a.mkv", THREE, audio=beep, audio_codec=audio_codec, start_s=start_s, audio_start_s=shift
    )
    copy, info = playable(path)
    assert info.start_s == pytest.approx(0.0, abs=2e-3)
    sound = np.concatenate([block for _, block in read_audio(copy, info)])
    assert np.flatnonzero(np.abs(sound) > 0.1)[0] / 16_000 == pytest.approx(1.0 + shift, abs=0.03)


@pytest.mark.parametrize(
    "name, suffix, codec",
    [
        ("a.mp3", ".m4a", "mp3"),
        ("a.flac", ".m4a", "flac"),
        ("a.wav", ".m4a", "aac"),
        ("a.ogg", ".webm", "opus"),
    ],
)
def test_sound_alone(tmp_path: Path, name: str, suffix: str, codec: str) -> None:
    copy, info = playable(make_audio(tmp_path / name, seconds=2))
    assert (copy.suffix, info.audio_codec, info.has_video) == (suffix, codec, False)
    assert info.duration == pytest.approx(2.0, abs=0.05)


def test_large_pictures_shrink(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", [Scene(0.3)], size=(1600, 1200), audio=None)
    _, info = playable(path)
    assert (info.width, info.height) == (1280, 960)


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", THREE)
    with pytest.raises(Cancelled):
        make_playable(path, probe(path), tmp_path / "out" / "copy.mp4", cancel=lambda: True)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", THREE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".copy.4711.part.mp4").write_bytes(b"half a copy")
    playable(path)  # nothing but the copy is there


def test_a_full_disk_gives_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", THREE)
    # A limit on the size of files stands in for a full disk; it needs a process of its own.
    code = (
        "import resource, sys; from pathlib import Path; from model.media.probe import probe\n"
        "from model.errors import CuepointError; from model.media.remux import make_playable\n"
        "source, out = map(Path, sys.argv[1:]); info = probe(source)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))\n"
        "try: make_playable(source, info, out)\n"
        "except CuepointError as problem: print(problem)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    arguments = [sys.executable, "-c", code, str(path), str(tmp_path / "out" / "copy.mp4")]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    assert said.strip() == "There is no room left on the disk to prepare a.mkv for playing."
    assert list((tmp_path / "out").iterdir()) == []
