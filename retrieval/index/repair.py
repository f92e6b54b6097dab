"""Makes a sound database of a damaged one: what can be read is kept, what follows from it is made again.

The damaged file stays beside the new one under a dated name, and the videos' files are not touched.
"""

from __future__ import annotations

import contextlib
import json
import math
import mmap
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import CuepointError
from retrieval.index.lanes.see import segment_vectors
from retrieval.store.damage import READING, DamagedLibrary, MissingDatabase, told
from retrieval.store.folder import (
    BESIDE,
    DATABASE,
    MAGIC,
    Exchange,
    check_database_file,
    exchange,
    new_files,
    used_alone,
)
from retrieval.store.fulltext import index_text
from retrieval.store.migrations import migrate, missing_tables
from retrieval.store.pages import FoundRow, PageReader, Value
from retrieval.store.records import LANES
from retrieval.store.rows import clip_frames_of, clip_of, video_of

_TYPES: dict[str, type | tuple[type, ...]] = {"TEXT": str, "REAL": (float, int), "INTEGER": int, "BLOB": bytes}
_MADE_AGAIN = ("migrations", "passage_words")  # with what FTS5 keeps for itself, its names begin so
_LEFT_OUT = ("sqlite_", *_MADE_AGAIN)
_STRAY_SHARE = 0.8  # of the rows of a page that no tree leads to must make sense as rows of one table


@dataclass
class Repaired:
    """What came of a repair. `saved` and `lost` count rows by table; what was lost without a trace is not counted."""

    saved: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    damaged: bool = True  # whether there was anything to repair
    kept_as: Path | None = None  # the damaged file, if there was one
    seen_anew: int = 0  # videos that are looked at again when Cuepoint runs


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    needed: bool
    default: Value
    is_row_number: bool


def find_damage(path: Path) -> CuepointError | None:
    """Read all of a database without changing it; None if it is sound, or if there is none."""
    try:
        check_database_file(path)
        if not path.exists() or path.stat().st_size == 0:
            return None
        with contextlib.closing(sqlite3.connect(path)) as db:
            for check in ("quick_check(1)", "foreign_key_check"):
                answer = db.execute(f"PRAGMA {check}").fetchone()
                if answer is not None and answer[0] != "ok":
                    return DamagedLibrary(path, "a row without what it belongs to" if len(answer) > 1 else answer[0])
            db.execute("INSERT INTO passage_words(passage_words) VALUES ('integrity-check')")
            db.rollback()
            if missing := missing_tables(db):
                return DamagedLibrary(path, f"there is no table {missing[0]}")
            return _find_wrong_row(db, path)
    except CuepointError as error:
        return error
    except READING as error:
        return told(error, path) or DamagedLibrary(path, str(error))


def _find_wrong_row(db: sqlite3.Connection, path: Path) -> DamagedLibrary | None:
    db.row_factory = sqlite3.Row
    for table, columns in _tables(db).items():
        for row in db.execute(f"SELECT * FROM {table}"):
            if not _makes_sense(table, columns, dict(row)):
                return DamagedLibrary(path, f"a row of {table} makes no sense")
    return None


def repair(folder: Path) -> Repaired:
    """Repair the library in a folder. Raises CuepointError when it is in use or the disk is full."""
    path = folder / DATABASE
    with used_alone(folder):
        damage = find_damage(path)
        if damage is None:
            if not path.exists():
                raise CuepointError(f"There is no library in {folder}.")
            return Repaired(damaged=False)
        if not isinstance(damage, (DamagedLibrary, MissingDatabase)):
            raise damage
        try:
            return _repair(folder)
        except OSError as error:
            raise CuepointError(f"The repair of {path} broke off: {error.strerror or error}.") from error


def _repair(folder: Path) -> Repaired:
    path, stamp = folder / DATABASE, time.strftime("%Y%m%d-%H%M%S")
    place = new_files(folder)
    result = Repaired(kept_as=folder / f"{DATABASE}.damaged-{stamp}")
    with contextlib.closing(sqlite3.connect(place / DATABASE, isolation_level=None)) as db:
        migrate(db)
        db.execute("BEGIN")
        if path.exists() and path.stat().st_size > 0:
            _copy(_readable_copy(path, place.parent / "copy.sqlite3"), db, result)
        _make_again(db, result)
        db.execute("COMMIT")
    put_away: dict[str, str | None] = {
        f"{DATABASE}{suffix}": f"{DATABASE}.damaged-{stamp}{suffix}" for suffix in ("", *BESIDE)
    }
    exchange(folder, Exchange([DATABASE], put_away | {"indexes": None}))
    if not result.kept_as or not result.kept_as.exists():
        result.kept_as = None
    return result


# -- reading what is left ------------------------------------------------------------------------


