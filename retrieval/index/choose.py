"""What a person chooses of a video: which sound is heard, in which language, and which subtitles are taken.

A choice throws away what it makes wrong and queues a job that does it again; all else goes on answering meanwhile.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model.errors import UsageError
from model.media.probe import MediaInfo, Track, probe
from model.speech.languages import name_of, spoken_language
from retrieval.index.subtitles import kept_tracks
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Job, Video
from retrieval.store.transcripts import STREAM

AUTO: Literal["auto"] = "auto"


@dataclass(frozen=True)
class Choice:
    """None leaves what was chosen before; "auto" leaves it to Cuepoint again. Streams by their index in the file."""

    sound: int | Literal["auto"] | None = None
    language: str | None = None  # a code or an English name
    subtitles: Sequence[int] | Literal["auto"] | None = None  # an empty one: none of them


def hear_again(library: Library, jobs: JobQueue, video: Video, choice: Choice) -> Job:
    """Choose, forget what was heard, and queue the video; a worker that is at it loses its claim.

    Raises UsageError, and changes nothing, when there is no such stream or language, or when the file that has it is
    gone.
    """
    choices = choices_after(library, video, choice)
    before = MediaInfo.from_json(video.info).audio_index

    def change(db: sqlite3.Connection) -> None:
        db.execute("UPDATE videos SET choices = ? WHERE id = ?", (json.dumps(choices), video.id))
        _forget_speech(db, video, choices.get("subtitles") if choice.subtitles is not None else None)
        if choices.get("sound", before) != video.choices.get("sound", before):
            _forget_copy(db, video.id)

    return jobs.add_changed(video.id, video.owner, change)


def choices_after(library: Library, video: Video, choice: Choice) -> dict[str, Any]:
    """A video's choices with another one made. Raises UsageError for one that cannot be."""
    choices = dict(video.choices)
    for name, value in (
        ("sound", choice.sound),
        ("language", choice.language),
        ("subtitles", choice.subtitles),
    ):
        if value == AUTO:
            choices.pop(name, None)
        elif value is not None:
            choices[name] = value
    if choice.language not in (None, AUTO):
        choices["language"] = spoken_language(str(choice.language))
    info = _known(library, video)
    if isinstance(choice.sound, int):
        _check_stream(video, info, choice.sound, "sound")
    if choice.subtitles is not None and choice.subtitles != AUTO:
        choices["subtitles"] = sorted(set(choice.subtitles))
        for index in choices["subtitles"]:
            _check_stream(video, info, index, "subtitles")
    if not info.has_audio and (choice.sound is not None or choice.language is not None):
        raise UsageError(f"{video.title} has no sound.")
    if not Path(video.source_path).exists():
        _check_copy(video, info, choices)
        if choice.subtitles is not None:
            _check_kept(library, video, choices.get("subtitles", ()))
    return choices


def tracks_of(library: Library, video: Video) -> tuple[Track, ...]:
    """The streams of a video's file; none when an older version took it in and the file is gone."""
    return _known(library, video).tracks


def heard_sound(video: Video) -> int | None:
    """The index of the stream that is heard; None where the video has no sound."""
    chosen: int | None = video.choices.get("sound", video.info.get("audio_index"))
    return chosen


def describe(track: Track) -> str:
    """ "2 (English, “Stereo”)": the stream's number, and what the file says of it."""
    details = [name_of(track.language)] if track.language else []
    details += [f"“{' '.join(track.title.split())}”"] if track.title else []
    return f"{track.index} ({', '.join(details)})" if details else str(track.index)


def _known(library: Library, video: Video) -> MediaInfo:
    """What is known of the file; its streams are listed now if an older version took it in."""
    if "tracks" not in video.info and Path(video.source_path).exists():
        tracks = probe(Path(video.source_path)).to_json()["tracks"]
        info = video.info | {"tracks": tracks}
        library.update_video(video.id, info=json.dumps(info))
        return MediaInfo.from_json(info)
    return MediaInfo.from_json(video.info)


def _check_stream(video: Video, info: MediaInfo, index: int, kind: Literal["sound", "subtitles"]) -> None:
    kinds = {track.index: track.kind for track in info.tracks}
    if kinds.get(index) == kind or (not info.tracks and index == info.audio_index and kind == "sound"):
        return
    fitting = [describe(track) for track in info.tracks if track.kind == kind]
    there = f"its {'sounds' if kind == 'sound' else kind} are {', '.join(fitting)}" if fitting else f"it has no {kind}"
    if index in kinds:
        found = "a picture" if kinds[index] == "picture" else kinds[index]
        raise UsageError(f"Stream {index} of {video.title} is {found}, not {kind}; {there}.")
    raise UsageError(f"{video.title} has no stream {index}; {there}.")


def _check_copy(video: Video, info: MediaInfo, choices: dict[str, Any]) -> None:
    """The original is gone: its copy has the sound that is heard now, and nothing else."""
    heard = video.choices.get("sound", info.audio_index)
    if choices.get("sound", info.audio_index) != heard:
        track = next((track for track in info.tracks if track.index == heard), None)
        which = describe(track) if track else str(heard)
        raise UsageError(
            f"Of {video.title} only the copy for the player is left, which has one sound, stream {which};"
            " add the file again to have another one heard."
        )
    if not (video.media_path and Path(video.media_path).exists()):
        raise UsageError(f"The file of {video.title} is gone and there is no copy of it; add the file again.")


def _check_kept(library: Library, video: Video, subtitles: Sequence[int]) -> None:
    """The original is gone: of its subtitles there are those that are stored, and texts that were kept."""
    stored = {passage.origin for passage in library.passages(video.id, "speech")}
    kept = kept_tracks(library, video.id)
    if missing := [index for index in subtitles if f"{STREAM}{index}" not in stored and index not in kept]:
        raise UsageError(
            f"Of {video.title} only the copy for the player is left, which has no subtitles; add the file again to have"
            f" track {missing[0]}."
        )


def _forget_speech(db: sqlite3.Connection, video: Video, subtitles: list[int] | None) -> None:
    """What came out of recognition goes, but for that of further sounds ("heard:2") once they are gone with the
    original; what came as text stays, unless others than these `subtitles` were stored."""
    gone = not Path(video.source_path).exists()
    rows = db.execute("SELECT DISTINCT origin FROM passages WHERE video_id = ? AND source = 'speech'", (video.id,))
    for (origin,) in rows.fetchall():
        kind, _, which = origin.partition(":")
        stays = {"file": True, "subtitles": subtitles is None or which in map(str, subtitles), "heard": gone and which}
        if not stays.get(kind):
            db.execute(
                "DELETE FROM passages WHERE video_id = ? AND source = 'speech' AND origin = ?", (video.id, origin)
            )
    db.execute("DELETE FROM spoken WHERE video_id = ?", (video.id,))
    db.execute("UPDATE lanes SET until = 0, done = 0 WHERE video_id = ? AND lane = 'hear'", (video.id,))


def _forget_copy(db: sqlite3.Connection, video_id: str) -> None:
    """The copy for the player has the sound that was heard before: it is made again."""
    db.execute("UPDATE videos SET media_path = NULL WHERE id = ?", (video_id,))
    db.execute("UPDATE lanes SET until = 0, done = 0 WHERE video_id = ? AND lane = 'media'", (video_id,))
