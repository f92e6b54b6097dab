"""Speech recognition by Whisper (Radford et al., arXiv:2212.04356) in any of its sizes and about a hundred languages.

Two ways to run it behind one interface: through transformers (any checkpoint folder, bf16 where the machine is good at
it) and through faster-whisper (a CTranslate2 folder; int8 on the CPU, float16 on a GPU: the quicker one, and the one
that also tells which language it hears). Each stretch is heard on its own, greedily, so that a resumed run hears the
same. Words whose times Whisper does not tell are spread over the stretch as `model/speech/recognizer.py` says. Chinese
comes in simplified characters: Whisper itself writes either kind, as chance will have it.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from model.checkpoint import check_folder, loading
from model.errors import CheckpointError, UsageError
from model.hardware import count_cores, describe
from model.hub import identity
from model.profile import Precision
from model.speech.invented import collapse_loops, looks_invented
from model.speech.recognizer import Line, is_silent, levelled, lines_of_segments, lines_of_words
from model.speech.voice import SAMPLE_RATE

logger = logging.getLogger(__name__)

Timestamps = Literal["segment", "word"]  # words are timed closer, and cost a second pass

_LANGUAGE_AUTO = "auto"
_ISO = {"jw": "jv"}  # codes of Whisper's own
_WHISPERS = {code: own for own, code in _ISO.items()}
_FRAME = 160  # samples of a frame of the encoder's input: 10 ms
_LEAST_FRAMES, _MOST_FRAMES = 500, 1000  # 5 and 10 seconds, of what languages are rated by at first
_ALL_FRAMES = 3000
_PLAIN = 0.9  # a language so probable at first sight needs no second one
_LEAST_SEGMENT_S = 1.0  # times of shorter segments are too rough to say how fast somebody spoke
_CPU_BEAMS, _GPU_BEAMS = 1, 5  # a beam of 5 mishears a little less and takes about three times as long


class WhisperRecognizer:
    """transformers' Whisper from a local folder. Threads take turns."""

    def __init__(
        self, folder: Path, language: str = "auto", precision: Precision = "auto", timestamps: Timestamps = "segment"
    ) -> None:
        import torch
        from transformers import AutoFeatureExtractor, AutoModelForSpeechSeq2Seq, AutoTokenizer
        from transformers.pipelines import automatic_speech_recognition as recognition

        check_folder(folder, model_type="whisper")
        if precision not in ("auto", "bf16", "fp32"):
            raise UsageError(f"Whisper runs in auto, bf16 or fp32, not {precision}: for int8 choose faster-whisper.")
        machine = describe()
        fast = machine.bf16 or (machine.gpu is not None and machine.gpu.kind == "cuda")
        dtype = torch.bfloat16 if precision == "bf16" or (precision == "auto" and fast) else torch.float32
        options: dict[str, Any] = {"local_files_only": True, "dtype": dtype}
        if timestamps == "word":
            options["attn_implementation"] = "eager"  # the only one that tells where it looked
        with loading(folder, "a Whisper checkpoint"):
            network = AutoModelForSpeechSeq2Seq.from_pretrained(folder, **options)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            features = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
        multilingual = bool(getattr(network.generation_config, "is_multilingual", True))
        self._options: dict[str, Any] = {"task": "transcribe"} if multilingual else {}
        if known := choose_language(language, language_codes(network.generation_config), multilingual, folder):
            self._options["language"] = known
        self._timestamps: Any = "word" if timestamps == "word" else True
        device = machine.gpu.kind if machine.gpu else "cpu"
        pipeline: Any = (
            recognition.AutomaticSpeechRecognitionPipeline
        )  # its annotations are narrower than what it takes
        self._pipeline = pipeline(model=network, tokenizer=tokenizer, feature_extractor=features, device=device)
        self._lock = threading.Lock()
        self.name = f"whisper:{identity(folder)}:{language}"

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        """See SpeechRecognizer."""
        if is_silent(audio):
            return []
        options = dict(self._options)
        if language and "task" in options:
            options["language"] = language
        with self._lock:
            heard = self._pipeline(
                {"raw": levelled(audio), "sampling_rate": SAMPLE_RATE},
                return_timestamps=self._timestamps,
                generate_kwargs=options,
            )
        seconds = len(audio) / SAMPLE_RATE
        timed = ((*chunk["timestamp"], chunk["text"]) for chunk in heard.get("chunks", []))
        pieces = [as_line(start, end, text, seconds) for start, end, text in timed]
        lines = settle(pieces, audio, offset, self._timestamps == "word")
        return simplified(lines) if options.get("language") == "zh" else lines


