"""Recordings joined end to end, and clocks that jump: all of the content, once, on one clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.media.audio import SAMPLE_RATE, read_audio
from model.media.frames import open_frames
from model.media.probe import MediaInfo, probe
from tests.broken_media import move_ts_times
from tests.media_factory import Scene, make_audio, make_video, tone
from tests.track_files import PictureTrack, SoundTrack, join, write_tracks

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 40), (30, 40, 200)


def shown(path: Path, info: MediaInfo) -> dict[str, tuple[float, float]]:
    """First and last second of each colour; frames are in order, inside the length, and none is far from the next."""
    spans: dict[str, tuple[float, float]] = {}
    frames = list(open_frames(path, info).frames())
    times = [0.0, *(frame.time for frame in frames), info.duration]
    assert times == sorted(times) and np.diff(times).max() < 0.5
    for frame in frames:
        picture = frame.rgb(64)
        lit = picture[picture.sum(axis=2) > 90]  # not the bars
        name = "RGB"[int(np.median(lit, axis=0).argmax())]
        spans[name] = spans.get(name, (frame.time,))[0], frame.time
    return spans


def pitches(path: Path, info: MediaInfo) -> list[int]:
    """The pitch of each second, in hertz."""
    sound = np.concatenate([block for _, block in read_audio(path, info)])
    seconds = [sound[at : at + SAMPLE_RATE] for at in range(0, len(sound) - SAMPLE_RATE // 2, SAMPLE_RATE)]
    return [int(np.abs(np.fft.rfft(second, SAMPLE_RATE)).argmax()) for second in seconds]


def part(path: Path, colour: tuple[int, int, int], hertz: float, rate: int = 48_000, layout: str = "mono",
         **more: Any) -> Path:  # fmt: skip
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    sound = SoundTrack(np.tile(tone(4, hertz, rate), (channels, 1)), layout, rate=rate)
    return write_tracks(path, [PictureTrack([Scene(4, colour)], **more)], [sound])


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"size": (180, 320)},
        {"size": (640, 360)},
        {"fps": 25},
        {"rate": 44_100, "layout": "stereo"},
        {"layout": "5.1"},
    ],
    ids=["same", "turned", "larger", "faster", "stereo 44.1 kHz", "5.1"],
)
def test_joined_transport_streams_whose_clocks_begin_anew(tmp_path: Path, change: dict[str, Any]) -> None:
    path = join(
        tmp_path / "day.ts",
        part(tmp_path / "1.ts", RED, 440),
        part(tmp_path / "2.ts", GREEN, 880, **change),
        part(tmp_path / "3.ts", BLUE, 660),
    )
    info = probe(path)
    assert info.duration == pytest.approx(12, abs=0.2)
    spans = shown(path, info)
    for name, begin in (("R", 0.0), ("G", 4.0), ("B", 8.0)):
        assert spans[name] == pytest.approx((begin, begin + 4), abs=0.25)
    assert pitches(path, info)[:12:2] == pytest.approx([440] * 2 + [880] * 2 + [660] * 2, abs=2)


def test_a_picture_format_that_changes_in_the_middle(tmp_path: Path) -> None:
    scenes = [Scene(3, RED)], [Scene(3, GREEN)]
    first = make_video(tmp_path / "1.ts", scenes[0], audio=None)
    path = join(tmp_path / "a.ts", first, make_video(tmp_path / "2.ts", scenes[1], audio=None, pix_fmt="yuv444p"))
    info = probe(path)
    assert info.duration == pytest.approx(6, abs=0.2)
    assert shown(path, info)["G"] == pytest.approx((3, 6), abs=0.25)


@pytest.mark.parametrize("jump", [7200.0, -3.0], ids=["hours ahead", "back"])
@pytest.mark.parametrize("end", [5.0, 1e9], ids=["and returns", "and stays"])
def test_a_clock_that_jumps_is_put_right(tmp_path: Path, jump: float, end: float) -> None:
    path = tmp_path / "a.ts"
    scenes = [Scene(4, RED, tone_hz=440), Scene(4, GREEN, tone_hz=880)]
    move_ts_times(make_video(path, scenes, fps=25), jump, 3, end)
    info = probe(path)
    assert info.duration == pytest.approx(8, abs=0.2)
    assert shown(path, info)["G"] == pytest.approx((4, 8), abs=0.3)
    assert pitches(path, info)[:8:2] == pytest.approx([440, 440, 880, 880], abs=2)


def test_recordings_of_sound_joined(tmp_path: Path) -> None:
    path = join(tmp_path / "a.mp3", make_audio(tmp_path / "1.mp3", 3, 440), make_audio(tmp_path / "2.mp3", 3, 880))
    info = probe(path)
    assert info.duration == pytest.approx(6, abs=0.2)
    assert pitches(path, info)[:6:2] == pytest.approx([440, 440, 880], abs=2)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".flv"])
def test_a_recording_behind_the_end_of_another_is_told(tmp_path: Path, suffix: str) -> None:
    scenes = [Scene(20, text="noise")]
    options = {"codec_options": {"crf": "1"}} | ({"codec": "libx264", "audio_codec": "aac"} if suffix == ".flv" else {})
    one, two = (make_video(tmp_path / f"{n}{suffix}", scenes, fps=25, **options) for n in "12")  # type: ignore[arg-type]
    assert probe(one).warnings == ()
    info = probe(join(tmp_path / f"both{suffix}", one, two))
    assert info.duration == pytest.approx(20, abs=0.2) and "Another recording is appended" in info.warnings[0]
