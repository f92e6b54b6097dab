"""The job table: what is to be indexed, who is at it, how far it is. Outlives every process."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable

from model.errors import Cancelled
from retrieval.store.claims import STALE_AFTER_S, ClaimLost, Silence, is_gone
from retrieval.store.library import Library
from retrieval.store.records import Job, JobStatus

MAX_ATTEMPTS = 5  # a file that kills its worker this often, without getting any further, is given up


class JobQueue:
    """Jobs are claimed by exactly one worker; a claim goes stale when its heartbeat stops.

    Every claim has a number, and each write of a worker is refused unless its number is still the job's. The times of
    the table are the wall clock's, for people to read; nothing is decided by them.
    """

    def __init__(self, library: Library, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, by which the silence of other workers is measured."""
        self.library = library
        self.db = library.db
        self._silence = Silence(clock)

    def add(self, video_id: str, owner: str) -> Job:
        """Queue a video, or give back the job that is already queued or running for it."""
        with self.db.transaction() as db:
            job_id = _queue(db, video_id, owner)
        return self.job(job_id)

    def add_changed(self, video_id: str, owner: str, change: Callable[[sqlite3.Connection], None]) -> Job:
        """Call `change` and queue the video, in one transaction.

        A worker that is at the video goes by what was before: its claim is taken away, so that nothing of it is
        written any more, and the job waits for the next.
        """
        with self.db.transaction() as db:
            change(db)
            db.execute(
                "UPDATE jobs SET status = 'queued', worker = NULL, claim = claim + 1, attempts = 0, progress = 0,"
                " cancel_requested = 0, started_at = NULL WHERE video_id = ? AND status IN ('queued', 'running')",
                (video_id,),
            )
            job_id = _queue(db, video_id, owner)
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
        """Take the oldest waiting job (or the given one), also one whose worker died; None if there is none.

        A worker is taken for dead when calls over STALE_AFTER_S have seen no heartbeat of it: call again.
        """
        with self.db.transaction() as db:
            row = self._first_free(db, job_id)
            if row is None:
                return None
            now, progress = time.time(), _progress(db, row["video_id"])
            db.execute(
                "UPDATE jobs SET status = 'running', worker = ?, claim = claim + 1,"
                " attempts = CASE WHEN ? > progress THEN 1 ELSE attempts + 1 END,"
                " progress = ?, heartbeat_at = ?, started_at = coalesce(started_at, ?) WHERE id = ?",
                (worker, progress, progress, now, now, row["id"]),
            )
            db.execute("UPDATE videos SET status = 'indexing' WHERE id = ?", (row["video_id"],))
        return self.job(row["id"])

    def _first_free(self, db: sqlite3.Connection, job_id: str | None) -> sqlite3.Row | None:
        """The oldest job that nobody works on, after those that cannot succeed have been given up."""
        rows = db.execute("SELECT * FROM jobs WHERE status = 'running'").fetchall()
        self._silence.forget_others(row["id"] for row in rows)
        silent = {row["id"]: row for row in rows if self._is_free(row)}
        for row in silent.values():
            if row["attempts"] >= MAX_ATTEMPTS:
                _give_up(db, row)
        for row in db.execute(
            "SELECT * FROM jobs WHERE status IN ('queued', 'running') AND (:job IS NULL OR id = :job)"
            " ORDER BY created_at",
            {"job": job_id},
        ):
            if row["status"] == "queued" or row["id"] in silent:
                return row
        return None

    def _is_free(self, row: sqlite3.Row) -> bool:
        """Whether a running job has lost its worker."""
        return row["worker"] is None or self._silence.of(row["id"], row["claim"], row["beats"]) > STALE_AFTER_S

    def release_dead(self) -> None:
        """Free at once the jobs of workers whose process (of this machine) is gone."""
        for row in self.db.rows("SELECT id, worker, claim FROM jobs WHERE status = 'running' AND worker IS NOT NULL"):
            if is_gone(row["worker"]):
                with self.db.transaction() as db:
                    db.execute(
                        "UPDATE jobs SET worker = NULL, claim = claim + 1 WHERE id = ? AND claim = ?",
                        (row["id"], row["claim"]),
                    )

    def release(self, worker: str) -> None:
        """Hand back what a worker holds that is told to end: the next one takes it up at once, and no attempt counts.

        What the worker still tries to write is refused from here on.
        """
        with self.db.transaction() as db:
            for row in db.execute("SELECT * FROM jobs WHERE status = 'running' AND worker = ?", (worker,)).fetchall():
                status, video_status = ("cancelled",) * 2 if row["cancel_requested"] else ("queued", "waiting")
                db.execute(
                    "UPDATE jobs SET status = ?, worker = NULL, claim = claim + 1,"
                    " attempts = max(attempts - 1, 0) WHERE id = ?",
                    (status, row["id"]),
                )
                db.execute("UPDATE videos SET status = ? WHERE id = ?", (video_status, row["video_id"]))

    def guard(self, job: Job) -> Callable[[sqlite3.Connection], None]:
        """What `Library.guarded` calls in each transaction of the job's worker: raises when the job is not its own.

        Raises ClaimLost when another worker has the job, Cancelled when the video has been deleted.
        """

        def check(db: sqlite3.Connection) -> None:
            row = db.execute("SELECT claim, status FROM jobs WHERE id = ?", (job.id,)).fetchone()
            if row is None:
                raise Cancelled("The video was deleted while it was being indexed.")
            if row["claim"] != job.claim or row["status"] != "running":
                raise ClaimLost(job.video_id)

        return check

    def heartbeat(self, job: Job) -> bool:
        """Say that the worker lives; returns False when the work should stop: it was cancelled, the video was deleted,
        or another worker has the job."""
        with self.db.transaction() as db:
            db.execute(
                "UPDATE jobs SET beats = beats + 1, heartbeat_at = ? WHERE id = ? AND claim = ? AND status = 'running'",
                (time.time(), job.id, job.claim),
            )
            row = db.execute(
                "SELECT cancel_requested FROM jobs WHERE id = ? AND claim = ? AND status = 'running'",
                (job.id, job.claim),
            ).fetchone()
        return row is not None and not row["cancel_requested"]

    def finish(self, job: Job, status: JobStatus, error: str | None = None) -> None:
        """Mark the job and its video. Raises ClaimLost when another worker has the job; it stays as it is then."""
        with self.db.transaction() as db:
            marked = db.execute(
                "UPDATE jobs SET status = ?, error = ?, finished_at = ?"
                " WHERE id = ? AND claim = ? AND status = 'running'",
                (status, error, time.time(), job.id, job.claim),
            ).rowcount
            if marked:
                video_status = {"done": "ready"}.get(status, status)
                db.execute("UPDATE videos SET status = ?, error = ? WHERE id = ?", (video_status, error, job.video_id))
            elif db.execute("SELECT 1 FROM jobs WHERE id = ?", (job.id,)).fetchone():
                raise ClaimLost(job.video_id)

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
        own = ("progress", "beats")  # of the queue
        fields = {key: row[key] for key in row.keys() if key not in own}  # noqa: SIM118 (a Row iterates its values)
        return Job(**fields | {"cancel_requested": bool(row["cancel_requested"]), "lanes": lanes})


