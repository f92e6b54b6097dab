"""What damaged files do to indexing: `python -m benchmarks.mutated_files [--each N] [--keep FOLDER]`.

Six small videos with sound (mp4, mkv, avi, MPEG-TS, mov, flv) are made, and of each N copies are damaged: bits flipped
in the header, the body and the tail, the end cut off, blocks repeated, stretches zeroed, length fields overwritten. The
seeds are fixed, so that every run makes the same files. All go through `python -m app index --json`, many in a process;
a process that dies or is silent for too long is started anew with the files that are left.

Printed is a table with one line a container, and every broken promise: a hang, a crash, a refusal that is not one clear
sentence with exit code 3, or a length of more than `WORST_RATIO` times what PyAV alone decodes. Exit code 1 if any.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.media_factory import Scene, make_video

CONTAINERS = ("mp4", "mkv", "avi", "ts", "mov", "flv")
WORST_RATIO = 1.5
HANG_S = 60.0  # for one file, as the issue of damaged files asks
_START_S = 60.0  # more before the first answer: Python and the models must be loaded
_SLACK_S = 0.5  # a ratio says nothing of two lengths that are both next to nothing
_LENGTH_S = 4.0  # of the originals: a longer gap between two frames is not one that damage made
_FEW_FRAMES = 3  # so few on one side of a gap do not prove it: their times may be wrong
_SCENES = (Scene(1.5, (200, 30, 30)), Scene(1.5, (30, 180, 40), "HALF"), Scene(1, (30, 40, 200)))

Mutation = Callable[[bytearray, random.Random], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `indexed_s` and `decoded_s` are seconds."""

    path: Path
    kind: str  # ok, partial, refused, crash, hang
    indexed_s: float = 0.0
    decoded_s: float = 0.0
    took_s: float = 0.0
    said: str = ""  # the refusal, or the last words of a crash

    @property
    def ratio(self) -> float:
        return self.indexed_s / max(self.decoded_s, _SLACK_S)


# --- damaging files ---


def flip_bits(data: bytearray, random_: random.Random, begin: float, end: float) -> None:
    """Flip 1 to 120 bits between two fractions of the file."""
    for _ in range(random_.choice((1, 4, 12, 40, 120))):
        at = random_.randrange(int(len(data) * begin), max(int(len(data) * end), int(len(data) * begin) + 1))
        data[at] ^= 1 << random_.randrange(8)


def cut_off(data: bytearray, random_: random.Random) -> None:
    del data[int(len(data) * random_.uniform(0.05, 0.98)) :]


