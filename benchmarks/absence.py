"""How well what is in a video is told from what is not: `python -m benchmarks.absence [--data READER:PATH]`.

Films of `answer_quality` are asked what they show and tell, and what they do not. For each source the measure that
decides (`retrieval/ask/presence.py`, `retrieval/ask/evidence.py`) is held against the truth: the area under the ROC
curve, and what other thresholds would refuse of what is there and deny of what is not. With --data the same of photos:
a caption against its own photo and against another one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.commands.data import parse_data
from app.engine import Engine
from app.settings import Settings
from benchmarks.answer_quality.running import Film, index_films
from benchmarks.answer_quality.script import SHORT, write_script
from benchmarks.answer_quality.speech import find_synthesiser
from model.evaluation.pictures import Skipped, seen
from model.loading import Models
from model.training.readers import read
from retrieval.ask.find import Finder
from retrieval.ask.plan import NOT_SOUGHT, Plan
from retrieval.ask.presence import RANDOM_FIT, fit
from retrieval.ask.rules import RulesPlanner
from retrieval.search.confidence import read_weights
from retrieval.search.search import Searcher
from retrieval.search.words import content_words

# Times the threshold in use: which others are shown.
AROUND = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
MOMENTS = 3  # whose best is measured, as when a question is answered


@dataclass(frozen=True)
class Measured:
    """Of one question; the larger the value, the likelier what it asks for is there."""

    source: str
    value: float
    there: bool


@dataclass(frozen=True)
class Point:
    """What another threshold would do."""

    threshold: str
    refused: float  # share of what is there
    denied: float  # share of what is not


def measure_films(searcher: Searcher, films: Sequence[Film]) -> Iterator[Measured]:
    """Questions that the pictures answer, and those that speech does; on-screen text is quoted without a threshold."""
    for film in films:
        for asked in film.script.questions:
            question = RulesPlanner().plan(asked.text)
            if "visual" in question.sources and question.operation not in NOT_SOUGHT:
                value = picture_measure(searcher, question, film.video_id)
                yield Measured("pictures", value, asked.interval is not None)
        for texts, there in ((film.script.told, True), (film.script.untold, False)):
            for text in texts:
                yield Measured("speech", speech_measure(searcher, RulesPlanner().plan(text), film.video_id), there)


def picture_measure(searcher: Searcher, question: Plan, video_id: str) -> float:
    """The best frame's `chance`, upside down."""
    moments = searcher.visual_moments(question.look_for, [video_id], MOMENTS)
    text = " ".join(question.terms) or question.look_for
    chances = [fit(searcher, video_id, moment.start, moment.end, text)[1] for moment in moments]
    return as_measure(min(chances, default=1.0))


def speech_measure(searcher: Searcher, question: Plan, video_id: str) -> float:
    told = Finder(searcher).told(question, [video_id])
    return max((item.likelihood for item in told if item.source == "speech"), default=0.0)


def measure_photos(models: Models, reader: str, path: Path, split: str, limit: int) -> Iterator[Measured]:
    """Each photo's first caption against the photo, and against the next one."""
    samples = [sample for sample in read(reader, path, split) if sample.captions][:limit]
    frames, texts = [], []
    for sample, (still,) in seen(samples, 1, Skipped()):
        frames.append(models.vision.encode_frames(still.picture[None]).pooled[0])
        texts.append(" ".join(content_words(sample.captions[0])))
    vectors = models.vision.encode_text(texts)
    for number, vector in enumerate(vectors):
        for shift in (0, 1):
            chance = models.vision.chance(frames[(number + shift) % len(frames)], vector)
            yield Measured("photos", as_measure(chance), shift == 0)


def as_measure(chance: float) -> float:
    """A chance (0: nothing random fits as well, 1: everything does), the more the better."""
    return 1 - chance


def area(measured: Sequence[Measured]) -> float:
    """Under the ROC curve: how often what is there measures more than what is not, ties half."""
    there, absent = (np.array([m.value for m in measured if m.there == is_there]) for is_there in (True, False))
    more, same = (there[:, None] > absent).mean(), (there[:, None] == absent).mean()
    return float(more + same / 2)


def points(measured: Sequence[Measured]) -> list[Point]:
    """At the threshold in use, times each of AROUND."""
    there, absent = ([m.value for m in measured if m.there == is_there] for is_there in (True, False))
    found = []
    for times in AROUND:
        if measured[0].source == "speech":
            cut = read_weights().likely * times
            name = f"likelihood {cut:.2f}"
        else:
            cut, name = as_measure(RANDOM_FIT * times), f"chance {RANDOM_FIT * times:.2f}"
        in_use = " (in use)" if times == 1 else ""
        refused, denied = (float(np.mean(np.less(values, cut))) for values in (there, absent))
        found.append(Point(name + in_use, refused, denied))
    return found


def table(measured: Sequence[Measured]) -> Iterator[str]:
    by_source: defaultdict[str, list[Measured]] = defaultdict(list)
    for one in measured:
        by_source[one.source].append(one)
    yield "| source | there, not there | area | threshold | refused of what is there | denied of what is not |"
    yield "|---|---:|---:|---:|---:|---:|"
    for source, of in by_source.items():
        counts = f"{sum(m.there for m in of)}, {sum(not m.there for m in of)}"
        for number, point in enumerate(points(of)):
            head = f"| {source} | {counts} | {area(of):.2f} |" if not number else "| | | |"
            yield f"{head} {point.threshold} | {point.refused:.2f} | {point.denied:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=6, metavar="N", help="films (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--profile", default="embedded")
    parser.add_argument("--data", help="READER:PATH of captioned photos")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=500, help="photos at most (default: %(default)s)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="keep films and index there")
    arguments = parser.parse_args()
    if arguments.videos < 1:
        parser.error("--videos must be at least 1")
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.data_dir or Path(scratch)
        engine = Engine(Settings(folder, arguments.profile))
        synthesiser = find_synthesiser()
        scripts = [write_script(arguments.seed, number, synthesiser, SHORT) for number in range(arguments.videos)]
        measured = list(measure_films(engine.searcher, index_films(engine, scripts, folder / "films")))
        if arguments.data:
            reader, path = parse_data(arguments.data)
            measured += measure_photos(engine.models, reader, path, arguments.split, arguments.limit)
    for line in table(measured):
        print(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
