"""Backups: one zip with the database and, if wanted, the videos; and bringing one back, all or nothing.

In the archive: cuepoint.sqlite3, a consistent copy made while others may write; with media, videos/ and incoming/
(uploads that wait to be indexed); manifest.json with the size and the SHA-256 of each. Indexes are made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from model.errors import CuepointError
from retrieval.store.damage import READING, DamagedLibrary, told
from retrieval.store.folder import BESIDE, DATABASE, Exchange, check_database_file, exchange, new_files, used_alone
from retrieval.store.library import Library
from retrieval.store.migrations import MIGRATIONS, missing_tables

MANIFEST = "manifest.json"
_FORMAT = 1
_MEDIA = ("videos", "incoming")
_UNFINISHED = re.compile(r"^\.|\.part\b")  # files that are being written
_ID = re.compile(r"[A-Za-z0-9_-]+")  # of a video: also the name of its folder
_BLOCK_BYTES = 1 << 20
_LARGEST_MANIFEST_BYTES = 256 << 20
_SPARE_BYTES = 64 << 20


class UnreadableBackup(CuepointError):
    """The archive is none of ours, or damaged; the library was not touched."""

    exit_code = 3


@dataclass(frozen=True)
class BackedUp:
    file: Path
    bytes: int
    videos: int
    files: int
    with_media: bool


@dataclass(frozen=True)
class Restored:
    """`kept_as`: where what was there before is now, if anything was. `without_copy`: videos that cannot be played."""

    videos: int
    files: int
    without_copy: int
    kept_as: Path | None


# -- making one ----------------------------------------------------------------------------------


def back_up(library: Library, target: Path, with_media: bool = False) -> BackedUp:
    """Write a backup of a library that may be in use. The file appears under its name when it is whole.

    Raises CuepointError when it cannot be written, or when the database is damaged.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    copy = target.with_name(f".{target.name}.{os.getpid()}.part.sqlite3")
    try:
        videos = _copy_database(library, copy)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            files = _write(archive, library, copy, with_media)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except OSError as error:
        raise CuepointError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        for file in (part, copy, *(Path(f"{copy}{suffix}") for suffix in (*BESIDE, "-journal"))):
            file.unlink(missing_ok=True)
    return BackedUp(target, target.stat().st_size, videos, files, with_media)


