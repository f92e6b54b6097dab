"""`cuepoint clip` and `highlights`: a moment of a video as a file, or its best moments as one film."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.commands import engine_of, print_json
from app.engine import Engine
from model.media.cut import Stretch
from model.timecode import seconds_of
from retrieval.export.highlights import highlights
from retrieval.export.reels import cut_video, file_name
from retrieval.store.records import Video


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    {"clip": _clip, "highlights": _highlights}[arguments.command](engine, arguments)


def _clip(engine: Engine, arguments: argparse.Namespace) -> None:
    video = engine.library.video(arguments.video)
    stretches = [(seconds_of(arguments.start), seconds_of(arguments.end))]
    _write(video, stretches, arguments)


def _highlights(engine: Engine, arguments: argparse.Namespace) -> None:
    video = engine.library.video(arguments.video)
    stretches = highlights(engine.searcher, engine.models, video, arguments.query, arguments.seconds)
    _write(video, stretches, arguments, reel=True)


def _write(video: Video, stretches: list[Stretch], arguments: argparse.Namespace, reel: bool = False) -> None:
    path = cut_video(video, stretches, arguments.output or Path(file_name(video, [] if reel else stretches)))
    if arguments.json:
        print_json({"video_id": video.id, "file": str(path), "moments": [{"start": s, "end": e} for s, e in stretches]})
    else:
        print(path)
