"""`cuepoint backup`, `restore` and `repair`: keeping a library through the loss of a disk, or of a part of a file."""

from __future__ import annotations

import argparse

from app.commands import print_json, say, settings_of
from retrieval.index.repair import repair, rows_in
from retrieval.store.backup import back_up, restore
from retrieval.store.library import Library


def run(arguments: argparse.Namespace) -> None:
    {"backup": _back_up, "restore": _restore, "repair": _repair}[arguments.command](arguments)


def _back_up(arguments: argparse.Namespace) -> None:
    done = back_up(Library(settings_of(arguments).data_dir), arguments.file, arguments.with_media)
    if arguments.json:
        print_json(
            {
                "file": str(done.file),
                "bytes": done.bytes,
                "videos": done.videos,
                "files": done.files,
                "with_media": done.with_media,
            }
        )
        return
    say(f"{done.file}: {done.videos} videos, {done.files} files, {done.bytes / 1e6:,.1f} MB.")
    if not done.with_media:
        say("The videos' own files are not in it; --with-media puts them in.")


def _restore(arguments: argparse.Namespace) -> None:
    folder = settings_of(arguments).data_dir
    done = restore(arguments.file, folder, arguments.force)
    if arguments.json:
        kept = str(done.kept_as) if done.kept_as else None
        print_json(
            {
                "data_dir": str(folder),
                "videos": done.videos,
                "files": done.files,
                "without_copy": done.without_copy,
                "kept_as": kept,
            }
        )
        return
    say(f"{folder} has the library of {arguments.file} now: {done.videos} videos.")
    if done.kept_as:
        say(f"What was there before is in {done.kept_as}.")
    if done.without_copy:
        say(f"{done.without_copy} of them can be searched but not played: their files are not in the backup.")


def _repair(arguments: argparse.Namespace) -> None:
    folder = settings_of(arguments).data_dir
    done = repair(folder)
    if arguments.json:
        print_json(
            {
                "data_dir": str(folder),
                "damaged": done.damaged,
                "kept_as": str(done.kept_as) if done.kept_as else None,
                "saved": dict(done.saved),
                "lost": {table: count for table, count in done.lost.items() if count},
                "seen_anew": done.seen_anew,
            }
        )
        return
    if not done.damaged:
        say(f"The library in {folder} is sound; nothing was changed.")
        return
    say(f"Rows saved: {rows_in(done.saved.items())}. Known to be lost: {rows_in(done.lost.items())}.")
    if done.seen_anew:
        say(f"{done.seen_anew} videos are looked at again when Cuepoint runs.")
    if done.kept_as:
        say(f"The damaged file is kept as {done.kept_as}.")
    if not done.saved["videos"]:
        say(f"The copies for playing are still in {folder / 'videos'}; `cuepoint index` takes them in again.")