def _readable_copy(path: Path, copy: Path) -> Path:
    """A copy of a database, with what still stands in its write-ahead log if that can be read."""
    shutil.copyfile(path, copy)
    _mend_header(copy)
    with contextlib.suppress(OSError):
        shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(copy)) as db:
        db.execute("PRAGMA writable_schema = ON")  # a schema that makes no sense is no obstacle
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return copy


def _mend_header(path: Path) -> None:
    """What is the same in every library is written anew, or SQLite would not open the file at all."""
    with path.open("r+b") as file:
        if len(file.read(100)) < 100:
            return
        for at, constant in ((0, MAGIC), (18, bytes([2, 2, 0, 64, 32, 32])), (56, bytes([0, 0, 0, 1]))):
            file.seek(at)
            file.write(constant)


def _copy(source: Path, db: sqlite3.Connection, result: Repaired) -> None:
    """Take over the rows of all tables, then those of pages that belong to none by the looks of their rows."""
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        reader, tables = PageReader(content), _tables(db)
        roots = reader.tables()
        # A table of another name is one of ours whose name is damaged: its pages are strays.
        left_out = [table for table in roots if table.startswith(_LEFT_OUT)]
        known = {page for table in left_out for page in reader.leaves(roots[table])}
        for table, columns in tables.items():
            reader.unreadable = 0
            leaves = reader.leaves(roots[table]) if table in roots else []
            known.update(leaves)
            for row in reader.rows(leaves):
                _take(db, table, columns, row, result)
            result.lost[table] += reader.unreadable
        for page in reader.strays(known):
            rows = list(reader.rows([page]))
            fitting = [t for t, columns in tables.items() if _fit(t, columns, rows) > _STRAY_SHARE]
            if len(fitting) == 1:
                for row in rows:
                    _take(db, fitting[0], tables[fitting[0]], row, result)


def _fit(table: str, columns: list[Column], rows: list[FoundRow]) -> float:
    """The share of the rows of a page that make sense as rows of a table: some of them may be damaged."""
    return sum(_row_of(table, columns, row) is not None for row in rows) / max(len(rows), 1)


def _take(db: sqlite3.Connection, table: str, columns: list[Column], found: FoundRow, result: Repaired) -> None:
    row = _row_of(table, columns, found)
    if row is None:
        result.lost[table] += 1
        return
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    with contextlib.suppress(sqlite3.IntegrityError):  # not one of the kinds that the table allows
        taken = db.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(row.values())).rowcount
        result.saved[table] += taken


def _row_of(table: str, columns: list[Column], found: FoundRow) -> dict[str, Value] | None:
    """The row by column, if it makes sense as one of this table."""
    if len(found.values) > len(columns):
        return None
    values = [*found.values, *(column.default for column in columns[len(found.values) :])]
    row = {
        column.name: found.number if column.is_row_number else value
        for column, value in zip(columns, values, strict=True)
    }
    return row if _makes_sense(table, columns, row) else None


# -- what makes sense ----------------------------------------------------------------------------


def _tables(db: sqlite3.Connection) -> dict[str, list[Column]]:
    """The tables that hold what cannot be made again, with their columns; those that others refer to come first."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
    return {
        name: [_column(row) for row in db.execute(f"PRAGMA table_info({name})")]
        for name in names
        if not name.startswith(_LEFT_OUT)
    }


def _column(row: Any) -> Column:
    _, name, kind, needed, default, key = tuple(row)
    value: Value = default
    if isinstance(default, str):
        value = default[1:-1] if default.startswith("'") else float(default) if "." in default else int(default)
    return Column(name, kind, bool(needed or key), value, kind == "INTEGER" and key == 1)


def _makes_sense(table: str, columns: list[Column], row: Mapping[str, Value]) -> bool:
    """Whether a row has the types of its columns, and whether what is packed into them can be unpacked."""
    for column in columns:
        value = row[column.name]
        if value is None and column.needed:
            return False
        if value is not None and not isinstance(value, _TYPES.get(column.type, object)):
            return False
        if isinstance(value, float) and not math.isfinite(value):
            return False
    try:
        _UNPACK.get(table, lambda row: None)(row)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, CuepointError):
        return False
    return True


def _unpack_video(row: Any) -> None:
    video = video_of(row)
    if not isinstance(video.info, dict) or not all(isinstance(text, str) for text in video.warnings):
        raise ValueError


def _unpack_clip(row: Any) -> None:
    frames = clip_frames_of(row)
    if row["end"] < row["start"] or not all(
        isinstance(name, str) for name, _ in frames.clip.tags + frames.clip.colours
    ):
        raise ValueError
    _check_finite(frames.times, frames.vectors, np.frombuffer(row["concepts"], "<f2"))


def _unpack_vector(row: Any) -> None:
    _check_finite(np.frombuffer(row["vector"], "<f4"))


def _check_finite(*arrays: np.ndarray) -> None:
    """No model gives anything else."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError


def _unpack_sighting(row: Any) -> None:
    for _, _, (_, _, _, _) in json.loads(row["boxes"]):
        pass


