"""Speech recognition by Moonshine (https://github.com/moonshine-ai/moonshine, MIT): English, small and quick.

It invents text where nobody speaks: give it stretches of speech only; what looks invented all the same is dropped.
"""

from __future__ import annotations

import threading

import numpy as np

from model.speech.invented import collapse_loops, looks_invented
from model.speech.recognizer import Line, is_silent, levelled, split_lines
from model.speech.voice import SAMPLE_RATE


class MoonshineRecognizer:
    """Moonshine tiny, English. Thread-safe: one piece at a time."""

    name = "moonshine-tiny-en"

    def __init__(self) -> None:
        from moonshine_voice import ModelArch
        from moonshine_voice.transcriber import Transcriber

        from model.pack import part

        # Its own voice activity (threshold 0: off) would repeat our work; speaker clustering costs a third more.
        options = {"vad_threshold": 0, "identify_speakers": "false", "return_audio_data": "false"}
        self._transcriber = Transcriber(str(part("speech")), ModelArch.TINY, options=options)
        self._lock = threading.Lock()

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        """See SpeechRecognizer. Returns no line for silence and where the text looks invented."""
        if is_silent(audio):
            return []
        audio, seconds = levelled(audio), len(audio) / SAMPLE_RATE
        with self._lock:  # the library wants a list: 1 ms per second of sound, next to 30 ms of recognition
            heard = self._transcriber.transcribe_without_streaming(audio.tolist(), SAMPLE_RATE)
        text = " ".join(" ".join(line.text for line in heard.lines).split())
        text = collapse_loops(text, seconds)
        if looks_invented(text, seconds):
            return []
        return split_lines(text, audio, offset)
