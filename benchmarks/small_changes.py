"""Whether texts that change by little are read with their times: `python -m benchmarks.small_changes [--films N]`.

Draws films, with a fixed seed, in which a price, a score, a clock, a slide, a terminal or a subtitle changes by a few
characters, in several typefaces and sizes, over a still or a moving picture, encoded well or badly. Runs the lanes that
see and read, with the real reader and without the other models, and prints how many of the texts are in the index with
an interval that fits (intersection over union of 0.5 at least), how many texts were never shown, and what reading took.
A clock need not be read each second: it counts for each four seconds in which one of its times is there.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.media.probe import probe
from model.reading.ocr import RapidTextReader
from model.reading.screen_text import TextBox
from retrieval.index.lanes.read import Pages, ReadLane
from retrieval.index.lanes.see import SeeLane
from retrieval.index.lanes.work import Work
from retrieval.store.library import LOCAL_OWNER, Library, content_hash
from retrieval.store.records import Passage

WIDTH_PX, HEIGHT_PX, FPS = 1280, 720, 10
SECONDS = 24
MATCHING_IOU = 0.5
CLOCK_EVERY_S = 4.0
TYPEFACES = ("", "DejaVuSans.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSansMono.ttf")  # "": Pillow's own
SUBTITLES = (
    "We leave at noon", "We leave at nine", "She never saw the house", "She never saw the horse",
    "Turn left at the bridge", "Turn right at the bridge", "I sold the car", "I told the car",
)  # fmt: skip
COMMANDS = (
    "ls",
    "make build",
    "cat notes.txt",
    "git status",
    "ping host7",
    "ssh node12",
    "df -h",
    "uptime",
    "top -n 1",
)
_DIM = 8


@dataclass(frozen=True)
class Shown:
    """A text that stands on the screen from `start` to `end` seconds, its middle at `place` (fractions)."""

    start: float
    end: float
    text: str
    place: tuple[float, float]
    fixed: bool = False  # stands there all the time: drawn, not counted


@dataclass(frozen=True)
class Look:
    typeface: str
    size_px: int
    dark: bool
    moving: bool
    crf: int


@dataclass(frozen=True)
class Film:
    kind: str
    look: Look
    texts: tuple[Shown, ...]
    seed: int


@dataclass
class Score:
    shown: int = 0
    found: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    minutes: float = 0.0
    reading_s: float = 0.0
    seeing_s: float = 0.0


def write_films(count: int, seed: int) -> Iterator[Film]:
    """`count` films of each kind."""
    for kind, tell in KINDS.items():
        for number in range(count):
            dice = random.Random(f"{seed} {kind} {number}")
            size = dice.choice((20, 26, 34, 48, 64)) if kind != "terminal" else dice.choice((18, 22, 26))
            look = Look(
                dice.choice(TYPEFACES), size, dice.random() < 0.5, number % 2 == 1, dice.choice((23, 28, 32, 35))
            )
            yield Film(kind, look, tuple(tell(dice)), dice.randrange(1 << 30))


def _in_turn(values: Sequence[str], dice: random.Random, place: tuple[float, float]) -> Iterator[Shown]:
    """One text after the other, each for two to five seconds."""
    begin = 0.0
    for value in values:
        end = min(SECONDS, begin + dice.choice((2.0, 2.5, 3.0, 4.0, 5.0)))
        yield Shown(begin, end, value, place)
        if (begin := end) >= SECONDS:
            return


def _place(dice: random.Random) -> tuple[float, float]:
    return dice.uniform(0.25, 0.75), dice.uniform(0.15, 0.85)


def _prices(dice: random.Random) -> Iterator[Shown]:
    form = dice.choice(("{}", "Price: {}", "{} EUR", "Only {} left"))
    numbers = dice.sample(range(10, 100), 12)
    yield from _in_turn([form.format(number) for number in numbers], dice, _place(dice))


def _scores(dice: random.Random) -> Iterator[Shown]:
    home, away, values = 0, 0, list[str]()
    for _ in range(12):
        values.append(f"Reds {home} - {away} Blues")
        home, away = (home + 1, away) if dice.random() < 0.5 else (home, away + 1)
    yield from _in_turn(values, dice, (dice.choice((0.25, 0.75)), 0.1))


def _clock(dice: random.Random) -> Iterator[Shown]:
    first, place = dice.randrange(3600), (dice.choice((0.15, 0.85)), dice.choice((0.1, 0.9)))
    for second in range(SECONDS):
        minutes, seconds = divmod(first + second, 60)
        yield Shown(second, second + 1, f"{minutes:02d}:{seconds:02d}", place)


def _slides(dice: random.Random) -> Iterator[Shown]:
    for y, line in (
        (0.15, "Quarterly results of the harbour"),
        (0.45, "Ships that arrived"),
        (0.75, "All figures audited"),
    ):
        yield Shown(0, SECONDS, line, (0.5, y), fixed=True)
    first = dice.randrange(1000, 9000)
    values = [f"Berth 4 had {first + 10 ** dice.randrange(3) * step} tons" for step in range(1, 10)]
    yield from _in_turn(list(dict.fromkeys(values)), dice, (0.5, 0.6))


def _terminal(dice: random.Random) -> Iterator[Shown]:
    begin = 0.0
    for row, command in enumerate(dice.sample(COMMANDS, len(COMMANDS))):
        if begin < SECONDS - 2:
            yield Shown(begin, SECONDS, f"user@box:~$ {command}", (0.3, 0.1 + 0.07 * row))
        begin += dice.choice((2.0, 3.0, 4.0))


def _subtitles(dice: random.Random) -> Iterator[Shown]:
    pairs = [SUBTITLES[i : i + 2] for i in range(0, len(SUBTITLES), 2)]
    dice.shuffle(pairs)
    yield from _in_turn([line for pair in pairs for line in pair], dice, (0.5, 0.88))


KINDS: dict[str, Callable[[random.Random], Iterator[Shown]]] = {
    "price": _prices, "score": _scores, "clock": _clock,
    "slide": _slides, "terminal": _terminal, "subtitle": _subtitles,
}  # fmt: skip


def make_film(film: Film, path: Path) -> None:
    options = {"preset": "veryfast", "crf": str(film.look.crf)}
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height, video.pix_fmt, video.gop_size = WIDTH_PX, HEIGHT_PX, "yuv420p", 5 * FPS
        for number, picture in enumerate(frames(film)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def frames(film: Film) -> Iterator[np.ndarray]:
    """Every frame, uint8 [H, W, 3]."""
    low, high = (10, 90) if film.look.dark else (170, 250)
    blobs = np.random.default_rng(film.seed).integers(low, high, (10, 18, 3), dtype=np.uint8)
    page = Image.fromarray(blobs).resize((WIDTH_PX * 5 // 4, HEIGHT_PX * 5 // 4), Image.Resampling.BICUBIC)
    kept: tuple[tuple[Shown, ...], Image.Image] | None = None
    for number in range(SECONDS * FPS):
        now = number / FPS
        texts = tuple(text for text in film.texts if text.start <= now < text.end)
        if kept is None or film.look.moving or kept[0] != texts:
            shift = round(number * WIDTH_PX / 4 / (SECONDS * FPS)) if film.look.moving else 0
            picture = page.crop((shift, shift // 2, shift + WIDTH_PX, shift // 2 + HEIGHT_PX))
            kept = texts, _with_texts(picture, texts, film.look)
        yield np.asarray(kept[1])


def _with_texts(picture: Image.Image, texts: Sequence[Shown], look: Look) -> Image.Image:
    draw, font = ImageDraw.Draw(picture), _font(look)
    for text in texts:
        at = round(text.place[0] * WIDTH_PX), round(text.place[1] * HEIGHT_PX)
        draw.text(at, text.text, font=font, fill="white" if look.dark else "black", anchor="mm")
    return picture


def _font(look: Look) -> Any:
    try:
        return (
            ImageFont.truetype(look.typeface, look.size_px) if look.typeface else ImageFont.load_default(look.size_px)
        )
    except OSError:  # not on this machine
        return ImageFont.load_default(look.size_px)


class _TimedReader:
    """The reader, with the processor time that it took."""

    def __init__(self, reader: RapidTextReader) -> None:
        self.reader, self.seconds = reader, 0.0

    def read(self, picture: np.ndarray) -> list[TextBox]:
        began = time.thread_time()
        try:
            return self.reader.read(picture)
        finally:
            self.seconds += time.thread_time() - began

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)


@dataclass
class _Features:
    pooled: np.ndarray
    probabilities: np.ndarray


class _Nothing:
    """Stands where the encoders do."""

    name, dim = "nothing", _DIM

    def encode_frames(self, frames: np.ndarray) -> _Features:
        return _Features(np.ones((len(frames), _DIM), np.float32), np.zeros((len(frames), 1), np.float16))

    def tags(self, features: _Features) -> list[list[tuple[str, float]]]:
        return [[] for _ in features.pooled]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.ones((len(texts), _DIM), np.float32)


class _ReadingOnly:
    """Stands where model.loading.Models does."""

    def __init__(self) -> None:
        self.vision = self.passages = _Nothing()
        self.ocr = _TimedReader(RapidTextReader())


def read_film(path: Path, models: Any) -> tuple[list[Passage], float, float]:
    """The texts of the index; the seconds of processor time that reading took; those that seeing took."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        info = probe(path)
        video = library.add_video(path, content_hash(path), asdict(info), LOCAL_OWNER)
        work = Work(library, models, video.id, path, info, threading.Event())
        pages, models.ocr.seconds = Pages(work), 0.0
        seeing: list[float] = []

        def see() -> None:
            began = time.thread_time()
            SeeLane(work, pages).run()
            seeing.append(time.thread_time() - began)
            library.db.close()

        thread = threading.Thread(target=see)
        thread.start()
        ReadLane(work, pages).run()
        thread.join()
        return library.passages(video.id, "text"), models.ocr.seconds, seeing[0]


