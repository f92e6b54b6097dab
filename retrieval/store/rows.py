"""Rows of the database as records."""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from retrieval.store.damage import DamagedLibrary
from retrieval.store.folder import DATABASE
from retrieval.store.records import Clip, ClipFrames, Video

Read = TypeVar("Read")


def marks_of(values: Iterable[object]) -> tuple[str, tuple[object, ...]]:
    listed = tuple(values)
    return ", ".join("?" * len(listed)), listed


def _sound(read: Callable[[sqlite3.Row], Read]) -> Callable[[sqlite3.Row], Read]:
    """Of a row that makes no sense it is said that the database is damaged."""

    @functools.wraps(read)
    def checked(row: sqlite3.Row) -> Read:
        try:
            return read(row)
        except (ValueError, TypeError) as error:
            raise DamagedLibrary(Path(DATABASE), f"a row makes no sense: {error}") from error

    return checked


@_sound
def video_of(row: sqlite3.Row) -> Video:
    return Video(**dict(row) | {column: json.loads(row[column]) for column in ("info", "warnings", "choices")})


@_sound
def clip_of(row: sqlite3.Row) -> Clip:
    tags, colours = ([(name, share) for name, share in json.loads(row[column])] for column in ("tags", "colours"))
    return Clip(row["id"], row["video_id"], row["number"], row["start"], row["end"], tags, colours)


@_sound
def clip_frames_of(row: sqlite3.Row) -> ClipFrames:
    times = np.frombuffer(row["times"], "<f4")
    vectors = np.frombuffer(row["vectors"], "<f2").astype(np.float32)
    return ClipFrames(clip_of(row), times, vectors.reshape(len(times), -1) if len(times) else vectors.reshape(0, 0))
