"""Many people at once: `python -m benchmarks.load [--users 30] [--seconds 120] [--think 5] [--no-uploads]`.

Starts the server as `serve` does, indexes the example video, uploads two more that are indexed for as long as the run
lasts, and lets the users open the page and ask about the example, each after a pause of `--think` seconds in the mean.
Prints, as a table: errors; median and 95th percentile of the page, the moments, the first words and the whole answer;
/healthz, asked five times a second; peak memory of the server with its workers; and how fast the uploads are indexed,
alone and beside the users. Seconds are those that a browser on this machine sees: it shares the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import psutil

from app.example import EXAMPLE_VIDEO
from benchmarks.visitor import Asked, EventFailed, Visitor

HEALTH_EVERY_S = 0.2
MEMORY_EVERY_S = 1.0
ALONE_S = 30.0  # of indexing without users, before they come
START_LIMIT_S = 120.0
INDEX_LIMIT_S = 600.0
ARRIVALS_S = 5.0  # within which all users come
REPEATS = (14, 15)  # of the example, joined: two uploads of about 17 minutes each
GAP_S = Fraction(1, 5)  # between two repeats: packets must not overlap

# Of all kinds: what is said, written and seen, when, and what is not there.
QUESTIONS = (
    "Why is the train late?",
    "When does the bakery open?",
    "When can you see the sailing boat?",
    "What is the cat called?",
    "How long must the honey bread rest?",
    "How much flour does the recipe need?",
    "Who is the captain of the mail boat?",
    "How old is the cat?",
    "What does the cat fear?",
    "When was the lighthouse built?",
    "How many ships were lost?",
    "What did the honey bread win?",
    "Where did the bread win a medal?",
    "What is the baker's name?",
    "When does the baker wake up?",
    "Who does the blue bicycle belong to?",
    "How many people live here?",
    "What do the children count at night?",
    "What is the record of shooting stars?",
    "What does the captain carry to the islands?",
    "What can be seen at the beginning?",
    "What colour is the boat?",
    "What is in the picture with the lighthouse?",
    "What does the narrator say about the rain?",
    "What is written on the bakery's sign?",
    "Is there a dog in the video?",
)
FORMS = ("{}", "Tell me: {}", "Please, {}", "I would like to know: {}", "{} Please be brief.")


@dataclass
class Run:
    """What was measured. Times are seconds."""

    pages: list[float] = field(default_factory=list)
    answers: list[Asked] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    peak_bytes: int = 0
    alone: float | None = None  # seconds of wall time a minute of video, all lanes done
    beside: float | None = None


def join_repeated(source: Path, times: int, out: Path) -> Path:
    """The video `times` times in a row, packets copied as they are. Returns `out`."""
    with av.open(str(out), "w") as target:
        streams: dict[int, Any] = {}
        shift = Fraction(0)
        for _ in range(times):
            with av.open(str(source)) as file:
                if not streams:
                    streams = {stream.index: target.add_stream_from_template(stream) for stream in file.streams}
                for packet in file.demux():
                    if packet.dts is None or packet.pts is None:  # the empty packet at the end
                        continue
                    ticks = round(shift / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
                shift += Fraction(file.duration or 0, av.time_base) + GAP_S
    return out


class Server:
    """`python -m app serve` on a port of its own, with a data folder of its own."""

    def __init__(self, data_dir: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.data_dir = data_dir
        self.log = data_dir / "server.log"
        command = [sys.executable, "-m", "app", "--data-dir", str(data_dir), "serve", "--port", str(port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            time.sleep(0.2)
        raise SystemExit(f"The server did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def memory_bytes(self) -> int:
        """Resident memory of the server and its workers."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self.process.pid)
            for process in [server, *server.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
        return total

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(self.data_dir / "cuepoint.sqlite3", timeout=30)) as db:
            return db.execute(sql, values).fetchall()

    def video_id(self, title: str) -> str:
        return str(self.rows("SELECT id FROM videos WHERE title = ?", title)[0][0])

    def seen_s(self) -> float:
        """Seconds of video that the see, hear and read lanes have done, in the mean over the three, of all videos."""
        ((total,),) = self.rows("SELECT sum(until) FROM lanes WHERE lane IN ('see', 'hear', 'read')")
        return float(str(total or 0)) / 3


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def index_example(server: Server) -> str:
    """Upload the example and wait until it is indexed. Returns its id."""
    async with Visitor(server.url) as visitor:
        await visitor.open()
        await visitor.upload(EXAMPLE_VIDEO)
    video_id = server.video_id(EXAMPLE_VIDEO.name)
    deadline = time.monotonic() + INDEX_LIMIT_S
    while server.rows("SELECT status FROM videos WHERE id = ?", video_id)[0][0] != "ready":
        if time.monotonic() > deadline:
            raise SystemExit("The example was not indexed in time.")
        await asyncio.sleep(0.5)
    return video_id