def judge(film: Film, passages: Sequence[Passage], score: Score) -> None:
    score.minutes += SECONDS / 60
    changing = [text for text in film.texts if not text.fixed]
    if film.kind == "clock":
        wanted = [Shown(at, at + CLOCK_EVERY_S, "", (0, 0)) for at in np.arange(0, SECONDS, CLOCK_EVERY_S).tolist()]
        hits = [any(_says_clock(passage, changing, slot) for passage in passages) for slot in wanted]
    else:
        wanted = changing
        hits = [
            any(_says(passage, text) and _iou(passage, text) >= MATCHING_IOU for passage in passages) for text in wanted
        ]
    score.shown += len(wanted)
    score.found += sum(hits)
    score.missed += [
        f"{text.start:g}-{text.end:g} {text.text}" for text, hit in zip(wanted, hits, strict=True) if not hit
    ]
    score.wrong += [
        f"{passage.start:g}-{passage.end:g} {passage.text}" for passage in passages if not _is_true(passage, film.texts)
    ]


def _is_true(passage: Passage, texts: Sequence[Shown]) -> bool:
    """Whether every part of what was read was on the screen within a second of when it is said to be."""
    near = [t for t in texts if t.start - 1 < passage.end and passage.start < t.end + 1]
    if all(any(_plain(part) == _plain(text.text) for text in near) for part in passage.text.split(" … ")):
        return True
    rest = _plain(passage.text)  # several lines that were joined
    for text in sorted(near, key=lambda t: -len(t.text)):
        rest = rest.replace(_plain(text.text), "")
    return not rest


