"""Models in milliseconds, for tests of what is built around them. Real models are used where a test says so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from model.known_things import KnownThing
from model.profile import read_profile
from retrieval.search.words import content_words
from retrieval.store.fulltext import stem

DIM = 64


class BagOfWords:
    """A text as the mean of one random direction a word: texts that share words are near."""

    name, dim = "bag-of-words", DIM
    floor, span = 0.25, 0.40

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = [
            np.sum([_direction(stem(word)) for word in content_words(text)] or [np.ones(DIM)], axis=0) for text in texts
        ]
        stacked = np.array(rows, np.float32).reshape(-1, DIM)
        return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self.embed(texts)


def _direction(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
    return np.random.default_rng(seed).standard_normal(DIM)


@dataclass
class Features:
    pooled: np.ndarray
    names: list[str]
    probabilities: np.ndarray


class ColourEncoder:
    """Sees the nearest of three colours, and is asked for them by name."""

    name, dim, contrast = "colours", DIM, 10.0
    colours: ClassVar = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}

    def __init__(self) -> None:
        self.text = BagOfWords()

    def encode_frames(self, frames: np.ndarray) -> Features:
        names = [
            min(self.colours, key=lambda n: float(np.abs(np.median(f, axis=(0, 1)) - self.colours[n]).sum()))
            for f in frames
        ]
        probabilities = np.array([[0.9 if name == colour else 0.0 for colour in self.colours] for name in names])
        return Features(self.text.embed(names), names, probabilities)

    @property
    def concepts(self) -> list[tuple[str, ...]]:
        return [(name,) for name in self.colours]

    def chance(self, frame: np.ndarray, query: np.ndarray) -> float:
        return float((self.text.embed([f"thing{i}" for i in range(50)]) @ query > frame @ query).mean())

    def tags(self, features: Features) -> list[list[tuple[str, float]]]:
        return [[(name, 0.9)] for name in features.names]

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        return self.text.embed(texts)


@dataclass
class Scripted:
    """A decoder that says what it is told to and remembers what it was asked."""

    says: str = "It is a test."
    asked: list[list[dict[str, Any]]] = field(default_factory=list)
    last_stats: Any = None
    max_stills: int = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def warm_up(self, messages: list[dict[str, str]] | None = None) -> None:
        pass

    def stream(
        self, messages: list[dict[str, str]], max_new_tokens: int = 96, stop: Callable[[], bool] | None = None
    ) -> Generator[str, None, None]:
        self.asked.append(messages)
        for word in self.says.split(" "):
            if stop and stop():
                return
            yield word + " "


class Silent:
    name = "silent"

    languages = frozenset({"en", "zh"})

    def transcribe(self, audio: np.ndarray, offset: float, language: str | None = None) -> list[Any]:
        return []

    def rate_languages(self, audio: np.ndarray) -> dict[str, float]:
        return {"en": 1.0}

    def read(self, picture: np.ndarray) -> list[Any]:
        return []

    def forget(self) -> None:
        pass


class FakeModels:
    """Stands where model.loading.Models does."""

    def __init__(self, says: str = "It is a test.") -> None:
        embedded = read_profile("embedded")
        self.profile = replace(embedded, decoder=replace(embedded.decoder, adapter=""))
        self.text, self.vision = BagOfWords(), ColourEncoder()
        self.passages = self.text
        self.speech = self.languages = self.ocr = Silent()
        self.decoder = Scripted(says)
        self.short_answers: Any = None  # no answer head
        self.colour_answers: Any = None
        self.known_things: list[KnownThing] = []

    def warm(self, *names: str) -> None:
        pass
