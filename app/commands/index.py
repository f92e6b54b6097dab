"""`cuepoint index`: index files here and now, with progress bars on stderr."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands import engine_of, print_json, say
from app.engine import Engine
from model.errors import CuepointError, UsageError
from model.speech.languages import spoken_language
from retrieval.index.ingest import run_job
from retrieval.store.claims import ClaimLost, worker_name
from retrieval.store.records import LANES, Job, Video

logger = logging.getLogger(__name__)
_POLL_S = 0.5


def run(arguments: argparse.Namespace) -> int:
    with _ended_as_by_ctrl_c():
        return _index(engine_of(arguments), arguments)


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Told to end (SIGTERM), the lanes stop and remove what they have half written."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _index(engine: Engine, arguments: argparse.Namespace) -> int:
    if arguments.subtitles and len(arguments.paths) > 1:
        raise UsageError("--subtitles belongs to one video: index the others by themselves.")
    worst = 0
    language = spoken_language(arguments.language) if arguments.language else None
    for path in arguments.paths:
        try:
            result = index_file(engine, path, language, arguments.subtitles)
        except Exception as error:  # the files after this one get their turn, whatever it is
            told = error if isinstance(error, CuepointError) else _unexpected(path, error)
            say(f"cuepoint: {told}")
            worst = max(worst, told.exit_code)
            if arguments.json:
                print_json({"file": str(path), "error": str(told)})
            continue
        if arguments.json:
            print_json(result)
        else:
            print(f"{result['video_id']}  {result['file']}  {result['duration']:.1f} s, {result['clips']} clips")
            for warning in result["warnings"]:
                say(f"  note: {warning}")
    return worst


def _unexpected(path: Path, error: Exception) -> CuepointError:
    logger.debug("indexing %s failed", path, exc_info=error)
    return CuepointError(f"{path.name} could not be indexed: an unexpected {type(error).__name__} ({error}).")


def index_file(
    engine: Engine, path: Path, language: str | None = None, subtitles: Sequence[Path] = ()
) -> dict[str, Any]:
    """Index one file and return its figures; the models are loaded before the clock of `seconds` starts."""
    if path.is_file():
        engine.models.warm("text", "passages", "vision", "speech", "languages", "ocr")
    began = time.monotonic()
    video, job = engine.add(path, language=language, subtitles=subtitles)
    if job is not None:
        video = finish(engine, job, video)
        engine.searcher.save()
    return {
        "video_id": video.id,
        "file": str(path),
        "duration": round(video.duration, 3),
        "clips": len(engine.library.clips(video.id)),
        "seconds": round(time.monotonic() - began, 3),
        "warnings": video.warnings,
    }


def finish(engine: Engine, job: Job, video: Video) -> Video:
    """Run the job here, or wait for the process that has it."""
    with progress_bars(video) as update:
        while True:
            engine.jobs.release_dead()
            claimed = engine.jobs.claim(worker_name(), job.id)
            if claimed is not None:
                with contextlib.suppress(ClaimLost):  # while this process was stopped: wait for the other one
                    return run_job(engine.library, engine.models, claimed, update)
            job = engine.jobs.job(job.id)
            if job.status == "done":
                return engine.library.video(video.id)
            if job.status in ("failed", "cancelled"):
                raise CuepointError(f"{video.file}: {job.error or 'indexing was cancelled'}")
            update(job.lanes)
            time.sleep(_POLL_S)


@contextmanager
def progress_bars(video: Video) -> Iterator[Any]:
    """A bar for each lane; yields a function that takes the seconds each lane has done. Needs a terminal."""
    names = {"media": "player copy", "see": "pictures", "read": "on-screen text", "hear": "speech"}
    columns = (
        TextColumn("{task.description:>14}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = {lane: progress.add_task(names[lane], total=max(video.duration, 0.01)) for lane in LANES}

        def update(lanes: dict[str, float]) -> None:
            for lane, seconds in lanes.items():
                progress.update(tasks[lane], completed=seconds)

        yield update