def _says(passage: Passage, text: Shown) -> bool:
    return _plain(text.text) in _plain(passage.text) and (
        len(_plain(text.text)) > 3 or _plain(text.text) in [_plain(part) for part in passage.text.split()]
    )


def _says_clock(passage: Passage, ticks: Sequence[Shown], slot: Shown) -> bool:
    """Whether a passage of about this time holds a time that the clock showed in the slot."""
    if passage.end - passage.start > 2 * CLOCK_EVERY_S or passage.end <= slot.start or slot.end <= passage.start:
        return False
    return any(_says(passage, tick) for tick in ticks if slot.start <= tick.start < slot.end)


def _iou(passage: Passage, text: Shown) -> float:
    shared = min(passage.end, text.end) - max(passage.start, text.start)
    return max(0.0, shared) / (max(passage.end, text.end) - min(passage.start, text.start))


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum() or c in ":")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=2, help="of each kind, half of them with a moving background")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--verbose", action="store_true", help="say what was missed and what was wrong")
    arguments = parser.parse_args()
    models, scores = _ReadingOnly(), dict[tuple[str, bool], Score]()
    models.ocr.read(np.zeros((720, 1280, 3), np.uint8))
    for film in write_films(arguments.films, arguments.seed):
        if film.kind not in arguments.kinds:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            make_film(film, path)
            passages, reading_s, seeing_s = read_film(path, models)
        score = scores.setdefault((film.kind, film.look.moving), Score())
        told = replace(score, wrong=[], missed=[])
        judge(film, passages, told)
        scores[film.kind, film.look.moving] = replace(
            told, wrong=score.wrong + told.wrong, missed=score.missed + told.missed,
            reading_s=score.reading_s + reading_s, seeing_s=score.seeing_s + seeing_s,
        )  # fmt: skip
        if arguments.verbose:
            print(film.kind, film.look, f"missed {told.missed} wrong {told.wrong}", flush=True)
    for line in table(scores):
        print(line)


def table(scores: dict[tuple[str, bool], Score]) -> Iterator[str]:
    yield "| what changes | background | texts | found with its times | wrong a minute | reading, s a minute | seeing |"
    yield "|---|---|---|---|---|---|---|"
    for (kind, moving), score in scores.items():
        yield _row(kind, "moving" if moving else "still", [score])
    for moving in (False, True):
        yield _row("all", "moving" if moving else "still", [s for (_, m), s in scores.items() if m == moving])


def _row(kind: str, background: str, scores: Sequence[Score]) -> str:
    minutes = sum(score.minutes for score in scores) or 1
    shown, found = sum(score.shown for score in scores), sum(score.found for score in scores)
    wrong, reading, seeing = (
        sum(len(score.wrong) for score in scores), sum(s.reading_s for s in scores), sum(s.seeing_s for s in scores)
    )  # fmt: skip
    return (
        f"| {kind} | {background} | {shown} | {found / max(shown, 1):.2f} | {wrong / minutes:.1f} |"
        f" {reading / minutes:.2f} | {seeing / minutes:.2f} |"
    )


if __name__ == "__main__":
    main()
