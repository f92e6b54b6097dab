"""`cuepoint evaluate`: how good a profile's models are on a data set, with 95 % intervals and what guessing gets."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from app.commands import print_json, say, settings_of
from app.commands.data import parse_data
from model.errors import CuepointError, UsageError
from model.evaluation import tasks
from model.evaluation.bootstrap import Figure
from model.evaluation.question_answering import qa
from model.evaluation.subset import draw
from model.loading import Models
from model.profile import Profile, choose_profile
from model.training.readers import Tally, read
from model.training.samples import Sample

Item = TypeVar("Item")
_PLAIN = ("median_rank", "bleu_4", "rouge_l", "cider_d", "mean_iou")  # figures that are not shown as per cent


_JUDGED = {
    "retrieval": "caption",
    "captions": "caption",
    "qa": "question",
    "classification": "label",
    "moments": "moment",
    "grounded": "item",
}
_CONCERNED: dict[str, Callable[[Sample], object]] = {  # which samples say anything of a task
    "retrieval": lambda sample: sample.captions,
    "captions": lambda sample: sample.captions,
    "qa": lambda sample: sample.questions,
    "classification": lambda sample: sample.label,
    "moments": lambda sample: sample.moments,
    "grounded": lambda sample: sample.captions,
}


def run(arguments: argparse.Namespace) -> None:
    reader, path = parse_data(arguments.data)
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError("--limit must be at least 1.")
    if arguments.output is not None and not arguments.output.absolute().parent.is_dir():
        raise UsageError(f"--output {arguments.output}: there is no such folder.")  # said before hours of work
    profile, _ = choose_profile(settings_of(arguments).profile)
    models, tally = Models(profile), Tally()
    every = [s for s in read(reader, path, arguments.split, tally) if _CONCERNED[arguments.task](s)]
    if not every:
        raise UsageError(f"The {arguments.split} split of {path} has nothing for {arguments.task}.")
    began = time.monotonic()
    report = evaluate(arguments, models, every)
    found = {
        "task": report.task,
        "data": arguments.data,
        "split": arguments.split,
        "profile": profile.name,
        "models": models_used(profile, models, report.task),
        "samples": report.samples,
        "of": len(every),
        "items": report.items,
        "skipped": {"samples": report.skipped.count, "rows": tally.skipped.total(), "why": why(report, tally)},
        "figures": {key: as_json(figure) for key, figure in report.figures.items()},
        "notes": report.notes,
        "seconds": round(time.monotonic() - began, 1),
    }
    if arguments.json:
        print_json(found)
    else:
        print(as_markdown(found))
    if arguments.output is not None:
        write(arguments.output, {**found, "predictions": report.predictions})


def evaluate(arguments: argparse.Namespace, models: Models, every: Sequence[Sample]) -> tasks.Report:
    """every: the whole split, of which --limit draws some; of the items made from it, as many."""
    if arguments.task == "grounded":
        from model.evaluation.grounded import grounded, items_of

        stills, items = items_of(every, arguments.limit)
        return grounded(models, stills, counted(items))
    samples = counted(draw(every, arguments.limit))
    if arguments.task == "retrieval":
        return tasks.retrieval(models, samples)
    if arguments.task == "captions":
        return tasks.captions(models, samples)
    if arguments.task == "qa":
        return qa(models, samples, training_samples(arguments))
    if arguments.task == "classification":
        return tasks.classification(models, samples, sorted({sample.label for sample in every}))
    return tasks.moments(models, samples)


def training_samples(arguments: argparse.Namespace) -> list[Sample]:
    """What baselines learn from; nothing, said plainly, where the data set has no such split."""
    try:
        return list(read(*parse_data(arguments.data), arguments.train_split))
    except UsageError as error:
        say(f"No baselines beside the figures: {error}")
        return []


def why(report: tasks.Report, tally: Tally) -> list[str]:
    return report.skipped.reasons + ([tally.losses] if tally.skipped else [])


def counted(samples: Sequence[Item]) -> Iterator[Item]:
    """With a bar and the time that is left, on a terminal."""
    console = Console(stderr=True)
    shown: Iterable[Item] = samples
    if console.is_terminal:
        shown = track(samples, "samples", console=console, transient=True)
    yield from shown


def models_used(profile: Profile, models: Models, task: str) -> dict[str, str]:
    if task in ("captions", "qa", "grounded"):
        choice, heads = profile.decoder, profile.vision if task == "qa" else None
        named = {"decoder": choice.source, "adapter": choice.adapter}
        named |= {"answers": heads.answers, "colours": heads.colours} if heads else {}
        return {name: source for name, source in named.items() if source}
    return {"vision": models.vision.name}


def as_json(figure: Figure) -> dict[str, float]:
    return {"value": round(figure.value, 4), "low": round(figure.low, 4), "high": round(figure.high, 4)}


def as_markdown(found: dict[str, Any]) -> str:
    """A table to paste into a README, and under it what was evaluated and how."""
    lines = ["| figure | value | 95 % interval |", "|---|---:|---:|"]
    for name, figure in found["figures"].items():
        value, low, high = (_shown(name, figure[key]) for key in ("value", "low", "high"))
        lines.append(f"| {name.replace('_', ' ')} | {value} | {low} to {high} |")
    part = "" if found["samples"] == found["of"] else f" of {found['of']:,}"
    models = ", ".join(f"{kind} {name}" for kind, name in found["models"].items())
    lost = " and ".join(_count(found["skipped"][what], what.removesuffix("s")) for what in ("samples", "rows"))
    lines += [
        "",
        f"{found['task']} on {Path(found['data']).name} ({found['split']}): {found['samples']:,}{part} samples, "
        f"{_count(found['items'], _JUDGED[found['task']])}; skipped {lost}; "
        f"profile {found['profile']} ({models}); {found['seconds']:,.0f} s.",
        *(f"Skipped: {reason}" for reason in found["skipped"]["why"]),
        *found["notes"],
    ]
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(name: str, value: float) -> str:
    if name.endswith("median_rank"):
        return f"{value:.1f}"
    return f"{value:.3f}" if name.startswith(_PLAIN) else f"{100 * value:.1f} %"


def write(path: Path, content: dict[str, Any]) -> None:
    """Raises CuepointError if it cannot be written."""
    try:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CuepointError(f"{path} cannot be written: {error.strerror}.") from error
