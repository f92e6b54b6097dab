from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from model.errors import Cancelled
from retrieval.store import claims
from retrieval.store.claims import STALE_AFTER_S, ClaimLost, worker_name
from retrieval.store.jobs import MAX_ATTEMPTS, JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Clip, Job, Video

HOUR_S = 3600.0


class Clock:
    """Stands where time.monotonic does."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def claimed(queue: JobQueue, worker: str) -> Job:
    job = queue.claim(worker)
    assert job is not None
    return job


def watch(queue: JobQueue, clock: Clock, seconds: float = STALE_AFTER_S + 2, worker: str = "there:2") -> Job | None:
    """Ask for a job once a second, as an idle worker does."""
    for _ in range(round(seconds)):
        job = queue.claim(worker)
        if job is not None:
            return job
        clock.now += 1
    return None


def a_clip(video: Video, number: int = 0) -> tuple[Clip, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    clip = Clip(0, video.id, number, 5.0 * number, 5.0 * number + 5, [("red", 0.9)], [("red", 1.0)])
    vectors = np.eye(4, dtype=np.float32)[:1]
    return clip, np.array([0.5], np.float32), vectors, vectors, np.zeros(3, np.float16)


def test_a_job_is_claimed_once(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    job = queue.add(video.id, "local")
    assert queue.add(video.id, "local").id == job.id
    assert queue.claim("here:1") is not None
    assert queue.claim("here:2") is None
    assert library.video(video.id).status == "indexing"


def test_the_job_of_a_silent_worker_is_taken_over(library: Library, video: Video) -> None:
    clock = Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    claimed(queue, "there:1")
    taken = watch(queue, clock)
    assert taken is not None and taken.attempts == 2 and clock.now > STALE_AFTER_S


def test_a_worker_that_beats_keeps_its_job(library: Library, video: Video) -> None:
    clock = Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    job = claimed(queue, "there:1")
    for _ in range(10):
        assert watch(queue, clock, STALE_AFTER_S - 2) is None
        assert queue.heartbeat(job)


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
def test_a_wall_clock_that_jumps_never_gives_two_workers_one_job(
    library: Library, video: Video, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    wall, clock = time.time(), Clock()
    holder, other = JobQueue(library, clock), JobQueue(library, clock)
    holder.add(video.id, "local")
    job = claimed(holder, "there:1")
    for jump in (0.0, jump_s, -jump_s, 0.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: wall + jump)
        assert other.claim("there:2") is None
        assert holder.heartbeat(job)
        assert other.claim("there:2") is None


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
def test_a_wall_clock_that_jumps_keeps_no_dead_job(
    library: Library, video: Video, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    wall, clock = time.time(), Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    monkeypatch.setattr(time, "time", lambda: wall + jump_s)
    job = claimed(queue, "there:1")
    queue.heartbeat(job)  # its last one
    monkeypatch.setattr(time, "time", lambda: wall)
    assert watch(JobQueue(library, clock), clock) is not None


def test_a_watcher_that_slept_itself_has_seen_no_silence(library: Library, video: Video) -> None:
    clock = Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    claimed(queue, "there:1")
    assert queue.claim("there:2") is None
    clock.now += HOUR_S
    assert queue.claim("there:2") is None


def taken_over(library: Library, video: Video) -> tuple[JobQueue, Job, Job]:
    """A queue with the job as its old and its new holder have it."""
    clock = Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    old = claimed(queue, "there:1")
    new = watch(queue, clock)
    assert new is not None and new.id == old.id and new.claim > old.claim
    return queue, old, new


def test_the_old_holder_can_mark_nothing(library: Library, video: Video) -> None:
    queue, old, new = taken_over(library, video)
    before = dict(library.db.rows("SELECT * FROM jobs")[0])
    assert not queue.heartbeat(old)
    for status in ("done", "failed", "cancelled"):
        with pytest.raises(ClaimLost, match="taken over"):
            queue.finish(old, status, "late")  # type: ignore[arg-type]
    assert dict(library.db.rows("SELECT * FROM jobs")[0]) == before
    assert library.video(video.id).status == "indexing" and library.video(video.id).error is None
    assert queue.heartbeat(new)
    queue.finish(new, "done")
    with pytest.raises(ClaimLost):
        queue.finish(old, "failed", "later still")
    assert library.video(video.id).status == "ready"


def test_the_old_holder_can_write_nothing(library: Library, video: Video) -> None:
    queue, old, new = taken_over(library, video)
    late, mine = library.guarded(queue.guard(old)), library.guarded(queue.guard(new))
    mine.add_clip(*a_clip(video))
    vector = np.ones((1, 4), np.float32)
    writes = [
        lambda: late.add_clip(*a_clip(video)),
        lambda: late.add_clip(*a_clip(video, 1)),
        lambda: late.add_passages(video.id, "speech", [(0, 1, "late")], vector, lane_until=("hear", 9.0)),
        lambda: late.add_passages(video.id, "text", [], vector[:0], replace=True),
        lambda: late.add_sightings(video.id, [], until=9.0),
        lambda: late.add_lane_seconds(video.id, "see", 9.0),
        lambda: late.finish_lane(video.id, "see"),
        lambda: late.add_warning(video.id, "late"),
        lambda: late.update_video(video.id, media_path="late.mp4"),
    ]
    for write in writes:
        with pytest.raises(ClaimLost):
            write()
    assert [clip.number for clip in library.clips(video.id)] == [0] and library.passages(video.id) == []
    assert library.lane_until(video.id, "see") == 5.0 and library.lane_until(video.id, "hear") == 0.0
    assert library.video(video.id).warnings == [] and library.video(video.id).media_path is None
    mine.add_clip(*a_clip(video, 1))
    assert len(library.clips(video.id)) == 2


def test_a_finished_job_takes_no_more_writes(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    job = claimed(queue, "here:1")
    queue.finish(job, "done")
    with pytest.raises(ClaimLost):
        library.guarded(queue.guard(job)).finish_lane(video.id, "see")


def test_the_job_of_a_dead_process_is_free_at_once(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old = claimed(queue, f"{os.uname().nodename}:{gone.pid}")
    queue.release_dead()
    assert not queue.heartbeat(old)
    assert queue.claim("here:2") is not None


def test_a_living_process_keeps_its_job(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    queue.claim(worker_name())
    queue.release_dead()
    assert queue.claim("here:2") is None


@pytest.mark.skipif(not claims._place(), reason="the system does not tell boots and starts apart")
def test_a_process_number_used_again_is_another_process() -> None:
    host, place, start, pid = worker_name().rsplit(":", 3)
    assert not claims.is_gone(f"{host}:{place}:{start}:{pid}")
    assert claims.is_gone(f"{host}:{place}:{int(start) - 1}:{pid}")
    assert not claims.is_gone(f"{host}:another-boot/1:{int(start) - 1}:{pid}"), "a twin with our name is not ours"
    assert not claims.is_gone(f"elsewhere:{place}:{start}:{2**22}")


def test_a_worker_told_to_end_hands_its_job_back(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    for _ in range(2 * MAX_ATTEMPTS):
        old = claimed(queue, "there:1")
        queue.release("there:1")
        assert library.video(video.id).status == "waiting" and not queue.heartbeat(old)
    assert claimed(queue, "there:2").attempts == 1


def test_a_cancelled_job_is_not_handed_on(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    claimed(queue, "there:1")
    queue.cancel(video.id)
    queue.release("there:1")
    assert queue.claim("there:2") is None and library.video(video.id).status == "cancelled"


def test_a_file_that_kills_every_worker_is_given_up(library: Library, video: Video) -> None:
    clock = Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    for _ in range(MAX_ATTEMPTS):
        assert watch(queue, clock) is not None
    assert watch(queue, clock) is None
    assert library.video(video.id).status == "failed"
    assert "damaged" in (library.video(video.id).error or "")


def test_getting_further_starts_the_count_anew(library: Library, video: Video) -> None:
    clock = Clock()
    queue = JobQueue(library, clock)
    queue.add(video.id, "local")
    for number in range(2 * MAX_ATTEMPTS):
        job = watch(queue, clock)
        assert job is not None and job.attempts == 1
        library.add_sightings(video.id, [], until=number + 1.0)


def test_cancelling_stops_the_worker_and_a_retry_is_a_new_job(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    first = queue.add(video.id, "local")
    job = claimed(queue, "here:1")
    assert queue.heartbeat(job)
    queue.cancel(video.id)
    assert not queue.heartbeat(job)
    queue.finish(job, "cancelled")
    assert queue.add(video.id, "local").id != first.id


def test_a_deleted_video_stops_its_job(library: Library, video: Video) -> None:
    queue = JobQueue(library)
    queue.add(video.id, "local")
    job = claimed(queue, "here:1")
    library.delete_video(video.id)
    assert not queue.heartbeat(job)
    with pytest.raises(Cancelled, match="deleted"):
        library.guarded(queue.guard(job)).finish_lane(video.id, "see")
    queue.finish(job, "cancelled")  # nothing is left to be marked
