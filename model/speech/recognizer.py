"""What every speech recogniser gives: lines of text with times. And what they share: levelling and splitting.

Knows nothing of files, of networks, or of where speech lies: `model/speech/voice.py` finds the stretches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from model.errors import UsageError
from model.profile import SpeechChoice
from model.speech.voice import SAMPLE_RATE

MAX_LINE_S = 8.0  # a longer line is split at sentences, then at commas, then between words
MIN_LINE_S = 1.0  # shorter sentences stay with their neighbour: "No." alone is a poor thing to find
SILENCE_RMS = 1e-5  # -100 dBFS: below one step of 16 bits
QUIET_RMS = 0.01  # -40 dBFS: recognisers hear less and less below it ...
LEVEL_RMS = 0.05  # ... and are at ease at about this
CUT_SEARCH_S = 0.6  # a cut estimated from the text is moved to the quietest moment this near
ENVELOPE_S = 0.05  # length of sound over which loudness is taken: shorter than the pause between two words
MIN_SEGMENT_S = 0.2  # shorter than the shortest word: such times are a network's mistake
# Where a text may be cut, each cut after a space or, in writing without spaces, after the sign or letter itself.
_SENTENCES = r"(?<=[.!?…]\s)|(?<=[。！？])"
_CLAUSES = r"(?<=[,;:]\s)|(?<=[，；：、])"
_WORDS = r"(?<=\s)|(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
_SYLLABLE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Line:
    """One line of a transcript; `start` and `end` in seconds."""

    start: float
    end: float
    text: str


class SpeechRecognizer(Protocol):
    name: str  # changes whenever what it hears may: kind and checkpoint

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        """`audio` float32 mono 16 kHz [n], a stretch of speech that begins at `offset` seconds. Thread-safe.

        `language` (ISO 639-1): what is spoken, where that is known and the recogniser understands several.
        Lines are in order, inside the stretch and at most about MAX_LINE_S long; none for silence or invented text.
        """
        ...


def load_recognizer(choice: SpeechChoice) -> SpeechRecognizer:
    """The recogniser that a profile names. Never fetches.

    Raises UsageError for a choice that no recogniser can keep, CheckpointError or PackError for its files.
    """
    from model.hub import locate

    if choice.kind == "moonshine":
        from model.speech.moonshine import MoonshineRecognizer

        if choice.language != "en":
            raise UsageError(
                f"Moonshine understands English only, not {choice.language!r}: "
                "for other languages choose speech of kind whisper or faster-whisper."
            )
        return MoonshineRecognizer()
    from model.speech.whisper import FasterWhisperRecognizer, WhisperRecognizer

    recognizer = WhisperRecognizer if choice.kind == "whisper" else FasterWhisperRecognizer
    return recognizer(locate(choice.source), choice.language, choice.precision)


def is_silent(audio: np.ndarray) -> bool:
    return not len(audio) or float(np.sqrt(np.mean(np.square(audio)))) < SILENCE_RMS


def levelled(audio: np.ndarray) -> np.ndarray:
    """A quiet stretch made as loud as most speech is; others as they are."""
    rms = float(np.sqrt(np.mean(np.square(audio)))) if len(audio) else 0.0
    if not SILENCE_RMS <= rms < QUIET_RMS:
        return audio
    louder: np.ndarray = np.clip(audio * np.float32(LEVEL_RMS / rms), -1.0, 1.0)
    return louder


def lines_of_segments(segments: Iterable[Line], audio: np.ndarray, offset: float) -> list[Line]:
    """Lines of what a network heard in pieces, whose times count from the beginning of `audio`; see `split_lines`."""
    settled: list[Line] = []
    for segment in segments:
        text = " ".join(segment.text.split())
        start = max(segment.start, settled[-1].end if settled else 0.0)
        if not text:
            continue
        if settled and segment.end - start < MIN_SEGMENT_S:
            settled[-1] = Line(settled[-1].start, max(settled[-1].end, segment.end), f"{settled[-1].text} {text}")
        else:
            settled.append(Line(start, max(start, segment.end), text))
    if len(settled) == 1 and settled[0].end - settled[0].start < MIN_SEGMENT_S:
        settled = [Line(0.0, len(audio) / SAMPLE_RATE, settled[0].text)]
    lines = []
    for piece in settled:
        sound = audio[round(piece.start * SAMPLE_RATE) : max(1, round(piece.end * SAMPLE_RATE))]
        lines += split_lines(piece.text, sound, offset + piece.start)
    return lines


def lines_of_words(words: Iterable[Line], audio: np.ndarray, offset: float) -> list[Line]:
    """Lines of words with times of their own (a word that begins with a space stands apart from the one before)."""
    lines: list[Line] = []
    open_line: Line | None = None
    for word in words:
        if open_line is None or (
            _stands_apart(word, open_line) and (word.end - open_line.start > MAX_LINE_S or _ends_sentence(open_line))
        ):
            lines += [open_line] if open_line else []
            open_line = word
        else:
            open_line = Line(open_line.start, max(open_line.end, word.end), open_line.text + word.text)
    lines += [open_line] if open_line else []
    return lines_of_segments(lines, audio, offset)


def _stands_apart(word: Line, line: Line) -> bool:
    """Whether a line may end before the word: what Whisper calls words are also the halves of "c'est"."""
    return word.text[:1].isspace() or bool(_SYLLABLE.match(word.text)) or " " not in line.text.strip()


def _ends_sentence(line: Line) -> bool:
    return line.end - line.start >= MIN_LINE_S and line.text.rstrip().endswith(tuple(".!?…。！？"))


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
        written += len(piece)
        cuts.append(max(cuts[-1], _quiet_moment(audio, written * per_character)))
    cuts.append(seconds)
    return [
        Line(offset + start, offset + end, piece.rstrip())
        for piece, start, end in zip(pieces, cuts[:-1], cuts[1:], strict=True)
    ]


def _split_text(text: str, max_length: int, min_length: int) -> list[str]:
    """Pieces that keep the space after them: put together they are the text again."""
    pieces = _join_short(_parts(_SENTENCES, text), min_length)
    for separator in (_CLAUSES, _WORDS):
        parts: list[str] = []
        for piece in pieces:
            fine = _parts(separator, piece) if len(piece) > max_length else [piece]
            parts += _fill_up(fine, len(piece) / -(-len(piece) // max(1, max_length)))
        pieces = parts
    return pieces


def _parts(separator: str, text: str) -> list[str]:
    return [part for part in re.split(separator, text) if part] or [text]


def _join_short(parts: list[str], min_length: int) -> list[str]:
    joined = parts[:1]
    for part in parts[1:]:
        if min(len(part.rstrip()), len(joined[-1].rstrip())) < min_length:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _fill_up(parts: list[str], length: float) -> list[str]:
    """Joins neighbours again as long as the result comes nearer to `length` characters."""
    filled = parts[:1]
    for part in parts[1:]:
        together = len(filled[-1]) + len(part)
        if abs(together - length) <= abs(len(filled[-1]) - length):
            filled[-1] += part
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
