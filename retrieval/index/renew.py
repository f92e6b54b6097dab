"""Vectors made by other models are made anew: after a change of profile, or when a model has been trained further.

Only what the model made is thrown away. What was heard and read stays: its texts are embedded again.
"""

from __future__ import annotations

from model.loading import Models
from retrieval.store.library import Library
from retrieval.store.records import Passage, Video

_BATCH = 64


def is_current(models: Models, video: Video) -> bool:
    """Whether a video's vectors are of these models, so that it can be searched with them."""
    return video.vision_model == models.vision.name and video.text_model == models.passages.name


def find_outdated(library: Library, models: Models) -> list[Video]:
    """Indexed videos whose vectors are of other models."""
    return [video for video in library.videos() if video.status == "ready" and not is_current(models, video)]


def renew(library: Library, models: Models, video: Video) -> None:
    """Makes a video fit the models: its pictures wait to be seen again, its texts get their new vectors now.

    May be killed at any point: called again, it goes on.
    """
    if video.vision_model != models.vision.name:
        _forget_clips(library, video.id, models.vision.name)
    if video.text_model != models.passages.name:
        _forget_text_vectors(library, video.id, models.passages.name)
    while passages := _without_vector(library, video.id):
        vectors = models.passages.embed([passage.text for passage in passages])
        with library.db.transaction() as db:
            db.executemany(
                "INSERT INTO vectors (video_id, kind, passage_id, vector) VALUES (?, 'text', ?, ?)",
                [(p.video_id, p.id, v.astype("<f4").tobytes()) for p, v in zip(passages, vectors, strict=True)],
            )


def _forget_clips(library: Library, video_id: str, model: str) -> None:
    with library.db.transaction() as db:
        db.execute("DELETE FROM clips WHERE video_id = ?", (video_id,))  # and with them their vectors
        db.execute("UPDATE lanes SET until = 0, done = 0 WHERE video_id = ? AND lane = 'see'", (video_id,))
        db.execute("UPDATE videos SET vision_model = ? WHERE id = ?", (model, video_id))


def _forget_text_vectors(library: Library, video_id: str, model: str) -> None:
    with library.db.transaction() as db:
        db.execute("DELETE FROM vectors WHERE video_id = ? AND kind = 'text'", (video_id,))
        db.execute("UPDATE videos SET text_model = ? WHERE id = ?", (model, video_id))


def _without_vector(library: Library, video_id: str) -> list[Passage]:
    rows = library.db.rows(
        "SELECT * FROM passages p WHERE video_id = ?"
        " AND NOT EXISTS (SELECT 1 FROM vectors WHERE passage_id = p.id) ORDER BY id LIMIT ?",
        (video_id, _BATCH),
    )
    return [Passage(**dict(row)) for row in rows]
