"""`cuepoint list`, `show`, `delete` and `export`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from app.commands import engine_of, print_json, say
from app.engine import Engine
from app.exporting import render_video
from app.titles import additions, one_line
from model.errors import CuepointError
from model.timecode import clock, span
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Passage
from retrieval.store.transcripts import is_written


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    {"list": _list, "show": _show, "delete": _delete, "export": _export}[arguments.command](engine, arguments)


def _list(engine: Engine, arguments: argparse.Namespace) -> None:
    videos = engine.library.videos(LOCAL_OWNER)
    more = additions(videos)
    for video in videos:
        if arguments.json:
            print_json(
                {
                    "video_id": video.id,
                    "title": video.title,
                    "file": video.file,
                    "duration": video.duration,
                    "status": video.status,
                }
            )
        else:
            title = one_line(video.title) + (f"  ({more[video.id]})" if video.id in more else "")
            print(f"{video.id}  {clock(video.duration):>8}  {video.status:<9}  {title}")


def _show(engine: Engine, arguments: argparse.Namespace) -> None:
    video = engine.library.video(arguments.video)
    clips, passages = engine.library.clips(video.id), engine.library.passages(video.id)
    if arguments.json:
        print_json(asdict(video) | {"clips": [asdict(c) for c in clips], "passages": [asdict(p) for p in passages]})
        return
    print(f"{one_line(video.title)}: {clock(video.duration)}, {video.status}, {len(clips)} clips")
    for sentence in [*video.warnings, *([video.error] if video.error else [])]:
        print(f"note: {sentence}")
    rows = [(c.start, c.end, "seen ", ", ".join(name for name, _ in c.tags)) for c in clips]
    rows += [(p.start, p.end, _how(p), p.text) for p in passages]
    for start, end, source, text in sorted(rows):
        print(f"  {span(start, end):>13}  {source}  {text}")


def _how(passage: Passage) -> str:
    """How the index came by it."""
    if is_written(passage.origin):
        return f"subs {passage.language or ''}".strip()
    return {"speech": "heard", "text": "read "}.get(passage.source, "seen ")


def _delete(engine: Engine, arguments: argparse.Namespace) -> None:
    video = engine.library.video(arguments.video)
    engine.jobs.cancel(video.id)
    engine.library.delete_video(video.id)
    engine.searcher.save()
    say(f"Deleted {one_line(video.title)}.")


def _export(engine: Engine, arguments: argparse.Namespace) -> None:
    video = engine.library.video(arguments.video)
    write_text(render_video(engine, video, arguments.format, arguments.language), arguments.output)


def write_text(text: str, output: Path | None) -> None:
    """To the file, or to stdout. Raises CuepointError if the file cannot be written."""
    if output is None:
        print(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CuepointError(f"{output} cannot be written: {error.strerror}.") from error
