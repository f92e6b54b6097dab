"""FAISS indexes over the vectors in SQLite. SQLite is the truth; the files only save the time of filling an index."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from typing import Literal, cast

import faiss
import numpy as np

from retrieval.search.filters import EVERYTHING, Filter
from retrieval.store.library import Library
from retrieval.store.rows import marks_of

logger = logging.getLogger(__name__)


class VectorIndex:
    """Inner product over the vectors of one kind ("visual" or "text"), exact: under 1e5 clips a flat index is right."""

    def __init__(self, library: Library, kind: Literal["visual", "text"], model: str) -> None:
        """Only vectors made by `model` are found: those of another one have another meaning, and often another size."""
        self.library = library
        self.kind, self.model = kind, model
        self.path = library.data_dir / "indexes" / f"{kind}.faiss"
        self._lock = threading.RLock()
        self._seen = threading.local()  # the state of the database that each thread has taken over
        self._index: faiss.IndexIDMap2 | None = self._read()
        self._ids: set[int] = set(faiss.vector_to_array(self._index.id_map).tolist()) if self._index else set()

    def _read(self) -> faiss.IndexIDMap2 | None:
        if not self.path.exists():
            return None
        try:
            return cast(faiss.IndexIDMap2, faiss.read_index(str(self.path)))
        except RuntimeError as error:
            logger.warning("%s is damaged and is made again (%s)", self.path.name, str(error).splitlines()[0])
            return None

    def sync(self) -> None:
        """Take over what was added to or deleted from SQLite since the last time, also by other processes."""
        connection = self.library.db.connection
        state = (connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes, id(connection))
        if getattr(self._seen, "state", None) == state:
            return
        with self._lock:
            made_by = "vision_model" if self.kind == "visual" else "text_model"
            rows = self.library.db.rows(
                f"SELECT vectors.id FROM vectors JOIN videos ON videos.id = video_id WHERE kind = ? AND {made_by} = ?",
                (self.kind, self.model),
            )
            stored = {row["id"] for row in rows}
            gone, new = self._ids - stored, sorted(stored - self._ids)
            if gone and self._index is not None:
                self._index.remove_ids(faiss.IDSelectorBatch(np.fromiter(gone, np.int64)))
            if new:
                self._add(new)
            self._ids = stored
        self._seen.state = state

    def _add(self, ids: list[int]) -> None:
        for first in range(0, len(ids), 500):  # SQLite takes a limited number of parameters
            chosen = ids[first : first + 500]
            rows = self.library.db.rows(
                f"SELECT id, vector FROM vectors WHERE id IN ({', '.join('?' * len(chosen))})", tuple(chosen)
            )
            if not rows:
                continue
            vectors = np.stack([np.frombuffer(row["vector"], "<f4") for row in rows])
            if self._index is None or self._index.d != vectors.shape[1]:
                self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
            self._index.add_with_ids(vectors, np.array([row["id"] for row in rows], np.int64))

    def save(self) -> None:
        """Write the index beside the database, all or nothing."""
        with self._lock:
            self.sync()
            if self._index is None:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self.path.with_suffix(f".{os.getpid()}.part")
            faiss.write_index(self._index, str(unfinished))
            unfinished.replace(self.path)

    def search(
        self, vector: np.ndarray, count: int, video_ids: Sequence[str] | None = None, within: Filter = EVERYTHING
    ) -> list[tuple[int, float]]:
        """The (vector id, cosine) of the `count` nearest vectors, best first; of the given videos only, if any.

        vector: float32 [D] of unit length. `within` leaves out clips and passages of other times and sources.
        """
        with self._lock:
            self.sync()
            if self._index is None or self._index.ntotal == 0:
                return []
            parameters = None
            if video_ids or within != EVERYTHING:
                chosen = self._chosen(video_ids or [], within)
                parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(chosen))  # type: ignore[call-arg]
            scores, ids = self._index.search(vector[None], min(count, self._index.ntotal), params=parameters)
        return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]

    def _chosen(self, video_ids: Sequence[str], within: Filter) -> np.ndarray:
        """The ids of the vectors that a search may find: int64 [n]."""
        marks, values = marks_of(video_ids)
        where = f" AND v.video_id IN ({marks})" if video_ids else ""
        join = ""
        if within.start is not None or within.end is not None or (within.sources is not None and self.kind == "text"):
            table, column = ("clips", "clip_id") if self.kind == "visual" else ("passages", "passage_id")
            join = f" JOIN {table} p ON p.id = v.{column}"
            where += " AND p.end >= ? AND p.start <= ?"
            values = (*values, within.low, within.high)
        if within.sources is not None and self.kind == "text":
            marks, sources = marks_of(sorted(within.sources))
            where += f" AND p.source IN ({marks})"
            values = (*values, *sources)
        rows = self.library.db.rows(f"SELECT v.id FROM vectors v{join} WHERE v.kind = ?{where}", (self.kind, *values))
        return np.array([row["id"] for row in rows], np.int64)

    @property
    def size(self) -> int:
        return len(self._ids)
