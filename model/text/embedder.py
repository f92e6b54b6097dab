"""What every text embedder gives: unit vectors. And what they share: queries are computed once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.profile import TextChoice

_REMEMBERED = 256  # queries kept; people repeat and refine them, and every answer asks again
_QUERY_TEXTS = 8  # a call with more texts than this is indexing, and must not push the queries out


class TextEmbedder(Protocol):
    """Turns texts into unit vectors whose dot product says how near they are in meaning. Thread-safe."""

    name: str  # changes whenever the vectors do
    dim: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, dim], each row of unit length, in the order of `texts`; an empty text is embedded too."""
        ...


class RememberingEmbedder:
    """An embedder that remembers its queries. A subclass gives `dim` and `_run`."""

    dim: int

    def __init__(self) -> None:
        self._known: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See TextEmbedder."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        found |= zip(missing, self._run(missing) if missing else [], strict=True)
        if len(texts) <= _QUERY_TEXTS:
            with self._lock:
                self._known |= {text: found[text] for text in missing}
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else np.empty((0, self.dim), np.float32)

    def _run(self, texts: list[str]) -> np.ndarray:
        """float32 [n, dim] of texts that are not remembered; several threads may call it at once."""
        raise NotImplementedError


def load_embedder(choice: TextChoice) -> TextEmbedder:
    """The embedder that a profile names. Never fetches. Raises CheckpointError or PackError for its files."""
    from model.hub import locate

    if choice.kind == "minilm":
        from model.text.minilm import MiniLM

        return MiniLM(None if choice.source == "pack:text" else locate(choice.source))
    from model.text.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(locate(choice.source))
