"""`cuepoint comments`: list, add and delete comments at moments of a video."""

from __future__ import annotations

import argparse

from app.commands import engine_of, print_json
from model.errors import UsageError
from model.timecode import clock, seconds_of
from retrieval.store.comments import Comment, Comments


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    video, comments = engine.library.video(arguments.video), Comments(engine.library)
    if (arguments.at is None) != (arguments.add is None):
        raise UsageError("A comment needs a moment and a text: --at 0:42 --add TEXT.")
    if arguments.add is not None:
        shown = [comments.add(video.id, seconds_of(arguments.at), arguments.add)]
    else:
        if arguments.delete is not None:
            comments.delete(video.id, arguments.delete)
        shown = comments.of(video.id)
    if arguments.json:
        print_json({"video_id": video.id, "comments": [comment.as_json() for comment in shown]})
        return
    for comment in shown:
        print(_line(comment))


def _line(comment: Comment) -> str:
    return f"{comment.id:>6}  {clock(comment.seconds):>8}  {comment.text}"
