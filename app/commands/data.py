"""How a data set is named on the command line."""

from __future__ import annotations

from pathlib import Path

from model.errors import UsageError
from model.training.readers import READERS


def parse_data(text: str) -> tuple[str, Path]:
    """ "tsv:DIR" -> the reader's name and a path, which the reader checks. Raises UsageError."""
    reader, colon, path = text.partition(":")
    if not colon or not path or reader not in READERS:
        raise UsageError(f"--data is READER:PATH, where READER is one of {', '.join(READERS)}.")
    return reader, Path(path).expanduser()