class FasterWhisperRecognizer:
    """faster-whisper from a local CTranslate2 folder. Threads take turns."""

    def __init__(
        self, folder: Path, language: str = "auto", precision: Precision = "auto", timestamps: Timestamps = "segment"
    ) -> None:
        for name in ("model.bin", "tokenizer.json"):  # without the second, the library would ask the hub
            if not (folder / name).is_file():
                raise CheckpointError(
                    f"{folder} has no {name}: faster-whisper needs a Whisper converted to CTranslate2."
                )
        self._network, device = open_ctranslate(folder, precision)
        codes = set(self._network.supported_languages)
        self.languages = frozenset(_ISO.get(code, code) for code in codes)
        self._language = choose_language(language, codes, self._network.model.is_multilingual, folder)
        self._beams = _CPU_BEAMS if device == "cpu" else _GPU_BEAMS
        self._words = timestamps == "word"
        self._lock = threading.Lock()
        self.name = f"faster-whisper:{identity(folder)}:{language}"

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Line]:
        """See SpeechRecognizer."""
        if is_silent(audio):
            return []
        with self._lock:
            segments, about = self._network.transcribe(
                levelled(audio).astype(np.float32, copy=False),
                language=_WHISPERS.get(language, language) if language else self._language,
                beam_size=self._beams,
                temperature=0.0,
                condition_on_previous_text=False,
                word_timestamps=self._words,
            )
            found = list(segments)  # it is only now that the network runs
        seconds = len(audio) / SAMPLE_RATE
        if self._words:
            pieces = [as_line(w.start, w.end, w.word, seconds) for segment in found for w in segment.words or ()]
        else:
            pieces = [as_line(segment.start, segment.end, segment.text, seconds) for segment in found]
        lines = settle(pieces, audio, offset, self._words)
        return simplified(lines) if about.language == "zh" else lines

    def rate_languages(self, audio: np.ndarray) -> dict[str, float]:
        """How probable each language is in a stretch of speech (float32 mono 16 kHz [n]).

        First the encoder sees no more than 10 seconds of it, without the half minute of silence after it: that takes
        0.05 to 0.1 s instead of 0.5 s. Only where that leaves doubt, it sees all as it was trained to.
        """
        frames = min(max(len(audio) // _FRAME, _LEAST_FRAMES), _MOST_FRAMES)
        shares = self._rate(levelled(audio), frames)
        if max(shares.values()) < _PLAIN:
            shares = self._rate(levelled(audio), _ALL_FRAMES)
        return {_ISO.get(code, code): share for code, share in shares.items()}

    def _rate(self, audio: np.ndarray, frames: int) -> dict[str, float]:
        import ctranslate2

        sound = np.zeros(frames * _FRAME, np.float32)
        heard = audio[: len(sound)]
        sound[: len(heard)] = heard
        features = self._network.feature_extractor(sound, padding=0)[:, :frames]
        with self._lock:
            view = ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None], np.float32))
            (rated,) = self._network.model.detect_language(view)
        return {token.strip("<|>"): float(share) for token, share in rated}


def settle(pieces: list[Line], audio: np.ndarray, offset: float, words: bool) -> list[Line]:
    """Lines of the segments or words that were heard, without loops and what looks invented."""
    seconds = len(audio) / SAMPLE_RATE
    if words:
        text = "".join(piece.text for piece in pieces).strip()
        if collapse_loops(text, seconds) != text:
            pieces = [Line(pieces[0].start, pieces[-1].end, text)]
            words = False
        elif looks_invented(text, seconds):
            return []
    if not words:
        pieces = list(without_inventions(pieces))
    return (lines_of_words if words else lines_of_segments)(pieces, audio, offset)


def without_inventions(segments: Iterable[Line]) -> Iterator[Line]:
    for segment in segments:
        seconds = max(segment.end - segment.start, _LEAST_SEGMENT_S)
        text = collapse_loops(" ".join(segment.text.split()), seconds)
        if not looks_invented(text, seconds):
            yield Line(segment.start, segment.end, text)


def simplified(lines: list[Line]) -> list[Line]:
    """Chinese in simplified characters."""
    convert = _simplifier().convert
    return [replace(line, text=convert(line.text)) for line in lines]


@functools.cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def as_line(start: float | None, end: float | None, text: str, seconds: float) -> Line:
    """Times inside the stretch, in order; a time that Whisper left open is the stretch's own end."""
    begin = min(max(0.0, start or 0.0), seconds)
    return Line(begin, max(begin, min(seconds if end is None else end, seconds)), text)


def open_ctranslate(folder: Path, precision: Precision) -> tuple[Any, str]:
    """A WhisperModel and the device it runs on: the GPU where CTranslate2 finds one with the libraries it needs."""
    import ctranslate2
    from faster_whisper import WhisperModel

    if precision == "nf4":
        raise UsageError("faster-whisper runs in auto, int8, bf16 or fp32, not nf4.")
    devices = ["cuda", "cpu"] if ctranslate2.get_cuda_device_count() else ["cpu"]
    for device in devices:
        kind = compute_type(precision, device, ctranslate2.get_supported_compute_types(device))
        with loading(folder, "a Whisper converted to CTranslate2"):
            try:
                network = WhisperModel(
                    str(folder), device=device, compute_type=kind, cpu_threads=count_cores(), local_files_only=True
                )
                if device != "cpu":  # cuBLAS and cuDNN are looked for when first used
                    list(network.transcribe(np.zeros(SAMPLE_RATE, np.float32), language="en")[0])
                return network, device
            except RuntimeError as error:
                if device == devices[-1]:
                    raise
                logger.warning("faster-whisper cannot use the GPU and runs on the processor: %s", error)
    raise AssertionError("the processor is always tried")


def compute_type(precision: Precision, device: str, supported: set[str]) -> str:
    """CTranslate2's name for a precision; what a device cannot do is done in the next wider one that it can."""
    wanted = {
        "auto": ("int8",) if device == "cpu" else ("float16", "int8"),
        "int8": ("int8",) if device == "cpu" else ("int8_float16", "int8"),
        "bf16": ("bfloat16",),
    }.get(precision, ())
    return next((kind for kind in wanted if kind in supported), "float32")


def language_codes(generation: Any) -> set[str]:
    return {token.strip("<|>") for token in getattr(generation, "lang_to_id", None) or {}}


def choose_language(language: str, known: set[str], multilingual: bool, folder: Path) -> str | None:
    """The language to tell the network, or None where it finds out or knows only English. Raises UsageError."""
    if not multilingual:
        if language not in (_LANGUAGE_AUTO, "en"):
            raise UsageError(f"{folder} understands English only, not {language!r}: choose a multilingual checkpoint.")
        return None
    if language == _LANGUAGE_AUTO:
        return None
    if known and language not in known:
        raise UsageError(f"{folder} does not know the language {language!r}; give 'auto' or one of its own, as 'de'.")
    return language
