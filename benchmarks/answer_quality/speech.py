"""Spoken sentences from a speech synthesiser of the system: flite where there is one, else espeak-ng, else none.

Nothing is faked: without a synthesiser `find_synthesiser` says so, and whoever asks leaves the spoken part out.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass

import numpy as np

RATE_HZ = 16_000
_LOUDNESS = 0.11  # root mean square: about -19 dBFS, as films are mixed
_SILENCE = 0.01  # of full scale: quieter at either end is no speech
_LIMIT_S = 60
# Flite's other voices are slurred beyond what recognition or people understand: that is not what is measured here.
_VOICES = {"flite": ("slt",), "espeak-ng": ("en-us", "en-gb")}


@dataclass(frozen=True)
class Synthesiser:
    """A program that speaks, and the voices that it is asked for."""

    program: str
    voices: tuple[str, ...]
    words_per_minute: int = 150  # of espeak-ng; flite is slowed by `stretch`
    stretch: float = 1.06

    def speak(self, sentence: str, voice: int = 0) -> np.ndarray:
        """float32 mono [n] at RATE_HZ, without silence around it; the same each time."""
        name = self.voices[voice % len(self.voices)]
        flite = [
            self.program,
            "-voice",
            name,
            "--setf",
            f"duration_stretch={self.stretch}",
            "-t",
            sentence,
            "-o",
            "/dev/stdout",
        ]
        espeak = [self.program, "-v", name, "-s", str(self.words_per_minute), "--stdout", sentence]
        command = flite if self.program == "flite" else espeak
        sound = subprocess.run(command, check=True, capture_output=True, timeout=_LIMIT_S).stdout
        samples = read_wave(sound)
        heard = np.flatnonzero(np.abs(samples) > _SILENCE)
        samples = samples[heard[0] : heard[-1] + RATE_HZ // 20]
        return np.tanh(samples * (_LOUDNESS / np.sqrt(np.mean(samples**2)))).astype(np.float32)


def find_synthesiser() -> Synthesiser | None:
    """None where neither program is installed."""
    return next((Synthesiser(name, voices) for name, voices in _VOICES.items() if shutil.which(name)), None)


# Voices that no threshold was fitted on, none of them in _VOICES: (program, voice, words a minute, stretch). Of eight
# sentences recognition (Moonshine) got these shares of the words: slt 0.90, rms 0.94, awb 0.86, kal16 0.84, those of
# espeak-ng 0.57 to 0.65. So espeak-ng speaks only where there is no flite: else speech would be measured, not answers.
_UNSEEN = (("flite", "rms", 150, 1.0), ("flite", "awb", 150, 1.0), ("flite", "kal16", 150, 1.1))
_UNSEEN_WITHOUT_FLITE = (
    ("espeak-ng", "en-gb-x-rp", 140, 1.0), ("espeak-ng", "en-gb-x-gbclan", 140, 1.0),
    ("espeak-ng", "en-us-nyc", 145, 1.0),
)  # fmt: skip


def unseen_synthesisers() -> list[Synthesiser]:
    """One for each voice of the unseen split that is installed here."""
    flite = _flite_voices()
    known = [voice for voice in _UNSEEN if voice[1] in flite]
    if not known and shutil.which("espeak-ng"):
        known = list(_UNSEEN_WITHOUT_FLITE)
    return [Synthesiser(program, (voice,), pace, stretch) for program, voice, pace, stretch in known]


def fitted_voices() -> set[tuple[str, str]]:
    """(program, voice) of every voice that the fitted split may have."""
    return {(program, voice) for program, voices in _VOICES.items() for voice in voices}


def _flite_voices() -> set[str]:
    if not shutil.which("flite"):
        return set()
    said = subprocess.run(["flite", "-lv"], check=True, capture_output=True, text=True, timeout=_LIMIT_S).stdout
    return set(said.partition(":")[2].split())


def read_wave(data: bytes) -> np.ndarray:
    """float32 mono [n] at RATE_HZ of a 16-bit wave file. A program that writes to a pipe leaves its length open."""
    with wave.open(io.BytesIO(data)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        frames = file.readframes(min(file.getnframes(), len(data)))
    samples = np.frombuffer(frames[: len(frames) // 2 * 2], "<i2").reshape(-1, channels).mean(axis=1) / 32768
    wanted = round(len(samples) / rate * RATE_HZ)
    return np.interp(np.arange(wanted) / RATE_HZ, np.arange(len(samples)) / rate, samples).astype(np.float32)
