"""Which file a video is looked at in once it is in the library."""

from __future__ import annotations

from pathlib import Path

from model.errors import UnreadableMedia
from model.media.probe import MediaInfo, probe
from retrieval.store.records import Video


def original_or_copy(video: Video, copy_will_do: bool = True) -> tuple[Path, MediaInfo]:
    """The file to look at a video in: the original while it is there, else the copy that browsers play.

    Raises UnreadableMedia if what is needed is gone.
    """
    path = Path(video.source_path)
    if path.exists():
        return path, MediaInfo.from_json(video.info)
    if copy_will_do and video.media_path and Path(video.media_path).exists():
        return Path(video.media_path), probe(Path(video.media_path))
    raise UnreadableMedia(f"{video.file} is no longer there; add it again and indexing goes on from where it was.")
