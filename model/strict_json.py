"""JSON files read into dataclasses, strictly: unknown keys and values of another type are refused, by file and key."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from model.errors import UsageError

Section = TypeVar("Section")


def read_file(path: Path, section: type[Section], what: str) -> Section:
    """Raises UsageError in one sentence; `what` says in it what the file is, for instance "The profile"."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{what} {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{what} {path} is not valid JSON: {error}.") from error
    return read_section(section, content, path)


def read_section(section: type[Section], content: Any, path: Path, where: str = "") -> Section:
    """Fills dataclass `section` from a JSON object. `where` is the key that led here, with a full stop behind it.

    A field's metadata may give "low" and "high". Raises UsageError; what the dataclass itself raises passes through.
    """
    if not isinstance(content, dict):
        raise UsageError(f"{path}: {where.rstrip('.') or 'the file'} must be an object.")
    fields = {entry.name: entry for entry in dataclasses.fields(section)}  # type: ignore[arg-type]
    types = get_type_hints(section)
    for key in content:
        if key not in fields:
            raise UsageError(f"{path}: unknown key {where}{key}; known here: {', '.join(fields)}.")
    values = {}
    for name, entry in fields.items():
        if name in content:
            values[name] = read_value(types[name], content[name], path, f"{where}{name}")
            check_range(entry, values[name], path, f"{where}{name}")
        elif entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
            raise UsageError(f"{path}: the key {where}{name} is missing.")
    return section(**values)


def read_value(kind: Any, value: Any, path: Path, where: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return read_section(kind, value, path, f"{where}.")
    if get_origin(kind) is UnionType:  # X | None: what may be left out
        given = next(each for each in get_args(kind) if each is not NoneType)
        return None if value is None else read_value(given, value, path, where)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UsageError(f"{path}: {where} is {value!r}; it must be one of {', '.join(get_args(kind))}.")
        return value
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise UsageError(f"{path}: {where} must be a list.")
        return [read_value(get_args(kind)[0], each, path, f"{where}[{i}]") for i, each in enumerate(value)]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:  # not isinstance: true is no number
        raise UsageError(f"{path}: {where} is {value!r}; it must be {'text' if kind is str else kind.__name__}.")
    return value


def check_range(entry: dataclasses.Field[Any], value: Any, path: Path, where: str) -> None:
    low, high = entry.metadata.get("low"), entry.metadata.get("high")
    if None not in (low, value) and not low <= value <= high:
        raise UsageError(f"{path}: {where} is {value}; it must lie between {low} and {high}.")