def _queue(db: sqlite3.Connection, video_id: str, owner: str) -> str:
    """The id of the video's job that waits or runs, or of a new one."""
    row = db.execute(
        "SELECT id FROM jobs WHERE video_id = ? AND status IN ('queued', 'running')", (video_id,)
    ).fetchone()
    if row is not None:
        return str(row["id"])
    job_id = uuid.uuid4().hex[:12]
    db.execute(
        "INSERT INTO jobs (id, video_id, owner, created_at) VALUES (?, ?, ?, ?)",
        (job_id, video_id, owner, time.time()),
    )
    db.execute("UPDATE videos SET status = 'waiting', error = NULL WHERE id = ?", (video_id,))
    return job_id


def _give_up(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    sentence = (
        "Indexing broke off again and again at the same place; the file may be damaged. Re-encode it, then retry."
    )
    db.execute(
        "UPDATE jobs SET status = 'failed', error = ?, claim = claim + 1, finished_at = ? WHERE id = ?",
        (sentence, time.time(), row["id"]),
    )
    db.execute("UPDATE videos SET status = 'failed', error = ? WHERE id = ?", (sentence, row["video_id"]))


def _progress(db: sqlite3.Connection, video_id: str) -> float:
    """Grows whenever a lane gets further."""
    row = db.execute("SELECT sum(until) + sum(done) AS progress FROM lanes WHERE video_id = ?", (video_id,)).fetchone()
    return float(row["progress"] or 0.0)
