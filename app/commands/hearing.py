"""`cuepoint tracks` and `hear`: what streams a video has and what is spoken in it; another choice of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from app.commands import engine_of, print_json, say
from app.commands.index import finish
from app.engine import Engine
from app.titles import one_line
from model.errors import UsageError
from model.media.probe import Track
from model.speech.languages import name_of
from model.timecode import span
from retrieval.index.choose import AUTO, Choice, heard_sound, tracks_of
from retrieval.store.records import Video
from retrieval.store.spoken import joined, spoken, track_lines

_NONE = "none"


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    video = engine.library.video(arguments.video)
    if arguments.command == "tracks":
        _tell(engine, video, arguments.json)
    else:
        _hear(engine, video, arguments)


def _hear(engine: Engine, video: Video, arguments: argparse.Namespace) -> None:
    """Choose and hear again, here and now, or wait for the process that does."""
    choice = Choice(_sound(arguments.sound), arguments.language, _subtitles(arguments.subtitles))
    job = engine.hear_again(video, choice)
    engine.models.warm("passages", "speech")
    video = finish(engine, job, engine.library.video(video.id))
    engine.searcher.save()
    _tell(engine, video, arguments.json)
    if not arguments.json:
        for sentence in video.warnings:
            say(f"note: {sentence}")


def _sound(text: str | None) -> Any:
    if text is None or text == AUTO:
        return text
    return _stream(text, "--sound")


def _subtitles(texts: list[str] | None) -> Any:
    if texts is None or texts == [AUTO]:
        return AUTO if texts else None
    return [] if texts == [_NONE] else [_stream(text, "--subtitles") for text in texts]


def _stream(text: str, option: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        more = f", {AUTO!r} or {_NONE!r}" if option == "--subtitles" else f" or {AUTO!r}"
        raise UsageError(f"{option} {text!r} is no stream; give a number that `cuepoint tracks` lists{more}.")
    return int(text)


def tracks_json(engine: Engine, video: Video) -> dict[str, Any]:
    """What `tracks` and `hear` print with --json."""
    used = _used(engine, video)
    return {
        "video_id": video.id,
        "choices": video.choices,
        "tracks": [asdict(track) | {"used": track.index in used} for track in tracks_of(engine.library, video)],
        "spoken": [asdict(stretch) for stretch in joined(spoken(engine.library, video.id))],
        "transcripts": [asdict(transcript) for transcript in track_lines(engine.library, video.id)],
        "warnings": video.warnings,
    }


def _used(engine: Engine, video: Video) -> set[int | None]:
    """The streams whose content is in the index."""
    origins = [lines.origin.partition(":") for lines in track_lines(engine.library, video.id)]
    taken = {int(number) for kind, _, number in origins if kind != "file" and number.isdecimal()}
    return {heard_sound(video), video.info.get("video_index"), *taken}


def _tell(engine: Engine, video: Video, as_json: bool) -> None:
    told = tracks_json(engine, video)
    if as_json:
        print_json(told)
        return
    print(one_line(video.title))
    used = {track["index"] for track in told["tracks"] if track["used"]}
    tracks = tracks_of(engine.library, video)
    for track in tracks:
        print(f"{'*' if track.index in used else ' '} {track.index:>3}  {_line(track)}")
    if not tracks:
        print("  its streams are not known: an older version took it in, and the file is gone")
    for stretch in told["spoken"]:
        language = name_of(stretch["language"]) if stretch["language"] else "a language that could not be told"
        print(f"  spoken {span(stretch['start'], stretch['end']):>13}  {language}")
    for transcript in told["transcripts"]:
        language = name_of(transcript["language"]) if transcript["language"] else ""
        print(f"  transcript, {transcript['lines']:>4} lines  {_origin(transcript['origin']):<14} {language}".rstrip())
    if chosen := ", ".join(f"{name} {value}" for name, value in told["choices"].items()):
        print(f"  chosen: {chosen}")


def _line(track: Track) -> str:
    language = name_of(track.language) if track.language else ""
    marks = [name for name, is_so in (("default", track.default), ("forced", track.forced)) if is_so]
    marks += ["commentary, description or dub"] if track.aside else []
    title = f"“{one_line(track.title)}”" if track.title else ""
    parts = [f"{track.kind:<9}", f"{track.codec or 'unknown':<12}", language, title, ", ".join(marks)]
    return "  ".join(part for part in parts if part).rstrip()


def _origin(origin: str) -> str:
    kind, _, which = origin.partition(":")
    return one_line(which) if kind == "file" else f"{kind or 'heard'} {which}".strip()