def repeat_block(data: bytearray, random_: random.Random) -> None:
    begin = random_.randrange(len(data) // 2)
    block = data[begin : begin + random_.randrange(16, len(data) // 3)]
    at = random_.randrange(len(data))
    data[at:at] = block


def zero_range(data: bytearray, random_: random.Random) -> None:
    length = random_.randrange(16, len(data) // 2)
    begin = random_.randrange(len(data) - length)
    data[begin : begin + length] = bytes(length)


def overwrite_length(data: bytearray, random_: random.Random) -> None:
    """Put a size or time of its own into four bytes beside one of the names by which containers mark their parts."""
    marks = (b"mvhd", b"tkhd", b"mdhd", b"stts", b"ctts", b"stsz", b"stco", b"stsc", b"elst", b"mdat", b"moov", b"trak",
             b"avih", b"strh", b"strf", b"movi", b"idx1", b"LIST", b"00dc", b"01wb", b"duration", b"filesize",
             b"\x1f\x43\xb6\x75", b"\x15\x49\xa9\x66", b"\x1c\x53\xbb\x6b", b"\x16\x54\xae\x6b", b"\x44\x89",
             b"\x47\x40", b"\x47\x41", b"\x09\x00\x00", b"\x08\x00\x00")  # fmt: skip
    found = [at for mark in marks for at in _places(data, mark)]
    at = random_.choice(found or [0]) + random_.choice((-4, 4, 8, 12, 16, 20, 24))
    at = min(max(at, 0), len(data) - 4)
    value = random_.choice((0, 1, 0x7FFF, 0xFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF, random_.randrange(1 << 32)))
    data[at : at + 4] = value.to_bytes(4, random_.choice(("big", "little")))


def _places(data: bytearray, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


# One after the other, so that the first few of every container differ in kind.
MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("tail bits", lambda data, random_: flip_bits(data, random_, 0.97, 1.0)),
    ("header bits", lambda data, random_: flip_bits(data, random_, 0.0, 0.03)),
    ("length", overwrite_length),
    ("body bits", lambda data, random_: flip_bits(data, random_, 0.03, 0.97)),
    ("cut off", cut_off),
    ("zeroed", zero_range),
    ("repeated", repeat_block),
)


def make_originals(folder: Path) -> list[Path]:
    """One video of 4 s with sound in each container."""
    sound = {".flv": {"audio_codec": "aac"}, ".mkv": {"codec": "libvpx", "audio_codec": "libopus"}}
    paths = [folder / f"original.{suffix}" for suffix in CONTAINERS]
    for path in paths:
        options: dict[str, Any] = dict(sound.get(path.suffix, {}))
        if path.suffix == ".mov":  # the index in front: what is cut off at the end can still be read
            options["container_options"] = {"movflags": "faststart"}
        make_video(path, _SCENES, **options)
    return paths


def mutate(original: Path, folder: Path, count: int) -> list[Path]:
    """`count` damaged copies; the same for the same original and count."""
    made = []
    for index in range(count):
        name, mutation = MUTATIONS[index % len(MUTATIONS)]
        data = bytearray(original.read_bytes())
        mutation(data, random.Random(f"{original.suffix}-{index}"))
        path = folder / f"{original.suffix[1:]}-{index:02d}-{name.replace(' ', '-')}{original.suffix}"
        path.write_bytes(bytes(data))
        made.append(path)
    return made


# --- what decodes, in a child process ---


def decoded_seconds(path: Path) -> float:
    """Seconds of the longest stream that PyAV decodes from the first to the last packet; 0 if it decodes nothing.

    The file is read by its index and again as a stream of bytes; the better way counts.
    """
    return max(_decoded_once(path, seekable) for seekable in ("1", "0"))


def _decoded_once(path: Path, seekable: str) -> float:
    times: dict[int, list[tuple[float, float]]] = {}
    with (
        contextlib.suppress(av.FFmpegError, ValueError),
        av.open(f"file:{path}", container_options={"seekable": seekable}, metadata_errors="replace") as container,
    ):
        failures = 0
        while failures < 50:
            try:
                for packet in container.demux():
                    with contextlib.suppress(av.FFmpegError):
                        frames: list[Any] = packet.decode() if packet.stream.type in ("video", "audio") else []
                        for frame in frames:
                            if frame.time is not None:
                                times.setdefault(packet.stream.index, []).append((frame.time, _length(frame, packet)))
                break
            except IndexError:  # PyAV, at the end of a file in which a stream appeared late
                break
            except av.FFmpegError:
                failures += 1
    return max((_shown(found) for found in times.values()), default=0.0)


def _length(frame: Any, packet: Any) -> float:
    if packet.stream.type == "audio":
        return float(frame.samples / frame.sample_rate)
    rate = packet.stream.average_rate or packet.stream.guessed_rate
    return min(float(1 / rate), 1.0) if rate else 0.04


def _shown(frames: list[tuple[float, float]]) -> float:
    """Seconds from the first to the last of (time, length), but for gaps that no damage of these files explains."""
    gaps = np.diff(np.sort(np.array([moment for moment, _ in frames])))
    few = np.minimum(np.arange(len(gaps)) + 1, len(gaps) - np.arange(len(gaps))) < _FEW_FRAMES
    longest = np.where(few & (len(frames) > 2 * _FEW_FRAMES), 1.0, _LENGTH_S)
    return float(gaps[gaps <= longest].sum()) + frames[-1][1]


# --- running children that may die or hang ---


def answers(command: Sequence[str], paths: Sequence[Path], first_s: float) -> Iterator[tuple[Path, str, str, float]]:
    """Run `command PATHS...`, which prints one line a file; yields (path, line, trouble, seconds) for every path.

    `trouble` is "" where there is a line, else "hang" or the last words of the process. What is left after a trouble
    is given to a new process.
    """
    waiting = list(paths)
    while waiting:
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen([*command, *map(str, waiting)], stdout=subprocess.PIPE, stderr=errors, text=True)
            lines: queue.Queue[str] = queue.Queue()
            threading.Thread(target=_forward, args=(child, lines), daemon=True).start()
            limit, began = first_s + HANG_S, time.monotonic()
            while waiting:
                trouble = ""
                try:
                    line = lines.get(timeout=limit)
                except queue.Empty:
                    line, trouble = "", "hang"
                if not line and not trouble:
                    child.wait()
                    errors.seek(0)
                    words = errors.read().decode(errors="replace").strip().splitlines()
                    trouble = f"exit code {child.returncode}: {words[-1] if words else ''}"
                yield waiting.pop(0), line, trouble, time.monotonic() - began
                limit, began = HANG_S, time.monotonic()
                if trouble:
                    break
            child.kill()
            child.wait()


def _forward(child: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        lines.put(line)
    lines.put("")


def index_all(paths: Sequence[Path], data_dir: Path) -> list[Outcome]:
    """Index the files into a library of their own and compare with what decodes."""
    here = [sys.executable, "-m"]
    decoded = {
        path: float(line) if line else 0.0
        for path, line, _, _ in answers([*here, "benchmarks.mutated_files", "--decode"], paths, first_s=10)
    }
    command = [*here, "app", "--data-dir", str(data_dir), "index", "--json"]
    return [
        _outcome(path, line, trouble, took, decoded[path])
        for path, line, trouble, took in answers(command, paths, first_s=_START_S)
    ]


def _outcome(path: Path, line: str, trouble: str, took: float, decoded: float) -> Outcome:
    if trouble:
        return Outcome(path, "hang" if trouble == "hang" else "crash", 0.0, decoded, took, trouble)
    answer = json.loads(line)
    if "error" in answer:
        return Outcome(path, "refused", 0.0, decoded, took, answer["error"])
    damage = [text for text in answer["warnings"] if text not in ("no sound", "no picture: only the sound was indexed")]
    return Outcome(
        path, "partial" if damage else "ok", answer["duration"], decoded, answer["seconds"], " | ".join(damage)
    )


def broken_promises(outcomes: Sequence[Outcome]) -> list[str]:
    """One line for everything that must not happen."""
    said = []
    for outcome in outcomes:
        name = outcome.path.name
        if outcome.kind in ("crash", "hang"):
            said.append(f"{name}: {outcome.kind}: {outcome.said}")
        elif outcome.kind == "refused" and not _one_sentence(outcome):
            said.append(f"{name}: the refusal is not one clear sentence: {outcome.said!r}")
        elif outcome.indexed_s > WORST_RATIO * outcome.decoded_s + _SLACK_S:
            said.append(f"{name}: {outcome.indexed_s:.2f} s indexed, {outcome.decoded_s:.2f} s decode")
    return said


def _one_sentence(outcome: Outcome) -> bool:
    text = outcome.said
    return outcome.path.name in text and text.endswith(".") and "\n" not in text and "Traceback" not in text


def refusals_exit_with_3(refused: Sequence[Path], data_dir: Path) -> list[str]:
    """Every file alone through the command line, without --json: exit code 3 and one line that names it."""
    said = []
    for path in refused:
        command = [sys.executable, "-m", "app", "--data-dir", str(data_dir), "index", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_START_S + HANG_S, check=False)
        if done.returncode != 3 or done.stderr.strip().count("\n") or path.name not in done.stderr:
            said.append(f"{path.name}: exit code {done.returncode}, {done.stderr.strip()[-200:]!r}")
    return said


# --- the table ---


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: one line a container and one for all."""
    kinds = ("ok", "partial", "refused", "crash", "hang")
    rows = ["| container | " + " | ".join(kinds) + " | slowest, s | longest, s | worst ratio |", "|---" * 9 + "|"]
    groups = {suffix: [o for o in outcomes if o.path.suffix == f".{suffix}"] for suffix in CONTAINERS}
    for name, group in {**groups, "all": list(outcomes)}.items():
        if not group:
            continue
        counts = Counter(outcome.kind for outcome in group)
        figures = [f"{max(getattr(o, f) for o in group):.1f}" for f in ("took_s", "indexed_s")]
        worst = f"{max(o.ratio for o in group):.2f}"
        rows.append(f"| {name} | " + " | ".join([*(str(counts[kind]) for kind in kinds), *figures, worst]) + " |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=25, metavar="N", help="damaged copies of each container (25)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the files and a list of outcomes here")
    parser.add_argument("--decode", type=Path, nargs="+", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.decode:
        for path in arguments.decode:
            print(decoded_seconds(path), flush=True)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [path for original in make_originals(folder) for path in mutate(original, folder, arguments.each)]
        outcomes = index_all(paths, Path(temporary) / "data")
        broken = broken_promises(outcomes)
        refused = [outcome.path for outcome in outcomes if outcome.kind == "refused"]
        broken += refusals_exit_with_3(refused, Path(temporary) / "data")
        if arguments.keep:
            lines = [json.dumps({**vars(outcome), "path": outcome.path.name}) for outcome in outcomes]
            (folder / "outcomes.jsonl").write_text("\n".join(lines) + "\n")
    print(table(outcomes))
    print("\n".join(broken) or "No promise was broken.", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    # FFmpeg's own words about broken files would drown the table.
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