def _unpack_message(row: Any) -> None:
    if row["answer"] is not None and not isinstance(json.loads(row["answer"]), dict):
        raise ValueError


_UNPACK: dict[str, Callable[[Any], None]] = {
    "videos": _unpack_video,
    "clips": _unpack_clip,
    "sightings": _unpack_sighting,
    "messages": _unpack_message,
    "vectors": _unpack_vector,
}


# -- what is made again --------------------------------------------------------------------------


def _make_again(db: sqlite3.Connection, result: Repaired) -> None:
    db.row_factory = sqlite3.Row
    for table in ("videos", "chats"):
        db.execute(f"INSERT OR IGNORE INTO users (id, created_at) SELECT DISTINCT owner, {time.time()} FROM {table}")
    _drop_orphans(db, result)
    db.execute("DELETE FROM passage_words")
    for passage in db.execute("SELECT id, text FROM passages").fetchall():
        db.execute(
            "INSERT INTO passage_words (rowid, words) VALUES (?, ?)", (passage["id"], index_text(passage["text"]))
        )
    _find_lane_rows(db)
    for video in db.execute("SELECT id, duration, status FROM videos").fetchall():
        _make_picture_vectors(db, video["id"])
        result.seen_anew += _ask_for_what_is_missing(db, video)


def _drop_orphans(db: sqlite3.Connection, result: Repaired) -> None:
    """Rows whose video, clip, passage or chat is lost: nothing leads to them."""
    while orphans := db.execute("PRAGMA foreign_key_check").fetchall():
        for orphan in orphans:
            gone = db.execute(f"DELETE FROM {orphan['table']} WHERE rowid = ?", (orphan["rowid"],)).rowcount
            result.saved[orphan["table"]] -= gone
            result.lost[orphan["table"]] += gone


def _find_lane_rows(db: sqlite3.Connection) -> None:
    """A lane whose row is lost counts as done where the video was: what it found is in the other tables."""
    for video in db.execute("SELECT id, duration, status FROM videos").fetchall():
        done = video["status"] == "ready"
        db.executemany(
            "INSERT OR IGNORE INTO lanes (video_id, lane, until, done) VALUES (?, ?, ?, ?)",
            [(video["id"], lane, video["duration"] if done else 0.0, int(done)) for lane in LANES],
        )


def _make_picture_vectors(db: sqlite3.Connection, video_id: str) -> None:
    """The vectors that searching uses follow from those of the frames."""
    counted = "SELECT clip_id, count(*) FROM vectors WHERE video_id = ? AND kind = 'visual' GROUP BY clip_id"
    here: dict[int, int] = dict(db.execute(counted, (video_id,)).fetchall())
    for row in db.execute("SELECT * FROM clips WHERE video_id = ?", (video_id,)).fetchall():
        frames = clip_frames_of(row)
        if len(frames.times):
            wanted = segment_vectors(frames.times, frames.vectors, row["start"], row["end"])
        else:  # sound alone
            wanted = np.zeros((0, 1), np.float32)
        if here.get(row["id"], 0) != len(wanted):
            db.execute("DELETE FROM vectors WHERE video_id = ? AND clip_id = ?", (video_id, row["id"]))
            db.executemany(
                "INSERT INTO vectors (video_id, kind, clip_id, vector) VALUES (?, 'visual', ?, ?)",
                [(video_id, row["id"], vector.astype("<f4").tobytes()) for vector in wanted],
            )


def _ask_for_what_is_missing(db: sqlite3.Connection, video: sqlite3.Row) -> bool:
    """Forget whose vectors a video has if some are lost: it is then renewed as after a change of models."""
    clips = [
        clip_of(row) for row in db.execute("SELECT * FROM clips WHERE video_id = ? ORDER BY start", (video["id"],))
    ]
    until = db.execute("SELECT until FROM lanes WHERE video_id = ? AND lane = 'see'", (video["id"],)).fetchone()[
        "until"
    ]
    ends = [0.0, *(clip.end for clip in clips)]
    whole = (
        all(abs(clip.start - end) < 0.01 for clip, end in zip(clips, ends, strict=False)) and ends[-1] > until - 0.01
    )
    (silent,) = db.execute(
        "SELECT count(*) FROM passages p WHERE video_id = ?"
        " AND NOT EXISTS (SELECT 1 FROM vectors WHERE passage_id = p.id)",
        (video["id"],),
    ).fetchone()
    if not whole:
        db.execute("UPDATE videos SET vision_model = NULL WHERE id = ?", (video["id"],))
    if silent:
        db.execute("UPDATE videos SET text_model = NULL WHERE id = ?", (video["id"],))
    return not whole or bool(silent)


def rows_in(counts: Iterable[tuple[str, int]]) -> str:
    """ "videos 3, clips 40" """
    return ", ".join(f"{table} {count:,}" for table, count in counts if count) or "none"
