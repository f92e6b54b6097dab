"""`cuepoint worker`: index queued videos until told to end. `serve` starts and restarts it."""

from __future__ import annotations

import argparse
import logging
import time

from app.commands import engine_of
from app.engine import Engine
from app.stopping import WorkerEnd
from model.errors import CuepointError
from model.hardware import give_way
from retrieval.index.ingest import run_job
from retrieval.store.claims import worker_name

logger = logging.getLogger(__name__)
_IDLE_S = 0.3


def run(arguments: argparse.Namespace) -> None:
    end = WorkerEnd(arguments.parent)
    end.watch()
    engine = engine_of(arguments)
    give_way()  # indexing yields to chatting
    engine.library.db.check()
    end.jobs = engine.jobs
    # Before claiming, so that the first upload does not wait.
    engine.models.warm("text", "passages", "vision", "ocr", "speech", "languages")
    engine.queue_outdated()
    while True:
        engine.jobs.release_dead()
        if not _work_once(engine):
            time.sleep(_IDLE_S)


def _work_once(engine: Engine) -> bool:
    """Claim and run one job; returns whether there was one."""
    job = engine.jobs.claim(worker_name())
    if job is None:
        return False
    try:
        run_job(engine.library, engine.models, job)
        engine.searcher.save()
    except CuepointError as error:
        logger.warning("%s", error)
    except Exception:
        logger.exception("job %s failed", job.id)  # it is marked as failed; the next one goes on
    return True
