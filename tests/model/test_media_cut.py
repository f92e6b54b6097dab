"""Clips cut out of files: the right pictures, sound in step with them, one sentence for what cannot be cut."""

from __future__ import annotations

import time
from pathlib import Path

import av
import numpy as np
import pytest

from model.errors import Cancelled, CuepointError, UnreadableMedia, UsageError
from model.media import cut as cutting
from model.media.audio import read_audio
from model.media.cut import Stretch, cut
from model.media.frames import grab, open_frames
from model.media.probe import MediaInfo, probe
from tests.media_factory import Scene, corrupt, make_audio, make_video, tone

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)
THREE = (Scene(2, RED), Scene(2, GREEN), Scene(2, BLUE))


def clip(path: Path, *stretches: Stretch) -> tuple[Path, MediaInfo]:
    """The clip and what a probe says of it; nothing else was left behind."""
    target = path.parent / "out" / "clip.mp4"
    assert cut(path, probe(path), stretches, target) == target
    assert [entry.name for entry in target.parent.iterdir()] == ["clip.mp4"]
    return target, probe(target)


def colour_at(path: Path, info: MediaInfo, moment: float) -> str:
    picture = grab(path, info, [moment], 64)[0]
    median = np.median(picture.reshape(-1, 3), axis=0)
    return min(("red", RED), ("green", GREEN), ("blue", BLUE), key=lambda c: float(np.abs(median - c[1]).sum()))[0]


def sound_of(path: Path, info: MediaInfo) -> np.ndarray:
    return np.concatenate([block for _, block in read_audio(path, info)])


def loud_from(samples: np.ndarray) -> float:
    """Seconds until the first loud sample."""
    return float(np.argmax(np.abs(samples) > 0.2)) / 16_000


