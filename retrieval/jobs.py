"""The job table: what is to be indexed, who is at it, how far it is. Outlives every process."""

from __future__ import annotations

import os
import sqlite3
import time
import uuid

from retrieval.library import Library
from retrieval.records import Job

STALE_AFTER_S = 15  # a worker that has not said a word for this long is taken for dead
MAX_ATTEMPTS = 5  # a file that kills its worker this often, without getting any further, is given up


class JobQueue:
    """Jobs are claimed by exactly one worker; a claim goes stale when its heartbeat stops."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.db = library.db

    def add(self, video_id: str, owner: str) -> Job:
        """Queue a video, or give back the job that is already queued or running for it."""
        with self.db.transaction() as db:
            row = db.execute(
                "SELECT id FROM jobs WHERE video_id = ? AND status IN ('queued', 'running')", (video_id,)
            ).fetchone()
            job_id = row["id"] if row else uuid.uuid4().hex[:12]
            if row is None:
                db.execute(
                    "INSERT INTO jobs (id, video_id, owner, created_at) VALUES (?, ?, ?, ?)",
                    (job_id, video_id, owner, time.time()),
                )
                db.execute("UPDATE videos SET status = 'waiting', error = NULL WHERE id = ?", (video_id,))
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        row = self.db.row("SELECT * FROM jobs WHERE id = ?", (job_id,))
        if row is None:
            raise KeyError(job_id)
        return self._job(row)

    def latest(self, video_id: str) -> Job | None:
        """The most recent job of a video."""
        row = self.db.row("SELECT * FROM jobs WHERE video_id = ? ORDER BY created_at DESC LIMIT 1", (video_id,))
        return self._job(row) if row else None

    def claim(self, worker: str, job_id: str | None = None) -> Job | None:
        """Take the oldest waiting job (or the given one), also one whose worker died; None if there is none."""
        with self.db.transaction() as db:
            self._give_up_hopeless(db)
            row = db.execute(
                "SELECT id, video_id, progress FROM jobs WHERE (:job IS NULL OR id = :job) AND (status = 'queued' OR"
                " (status = 'running' AND heartbeat_at < :stale)) ORDER BY created_at LIMIT 1",
                {"job": job_id, "stale": time.time() - STALE_AFTER_S},
            ).fetchone()
            if row is None:
                return None
            now, progress = time.time(), _progress(db, row["video_id"])
            db.execute(
                "UPDATE jobs SET status = 'running', worker = ?,"
                " attempts = CASE WHEN ? > progress THEN 1 ELSE attempts + 1 END,"
                " progress = ?, heartbeat_at = ?, started_at = coalesce(started_at, ?) WHERE id = ?",
                (worker, progress, progress, now, now, row["id"]),
            )
            db.execute("UPDATE videos SET status = 'indexing' WHERE id = ?", (row["video_id"],))
        return self.job(row["id"])

    def _give_up_hopeless(self, db: sqlite3.Connection) -> None:
        sentence = (
            "Indexing broke off again and again at the same place; the file may be damaged. Re-encode it, then retry."
        )
        rows = db.execute(
            "SELECT id, video_id FROM jobs WHERE status = 'running' AND heartbeat_at < ? AND attempts >= ?",
            (time.time() - STALE_AFTER_S, MAX_ATTEMPTS),
        ).fetchall()
        for row in rows:
            db.execute(
                "UPDATE jobs SET status = 'failed', error = ?, finished_at = ? WHERE id = ?",
                (sentence, time.time(), row["id"]),
            )
            db.execute("UPDATE videos SET status = 'failed', error = ? WHERE id = ?", (sentence, row["video_id"]))

    def release_dead(self) -> None:
        """Hand back at once the jobs of workers whose process (of this machine) is gone."""
        for row in self.db.rows("SELECT id, worker FROM jobs WHERE status = 'running'"):
            host, _, pid = (row["worker"] or "").partition(":")
            if host == os.uname().nodename and pid.isdigit() and not _alive(int(pid)):
                with self.db.transaction() as db:
                    db.execute(
                        "UPDATE jobs SET heartbeat_at = 0 WHERE id = ? AND worker = ?", (row["id"], row["worker"])
                    )

    def heartbeat(self, job: Job) -> bool:
        """Say that the worker lives; returns False when the work should stop (cancelled, or the video was deleted)."""
        with self.db.transaction() as db:
            db.execute("UPDATE jobs SET heartbeat_at = ? WHERE id = ?", (time.time(), job.id))
            row = db.execute("SELECT cancel_requested FROM jobs WHERE id = ?", (job.id,)).fetchone()
        return row is not None and not row["cancel_requested"]

    def finish(self, job: Job, status: str, error: str | None = None) -> None:
        with self.db.transaction() as db:
            db.execute(
                "UPDATE jobs SET status = ?, error = ?, finished_at = ? WHERE id = ?",
                (status, error, time.time(), job.id),
            )
            video_status = {"done": "ready"}.get(status, status)
            db.execute("UPDATE videos SET status = ?, error = ? WHERE id = ?", (video_status, error, job.video_id))

    def cancel(self, video_id: str) -> None:
        """Ask the worker to stop; what is indexed so far stays searchable and a retry goes on from there."""
        with self.db.transaction() as db:
            db.execute(
                "UPDATE jobs SET cancel_requested = 1 WHERE video_id = ? AND status IN ('queued', 'running')",
                (video_id,),
            )
            db.execute(
                "UPDATE jobs SET status = 'cancelled', finished_at = ? WHERE video_id = ? AND status = 'queued'",
                (time.time(), video_id),
            )
            db.execute("UPDATE videos SET status = 'cancelled' WHERE id = ? AND status = 'waiting'", (video_id,))

    def _job(self, row: sqlite3.Row) -> Job:
        lanes = {
            r["lane"]: r["until"]
            for r in self.db.rows("SELECT lane, until FROM lanes WHERE video_id = ?", (row["video_id"],))
        }
        fields = {key: row[key] for key in row.keys() if key != "progress"}  # noqa: SIM118 (a Row iterates its values)
        return Job(**fields | {"cancel_requested": bool(row["cancel_requested"]), "lanes": lanes})


def worker_name() -> str:
    """Names this process to `release_dead`."""
    return f"{os.uname().nodename}:{os.getpid()}"


def _progress(db: sqlite3.Connection, video_id: str) -> float:
    """Grows whenever a lane gets further."""
    row = db.execute("SELECT sum(until) + sum(done) AS progress FROM lanes WHERE video_id = ?", (video_id,)).fetchone()
    return float(row["progress"] or 0.0)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
