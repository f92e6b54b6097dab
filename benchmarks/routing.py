"""Whether a question is sent to where its answer is: `python -m benchmarks.routing [--pictures DIR] [--misses N]`.

300 questions about what is said and 300 about what is written, drawn by seed from `routing_data/`, and, with a folder
of question files (coco/vqa.tsv, daquar/qa.tsv), questions that people asked about photographs. Prints the share of them
whose source is among those that the planner would look at, and those that are missed. A planner is any function from a
text to an object with `sources`; nothing of it is known here.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Literal, Protocol, get_args

Source = Literal["visual", "speech", "text"]
DATA = Path(__file__).parent / "routing_data"
COUNT = 300  # questions of a source
PICTURE_FILES = ("coco/vqa.tsv", "daquar/qa.tsv")
PICTURES = 3597  # of each file at most
PLANNER = "retrieval.ask.rules:RulesPlanner"


class Plan(Protocol):
    @property
    def sources(self) -> Sequence[str]: ...


Planner = Callable[[str], Plan]


@dataclass(frozen=True)
class Routed:
    """A question, the source that holds its answer, and the set that it comes from."""

    text: str
    source: Source
    origin: str


@dataclass(frozen=True)
class Share:
    origin: str
    source: Source
    questions: int
    reached: int  # the source is among those of the plan
    alone: int  # ... and is the only one
    misses: tuple[str, ...]


def own_questions(source: Source, count: int = COUNT, seed: int = 0) -> list[Routed]:
    """The plain ones of the data file, then drawn frames with drawn subjects; no two alike.

    Raises ValueError for more than there are.
    """
    known = json.loads((DATA / "templates.json").read_text(encoding="utf-8"))[source]
    pairs = [frame.replace("{s}", subject) for frame in known["frames"] for subject in known["subjects"]]
    texts = known["plain"] + Random(f"{source} {seed}").sample(pairs, len(pairs))
    if count > len(texts):
        raise ValueError(f"There are {len(texts)} questions about {source}, not {count}.")
    return [Routed(text, source, "own") for text in texts[:count]]


def picture_questions(folder: Path, most: int = PICTURES, seed: int = 0) -> Iterator[Routed]:
    """Questions about photographs from the files that lie in the folder, `most` of each, drawn by seed."""
    for name in PICTURE_FILES:
        path = folder / name
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                texts = list(dict.fromkeys(row["question"] for row in rows))
            for text in Random(seed).sample(texts, min(most, len(texts))):
                yield Routed(text, "visual", path.parent.name)


def measure(plan: Planner, questions: Iterable[Routed]) -> list[Share]:
    groups: dict[tuple[str, Source], list[Routed]] = {}
    for question in questions:
        groups.setdefault((question.origin, question.source), []).append(question)
    shares = []
    for (origin, source), group in groups.items():
        plans = [(question, tuple(plan(question.text).sources)) for question in group]
        misses = tuple(question.text for question, sources in plans if source not in sources)
        alone = sum(sources == (source,) for _, sources in plans)
        shares.append(Share(origin, source, len(group), len(group) - len(misses), alone, misses))
    return shares


def lines(shares: Iterable[Share], misses: int) -> Iterator[str]:
    yield "| questions | source | how many | source is looked at | and no other |"
    yield "|---|---|---|---|---|"
    kept = list(shares)
    for share in kept:
        yield (
            f"| {share.origin} | {share.source} | {share.questions} | {share.reached / share.questions:.3f}"
            f" | {share.alone / share.questions:.3f} |"
        )
    for share in kept:
        for text in share.misses[:misses]:
            yield f"missed ({share.origin}, {share.source}): {text}"


def planner_named(name: str) -> Planner:
    """MODULE:NAME of a function, or of a class whose objects have `plan`.

    Raises ImportError or AttributeError where there is none.
    """
    module, _, function = name.partition(":")
    found = getattr(import_module(module), function)
    planner: Planner = found().plan if isinstance(found, type) else found
    return planner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="folder with coco/vqa.tsv or daquar/qa.tsv")
    parser.add_argument("--planner", default=PLANNER, metavar="MODULE:NAME", help="default: %(default)s")
    parser.add_argument("--misses", type=int, default=20, metavar="N", help="of each set (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        plan = planner_named(arguments.planner)
    except (ImportError, AttributeError) as error:
        sys.exit(f"There is no planner {arguments.planner}: {error}")
    questions = [q for source in get_args(Source)[1:] for q in own_questions(source, seed=arguments.seed)]
    if arguments.pictures:
        questions += picture_questions(arguments.pictures, seed=arguments.seed)
    print(*lines(measure(plan, questions), arguments.misses), sep="\n")


if __name__ == "__main__":
    main()
