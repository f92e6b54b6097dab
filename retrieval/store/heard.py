"""What was heard: lines of speech, stored with the languages that are spoken when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.speech.recognizer import Line
from retrieval.store.library import Library, advance, insert_passages
from retrieval.store.spoken import Spoken


@dataclass(frozen=True)
class Run(Spoken):
    """A stretch of speech with its lines."""

    lines: Sequence[Line] = ()


def add_heard(
    library: Library, video_id: str, runs: Sequence[Run], vectors: np.ndarray, until: float | None, origin: str
) -> None:
    """Store runs with their lines and the lines' text vectors [n, D], and the hear lane's progress, in one transaction.

    `until` is None for a track that the lane does not count and whose languages are not kept: only its lines are.
    """
    done = 0
    with library.db.transaction() as db:
        for run in runs:
            if until is not None:
                db.execute(
                    "INSERT OR REPLACE INTO spoken (video_id, start, end, language, likelihood) VALUES (?, ?, ?, ?, ?)",
                    (video_id, run.start, run.end, run.language, run.likelihood),
                )
            pieces = [(line.start, line.end, line.text) for line in run.lines]
            insert_passages(db, video_id, "speech", pieces, vectors[done : done + len(pieces)], run.language, origin)
            done += len(pieces)
        if until is not None:
            advance(db, video_id, "hear", until)
