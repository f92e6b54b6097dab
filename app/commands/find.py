"""`cuepoint search`, `ask` and `summary`."""

from __future__ import annotations

import argparse
from typing import Any

from app.commands import engine_of, print_json
from app.engine import Engine
from model.errors import UsageError
from model.timecode import span
from retrieval.answer import Answer
from retrieval.filters import make_filter
from retrieval.library import LOCAL_OWNER
from retrieval.records import Moment


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    {"search": _search, "ask": _ask, "summary": _summary}[arguments.command](engine, arguments)


def chosen_videos(engine: Engine, ids: list[str] | None) -> list[str]:
    """The given videos, or all. Raises UsageError for an unknown one and for an empty library."""
    videos = [engine.library.video(i).id for i in ids] if ids else [v.id for v in engine.library.videos(LOCAL_OWNER)]
    if not videos:
        raise UsageError("The library is empty; index a video first: cuepoint index FILE.")
    return videos


def moment_json(moment: Moment) -> dict[str, Any]:
    return {
        "video_id": moment.video_id,
        "start": round(moment.start, 3),
        "end": round(moment.end, 3),
        "score": round(moment.score, 4),
        "sources": moment.sources,
        "quote": moment.quote,
    }


def _search(engine: Engine, arguments: argparse.Namespace) -> None:
    if arguments.top < 1:
        raise UsageError("--top must be at least 1.")
    within = make_filter(arguments.start, arguments.end, arguments.source)
    moments = engine.searcher.search(arguments.text, chosen_videos(engine, arguments.video), arguments.top, within)
    if arguments.json:
        print_json({"results": [moment_json(moment) for moment in moments]})
        return
    for moment in moments:
        quote = f"  “{moment.quote}”" if moment.quote else ""
        print(f"{moment.video_id}  {span(moment.start, moment.end):>13}  {'+'.join(moment.sources):<14}{quote}")


def _ask(engine: Engine, arguments: argparse.Namespace) -> None:
    videos = chosen_videos(engine, arguments.video)
    if arguments.json:
        engine.answerer.warm_up()
        print_json(last(engine, arguments.text, videos).as_json())
        return
    print_stream(engine, arguments.text, videos)


def last(engine: Engine, text: str, videos: list[str]) -> Answer:
    """The finished answer."""
    *_, answer = engine.answerer.ask(text, videos)
    return answer


def print_stream(engine: Engine, text: str, videos: list[str]) -> Answer:
    """Print an answer as it comes, then where each of its moments is."""
    printed = ""
    for answer in engine.answerer.ask(text, videos):
        print(answer.plain_text[len(printed) :], end="", flush=True)
        printed = answer.plain_text
    print()
    titles = {video.id: video.title for video in engine.library.videos()}
    for citation in answer.citations:
        place = f"{span(citation.start, citation.end):>11}  {titles.get(citation.video_id, '')}"
        print(f"    {place}: {citation.source}, {citation.quote}")
    return answer


def _summary(engine: Engine, arguments: argparse.Namespace) -> None:
    from retrieval.summary import summarize

    summary = summarize(engine.library, engine.models, engine.library.video(arguments.video).id)
    if arguments.json:
        print_json(summary.as_json())
        return
    print(summary.summary, "\n")
    for chapter in summary.chapters:
        print(f"  {span(chapter.start, chapter.end):>13}  {chapter.title}")
    print("\nTags:", ", ".join(summary.tags))