async def use(server: Server, video_id: str, number: int, until: float, think_s: float, run: Run) -> None:
    """One user, until the time has come."""
    chance = random.Random(number)
    questions = chance.sample(QUESTIONS, len(QUESTIONS))
    await asyncio.sleep(chance.uniform(0, ARRIVALS_S))
    async with Visitor(server.url, video_id) as visitor:
        try:
            run.pages.append(await visitor.open())
            count = 0
            while True:
                await asyncio.sleep(chance.uniform(0.5, 1.5) * think_s)
                if time.monotonic() > until:
                    break
                plain = questions[count % len(questions)]
                form = FORMS[chance.randrange(len(FORMS))]
                run.answers.append(await visitor.ask(form.format(plain)))
                count += 1
        except (EventFailed, httpx.HTTPError) as error:
            run.errors.append(f"{type(error).__name__}: {error}")
        run.errors += visitor.failures


async def watch_health(server: Server, run: Run) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        while True:
            began = time.monotonic()
            try:
                reply = await client.get("/healthz")
                if reply.status_code != 200:
                    run.errors.append(f"/healthz: {reply.status_code}")
            except httpx.HTTPError as error:
                run.errors.append(f"/healthz: {type(error).__name__}")
            run.health.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, HEALTH_EVERY_S - (time.monotonic() - began)))


async def watch_memory(server: Server, run: Run) -> None:
    while True:
        run.peak_bytes = max(run.peak_bytes, server.memory_bytes())
        await asyncio.sleep(MEMORY_EVERY_S)


def pace(server: Server, seen_s: float, began: float) -> float | None:
    """Wall seconds a minute of video since then; None where nothing was indexed."""
    done = server.seen_s() - seen_s
    return 60 * (time.monotonic() - began) / done if done > 0 else None


async def measure(
    server: Server, uploads: Sequence[Path], users: int, seconds: float, think_s: float, alone_s: float
) -> Run:
    run = Run()
    watching = [asyncio.create_task(watch_memory(server, run))]
    video_id = await index_example(server)
    if uploads:
        async with Visitor(server.url) as visitor:
            await visitor.open()
            for file in uploads:
                await visitor.upload(file)
        await asyncio.sleep(3.0)  # until the worker is at it
        seen, began = server.seen_s(), time.monotonic()
        await asyncio.sleep(alone_s)
        run.alone = pace(server, seen, began)
    watching.append(asyncio.create_task(watch_health(server, run)))
    seen, began = server.seen_s(), time.monotonic()
    await asyncio.gather(*(use(server, video_id, n, began + seconds, think_s, run) for n in range(users)))
    if uploads:
        run.beside = pace(server, seen, began)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    if uploads and not server.rows("SELECT 1 FROM videos WHERE status IN ('waiting', 'indexing')"):
        run.errors.append("Indexing ended before the users did: use --seconds with less, or longer uploads.")
    return run


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rows_of(run: Run) -> Iterator[tuple[str, str, str, str]]:
    """Name, median, 95th percentile and maximum of each figure."""
    named = {
        "page shown, s": run.pages,
        "moments shown, s": [a.moments_s for a in run.answers if a.moments_s is not None],
        "first words, s": [a.words_s for a in run.answers if a.words_s is not None],
        "whole answer, s": [a.whole_s for a in run.answers],
        "/healthz, s": run.health,
    }
    for name, values in named.items():
        if values:
            figures = statistics.median(values), percentile(values, 0.95), max(values)
            yield (name, *(f"{figure:.2f}" for figure in figures))  # type: ignore[misc]
    yield "answers", str(len(run.answers)), "", ""
    yield "answers without words", str(sum(a.words_s is None for a in run.answers)), "", ""
    yield "errors", str(len(run.errors)), "", ""
    yield "peak memory, MB (server and workers)", f"{run.peak_bytes / 1e6:.0f}", "", ""
    for name, value in (("alone", run.alone), ("beside the users", run.beside)):
        if value is not None:
            yield f"indexing {name}, s a minute of video", f"{value:.1f}", "", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=120.0, help="for which questions are begun (default: 120)")
    parser.add_argument("--think", type=float, default=5.0, metavar="S", help="mean pause before a question (5)")
    parser.add_argument("--alone", type=float, default=ALONE_S, metavar="S", help="of indexing without users (30)")
    parser.add_argument("--no-uploads", action="store_true", help="nothing is indexed meanwhile")
    parser.add_argument("--answers", type=Path, help="write question, answer lines (TSV) here, to compare versions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        files = [] if arguments.no_uploads else [
            join_repeated(EXAMPLE_VIDEO, times, folder / f"upload-{times}.mp4") for times in REPEATS
        ]  # fmt: skip
        server = Server(folder / "data")
        try:
            server.wait()
            run = asyncio.run(
                measure(server, files, arguments.users, arguments.seconds, arguments.think, arguments.alone)
            )
        finally:
            server.stop()
            print(server.log.read_text(errors="replace")[-4000:], file=sys.stderr)
    for error in run.errors[:20]:
        print(error, file=sys.stderr)
    beside = "nothing indexing" if arguments.no_uploads else "two uploads indexing"
    title = f"{arguments.users} users, {beside}, {arguments.seconds:.0f} s, {os.cpu_count()} cores"
    print(f"| {title} | median | 95th percentile | most |\n|---|---|---|---|")
    for row in rows_of(run):
        print(f"| {' | '.join(row)} |")
    if arguments.answers:
        lines = sorted({f"{a.question}\t{a.text}\n" for a in run.answers})
        arguments.answers.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
