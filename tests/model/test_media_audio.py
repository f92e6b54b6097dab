"""Sound arrives on the picture's clock, without holes, whatever the file's own clock says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.media.audio import SAMPLE_RATE, read_audio
from model.media.probe import probe
from tests.media_factory import Scene, corrupt, make_audio, make_video, tone

BEEP = np.concatenate([np.zeros(16_000, np.float32), tone(0.5), np.zeros(24_000, np.float32)])  # 1.0-1.5 s of 3 s


def whole_sound(path: Path, start: float = 0.0, block_s: float = 30.0) -> tuple[float, np.ndarray]:
    """(time of the first sample, all samples), having checked that the blocks join without a hole."""
    blocks = list(read_audio(path, probe(path), start, block_s))
    begin = blocks[0][0]
    for index, (time, block) in enumerate(blocks):
        assert block.dtype == np.float32
        assert time == pytest.approx(begin + index * block_s)
        assert len(block) <= round(block_s * SAMPLE_RATE)
    return begin, np.concatenate([block for _, block in blocks])


def loud_span(sound: np.ndarray) -> tuple[float, float]:
    loud = np.flatnonzero(np.abs(sound) > 0.1)
    return loud[0] / SAMPLE_RATE, loud[-1] / SAMPLE_RATE


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts", ".mov"])
def test_a_beep_is_heard_when_it_sounds(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"clip{suffix}", [Scene(3)], audio=BEEP)
    _, sound = whole_sound(path)
    assert loud_span(sound) == pytest.approx((1.0, 1.5), abs=0.03)
    assert len(sound) / SAMPLE_RATE == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("shift", [-0.6, 0.6])
def test_sound_that_starts_earlier_or_later_is_aligned_with_the_picture(tmp_path: Path, shift: float) -> None:
    path = make_video(tmp_path / "clip.mkv", [Scene(3)], audio=BEEP, audio_start_s=shift)
    begin, sound = whole_sound(path)
    assert begin == 0.0
    assert loud_span(sound) == pytest.approx((1.0 + shift, 1.5 + shift), abs=0.03)


def test_time_stamps_that_do_not_begin_at_zero(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mkv", [Scene(3)], audio=BEEP, start_s=8.0)
    assert loud_span(whole_sound(path)[1]) == pytest.approx((1.0, 1.5), abs=0.03)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("start", [0.5, 1.25, 2.5])
def test_reading_from_the_middle_gives_the_very_same_rest(tmp_path: Path, suffix: str, start: float) -> None:
    path = make_video(tmp_path / f"clip{suffix}", [Scene(3)], audio="tone")
    _, sound = whole_sound(path)
    begin, rest = whole_sound(path, start)
    expected = sound[round(start * SAMPLE_RATE) :]
    assert begin == start
    np.testing.assert_array_equal(rest, expected)


def test_blocks_have_the_length_asked_for(tmp_path: Path) -> None:
    path = make_audio(tmp_path / "sound.flac", seconds=5)
    lengths = [len(block) for _, block in read_audio(path, probe(path), 0.0, block_s=2.0)]
    assert lengths == [32_000, 32_000, 16_000]


def test_damage_becomes_silence_and_the_rest_stays_in_place(tmp_path: Path) -> None:
    beeps = np.concatenate([BEEP, BEEP])
    path = corrupt(make_audio(tmp_path / "sound.m4a", samples=beeps), at=0.4, count=300)
    _, sound = whole_sound(path)
    assert loud_span(sound) == pytest.approx((1.0, 4.5), abs=0.05)


def test_a_silent_film_yields_nothing(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", audio=None)
    assert list(read_audio(path, probe(path))) == []
