"""Which of a data set's files say something about a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from model.training.readers.tally import Tally

SPLITS = ("train", "val", "test")
# Only these are looked at: a folder may hold a million videos.
_SUFFIXES = (".tsv", ".csv", ".json", ".jsonl", ".ndjson", ".txt", ".parquet")


def root_of(path: Path) -> Path:
    """The folder of a data set that is named by its folder or by one of its files."""
    return path if path.is_dir() else path.parent


def files_like(path: Path, patterns: Sequence[str]) -> list[Path]:
    """`path` itself if it is a file, else the files in it, or a folder below, that fit the first pattern that any fits.

    Patterns are those of fnmatch, without regard to case.
    """
    if path.is_file():
        return [path]
    for files in (path.iterdir(), path.glob("*/*")):
        listed = sorted(file for file in files if file.name.lower().endswith(_SUFFIXES) and file.is_file())
        for pattern in patterns:
            fitting = [file for file in listed if fnmatch(file.name.lower(), pattern.lower())]
            if fitting:
                return fitting
    return []


def files_of_split(path: Path, patterns: Mapping[str, Sequence[str]], split: str, tally: Tally) -> list[Path]:
    """The annotation files of `split`. A file given by name counts if its name fits, or fits no split at all."""
    if path.is_file():
        fits = {name for name in patterns if any(fnmatch(path.name.lower(), like.lower()) for like in patterns[name])}
        if not fits or split in fits:
            return [path]
        tally.other_splits |= fits
        return []
    found = files_like(path, patterns.get(split, ()))
    if not found:
        tally.other_splits |= {name for name in patterns if name != split and files_like(path, patterns[name])}
        if split in patterns and not tally.other_splits:
            tally.skip("missing annotation file", patterns[split][0])
    return found
