"""Speech recognition: a stretch of speech in, lines of text with times out.

Knows nothing of files or of where speech lies: `VoiceActivity` (offered here too) finds the stretches. Moonshine
(https://github.com/moonshine-ai/moonshine, MIT) is small and quick, and invents text where nobody speaks: what looks
invented is dropped here.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from model.speech.voice import SAMPLE_RATE, Speech, VoiceActivity

__all__ = [
    "Line",
    "MoonshineRecognizer",
    "Speech",
    "SpeechRecognizer",
    "VoiceActivity",
    "looks_invented",
    "split_lines",
]

MAX_LINE_S = 8.0  # a longer line is split at sentences, then at commas, then between words
MIN_LINE_S = 1.0  # shorter sentences stay with their neighbour: "No." alone is a poor thing to find
SILENCE_RMS = 0.001  # -60 dBFS: below any recorded voice
MAX_CHARACTERS_PER_S = 30.0  # fast speakers reach about 22; loops of the decoder reach its limit of about 35
LOOP_TIMES = 4  # the same words so often in a row ...
LOOP_SHARE = 0.5  # ... and making up this much of the text are a loop of the decoder
CUT_SEARCH_S = 0.6  # a cut estimated from the text is moved to the quietest moment this near
ENVELOPE_S = 0.05  # length of sound over which loudness is taken: shorter than the pause between two words


@dataclass(frozen=True)
class Line:
    """One line of a transcript; `start` and `end` in seconds."""

    start: float
    end: float
    text: str


class SpeechRecognizer(Protocol):
    def transcribe(self, audio: np.ndarray, offset: float) -> list[Line]:
        """`audio` float32 mono 16 kHz [n], a stretch of speech that begins at `offset` seconds."""
        ...


class MoonshineRecognizer:
    """Moonshine tiny, English. Thread-safe: one piece at a time."""

    def __init__(self) -> None:
        from moonshine_voice import ModelArch
        from moonshine_voice.transcriber import Transcriber

        from model.pack import part

        # Its own voice activity (threshold 0: off) would repeat our work; speaker clustering costs a third more.
        options = {"vad_threshold": 0, "identify_speakers": "false", "return_audio_data": "false"}
        self._transcriber = Transcriber(str(part("speech")), ModelArch.TINY, options=options)
        self._lock = threading.Lock()

    def transcribe(self, audio: np.ndarray, offset: float) -> list[Line]:
        """See SpeechRecognizer. Returns no line for silence and where the text looks invented."""
        if not len(audio) or float(np.sqrt(np.mean(np.square(audio)))) < SILENCE_RMS:
            return []
        with self._lock:  # the library wants a list: 1 ms per second of sound, next to 30 ms of recognition
            heard = self._transcriber.transcribe_without_streaming(audio.tolist(), SAMPLE_RATE)
        text = " ".join(" ".join(line.text for line in heard.lines).split())
        if looks_invented(text, len(audio) / SAMPLE_RATE):
            return []
        return split_lines(text, audio, offset)


def looks_invented(text: str, seconds: float) -> bool:
    """Whether a transcript of so many seconds bears the marks of a decoder that ran without speech to follow."""
    if not any(character.isalnum() for character in text):
        return True
    if len(text) > MAX_CHARACTERS_PER_S * seconds:
        return True
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())
    return any(_longest_loop(words, n) >= max(LOOP_TIMES * n, LOOP_SHARE * len(words)) for n in range(1, 9))


def _longest_loop(words: list[str], n: int) -> int:
    """Most words in a row that repeat the n words before them, those included."""
    longest = run = 0
    for i in range(n, len(words)):
        run = run + 1 if words[i] == words[i - n] else 0
        longest = max(longest, run)
    return longest + n if longest else 0


def split_lines(text: str, audio: np.ndarray, offset: float) -> list[Line]:
    """Spreads `text` over `audio` (float32 16 kHz, from `offset` seconds) in lines of a sentence, at most ~8 s each.

    Times inside follow from the share of characters, moved to the nearest quiet moment.
    """
    seconds = len(audio) / SAMPLE_RATE
    per_character = seconds / max(1, len(text))
    pieces = _split_text(text, max_length=int(MAX_LINE_S / per_character), min_length=int(MIN_LINE_S / per_character))
    cuts = [0.0]
    written = 0
    for piece in pieces[:-1]:
        written += len(piece) + 1
        cuts.append(max(cuts[-1], _quiet_moment(audio, written * per_character)))
    cuts.append(seconds)
    return [
        Line(offset + start, offset + end, piece) for piece, start, end in zip(pieces, cuts[:-1], cuts[1:], strict=True)
    ]


def _split_text(text: str, max_length: int, min_length: int) -> list[str]:
    pieces = _join_short(re.split(r"(?<=[.!?…])\s+", text), min_length)
    for separator in (r"(?<=[,;:])\s+", r"\s+"):
        parts: list[str] = []
        for piece in pieces:
            fine = re.split(separator, piece) if len(piece) > max_length else [piece]
            parts += _fill_up(fine, len(piece) / -(-len(piece) // max(1, max_length)))
        pieces = parts
    return pieces


def _join_short(parts: list[str], min_length: int) -> list[str]:
    joined = parts[:1]
    for part in parts[1:]:
        if min(len(part), len(joined[-1])) < min_length:
            joined[-1] += " " + part
        else:
            joined.append(part)
    return joined


def _fill_up(parts: list[str], length: float) -> list[str]:
    """Joins neighbours again as long as the result comes nearer to `length` characters."""
    filled = parts[:1]
    for part in parts[1:]:
        together = len(filled[-1]) + 1 + len(part)
        if abs(together - length) <= abs(len(filled[-1]) - length):
            filled[-1] += " " + part
        else:
            filled.append(part)
    return filled


def _quiet_moment(audio: np.ndarray, seconds: float) -> float:
    """Time of the least loud moment near `seconds` of `audio`."""
    step = int(ENVELOPE_S * SAMPLE_RATE)
    begin = max(0, int((seconds - CUT_SEARCH_S) * SAMPLE_RATE))
    near = audio[begin : int((seconds + CUT_SEARCH_S) * SAMPLE_RATE)]
    if len(near) < step:
        return seconds
    loudness = np.square(near[: len(near) // step * step]).reshape(-1, step).mean(axis=1)
    return (begin + (int(np.argmin(loudness)) + 0.5) * step) / SAMPLE_RATE
