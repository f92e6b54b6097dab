"""Which file a video is looked at and listened to in once it is in the library, and which of its tracks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from model.errors import UnreadableMedia
from model.media.probe import MediaInfo, probe
from model.media.subtitles import is_picture
from retrieval.store.records import Video


def original_or_copy(video: Video, copy_will_do: bool = True) -> tuple[Path, MediaInfo]:
    """The file to look at a video in, with the chosen sound: the original while it is there, else the copy that
    browsers play, whose only sound is the chosen one.

    Raises UnreadableMedia if what is needed is gone.
    """
    path = Path(video.source_path)
    if path.exists():
        return path, with_chosen_sound(MediaInfo.from_json(video.info), video.choices)
    if copy_will_do and video.media_path and Path(video.media_path).exists():
        return Path(video.media_path), probe(Path(video.media_path))
    raise UnreadableMedia(f"{video.file} is no longer there; add it again and indexing goes on from where it was.")


def with_chosen_sound(info: MediaInfo, choices: dict[str, Any]) -> MediaInfo:
    """What is known of a file, with the sound that its user chose as the one to decode."""
    for track in info.tracks:
        if track.kind == "sound" and track.index == choices.get("sound"):
            return replace(info, audio_index=track.index, audio_codec=track.codec)
    return info


def holds_more_than_copy(info: MediaInfo) -> bool:
    """Whether a file has tracks that are lost with it: a second sound or picture, or subtitles that are pictures. The
    text of others is kept (retrieval/index/subtitle_shelf.py)."""
    kinds = [track.kind for track in info.tracks]
    return kinds.count("sound") > 1 or kinds.count("picture") > 1 or any(map(is_picture, info.tracks))
