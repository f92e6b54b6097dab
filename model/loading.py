"""The models of a profile, each built when first asked for and kept. Threads may ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.profile import Profile

if TYPE_CHECKING:
    from model.language.chat import Decoder
    from model.reading.ocr import TextReader
    from model.speech.recognizer import SpeechRecognizer
    from model.text.embedder import TextEmbedder
    from model.vision.encoder import VisionEncoder

Built = TypeVar("Built")


class Models:
    """Encoders, recognisers and the decoder that a profile names. Loading takes seconds and memory: share this."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._built: dict[str, object] = {}
        self._warm: set[str] = set()
        self._lock = threading.RLock()

    def _once(self, name: str, build: Callable[[], Built]) -> Built:
        with self._lock:
            if name not in self._built:
                self._built[name] = build()
            return cast(Built, self._built[name])

    @property
    def text(self) -> TextEmbedder:
        from model.text.minilm import MiniLM

        return self._once("text", MiniLM)

    @property
    def vision(self) -> VisionEncoder:
        from model.vision.embedded import EmbeddedEncoder

        return self._once("vision", lambda: EmbeddedEncoder(self.text))

    @property
    def speech(self) -> SpeechRecognizer:
        from model.speech.moonshine import MoonshineRecognizer

        return self._once("speech", MoonshineRecognizer)

    @property
    def reader(self) -> TextReader:
        from model.reading.ocr import RapidTextReader

        return self._once("reader", RapidTextReader)

    @property
    def decoder(self) -> Decoder:
        from model.language.decoder import load_packed

        return self._once("decoder", lambda: load_packed(self.profile.decoder))

    def warm(self, *names: str) -> None:
        """Build the named models now and run each once, so that the first user does not wait for them."""
        for name in names:
            getattr(self, name)
            if name not in self._warm:
                self._warm.add(name)
                self._run_once(name)

    def _run_once(self, name: str) -> None:
        if name == "text":
            self.text.embed(["a first sentence"])
        elif name == "vision":
            self.vision.encode_frames(np.zeros((8, 270, 480, 3), np.uint8))
        elif name == "reader":
            card = Image.new("RGB", (1280, 720))
            ImageDraw.Draw(card).text((300, 300), "first words", font=ImageFont.load_default(size=90))
            self.reader.read(np.asarray(card))
            self.reader.forget()
        elif name == "speech":
            noise = np.random.default_rng(0).standard_normal(16_000) / 50
            self.speech.transcribe(noise.astype(np.float32), 0.0)
