"""Ears with the real models of the pack: English as recorded, other languages as espeak-ng speaks them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.answer_quality.speech import read_wave
from model.loading import Models
from model.profile import read_profile
from model.speech.ears import Ears, join_stretches, load_ears
from model.speech.recognizer import Line
from model.speech.voice import SAMPLE_RATE, Speech, VoiceActivity
from model.speech.whisper import simplified
from tests.model.test_speech import recording  # noqa: F401

SPANISH = "Esta mañana los pescadores salieron muy temprano del puerto y volvieron con mucho pescado para el mercado."
GERMAN = "Heute Morgen sind die Kinder mit ihrer Großmutter an den Strand gegangen und haben Eis gegessen."
speaks = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(read_profile("embedded"))


def speak(text: str, voice: str) -> np.ndarray:
    command = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", text]
    return read_wave(subprocess.run(command, check=True, capture_output=True).stdout)


def stretches(*pieces: np.ndarray) -> list[Speech]:
    pause = np.zeros(2 * SAMPLE_RATE, np.float32)
    voice = VoiceActivity()
    return voice.feed(0.0, np.concatenate([part for piece in pieces for part in (piece, pause)])) + voice.flush()


def hear(ears: Ears, speech: list[Speech]) -> dict[str | None, str]:
    heard: dict[str | None, str] = {}
    for stretch, verdict in ears.tell(speech):
        lines = ears.write_down([stretch], verdict.language)
        said = " ".join(line.text for line in lines)
        heard[verdict.language] = f"{heard.get(verdict.language, '')} {said}".strip().lower()
    return heard


@speaks
@pytest.mark.models
def test_a_language_that_changes_is_followed(models: Models, recording: np.ndarray) -> None:  # noqa: F811
    speech = stretches(recording[: 10 * SAMPLE_RATE], speak(SPANISH, "es"), speak(GERMAN, "de"))
    heard = hear(load_ears(models), speech)
    assert set(heard) == {"en", "es", "de"}
    assert "best of times" in heard["en"]
    assert "temprano" in heard["es"] and "mercado" in heard["es"]
    assert "kinder" in heard["de"]


@speaks
@pytest.mark.models
def test_a_tag_that_lies_changes_nothing_and_a_choice_does(models: Models) -> None:
    speech = stretches(speak(SPANISH, "es"))
    assert set(hear(load_ears(models, hint="en"), speech)) == {"es"}
    assert set(hear(load_ears(models, chosen="pt"), speech)) == {"pt"}


@pytest.mark.models
def test_nothing_is_written_of_noise(models: Models) -> None:
    noise = np.random.default_rng(2).normal(0, 0.05, 6 * SAMPLE_RATE).astype(np.float32)
    assert not any(hear(load_ears(models), [Speech(0.0, 6.0, noise)]).values())


@pytest.mark.models
def test_quiet_speech_is_heard(models: Models, recording: np.ndarray) -> None:  # noqa: F811
    quiet = [replace(s, samples=s.samples * np.float32(0.002)) for s in stretches(recording[: 10 * SAMPLE_RATE])]
    assert "best of times" in hear(load_ears(models), quiet)["en"]


class Tones:
    """Tells languages by loudness: 0.1 is English, 0.2 Chinese, each by its share of the samples."""

    name, languages = "tones", frozenset({"en", "zh"})

    def rate_languages(self, audio: np.ndarray) -> dict[str, float]:
        english = float(np.mean(audio[audio > 0] < 0.15)) if np.any(audio > 0) else 0.5
        return {"en": english, "zh": 1 - english}

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        return []


def test_a_stretch_that_changes_its_language_is_divided_at_a_quiet_moment() -> None:
    tones = [np.full(round(s * SAMPLE_RATE), v, np.float32) for s, v in ((3.8, 0.1), (0.2, 0), (8, 0.2))]
    told = Ears(Tones(), "en", Tones()).tell([Speech(10.0, 22.0, np.concatenate(tones))])
    assert [verdict.language for _, verdict in told] == ["en", "zh"]
    assert told[0][0].start == 10 and 13.8 <= told[0][0].end == told[1][0].start <= 14 and told[1][0].end == 22
    assert sum(len(speech.samples) for speech, _ in told) == 12 * SAMPLE_RATE


def test_neighbours_are_joined_at_their_times() -> None:
    def at(start: float, seconds: float) -> Speech:
        return Speech(start, start + seconds, np.full(round(seconds * SAMPLE_RATE), start, np.float32))

    joined = join_stretches([at(1, 5), at(7, 5), at(15, 5), at(20.5, 14), at(35, 10)])
    assert [(s.start, s.end) for s in joined] == [(1, 12), (15, 34.5), (35, 45)]
    assert all(len(s.samples) == round((s.end - s.start) * SAMPLE_RATE) for s in joined)
    assert joined[0].samples[round(5.5 * SAMPLE_RATE)] == 0 and joined[0].samples[-1] == 7


def test_chinese_becomes_simplified() -> None:
    assert simplified([Line(0, 1, "電腦語音識別,後來的雞蛋")]) == [Line(0, 1, "电脑语音识别,后来的鸡蛋")]
