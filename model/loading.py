"""The models of a profile, each built when first asked for and kept. Threads may ask at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.hub import locate
from model.profile import Profile, SpeechChoice

if TYPE_CHECKING:
    from model.colour_answers import ColourAnswers
    from model.known_things import KnownThing
    from model.language.chat import Decoder
    from model.reading.ocr import TextReader
    from model.short_answers import ShortAnswers
    from model.speech.ears import LanguageRecognizer
    from model.speech.recognizer import SpeechRecognizer
    from model.text.embedder import TextEmbedder
    from model.vision.encoder import VisionEncoder

Built = TypeVar("Built")
logger = logging.getLogger(__name__)


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
        from model.text.embedder import load_embedder

        return self._once("text", lambda: load_embedder(self.profile.text))

    @property
    def passages(self) -> TextEmbedder:
        """Of what is said and written, and of what is looked for in it; where the profile says so, `text` itself."""
        from model.text.embedder import load_embedder

        choice = self.profile.passages_here
        return self.text if choice == self.profile.text else self._once("passages", lambda: load_embedder(choice))

    @property
    def vision(self) -> VisionEncoder:
        return self._once("vision", self._build_vision)

    @property
    def eyes(self) -> VisionEncoder:
        """`vision` for looking at stills again."""
        from model.vision.remembering import RememberingEncoder

        return self._once("eyes", lambda: cast("VisionEncoder", RememberingEncoder(self.vision)))

    @property
    def speech(self) -> SpeechRecognizer:
        from model.speech.recognizer import load_recognizer

        return self._once("speech", lambda: load_recognizer(self.profile.speech))

    @property
    def languages(self) -> LanguageRecognizer | None:
        """Tells languages apart and recognises those that `speech` does not; None where no such model is here."""
        choice = self.profile.languages_here
        return self._once("languages", lambda: self._build_languages(choice)) if choice else None

    @property
    def ocr(self) -> TextReader:
        from model.reading.ocr import RapidTextReader

        return self._once("ocr", RapidTextReader)

    @property
    def short_answers(self) -> ShortAnswers | None:
        """None where the profile has none."""
        from model.short_answers import ShortAnswers

        answers = self.profile.vision.answers
        if not answers:
            return None
        return self._once("short_answers", lambda: ShortAnswers(self.eyes, self.text, locate(answers)))

    @property
    def colour_answers(self) -> ColourAnswers | None:
        """None where the profile has none."""
        from model.colour_answers import ColourAnswers

        colours = self.profile.vision.colours
        if not colours:
            return None
        return self._once("colour_answers", lambda: ColourAnswers(self.eyes, self.text, locate(colours)))

    @property
    def known_things(self) -> list[KnownThing]:
        """Empty where the profile names none, or those of another encoder."""
        things = self.profile.vision.things
        return self._once("known_things", lambda: self._read_things(locate(things)) if things else [])

    @property
    def decoder(self) -> Decoder:
        return self._once("decoder", self._build_decoder)

    def _build_vision(self) -> VisionEncoder:
        choice = self.profile.vision
        if choice.kind == "open_clip":
            from model.vision.open_clip_encoder import OpenClipEncoder

            return OpenClipEncoder(locate(choice.source), choice.architecture)
        if choice.heads:
            from model.vision.aligned import AlignedEncoder

            return AlignedEncoder(self.text, locate(choice.heads), locate(choice.source))
        from model.vision.embedded import EmbeddedEncoder

        return EmbeddedEncoder(self.text, locate(choice.source))

    def _build_languages(self, choice: SpeechChoice) -> LanguageRecognizer:
        from model.speech.whisper import FasterWhisperRecognizer

        return FasterWhisperRecognizer(locate(choice.source), choice.language, choice.precision, "word")

    def _read_things(self, file: Path) -> list[KnownThing]:
        from model.known_things import read_known_things

        known = read_known_things(file)
        if known.encoder == self.vision.name:
            return known.things
        logger.warning("%s is of the encoder %s, not of %s, and is not used", file, known.encoder, self.vision.name)
        return []

    def _build_decoder(self) -> Decoder:
        choice = self.profile.decoder
        if choice.kind == "openai":
            from model.language.server import ServerDecoder

            return ServerDecoder(choice.source.removeprefix("server:"), choice)
        if choice.kind == "vlm":
            from model.language.vlm import VisionLanguageModel

            return VisionLanguageModel(locate(choice.source), choice)
        if choice.kind == "gguf":
            from model.language.llama_cpp import LlamaCppDecoder

            return LlamaCppDecoder(
                locate(choice.source), choice, locate(choice.projector) if choice.projector else None
            )
        if choice.adapter:
            from model.videochat.video_chat import VideoChat

            return VideoChat.from_pretrained(locate(choice.adapter), self.eyes, choice).decoder
        from model.language.decoder import load_decoder

        return load_decoder(locate(choice.source), choice)

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
        elif name == "passages":
            self.passages.embed_queries(["a first question"])
        elif name == "vision":
            self.vision.encode_frames(np.zeros((8, 270, 480, 3), np.uint8))
        elif name == "ocr":
            card = Image.new("RGB", (1280, 720))
            ImageDraw.Draw(card).text((300, 300), "first words", font=ImageFont.load_default(size=90))
            self.ocr.read(np.asarray(card))
            self.ocr.forget()
        elif name == "speech":
            noise = np.random.default_rng(0).standard_normal(16_000) / 50
            self.speech.transcribe(noise.astype(np.float32), 0.0)
        elif name == "languages" and self.languages:
            self.languages.rate_languages(np.zeros(16_000, np.float32))
