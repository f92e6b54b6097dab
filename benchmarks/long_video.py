"""Whether an hour is as good as a minute: `python -m benchmarks.long_video [--minutes 60] [--seed 0]`.

Films of `answer_quality` joined into a long one, whose content is known: is every quarter of it in the chapters and in
the summary, how fast is it indexed, searched and answered, and in how much memory.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from app.commands.index import index_file
from app.engine import Engine
from app.settings import Settings
from benchmarks.answer_quality.film import make_film
from benchmarks.answer_quality.script import Script, write_script
from benchmarks.answer_quality.speech import find_synthesiser
from benchmarks.ask_speed import measure
from model.timecode import span
from retrieval.ask.summary import Summary, summarize
from retrieval.store.records import Passage

QUARTERS = 4
_QUOTED_CHARS = 40  # of a quote in a summary, which may be cut short


def long_script(seed: int, seconds: float) -> Script:
    """As many films as it takes, one after the other; nothing is asked of it."""
    synthesiser, script = find_synthesiser(), Script(f"long-{seed}")
    for number in itertools.count():
        if script.seconds >= seconds:
            return script
        script.scenes += write_script(seed, number, synthesiser).scenes
    raise AssertionError


def covered(summary: Summary, passages: Sequence[Passage], duration: float) -> list[tuple[int, int]]:
    """Of each quarter the chapters that begin in it, and the quotes in the summary that were said or shown in it."""
    found = []
    for number in range(QUARTERS):
        low, high = (duration * edge / QUARTERS for edge in (number, number + 1))
        chapters = sum(low <= chapter.start < high for chapter in summary.chapters)
        quoted = {p.text for p in passages if low <= p.start < high and f"“{p.text[:_QUOTED_CHARS]}" in summary.summary}
        found.append((chapters, len(quoted)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=3, help="rounds of questions (default: 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_film(long_script(arguments.seed, 60 * arguments.minutes), Path(folder) / "long.mp4")
        engine = Engine(Settings(Path(folder) / "data"))
        engine.models.warm("text", "passages", "vision", "speech", "languages", "ocr")
        began = time.monotonic()
        video = engine.library.video(index_file(engine, path)["video_id"])
        seconds = time.monotonic() - began
        indexed_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.monotonic()
        summary = summarize(engine.library, engine.models, video.id)
        summary_s = time.monotonic() - began
        print(f"| {video.duration / 60:.1f} minutes | |\n|---|---|")
        print(f"| indexing, s per minute of video | {60 * seconds / video.duration:.2f} |")
        print(f"| peak memory while indexing, MB | {indexed_mb:.0f} |")
        print(f"| summary, s | {summary_s:.2f} |")
        for number, (chapters, quotes) in enumerate(
            covered(summary, engine.library.passages(video.id), video.duration)
        ):
            print(f"| quarter {number + 1}: chapters, quotes in the summary | {chapters}, {quotes} |")
        for name, numbers in measure(engine, video.id, arguments.runs).items():
            print(f"| {name} (median) | {statistics.median(numbers):.2f} |")
        print(f"\n{summary.summary}\n")
        for chapter in summary.chapters:
            print(f"{span(chapter.start, chapter.end):>15}  {chapter.title}")


if __name__ == "__main__":
    main()
