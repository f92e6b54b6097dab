"""Rows and records out of CSV, TSV, JSON and JSON-lines files, one at a time, whatever is broken around them.

Knows nothing of any data set. What cannot be read is counted in the Tally and left out.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from model.training.readers.tally import Tally

# Longer is no caption and no answer but a page that slipped into the column. VideoChat's longest descriptions have
# about 3,000 characters.
LONGEST_TEXT_CHARS = 5_000
_CHUNK_CHARS = 1 << 20
_SPACE = re.compile(r"\s*")
_SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validate": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def split_name(said: object) -> str:
    """The data set's own word for a split as "train", "val" or "test"; an unknown word as it is, lower case."""
    word = str(said).strip().lower()
    return _SPLITS.get(word, word)


def split_of_name(file: Path) -> str:
    """The split that a file's name tells ("results_2M_val.csv"), or "" where it tells none."""
    words = re.split(r"[^a-z]+", file.stem.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def clean_text(value: object, what: str, where: object, tally: Tally) -> str:
    """`value` with its ends trimmed, or "", counted as a skipped `what`, where it is no text, empty or far too long."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not text:
        tally.skip(f"empty {what}", where)
        return ""
    if len(text) > LONGEST_TEXT_CHARS:
        tally.skip(f"{what} of more than {LONGEST_TEXT_CHARS:,} characters", where)
        return ""
    return text


def seconds(value: object) -> float | None:
    """A time in seconds, or None where it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def tsv_rows(path: Path, tally: Tally) -> Iterator[tuple[str, dict[str, str]]]:
    """(where, row by column name) of a tab-separated file with a header line and without quoting."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        names = [name.strip() for name in file.readline().rstrip("\r\n").split("\t")]
        for number, line in enumerate(file, start=2):
            if line.strip():
                yield from _row(names, line.rstrip("\r\n").split("\t"), f"{path.name} line {number}", tally)


def csv_rows(path: Path, tally: Tally) -> Iterator[tuple[str, dict[str, str]]]:
    """(where, row by column name) of a comma-separated file with a header line and the usual quoting."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = csv.reader(file)
        try:
            names = [name.strip() for name in next(lines, [])]
        except csv.Error:
            tally.skip("unreadable row", f"{path.name} line 1")
            return
        while True:
            try:
                fields = next(lines, None)
            except csv.Error:  # a quote that is never closed
                tally.skip("unreadable row", f"{path.name} line {lines.line_num}")
                continue
            if fields is None:
                return
            if fields:
                yield from _row(names, fields, f"{path.name} line {lines.line_num}", tally)


def _row(names: list[str], fields: list[str], where: str, tally: Tally) -> Iterator[tuple[str, dict[str, str]]]:
    if len(fields) == len(names):
        yield where, dict(zip(names, fields, strict=True))
    else:
        tally.skip("wrong number of columns", where)


def columns(path: Path, separator: str = ",") -> list[str]:
    """The column names in the first line; quoting is not looked at."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return [name.strip().strip('"') for name in file.readline().rstrip("\r\n").split(separator)]


def json_records(path: Path, tally: Tally, fields: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, record) of a JSON array of objects, of an object of objects (`where` is the key), or of JSON lines.

    Read piece by piece: files of many gigabytes need little memory, and one that breaks off gives all before the break.
    Records that are no objects, or lack one of `fields`, are skipped and counted.
    """
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        found: Iterator[tuple[str, Any]] = _json_lines(path, tally)
    else:
        found = _json_elements(path, tally)
    for where, record in found:
        if isinstance(record, dict) and all(name in record for name in fields):
            yield where, record
        else:
            tally.skip("bad JSON record", f"{path.name} {where}")


def _json_lines(path: Path, tally: Tally) -> Iterator[tuple[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                tally.skip("bad JSON record", f"{path.name} line {number}")
                continue
            yield f"line {number}", record


def _json_elements(path: Path, tally: Tally) -> Iterator[tuple[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        text = _Text(file)
        opening = text.take()
        if opening not in ("[", "{"):
            tally.skip("broken JSON", path.name)
            return
        number = 0
        try:
            while text.peek() not in ("]", "}"):
                key = f"record {number}"
                if opening == "{":
                    key = str(text.value())
                    text.expect(":")
                yield key, text.value()
                number += 1
                if text.peek() not in ("]", "}"):
                    text.expect(",")
        except (ValueError, RecursionError):
            tally.skip("broken JSON", f"{path.name} after {number:,} records")


class _Text:
    """A JSON file read as it is needed. Its methods raise ValueError where the JSON is broken or ends too soon."""

    def __init__(self, file: Any) -> None:
        self._file, self._text, self._at, self._ended = file, "", 0, False
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no white space, or ""."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self) -> str:
        found = self.peek()
        self._at += len(found)
        return found

    def expect(self, character: str) -> None:
        if self.take() != character:
            raise ValueError(f"expected {character}")

    def value(self) -> Any:
        if not self.peek():
            raise ValueError("ends too soon")
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
            else:
                return value

    def _more(self) -> bool:
        # Twice as much each time, so that a long value is not parsed over and over.
        piece = "" if self._ended else self._file.read(max(_CHUNK_CHARS, len(self._text) - self._at))
        self._ended = not piece
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)


def json_document(path: Path, tally: Tally) -> Any:
    """The whole file as Python objects; None, and counted, where it is broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        tally.skip("broken JSON", path.name)
        return None