def test_a_stretch_between_key_frames_is_encoded_to_the_frame(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", THREE, fps=10, gop=1000, codec_options={"x264-params": "scenecut=0"})
    target, info = clip(path, (1.5, 4.5))
    assert info.duration == pytest.approx(3.0, abs=0.06)
    times = [frame.time for frame in open_frames(target, info, fast=False).frames()]
    assert times == pytest.approx(np.arange(30) / 10, abs=2e-3)
    assert [colour_at(target, info, t) for t in (0.0, 0.45, 0.55, 2.45, 2.55)] == [
        "red", "red", "green", "green", "blue",
    ]  # fmt: skip
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")


def test_a_stretch_that_begins_at_a_key_frame_is_copied(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", THREE, fps=10, gop=10)
    before = packets_of(path)
    target, info = clip(path, (2.2, 4.0))  # the key frame at 2 s is near enough
    copied = packets_of(target)
    assert len(copied) == 20 and copied == before[20:40]
    assert info.duration == pytest.approx(2.0, abs=0.06) and info.start_s == pytest.approx(0.0, abs=1e-3)
    assert colour_at(target, info, 0.0) == colour_at(target, info, 1.9) == "green"


def packets_of(path: Path) -> list[int]:
    """Size of every picture's packet, sorted by time; small headers that a container adds are left out."""
    with av.open(str(path)) as container:
        found = sorted((p.pts, p.size) for p in container.demux(video=0) if p.size and p.pts is not None)
    return [size for _, size in found]


@pytest.mark.parametrize("gop", [10, 1000])
def test_sound_stays_in_step(tmp_path: Path, gop: int) -> None:
    beep = np.zeros(6 * 16_000, np.float32)
    beep[3 * 16_000 : 4 * 16_000] = tone(1.0)
    flash = (Scene(3, RED), Scene(1, GREEN), Scene(2, RED))
    path = make_video(tmp_path / "a.mp4", flash, fps=20, gop=gop, audio=beep)
    for start in (1.0, 2.03):
        target, info = clip(path, (start, 5.0))
        frames = open_frames(target, info, fast=False).frames()
        green = next(f.time for f in frames if colour_at(target, info, f.time) == "green")
        assert loud_from(sound_of(target, info)) == pytest.approx(green, abs=0.06)


@pytest.mark.parametrize(
    "name, options",
    [
        ("silent.mp4", {"audio": None}),
        ("odd.mp4", {"size": (322, 182), "codec": "mpeg4"}),
        ("turned.mp4", {"rotation": 90}),
        ("early.mkv", {"start_s": 7.0, "codec": "mpeg4"}),
        ("a.ts", {}),
        ("a.webm", {}),
        ("a.avi", {}),
        ("deep.mp4", {"pix_fmt": "yuv420p10le"}),
        ("pcm.mov", {"audio_codec": "pcm_s16le"}),
    ],
)
def test_every_kind_of_file_can_be_cut(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    path = make_video(tmp_path / name, THREE, **options)  # type: ignore[arg-type]
    source = probe(path)
    target, info = clip(path, (2.0, 5.0))
    assert info.duration == pytest.approx(3.0, abs=0.12)
    assert [colour_at(target, info, t) for t in (0.1, 1.8, 2.2)] == ["green", "green", "blue"]
    assert (info.width, info.height) == (source.width, source.height)
    assert info.has_audio == source.has_audio and info.video_codec == "h264"


def test_pictures_at_uneven_times_keep_them(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 3.0, 3.5, 5.9]
    path = make_video(tmp_path / "a.mp4", THREE, times=times, gop=1000, codec_options={"x264-params": "scenecut=0"})
    target, info = clip(path, (1.0, 5.0))
    shown = [frame.time for frame in open_frames(target, info, fast=False).frames()]
    assert shown[:3] == pytest.approx([0.0, 2.0, 2.5], abs=2e-3)  # at first what stood there since 0.2 s
    assert colour_at(target, info, 0.5) == "red" and colour_at(target, info, 2.1) == "green"
    assert info.duration == pytest.approx(4.0, abs=0.3)


def test_sound_alone_becomes_sound_alone(tmp_path: Path) -> None:
    for name in ("a.m4a", "a.flac", "a.wav"):
        silence = np.zeros(2 * 16_000, np.float32)
        path = make_audio(tmp_path / name, samples=np.concatenate([silence, tone(2.0)]))
        target, info = clip(path, (1.0, 3.5))
        assert not info.has_video and info.duration == pytest.approx(2.5, abs=0.08)
        assert loud_from(sound_of(target, info)) == pytest.approx(1.0, abs=0.06)


def test_several_stretches_make_one_film(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", THREE, fps=10)
    target, info = clip(path, (0.5, 1.0), (2.5, 3.5), (4.0, 6.0))
    assert info.duration == pytest.approx(3.5, abs=0.08)
    assert [colour_at(target, info, t) for t in (0.4, 0.6, 1.4, 1.6, 3.4)] == [
        "red", "green", "green", "blue", "blue",
    ]  # fmt: skip
    assert len(sound_of(target, info)) / 16_000 == pytest.approx(3.5, abs=0.08)


@pytest.mark.parametrize(
    "stretches, words",
    [
        ([], "nothing to cut"),
        ([(3.0, 2.0)], "must end after"),
        ([(2.0, 2.0)], "must end after"),
        ([(-1.0, 2.0)], "from 0 on"),
        ([(float("nan"), 2.0)], "from 0 on"),
        ([(0.0, float("inf"))], "from 0 on"),
        ([(7.0, 8.0)], "only 0:06"),
        ([(1.0, 9.0)], "only 0:06"),
        ([(2.0, 4.0), (3.0, 5.0)], "follow each other"),
    ],
)
def test_what_cannot_be_cut_is_one_sentence(tmp_path: Path, stretches: list[Stretch], words: str) -> None:
    path = make_video(tmp_path / "a.mp4", THREE)
    with pytest.raises(UsageError, match=words):
        cut(path, probe(path), stretches, tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_an_hour_is_no_clip() -> None:
    with pytest.raises(UsageError, match="10:00 at most"):
        cutting.checked([(0.0, 3600.0)], 7200.0)
    assert cutting.checked([(0.0, 6.6)], 6.2) == [(0.0, 6.2)]  # a time shown in whole seconds may lie past the end


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", THREE)
    info = probe(path)
    path.unlink()
    with pytest.raises(UnreadableMedia, match="does not exist"):
        cut(path, info, [(0.0, 1.0)], tmp_path / "clip.mp4")


def test_a_damaged_file_gives_what_it_has(tmp_path: Path) -> None:
    path = corrupt(make_video(tmp_path / "a.mp4", THREE, gop=1000), at=0.3, count=200)
    target, info = clip(path, (0.8, 5.8))
    assert target.exists() and info.duration == pytest.approx(5.0, abs=0.5)


def test_cutting_can_be_stopped_and_does_not_take_forever(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", [Scene(60, RED)], fps=30, size=(640, 360), gop=10_000)
    info, out = probe(path), tmp_path / "out"
    began = time.monotonic()
    with pytest.raises(Cancelled):
        cut(path, info, [(0.7, 59.0)], out / "clip.mp4", cancel=lambda: time.monotonic() - began > 0.5)
    with pytest.raises(CuepointError, match="was not ready within"):
        cut(path, info, [(0.7, 59.0)], out / "clip.mp4", timeout_s=0.5)
    assert list(out.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", THREE)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(CuepointError, match="cannot be written"):
        cut(path, probe(path), [(0.0, 1.0)], tmp_path / "taken" / "clip.mp4")
