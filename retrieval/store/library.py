"""The library: videos, their clips and passages, and the vectors to find them by. Owns the data folder's layout.

DATA/cuepoint.sqlite3          everything that cannot be made again cheaply
DATA/indexes/*.faiss           made again from SQLite when missing or damaged
DATA/videos/ID/                playable copy, thumbnails, filmstrip
DATA/incoming/                 uploads that are still being indexed
DATA/cuepoint.lock             held by those who use the library (see retrieval.store.folder)
DATA/replaced-DATE/            what `cuepoint restore` moved aside; beside it, *.damaged-DATE of `cuepoint repair`
"""

from __future__ import annotations

import copy
import hashlib
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import UsageError
from model.reading.screen_text import Sighting, TextBox
from retrieval.store.database import Database
from retrieval.store.fulltext import index_text
from retrieval.store.records import LANES, Clip, ClipFrames, Passage, Source, Video
from retrieval.store.rows import clip_frames_of, clip_of, marks_of, video_of

LOCAL_OWNER = "local"
_ID_BYTES = 8  # of a video's id: 64 random bits, in 16 hex digits


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Library:
    """All reads and writes of videos and what was found in them. Safe to use from several threads and processes."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.db = Database(data_dir / "cuepoint.sqlite3")
        self.add_owner(LOCAL_OWNER)

    def guarded(self, guard: Callable[[sqlite3.Connection], None]) -> Library:
        """The same library, but each write calls `guard` first, in its own transaction; it raises to refuse the write.

        This is how a worker that has lost its job is kept from writing (`JobQueue.guard`).
        """
        other = copy.copy(self)
        other.db = self.db.guarded(guard)
        return other

    # -- folders -----------------------------------------------------------------------------------

    def folder(self, video_id: str) -> Path:
        """Where a video's playable copy, thumbnails and filmstrip lie."""
        return self.data_dir / "videos" / video_id

    @property
    def incoming(self) -> Path:
        """Where uploads wait until they are indexed."""
        folder = self.data_dir / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def thumbnail(self, clip: Clip) -> Path:
        return self.folder(clip.video_id) / "thumbnails" / f"{clip.number:05d}.jpg"

    def filmstrip(self, video_id: str) -> Path:
        return self.folder(video_id) / "filmstrip.jpg"

    # -- videos ------------------------------------------------------------------------------------

    def add_owner(self, owner: str) -> None:
        if not self.db.row("SELECT 1 FROM users WHERE id = ?", (owner,)):
            with self.db.transaction() as db:
                db.execute("INSERT OR IGNORE INTO users (id, created_at) VALUES (?, ?)", (owner, time.time()))

    def add_video(self, path: Path, digest: str, info: dict[str, Any], owner: str, title: str | None = None) -> Video:
        """Register a file; the same content of the same owner gives back the video that is already there.

        Its id is random: it must not tell anybody what the video is.
        """
        self.add_owner(owner)
        video_id = secrets.token_hex(_ID_BYTES)
        with self.db.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO videos (id, owner, content_hash, title, file, source_path, bytes, info,"
                " duration, warnings, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    video_id, owner, digest, title or path.name, title or str(path), str(path.resolve()),
                    path.stat().st_size,
                    json.dumps(info), info["duration"], json.dumps(info.get("warnings", [])), time.time(),
                ),
            )  # fmt: skip
            (video_id,) = db.execute(
                "SELECT id FROM videos WHERE owner = ? AND content_hash = ?", (owner, digest)
            ).fetchone()  # another process may have been quicker
            db.executemany("INSERT OR IGNORE INTO lanes (video_id, lane) VALUES (?, ?)", [(video_id, x) for x in LANES])
        return self.video(video_id)

    def find_content(self, digest: str, owner: str) -> Video | None:
        row = self.db.row("SELECT * FROM videos WHERE content_hash = ? AND owner = ?", (digest, owner))
        return video_of(row) if row else None

    def video(self, video_id: str, owner: str | None = None) -> Video:
        """Raises UsageError if there is no such video (or it is somebody else's)."""
        row = self.db.row("SELECT * FROM videos WHERE id = ?", (video_id,))
        if row is None or (owner is not None and row["owner"] != owner):
            raise UsageError(f"There is no video {video_id!r} in the library; `cuepoint list` shows what there is.")
        return video_of(row)

    def videos(self, owner: str | None = None) -> list[Video]:
        """Newest first."""
        where = "WHERE owner = :owner" if owner else ""
        return [
            video_of(row)
            for row in self.db.rows(f"SELECT * FROM videos {where} ORDER BY created_at DESC", {"owner": owner})
        ]

    def bytes_of_all(self) -> int:
        """How many bytes all videos had when they were added."""
        row = self.db.row("SELECT sum(bytes) AS bytes FROM videos")
        return int(row["bytes"] or 0) if row else 0

    def update_video(self, video_id: str, **columns: object) -> None:
        """Set columns such as status, error, media_path, title, index_seconds, source_path."""
        names = ", ".join(f"{name} = :{name}" for name in columns)
        with self.db.transaction() as db:
            db.execute(f"UPDATE videos SET {names} WHERE id = :id", columns | {"id": video_id})

    def add_warning(self, video_id: str, sentence: str) -> None:
        warnings = self.video(video_id).warnings
        if sentence not in warnings:
            self.update_video(video_id, warnings=json.dumps([*warnings, sentence]))

    def delete_video(self, video_id: str) -> None:
        """Remove a video with everything that came of it: rows, vectors, words, pictures, playable copy, upload."""
        source = Path(self.video(video_id).source_path)
        with self.db.transaction() as db:
            db.execute("DELETE FROM passages WHERE video_id = ?", (video_id,))  # first: its trigger clears the words
            db.execute("DELETE FROM videos WHERE id = ?", (video_id,))
        shutil.rmtree(self.folder(video_id), ignore_errors=True)
        self.discard_upload(source)

    def clear_deleted(self, video_id: str) -> None:
        """Remove the folder that a worker wrote for a video which is no longer in the library."""
        if not self.db.row("SELECT 1 FROM videos WHERE id = ?", (video_id,)):
            shutil.rmtree(self.folder(video_id), ignore_errors=True)

    def discard_upload(self, source: Path) -> None:
        """Delete an original that was uploaded into the data folder; files of the user's own are never touched."""
        if source.parent.parent == self.incoming.resolve():
            shutil.rmtree(source.parent, ignore_errors=True)

    # -- progress of the lanes ---------------------------------------------------------------------

    def lane_until(self, video_id: str, lane: str) -> float:
        """Seconds of video that a lane has finished."""
        row = self.db.row("SELECT until FROM lanes WHERE video_id = ? AND lane = ?", (video_id, lane))
        return float(row["until"]) if row else 0.0

    def lane_done(self, video_id: str, lane: str) -> bool:
        row = self.db.row("SELECT done FROM lanes WHERE video_id = ? AND lane = ?", (video_id, lane))
        return bool(row and row["done"])

    def add_lane_seconds(self, video_id: str, lane: str, seconds: float) -> None:
        """Count the wall time that a lane took, over all of its runs."""
        with self.db.transaction() as db:
            db.execute(
                "UPDATE lanes SET seconds = seconds + ? WHERE video_id = ? AND lane = ?", (seconds, video_id, lane)
            )

    def lane_seconds(self, video_id: str) -> dict[str, float]:
        """Wall time of each lane; they run side by side, so the sum is more than the whole."""
        rows = self.db.rows("SELECT lane, seconds FROM lanes WHERE video_id = ?", (video_id,))
        return {row["lane"]: row["seconds"] for row in rows}

    def finish_lane(self, video_id: str, lane: str) -> None:
        with self.db.transaction() as db:
            db.execute(
                "UPDATE lanes SET done = 1, until = (SELECT duration FROM videos WHERE id = video_id)"
                " WHERE video_id = ? AND lane = ?",
                (video_id, lane),
            )

    # -- what the lanes find -----------------------------------------------------------------------

    def add_clip(
        self, clip: Clip, times: np.ndarray, vectors: np.ndarray, segments: np.ndarray, concepts: np.ndarray
    ) -> int:
        """Store a clip with the see lane's progress.

        times: [n] seconds and vectors: [n, D] of its frames; segments: [m, D], what searching uses; concepts: [C], how
        probable each thing is that the encoder knows by name, where it is most probable.
        """
        with self.db.transaction() as db:
            cursor = db.execute(
                "INSERT INTO clips (video_id, number, start, end, tags, colours, times, vectors, concepts)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    clip.video_id, clip.number, clip.start, clip.end, json.dumps(clip.tags), json.dumps(clip.colours),
                    times.astype("<f4").tobytes(), vectors.astype("<f2").tobytes(),
                    concepts.astype("<f2").tobytes(),
                ),
            )  # fmt: skip
            clip_id = int(cursor.lastrowid or 0)
            db.executemany(
                "INSERT INTO vectors (video_id, kind, clip_id, vector) VALUES (?, 'visual', ?, ?)",
                [(clip.video_id, clip_id, vector.astype("<f4").tobytes()) for vector in segments],
            )
            advance(db, clip.video_id, "see", clip.end)
        return clip_id

    def add_sightings(self, video_id: str, sightings: Sequence[Sighting], until: float) -> None:
        """Store on-screen text as read frame by frame, and the read lane's progress."""
        with self.db.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?)",
                [(video_id, s.time, json.dumps([[b.text, b.confidence, b.box] for b in s.boxes])) for s in sightings],
            )
            advance(db, video_id, "read", until)

    def sightings(self, video_id: str) -> list[Sighting]:
        rows = self.db.rows("SELECT time, boxes FROM sightings WHERE video_id = ? ORDER BY time", (video_id,))
        return [
            Sighting(row["time"], [TextBox(text, sure, tuple(box)) for text, sure, box in json.loads(row["boxes"])])
            for row in rows
        ]

    def add_passages(
        self,
        video_id: str,
        source: Source,
        pieces: Sequence[tuple[float, float, str]],
        vectors: np.ndarray,
        lane_until: tuple[str, float] | None = None,
        replace: bool = False,
        language: str | None = None,
        origin: str = "",
    ) -> None:
        """Store (start, end, text) pieces with their text vectors [n, D], in one transaction with a lane's progress.

        `replace`: instead of those of the same source and origin.
        """
        with self.db.transaction() as db:
            if replace:
                db.execute(
                    "DELETE FROM passages WHERE video_id = ? AND source = ? AND origin = ?", (video_id, source, origin)
                )
            insert_passages(db, video_id, source, pieces, vectors, language, origin)
            if lane_until:
                advance(db, video_id, *lane_until)

    # -- reading back ------------------------------------------------------------------------------

    def clips(self, video_id: str) -> list[Clip]:
        rows = self.db.rows(
            "SELECT id, video_id, number, start, end, tags, colours FROM clips WHERE video_id = ? ORDER BY start",
            (video_id,),
        )
        return [clip_of(row) for row in rows]

    def video_frames(self, video_id: str) -> list[ClipFrames]:
        """The sampled frames of every clip of a video, in order of time."""
        return [
            clip_frames_of(row)
            for row in self.db.rows("SELECT * FROM clips WHERE video_id = ? ORDER BY start", (video_id,))
        ]

    def concepts(self, video_ids: Sequence[str], model: str) -> np.ndarray:
        """How probable each thing is that the encoder `model` knows by name: float32 [clips with a picture, C]."""
        marks, values = marks_of(video_ids)
        rows = self.db.rows(
            "SELECT concepts FROM clips JOIN videos ON videos.id = video_id"
            f" WHERE video_id IN ({marks}) AND vision_model = ? AND length(concepts) > 0",
            (*values, model),
        )
        return np.array([np.frombuffer(row["concepts"], "<f2") for row in rows], np.float32)

    def passages(self, video_id: str, source: Source | None = None) -> list[Passage]:
        """In order of time."""
        rows = self.db.rows(
            "SELECT * FROM passages WHERE video_id = :video AND (:source IS NULL OR source = :source)"
            " ORDER BY start, id",
            {"video": video_id, "source": source},
        )
        return [Passage(**dict(row)) for row in rows]

    def passages_by_id(self, ids: Iterable[int]) -> dict[int, Passage]:
        marks, values = marks_of(ids)
        return {
            row["id"]: Passage(**dict(row))
            for row in self.db.rows(f"SELECT * FROM passages WHERE id IN ({marks})", values)
        }

    def match_words(self, expression: str, video_ids: Sequence[str] | None, limit: int) -> list[tuple[Passage, float]]:
        """Passages that match an FTS5 expression with their BM25 score (higher is better), best first."""
        marks, values = marks_of(video_ids or [])
        where = f"AND p.video_id IN ({marks})" if video_ids else ""
        rows = self.db.rows(
            "SELECT p.*, -bm25(passage_words) AS bm25 FROM passage_words JOIN passages p ON p.id = passage_words.rowid"
            f" WHERE passage_words MATCH ? {where} ORDER BY bm25 DESC LIMIT ?",
            (expression, *values, limit),
        )
        return [(Passage(**{k: row[k] for k in row.keys() if k != "bm25"}), row["bm25"]) for row in rows]  # noqa: SIM118


def advance(db: sqlite3.Connection, video_id: str, lane: str, until: float) -> None:
    """Moves a lane's progress on, in a transaction of the caller's."""
    db.execute("UPDATE lanes SET until = max(until, ?) WHERE video_id = ? AND lane = ?", (until, video_id, lane))


def insert_passages(
    db: sqlite3.Connection,
    video_id: str,
    source: Source,
    pieces: Sequence[tuple[float, float, str]],
    vectors: np.ndarray,
    language: str | None,
    origin: str,
) -> None:
    """(start, end, text) pieces with their text vectors [n, D], in a transaction of the caller's."""
    for (start, end, text), vector in zip(pieces, vectors, strict=True):
        cursor = db.execute(
            "INSERT INTO passages (video_id, source, start, end, text, language, origin) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (video_id, source, start, end, text, language, origin),
        )
        db.execute("INSERT INTO passage_words (rowid, words) VALUES (?, ?)", (cursor.lastrowid, index_text(text)))
        db.execute(
            "INSERT INTO vectors (video_id, kind, passage_id, vector) VALUES (?, 'text', ?, ?)",
            (video_id, cursor.lastrowid, vector.astype("<f4").tobytes()),
        )
