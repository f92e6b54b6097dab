"""`cuepoint search`, `ask`, `summary` and `regions`."""

from __future__ import annotations

import argparse
import re
from typing import Any

from app.commands import engine_of, print_json
from app.engine import Engine
from app.titles import one_line
from model.errors import UsageError
from model.evaluation.pictures import read_picture
from model.speech.languages import name_of
from model.timecode import clock, seconds_of, span
from retrieval.ask.answer import Answer
from retrieval.search.filters import make_filter
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Moment
from retrieval.store.spoken import quoted_languages

_LOOK_PX = 480  # longest side of a still: frames are seen at this size when they are indexed
_MOMENT = re.compile(r"([^:]+):([\d:.]+)\s*[-–]\s*([\d:.]+)")


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    {"search": _search, "ask": _ask, "summary": _summary, "regions": _regions}[arguments.command](engine, arguments)


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
    videos = chosen_videos(engine, arguments.video)
    moments = _moments(engine, arguments, videos)
    languages = quoted_languages(engine.library, moments, LOCAL_OWNER)
    if arguments.json:
        results = [moment_json(moment) | _language_json(moment, languages) for moment in moments]
        print_json({"results": results} | _curve(engine, arguments, videos))
        return
    for moment in moments:
        quote = f"  “{moment.quote}”" if moment.quote else ""
        quote += f" ({name_of(code)})" if (code := languages.get(moment.passage_id or 0)) else ""
        print(f"{moment.video_id}  {span(moment.start, moment.end):>13}  {'+'.join(moment.sources):<14}{quote}")


def _language_json(moment: Moment, languages: dict[int, str]) -> dict[str, str]:
    """The language of quoted speech, where the library has several."""
    code = languages.get(moment.passage_id or 0)
    return {"language": code} if code else {}


def _moments(engine: Engine, arguments: argparse.Namespace, videos: list[str]) -> list[Moment]:
    given = [value for value in (arguments.text, arguments.picture, arguments.like) if value is not None]
    if len(given) != 1:
        raise UsageError("Say what to look for in one way: a QUERY, --picture FILE or --like ID:START-END.")
    if arguments.curve and not (arguments.text and arguments.json and len(videos) == 1):
        raise UsageError("--curve needs a QUERY, --json and one --video ID.")
    within = make_filter(arguments.start, arguments.end, arguments.source)
    if arguments.picture:
        return engine.searcher.search_picture(read_picture(arguments.picture, _LOOK_PX), videos, arguments.top, within)
    if arguments.like is not None:
        return engine.searcher.more_like(*_moment_of(arguments.like), videos, arguments.top, within)
    return engine.finder.search(arguments.text, videos, arguments.top, within)


def _moment_of(text: str) -> tuple[str, float, float]:
    """ID:START-END as a video and seconds. Raises UsageError."""
    if not (match := _MOMENT.fullmatch(text.strip())):
        raise UsageError(f"--like {text!r} names no moment; write the video, the start and the end: ID:0:42-0:51.")
    stretch = make_filter(match[2], match[3])
    return match[1], stretch.low, stretch.high


def _curve(engine: Engine, arguments: argparse.Namespace, videos: list[str]) -> dict[str, Any]:
    return {"curve": engine.finder.relevance(arguments.text, videos[0]).as_json()} if arguments.curve else {}


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
    titles = {video.id: one_line(video.title) for video in engine.library.videos()}
    for citation in answer.citations:
        place = f"{span(citation.start, citation.end):>11}  {titles.get(citation.video_id, '')}"
        print(f"    {place}: {citation.source}, {citation.quote}")
    return answer


def _summary(engine: Engine, arguments: argparse.Namespace) -> None:
    from retrieval.ask.summary import summarize

    summary = summarize(engine.library, engine.models, engine.library.video(arguments.video).id)
    if arguments.json:
        print_json(summary.as_json())
        return
    print(summary.summary, "\n")
    for chapter in summary.chapters:
        print(f"  {span(chapter.start, chapter.end):>13}  {chapter.title}")
    print("\nTags:", ", ".join(summary.tags))


def _regions(engine: Engine, arguments: argparse.Namespace) -> None:
    video, output = engine.library.video(arguments.video), arguments.output
    found = engine.finder.regions(video, seconds_of(arguments.start), seconds_of(arguments.end), arguments.text)
    if output:
        try:
            output.write_bytes(found.as_jpeg())
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}.") from error
    if arguments.json:
        print_json({"video_id": video.id, **found.as_json()} | ({"file": str(output)} if output else {}))
        return
    left, top, right, bottom = (f"{share:.0%}" for share in found.box)
    print(f"{clock(found.seconds)}: what counts lies {left} to {right} from the left, {top} to {bottom} from the top")
    if output:
        print(output)
