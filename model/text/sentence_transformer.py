"""Any sentence-transformers model (Reimers and Gurevych, arXiv:1908.10084) from a local folder.

It does not tell questions from passages: a model that wants other words before each (E5) finds a little less well.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from model.checkpoint import check_folder, loading
from model.errors import CheckpointError
from model.hardware import describe
from model.hub import identity
from model.text.embedder import RememberingEmbedder, scale_of

_BATCH = 32  # texts a pass; the library puts texts of like length together


class SentenceTransformerEmbedder(RememberingEmbedder):
    """Unit vectors by the sentence-transformers library. Threads take turns; no code of the model's own is run."""

    def __init__(self, folder: Path) -> None:
        check_folder(folder)
        from sentence_transformers import SentenceTransformer

        super().__init__(scale_of("all-minilm-l6-v2"))  # of most such models: unrelated texts near 0
        gpu = describe().gpu
        with loading(folder, "a sentence-transformers model"):
            self._network: Any = SentenceTransformer(
                str(folder), device=gpu.kind if gpu else "cpu", local_files_only=True, trust_remote_code=False
            )
            dim = self._network.get_embedding_dimension()
        if not dim:
            raise CheckpointError(f"{folder} does not say how long its vectors are: expected a pooling module.")
        self.dim = int(dim)
        self.name = f"sentence-transformers:{identity(folder)}"
        self._turn = threading.Lock()

    def _run(self, texts: list[str], is_query: bool) -> np.ndarray:
        with self._turn:
            vectors = self._network.encode(
                texts, batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
            )
        return np.asarray(vectors, np.float32)
