"""What every text embedder gives: unit vectors, and a scale on which their cosines mean the same whatever the model.

And what the embedders share: queries are computed once.
"""

from __future__ import annotations

import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from model.profile import TextChoice

SCALES = Path(__file__).with_name("scales.json")
_REMEMBERED = 256  # queries kept; people repeat and refine them, and every answer asks again
_QUERY_TEXTS = 8  # a call with more texts than this is indexing, and must not push the queries out


@dataclass(frozen=True)
class Scale:
    """What a model's cosines say. Measured by `python -m benchmarks.text_models`; kept in scales.json."""

    floor: float  # a question and a sentence about something else lie below, 95 of 100 times
    span: float  # from there to what a question and the sentence that answers it mostly reach


class TextEmbedder(Protocol):
    """Turns texts into unit vectors whose dot product says how near they are in meaning. Thread-safe.

    Some models want to know which text is looked for and which may be found: `embed_queries` for the one, `embed` for
    the other. Only a query and a passage are compared by `floor` and `span` (see Scale).
    """

    name: str  # changes whenever the vectors do
    dim: int
    floor: float
    span: float

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Of passages: float32 [n, dim], each row of unit length, in the order of `texts`; an empty text too."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """Of what is looked for: as `embed`, and for most models the same."""
        ...


class RememberingEmbedder:
    """An embedder that remembers its queries. A subclass gives `dim`, its scale and `_run`."""

    dim: int
    roles = False  # whether a query is embedded in another way than a passage

    def __init__(self, scale: Scale) -> None:
        self.floor, self.span = scale.floor, scale.span
        self._known: OrderedDict[tuple[bool, str], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See TextEmbedder."""
        return self._embed(texts, is_query=False)

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """See TextEmbedder."""
        return self._embed(texts, is_query=self.roles)

    def _embed(self, texts: Sequence[str], is_query: bool) -> np.ndarray:
        with self._lock:
            found = {text: self._known[is_query, text] for text in texts if (is_query, text) in self._known}
            for text in found:
                self._known.move_to_end((is_query, text))
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        found |= zip(missing, self._run(missing, is_query) if missing else [], strict=True)
        if len(texts) <= _QUERY_TEXTS:
            with self._lock:
                self._known |= {(is_query, text): found[text] for text in missing}
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else np.empty((0, self.dim), np.float32)

    def _run(self, texts: list[str], is_query: bool) -> np.ndarray:
        """float32 [n, dim] of texts that are not remembered; several threads may call it at once."""
        raise NotImplementedError


@functools.cache
def scale_of(model: str) -> Scale:
    """The measured scale of a model."""
    return Scale(**json.loads(SCALES.read_text(encoding="utf-8"))[model])


def load_embedder(choice: TextChoice) -> TextEmbedder:
    """The embedder that a profile names. Never fetches. Raises CheckpointError or PackError for its files."""
    from model.hub import locate

    if choice.kind == "e5":
        from model.text.e5 import E5Embedder

        return E5Embedder()
    if choice.kind == "minilm":
        from model.text.minilm import MiniLM

        return MiniLM(None if choice.source == "pack:text" else locate(choice.source))
    from model.text.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(locate(choice.source))
