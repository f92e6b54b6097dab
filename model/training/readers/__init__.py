"""Data sets in their authors' own file formats, read into Samples; one module a family.

`read` is the way in: it says in one sentence what is wrong with a request, skips and counts what is broken in the data,
and never opens a picture or a video.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from model.errors import UsageError
from model.training.readers import (
    activitynet,
    activitynet_qa,
    howto100m,
    kinetics,
    llava,
    msrvtt,
    msvd,
    mvbench,
    nextqa,
    tsv,
    video_qa,
    videomme,
    webvid,
)
from model.training.readers.annotations import SPLITS
from model.training.readers.tally import Tally
from model.training.samples import Sample

__all__ = ["READERS", "Reader", "Tally", "by_moment", "read"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    expects: str  # what it looks for at a path, as the end of a sentence
    samples: Callable[[Path, str, Tally], Iterator[Sample]]

    def __call__(self, path: Path, split: str, tally: Tally | None = None) -> Iterator[Sample]:
        return self.samples(path, split, Tally() if tally is None else tally)


READERS: dict[str, Reader] = {
    "tsv": Reader(tsv.EXPECTS, tsv.read),
    "webvid": Reader(webvid.EXPECTS, webvid.read),
    "msrvtt": Reader(msrvtt.EXPECTS, msrvtt.read),
    "msvd": Reader(msvd.EXPECTS, msvd.read),
    "activitynet": Reader(activitynet.EXPECTS, activitynet.read),
    "howto100m": Reader(howto100m.EXPECTS, howto100m.read),
    "kinetics": Reader(kinetics.EXPECTS, kinetics.read),
    "llava": Reader(llava.EXPECTS, llava.read),
    "msrvtt_qa": Reader(video_qa.MSRVTT_EXPECTS, video_qa.read_msrvtt),
    "msvd_qa": Reader(video_qa.MSVD_EXPECTS, video_qa.read_msvd),
    "activitynet_qa": Reader(activitynet_qa.EXPECTS, activitynet_qa.read),
    "nextqa": Reader(nextqa.EXPECTS, nextqa.read),
    "mvbench": Reader(mvbench.EXPECTS, mvbench.read),
    "videomme": Reader(videomme.EXPECTS, videomme.read),
}


def read(name: str, path: Path | str, split: str, tally: Tally | None = None) -> Iterator[Sample]:
    """The samples of one split ("train", "val" or "test") of the data set at `path`, its folder or one of its files.

    tally: filled while samples are taken. Raises UsageError at once for an unknown reader or split, for a path that is
    not there, and where nothing is left of the split.
    """
    path, tally = Path(path), Tally() if tally is None else tally
    if name not in READERS:
        raise UsageError(f'There is no reader "{name}": choose {", ".join(READERS)}.')
    if split not in SPLITS:
        raise UsageError(f'There is no split "{split}": choose train, val or test.')
    if not path.exists():
        raise UsageError(f"There is no {path}: the {name} reader expects {READERS[name].expects}.")
    samples = READERS[name](path, split, tally)
    first = next(samples, None)
    if first is None:
        raise UsageError(_nothing(name, path, split, tally))
    return _counted(chain([first], samples), f"{name} {path.name} {split}", tally)


def by_moment(samples: Iterator[Sample]) -> Iterator[Sample]:
    """Each moment as a sample of its own, what happens then its caption; samples without moments as they are."""
    for sample in samples:
        if not sample.moments:
            yield sample
        for start, end, text in sample.moments:
            name = f"{sample.id}@{start:g}-{end:g}"
            yield replace(sample, id=name, start=start, end=end, captions=(text,), questions=(), moments=())


def _counted(samples: Iterator[Sample], title: str, tally: Tally) -> Iterator[Sample]:
    for sample in samples:
        tally.count(sample)
        yield sample
    logger.log(logging.WARNING if tally.skipped else logging.INFO, "%s: %s", title, tally)


def _nothing(name: str, path: Path, split: str, tally: Tally) -> str:
    others = sorted(tally.other_splits & set(SPLITS)) or sorted(tally.other_splits)
    lost = f" Skipped: {tally.losses}." if tally.skipped else ""
    if others and not lost:
        return f"{path} has nothing of the split {split}: choose {' or '.join(others)}."
    return f"Nothing of the split {split} is left in {path}: the {name} reader expects {READERS[name].expects}.{lost}"