def _copy_database(library: Library, copy: Path) -> int:
    """One state of the database, whatever is written meanwhile. Returns how many videos are in it."""
    copy.touch()  # an OSError here says more than SQLite's
    try:
        with (
            contextlib.closing(sqlite3.connect(library.db.path)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)  # in one step: in several it would begin anew with every write
            target.execute("PRAGMA journal_mode = DELETE")
            _check(target, library.db.path)
            (videos,) = target.execute("SELECT count(*) FROM videos").fetchone()
        return int(videos)
    except READING as error:
        raise told(error, library.db.path) or CuepointError(f"The database cannot be copied: {error}.") from error


def _check(db: sqlite3.Connection, path: Path) -> None:
    (answer,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if answer != "ok":
        raise DamagedLibrary(path, answer)


def _write(archive: zipfile.ZipFile, library: Library, copy: Path, with_media: bool) -> int:
    listed: dict[str, dict[str, Any]] = {}
    _add(archive, DATABASE, copy, zipfile.ZIP_DEFLATED, listed)
    for name, path in _media_of(copy, library.data_dir) if with_media else ():
        with contextlib.suppress(FileNotFoundError):  # deleted since the copy was made
            _add(archive, name, path, zipfile.ZIP_STORED, listed)
    manifest = {
        "format": _FORMAT,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "schema": len(MIGRATIONS),
        "with_media": with_media,
        "files": listed,
    }
    archive.writestr(MANIFEST, json.dumps(manifest, indent=1), zipfile.ZIP_DEFLATED)
    return len(listed)


def _media_of(copy: Path, data_dir: Path) -> Iterator[tuple[str, Path]]:
    """Each file of the videos in the copied database, with its name in the archive."""
    with contextlib.closing(sqlite3.connect(copy)) as db:
        rows = db.execute("SELECT id, source_path FROM videos ORDER BY id").fetchall()
    incoming = (data_dir / "incoming").resolve()
    for video_id, source in rows:
        folder = data_dir / "videos" / video_id
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            unfinished = inside.parts[0] == "clips" or _UNFINISHED.search(path.name)  # cuts for one reply
            if path.is_file() and not path.is_symlink() and not unfinished:
                yield path.relative_to(data_dir).as_posix(), path
        if Path(source).is_relative_to(incoming) and Path(source).is_file():
            yield f"incoming/{Path(source).relative_to(incoming).as_posix()}", Path(source)


def _add(archive: zipfile.ZipFile, name: str, path: Path, compression: int, listed: dict[str, dict[str, Any]]) -> None:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.compress_type, entry.external_attr = compression, 0o600 << 16
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        listed[name] = _copied(source, target)


def _copied(source: IO[bytes], target: IO[bytes]) -> dict[str, Any]:
    """Copy all, and describe what was copied as the manifest does."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK_BYTES):
        target.write(block)
        digest.update(block)
        size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


# -- bringing one back ---------------------------------------------------------------------------


def restore(source: Path, data_dir: Path, force: bool = False) -> Restored:
    """Make the backup the library of `data_dir`; what was there is moved aside. Everything is verified first.

    Raises UnreadableBackup for an archive that cannot be used, CuepointError for a library that is in use, or that
    has something in it when `force` is not given.
    """
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableBackup(f"{source} is no backup of Cuepoint, or damaged ({reason}).") from error
    try:
        with archive:
            manifest = _manifest_of(archive, source)
            with used_alone(data_dir):
                return _restore(archive, manifest, source, data_dir, force)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnreadableBackup(f"{source} is no backup of Cuepoint, or damaged ({error}).") from error
    except OSError as error:
        raise CuepointError(f"{source} could not be restored to {data_dir}: {error.strerror or error}.") from error


def _restore(archive: zipfile.ZipFile, manifest: dict[str, Any], source: Path, data_dir: Path, force: bool) -> Restored:
    if not force and (videos := _videos_in(data_dir / DATABASE)):
        raise CuepointError(
            f"The library in {data_dir} has {videos} videos or chats in it;"
            " --force moves it aside, another --data-dir leaves it alone."
        )
    _check_room(manifest, data_dir)
    place = new_files(data_dir)
    for name, expected in manifest["files"].items():
        _unpack(archive, name, expected, place, source)
    videos, without_copy = _adapt(place, data_dir, source)
    new = [name for name in (DATABASE, *_MEDIA) if (place / name).exists()]
    kept = data_dir / f"replaced-{time.strftime('%Y%m%d-%H%M%S')}"
    going = (*new, *(f"{DATABASE}{suffix}" for suffix in BESIDE))
    exchange(data_dir, Exchange(new, {name: f"{kept.name}/{name}" for name in going} | {"indexes": None}))
    return Restored(videos, len(manifest["files"]), without_copy, kept if kept.exists() else None)


def _manifest_of(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    """The manifest, after all names of the archive have been looked at."""
    refused = UnreadableBackup(f"{source} is no backup of Cuepoint, or damaged (its manifest makes no sense).")
    entries = {entry.filename: entry for entry in archive.infolist()}
    if MANIFEST not in entries or entries[MANIFEST].file_size > _LARGEST_MANIFEST_BYTES:
        raise UnreadableBackup(f"{source} is no backup of Cuepoint: there is no {MANIFEST} in it.")
    try:
        manifest = json.loads(archive.read(MANIFEST))
        files = {name: (int(is_["bytes"]), str(is_["sha256"])) for name, is_ in manifest["files"].items()}
        if manifest["format"] != _FORMAT or manifest["schema"] > len(MIGRATIONS):
            raise UnreadableBackup(f"{source} was written by a newer Cuepoint; use that one to restore it.")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise refused from None
    if len(entries) != len(archive.infolist()) or set(entries) != {*files, MANIFEST} or DATABASE not in files:
        raise refused
    for name, (size, _) in files.items():
        if not _is_ours(name) or not _is_plain(entries[name]):
            raise UnreadableBackup(f"{source} is refused: no backup of Cuepoint has {name!r} in it.")
        if entries[name].file_size != size:
            raise refused
    return dict(manifest)


def _is_ours(name: str) -> bool:
    """Whether a file of that name belongs into a backup; never one that would be written outside of the folder."""
    parts = PurePosixPath(name).parts
    if name == DATABASE or not parts:
        return name == DATABASE
    plain = "\\" not in name and "\0" not in name and ":" not in parts[0] and name == "/".join(parts)
    return plain and len(parts) >= 3 and parts[0] in _MEDIA and not {"..", "."} & set(parts)


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return not entry.is_dir() and kind in (0, stat.S_IFREG)


def _videos_in(path: Path) -> int:
    """How much a library has in it that a person would miss; 0 where nothing can be read."""
    with contextlib.suppress(CuepointError, *READING):
        check_database_file(path)
        if path.exists() and path.stat().st_size > 0:
            with contextlib.closing(sqlite3.connect(path)) as db:
                (count,) = db.execute("SELECT (SELECT count(*) FROM videos) + (SELECT count(*) FROM chats)").fetchone()
                return int(count)
    return 0


def _check_room(manifest: dict[str, Any], data_dir: Path) -> None:
    needed = sum(file["bytes"] for file in manifest["files"].values()) + _SPARE_BYTES
    free = shutil.disk_usage(data_dir).free
    if free < needed:
        raise CuepointError(
            f"Not enough disk space in {data_dir}: {needed >> 20} MB are needed and {free >> 20} MB are free."
        )


def _unpack(archive: zipfile.ZipFile, name: str, expected: dict[str, Any], place: Path, source: Path) -> None:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as packed, path.open("wb") as target:
        if _copied(packed, target) != {"bytes": expected["bytes"], "sha256": expected["sha256"]}:
            raise UnreadableBackup(f"{source} is damaged: {name} is not what was backed up.")


def _adapt(place: Path, new_home: Path, source: Path) -> tuple[int, int]:
    """Check the restored database and let it name the files of its new folder. Returns (videos, without a copy)."""
    try:
        with contextlib.closing(sqlite3.connect(place / DATABASE)) as db:
            _check(db, place / DATABASE)
            if {"videos", "chats", "migrations"} & set(missing_tables(db)):
                raise DamagedLibrary(place / DATABASE, "a table is missing")
            without_copy = 0
            videos = db.execute("SELECT id, media_path, source_path FROM videos").fetchall()
            for video_id, media, original in videos:
                if not _ID.fullmatch(str(video_id)):
                    raise DamagedLibrary(place / DATABASE, "a video's id makes no sense")
                media = _moved(media, "videos", place, new_home)
                if media and not re.fullmatch(rf".*/videos/{video_id}/playable\.\w+", media):
                    media = None  # no copy that Cuepoint made: it is not to be served
                original = _moved(original, "incoming", place, new_home)
                without_copy += media is None or not _staged(Path(media), place, new_home).exists()
                db.execute(
                    "UPDATE videos SET media_path = ?, source_path = ? WHERE id = ?", (media, original, video_id)
                )
            db.commit()
        return len(videos), without_copy
    except (*READING, DamagedLibrary) as error:
        raise UnreadableBackup(f"{source} is damaged: its database cannot be used ({error}).") from error


def _moved(name: str | None, kind: str, place: Path, new_home: Path) -> str | None:
    """The path KIND/FOLDER/FILE in the new folder if that will be there, else as it was."""
    parts = Path(name or "").parts[-3:]
    if len(parts) < 3 or parts[0] != kind:
        return name
    there = new_home.joinpath(*parts)
    return str(there) if _staged(there, place, new_home).exists() else name


def _staged(path: Path, place: Path, new_home: Path) -> Path:
    """Where a file lies before the exchange: folders that come out of the archive wait in `place`."""
    if not path.is_relative_to(new_home):
        return path
    inside = path.relative_to(new_home)
    return place / inside if (place / inside.parts[0]).exists() else path
