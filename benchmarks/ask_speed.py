"""How fast questions are answered: `python -m benchmarks.ask_speed [FILE] [--runs N]` (the bundled example by default).

Indexes the file into an empty library, then prints medians and 90th percentiles, warm: search latency, time to the
moments, time to the first word of the answer, the decoder's own first token and tokens per second, time to the whole
answer, and peak memory.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from app.commands.index import index_file
from app.engine import Engine
from app.example import EXAMPLE_VIDEO
from app.settings import Settings

QUESTIONS = (
    "What does the narrator say?",
    "What is written on the sign?",
    "When does the picture change?",
    "What can be seen in the picture?",
    "Where does the scene take place?",
    "What does the speaker explain about the beginning?",
)


def measure(engine: Engine, video_id: str, runs: int) -> dict[str, list[float]]:
    """The figures of every question of every run, after one round that is not counted."""
    values: dict[str, list[float]] = defaultdict(list)
    for number in range(runs + 1):
        for question in QUESTIONS:
            found = ask(engine, video_id, question)
            if number:
                for name, value in found.items():
                    values[name].append(value)
    return values


def ask(engine: Engine, video_id: str, question: str) -> dict[str, float]:
    began = time.monotonic()
    engine.finder.search(f"{question} {began}"[:-1], [video_id], 5)  # a new text each time: no cached embedding
    found = {"search, ms": 1000 * (time.monotonic() - began)}
    began = time.monotonic()
    for snapshot in engine.answerer.ask(question, [video_id]):
        answer = snapshot
        found.setdefault("moments shown, s", time.monotonic() - began)
    if answer.first_token_seconds is not None:
        found["first word shown, s"] = answer.first_token_seconds
    found["whole answer, s"] = answer.seconds
    if (stats := answer.stats) is not None:
        found["decoder: first token, s"] = stats.first_token_s
        found["decoder: tokens/s"] = stats.tokens_per_second
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=EXAMPLE_VIDEO)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Settings(Path(folder)))
        video_id = index_file(engine, arguments.file)["video_id"]
        values = measure(engine, video_id, arguments.runs)
    title = f"{arguments.file.name}, {arguments.runs} x {len(QUESTIONS)} questions"
    print(f"| {title} | median | 90th percentile |")
    print("|---|---|---|")
    for name, numbers in values.items():
        ordered = sorted(numbers)
        print(f"| {name} | {statistics.median(ordered):.2f} | {ordered[int(0.9 * (len(ordered) - 1))]:.2f} |")
    print(f"| peak memory, MB | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} | |")


if __name__ == "__main__":
    main()
