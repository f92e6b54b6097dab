"""Speech on one channel is not lost among the others, and normal sound is left as it is, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.media import audio
from model.media.audio import SAMPLE_RATE, read_audio
from model.media.mixing import Mixer, Piece, choose_factors
from model.media.probe import probe
from model.speech import voice
from tests.track_files import RATE, SoundTrack, write_tracks

PITCH_HZ = 700  # of what stands for a voice here


def voiced(seconds: float = 6.0, level: float = 0.2) -> np.ndarray:
    """float32 [n] at 48 kHz: syllables of one pitch, four a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * PITCH_HZ * time) * (np.sin(2 * np.pi * 4 * time) > 0)).astype(np.float32)


def hum(seconds: float = 6.0, level: float = 0.2) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * sum(np.sin(2 * np.pi * 50 * n * time) / n for n in (1, 2, 3))).astype(np.float32)


def noise(seconds: float = 6.0, level: float = 0.2) -> np.ndarray:
    return (level * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)


def share_of_voice(sound: np.ndarray) -> float:
    """How much of the energy of float32 [n] at 16 kHz lies at the pitch."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    return float(power[np.abs(hertz - PITCH_HZ) < 60].sum() / max(power.sum(), 1e-9))


def rate(sound: np.ndarray) -> np.ndarray:
    """Stands for the network: what is mostly at the pitch is a voice."""
    return np.full(10, share_of_voice(sound), np.float32)


@pytest.fixture(autouse=True)
def rater(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(voice, "load_rater", lambda: rate)
    yield


def places(samples: np.ndarray, layout: str) -> list[Piece]:
    return [Piece(layout, RATE, samples[:, begin : begin + 2 * RATE]) for begin in range(0, samples.shape[1], 2 * RATE)]


def sound_of(path: Path) -> np.ndarray:
    return np.concatenate([block for _, block in read_audio(path, probe(path))])


def mixed_as_before(path: Path) -> np.ndarray:
    return np.concatenate([block[0] for _, block in audio.aligned_sound(path, probe(path), SAMPLE_RATE, "mono")])


@pytest.mark.parametrize("codec, suffix", [("aac", ".mp4"), ("pcm_s16le", ".wav"), ("pcm_f32le", ".mkv")])
@pytest.mark.parametrize("second", [1.0, 0.8], ids=["equal", "panned"])
def test_normal_sound_is_the_usual_mix_to_the_last_bit(tmp_path: Path, codec: str, suffix: str, second: float) -> None:
    both = np.stack([voiced(), second * voiced()])
    path = write_tracks(tmp_path / f"a{suffix}", sounds=[SoundTrack(both, "stereo", codec=codec)])
    np.testing.assert_array_equal(sound_of(path), mixed_as_before(path))


@pytest.mark.parametrize("codec, suffix", [("aac", ".mp4"), ("pcm_s16le", ".wav"), ("pcm_f32le", ".mkv")])
@pytest.mark.parametrize("level", [1.0, 0.6])
def test_channels_that_cancel_each_other_are_heard(tmp_path: Path, codec: str, suffix: str, level: float) -> None:
    both = np.stack([voiced(), -level * voiced()])
    path = write_tracks(tmp_path / f"a{suffix}", sounds=[SoundTrack(both, "stereo", codec=codec)])
    assert np.abs(sound_of(path)).max() > 0.18


@pytest.mark.parametrize("speaking", [0, 1])
@pytest.mark.parametrize("other", [hum(), noise(), noise(level=0.07)], ids=["hum", "hiss", "soft hiss"])
def test_a_channel_that_only_hums_or_hisses_is_left_out(tmp_path: Path, speaking: int, other: np.ndarray) -> None:
    both = np.stack([voiced(), other][:: 1 - 2 * speaking])
    path = write_tracks(tmp_path / "a.wav", sounds=[SoundTrack(both, "stereo", codec="pcm_s16le")])
    assert share_of_voice(sound_of(path)) > 0.95 > share_of_voice(mixed_as_before(path))


def test_a_silent_channel_costs_nothing(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mp4", sounds=[SoundTrack(np.stack([0 * voiced(), voiced()]), "stereo")])
    assert np.abs(sound_of(path)).max() > 0.12


def test_the_centre_carries_the_voice_where_the_mix_drowns_it() -> None:
    gusts = noise(level=0.4) * (np.sin(2 * np.pi * 0.7 * np.arange(6 * RATE) / RATE) > 0)  # not steady: no hiss
    channels = np.stack([gusts, gusts[::-1], voiced(), 0 * gusts, gusts, gusts])
    assert choose_factors(places(channels, "5.1"), rate).tolist() == [0, 0, 1, 0, 0, 0]
    quiet = np.stack([0.01 * gusts, 0.01 * gusts, voiced(), 0 * gusts, 0 * gusts, 0 * gusts])
    assert choose_factors(places(quiet, "5.1"), rate).tolist() == [1] * 6


def test_two_people_with_a_channel_each_are_both_heard() -> None:
    turns = np.arange(8 * RATE) // (2 * RATE) % 2 == 0
    both = np.stack([voiced(8) * turns, voiced(8) * ~turns])
    assert choose_factors(places(both, "stereo"), rate).tolist() == [1, 1]


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("level", [0.0002, 0.001])
def test_speech_recorded_very_quietly_is_lifted(tmp_path: Path, layout: str, level: float) -> None:
    samples = np.stack([voiced(level=level)] * (2 if layout == "stereo" else 1))
    path = write_tracks(tmp_path / "a.mkv", sounds=[SoundTrack(samples, layout, codec="pcm_f32le")])
    assert 0.02 < np.abs(sound_of(path)).max() <= 1.0


def test_quiet_noise_and_silence_are_not_lifted() -> None:
    for samples in (noise(level=0.0005), 0 * noise()):
        assert choose_factors(places(samples[None], "mono"), rate).tolist() == [1.0]


def test_a_polarity_that_changes_in_the_middle_is_followed(tmp_path: Path) -> None:
    first, second = voiced(), voiced()
    second[3 * RATE :] *= -1
    path = write_tracks(tmp_path / "a.wav", sounds=[SoundTrack(np.stack([first, second]), "stereo", codec="pcm_s16le")])
    sound = sound_of(path)
    assert np.abs(sound[: 2 * SAMPLE_RATE]).max() > 0.18 and np.abs(sound[4 * SAMPLE_RATE :]).max() > 0.18


def test_factors_of_whole_numbers_stay_in_their_range() -> None:
    loud = np.array([[30_000, 30_000, -100, -100]], np.int16)  # interleaved
    assert Mixer({"stereo": np.array([2, 0.5], np.float32)}).apply(loud, "stereo").tolist() == [
        [32767, 15000, -200, -50]
    ]
