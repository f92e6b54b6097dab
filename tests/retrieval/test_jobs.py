from __future__ import annotations

import os
import subprocess
import sys
import time

from retrieval.jobs import MAX_ATTEMPTS, STALE_AFTER_S, JobQueue
from retrieval.library import Library
from retrieval.records import Job, Video


def grow_stale(library: Library, job: Job) -> None:
    with library.db.transaction() as db:
        db.execute("UPDATE jobs SET heartbeat_at = ? WHERE id = ?", (time.time() - STALE_AFTER_S - 1, job.id))


def test_a_job_is_claimed_once(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    job = queue.add(video.id, "local")
    assert queue.add(video.id, "local").id == job.id
    assert queue.claim("here:1") is not None
    assert queue.claim("here:2") is None
    assert library.video(video.id).status == "indexing"


def test_the_job_of_a_silent_worker_is_taken_over(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    job = queue.claim("here:1")
    assert job is not None
    grow_stale(library, job)
    taken = queue.claim("here:2")
    assert taken is not None and taken.attempts == 2


def test_the_job_of_a_dead_process_is_free_at_once(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert queue.claim(f"{os.uname().nodename}:{gone.pid}") is not None
    queue.release_dead()
    assert queue.claim("here:2") is not None


def test_a_living_process_keeps_its_job(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    queue.claim(f"{os.uname().nodename}:{os.getpid()}")
    queue.release_dead()
    assert queue.claim("here:2") is None


def test_a_file_that_kills_every_worker_is_given_up(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    for _ in range(MAX_ATTEMPTS):
        job = queue.claim("here:1")
        assert job is not None
        grow_stale(library, job)
    assert queue.claim("here:1") is None
    assert library.video(video.id).status == "failed"
    assert "damaged" in (library.video(video.id).error or "")


def test_getting_further_starts_the_count_anew(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    for number in range(2 * MAX_ATTEMPTS):
        job = queue.claim("here:1")
        assert job is not None and job.attempts == 1
        library.add_sightings(video.id, [], until=number + 1.0)
        grow_stale(library, job)


def test_cancelling_stops_the_worker_and_a_retry_is_a_new_job(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    first = queue.add(video.id, "local")
    job = queue.claim("here:1")
    assert job is not None and queue.heartbeat(job)
    queue.cancel(video.id)
    assert not queue.heartbeat(job)
    queue.finish(job, "cancelled")
    assert queue.add(video.id, "local").id != first.id


def test_a_deleted_video_stops_its_job(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    job = queue.claim("here:1")
    assert job is not None
    library.delete_video(video.id)
    assert not queue.heartbeat(job)
