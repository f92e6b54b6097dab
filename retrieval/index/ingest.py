"""From a file to an index: take a file in, then run its lanes side by side until all are done."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from model.errors import Cancelled, CuepointError
from model.loading import Models
from model.media.probe import MediaInfo, probe
from retrieval.index.lanes.hear import HearLane
from retrieval.index.lanes.playable import MediaLane
from retrieval.index.lanes.read import Pages, ReadLane
from retrieval.index.lanes.see import SeeLane
from retrieval.index.lanes.work import Work
from retrieval.index.lengths import measured
from retrieval.index.renew import renew
from retrieval.index.subtitles import store_subtitles
from retrieval.index.subtitles import waiting as subtitles_waiting
from retrieval.store.claims import ClaimLost
from retrieval.store.jobs import JobQueue
from retrieval.store.library import LOCAL_OWNER, Library, content_hash
from retrieval.store.originals import holds_more_than_copy, original_or_copy
from retrieval.store.records import LANES, Job, Video

logger = logging.getLogger(__name__)
_HEARTBEAT_S = 2.0
_LEAST_FREE_BYTES = 200 << 20  # thumbnails, vectors and a margin for the database


def take_in(library: Library, path: Path, owner: str = LOCAL_OWNER, upload: str | None = None) -> Video:
    """Register a file: probe it, hash it, check that there is room. Does not index yet.

    `upload` is the name of an uploaded file: it is moved into the data folder first, for its own place is temporary.
    Raises UnreadableMedia for a file that is no video or sound, CuepointError when the disk is too full.
    """
    path = Path(path)
    info = probe(path)
    check_room(library, path)
    digest = content_hash(path)
    known = library.find_content(digest, owner)
    if known is not None:
        wanted = known.status != "ready" or holds_more_than_copy(info)
        if wanted and not Path(known.source_path).exists():  # the original was moved: use this one
            library.update_video(known.id, source_path=str(_keep(library, path) if upload else path.resolve()))
        return library.video(known.id)
    stored = _keep(library, path) if upload else path
    video = library.add_video(stored, digest, asdict(info), owner, title=upload)
    if upload and Path(video.source_path) != stored:  # somebody else brought the same file at the same time
        library.discard_upload(stored)
    return video


def check_room(library: Library, path: Path) -> None:
    """Raises CuepointError with a plain sentence when the file's playable copy would not fit on the disk."""
    needed, free = path.stat().st_size + _LEAST_FREE_BYTES, shutil.disk_usage(library.data_dir).free
    if free < needed:
        raise CuepointError(
            f"Not enough disk space for {path.name}: {needed >> 20} MB are needed in {library.data_dir}"
            f" and {free >> 20} MB are free; delete a video or choose another --data-dir."
        )


def _keep(library: Library, path: Path) -> Path:
    kept = library.incoming.resolve() / uuid.uuid4().hex / path.name
    kept.parent.mkdir(parents=True)
    shutil.move(path, kept)
    return kept


def run_job(
    library: Library, models: Models, job: Job, on_progress: Callable[[dict[str, float]], None] | None = None
) -> Video:
    """Index the video of a claimed job, or go on where an earlier run stopped.

    `on_progress` gets the seconds of video that each lane has finished, about once a second. Raises what went wrong,
    after the job and the video have been marked with it. Raises ClaimLost, and marks nothing, when another worker has
    taken the job over.
    """
    jobs = JobQueue(library)
    library = library.guarded(jobs.guard(job))
    stop = threading.Event()
    began = time.monotonic()
    heart = threading.Thread(target=_beat, args=(jobs, job, stop), daemon=True)
    heart.start()
    try:
        video = measured(library, library.video(job.video_id))
        renew(library, models, video)
        _run_lanes(library, models, video, stop, on_progress)
        seconds = (video.index_seconds or 0.0) + time.monotonic() - began
        library.update_video(video.id, index_seconds=round(seconds, 3))
        jobs.finish(job, "done")
        if subtitles_waiting(library, video.id):  # they came meanwhile
            jobs.add(video.id, job.owner)
        _drop_upload(library, video)
    except ClaimLost:
        raise
    except Cancelled as error:
        jobs.finish(job, "cancelled", str(error))
        raise
    except CuepointError as error:
        jobs.finish(job, "failed", str(error))
        raise
    except Exception as error:
        jobs.finish(
            job, "failed", f"Indexing failed unexpectedly ({type(error).__name__}: {error}); retry goes on from here."
        )
        raise
    finally:
        stop.set()
        heart.join()
        library.clear_deleted(job.video_id)
    return library.video(job.video_id)


class Lane(Protocol):
    def run(self) -> None:
        """Do the rest of the lane's work and mark it as done."""


def _run_lanes(
    library: Library,
    models: Models,
    video: Video,
    stop: threading.Event,
    on_progress: Callable[[dict[str, float]], None] | None,
) -> None:
    if library.lane_done(video.id, "hear"):  # it takes the subtitles up itself; but some may have come later
        path, info = original_or_copy(video)
        store_subtitles(Work(library, models, video.id, path, info, stop))
    waiting = {name for name in LANES if not library.lane_done(video.id, name)}
    if "read" in waiting:
        waiting.add("see")  # which feeds it
    path, info = original_or_copy(video, copy_will_do=waiting <= {"see", "hear"})
    work = Work(library, models, video.id, path, info, stop)
    pages = Pages(work)
    lanes: dict[str, Lane] = {
        "media": MediaLane(work),
        "see": SeeLane(work, pages if "read" in waiting else None),
        "read": ReadLane(work, pages),
        "hear": HearLane(work),
    }
    with ThreadPoolExecutor(len(lanes), thread_name_prefix="lane") as pool:
        running = {pool.submit(_run_lane, work, name, lanes[name].run) for name in waiting}
        try:
            while running:
                done, running = wait(running, timeout=1.0, return_when=FIRST_EXCEPTION)
                if any(future.exception() for future in done):
                    stop.set()
                    done |= wait(running).done
                    errors = [error for future in done if (error := future.exception())]
                    raise min(errors, key=lambda error: isinstance(error, Cancelled))  # the cause, not those it stopped
                if on_progress:
                    on_progress({name: library.lane_until(video.id, name) for name in lanes})
        finally:
            stop.set()  # Ctrl+C, too, ends the lanes


def _run_lane(work: Work, name: str, run: Callable[[], None]) -> None:
    began = time.monotonic()
    try:
        run()
    finally:
        work.library.add_lane_seconds(work.video_id, name, time.monotonic() - began)
        work.library.db.close()  # connections belong to threads, and this one ends


def _beat(jobs: JobQueue, job: Job, stop: threading.Event) -> None:
    while not stop.wait(_HEARTBEAT_S):
        try:
            if not jobs.heartbeat(job):
                stop.set()
        except (CuepointError, sqlite3.Error) as error:  # a full disk, say: the lanes will tell, and this may pass
            logger.warning("The heartbeat of %s could not be written: %s", job.video_id, error)
    jobs.db.close()


def _drop_upload(library: Library, video: Video) -> None:
    """An uploaded original is not needed once it is indexed, unless it has tracks that can be chosen later: the
    playable copy stays."""
    video = library.video(video.id)
    if video.media_path and not holds_more_than_copy(MediaInfo.from_json(video.info)):
        library.discard_upload(Path(video.source_path))
