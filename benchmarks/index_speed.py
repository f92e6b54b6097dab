"""How fast a file is indexed: `python -m benchmarks.index_speed FILE [--runs N]`.

Prints, as medians over the runs: seconds per minute of video in all and per lane (the lanes run side by side on the
same cores, so they add up to more than the whole), the time until the first clip can be searched, and peak memory of
the process. Models are loaded before the clock starts; the time that takes is printed too. Each run starts empty.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path

from app.engine import Engine
from app.settings import Settings
from retrieval.index.ingest import run_job
from retrieval.store.claims import worker_name
from retrieval.store.records import LANES

_POLL_S = 0.02


def measure(path: Path) -> dict[str, float]:
    """Index a file into an empty library and return the figures of that run."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Settings(Path(folder)))
        loading = time.monotonic()
        engine.models.warm("text", "passages", "vision", "speech", "languages", "ocr")
        began = time.monotonic()
        first: list[float] = []
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_POLL_S):
                if engine.library.db.row("SELECT 1 FROM vectors LIMIT 1"):
                    first.append(time.monotonic() - began)
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        video, job = engine.add(path)
        assert job is not None
        claimed = engine.jobs.claim(worker_name(), job.id)
        assert claimed is not None
        run_job(engine.library, engine.models, claimed)
        seconds = time.monotonic() - began
        over.set()
        watcher.join()
        minutes = video.duration / 60
        lanes = engine.library.lane_seconds(video.id)
        return {
            "model loading, s": began - loading,
            "indexing, s per minute of video": seconds / minutes,
            **{f"lane {lane}, s per minute of video": lanes[lane] / minutes for lane in LANES},
            "first clip searchable, s": first[0] if first else float("nan"),
            "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    runs = [measure(arguments.file) for _ in range(arguments.runs)]
    print(f"| {arguments.file.name}, median of {len(runs)} | |\n|---|---|")
    for name in runs[0]:
        print(f"| {name} | {statistics.median(run[name] for run in runs):.2f} |")


if __name__ == "__main__":
    main()
