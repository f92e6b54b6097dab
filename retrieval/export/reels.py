"""Moments of the library's videos as files of their own: one moment, or several one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from model.media.cut import Stretch, cut
from model.media.probe import MediaInfo, probe
from model.timecode import clock
from retrieval.store.originals import original_or_copy
from retrieval.store.records import Video

_INDEXED = ("mov", "matroska")  # containers in which a place is found without reading all that comes before
_NAME_CHARS = 80


def cut_video(
    video: Video, stretches: Sequence[Stretch], destination: Path, cancel: Callable[[], bool] | None = None
) -> Path:
    """Write the stretches (seconds) of a video to `destination`. Raises what `model.media.cut.cut` raises."""
    path, info = file_to_cut(video)
    return cut(path, info, stretches, destination, cancel)


def file_to_cut(video: Video) -> tuple[Path, MediaInfo]:
    """The original, for its pictures are the best; the playable copy where it is gone or has no index to seek by."""
    path, info = original_or_copy(video)
    copy = Path(video.media_path) if video.media_path else None
    if info.has_video and not info.container.startswith(_INDEXED) and copy is not None and copy.exists():
        return copy, probe(copy)
    return path, info


def file_name(video: Video, stretches: Sequence[Stretch]) -> str:
    """What to call the file: `harbour 0.42-0.51.mp4`, `harbour highlights.mp4`; .m4a for sound alone."""
    suffix = ".mp4" if video.info.get("width") else ".m4a"
    stem = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in Path(video.title).stem)
    stem = stem.strip(" .")[:_NAME_CHARS] or video.id
    if len(stretches) != 1:
        return f"{stem} highlights{suffix}"
    begin, end = (clock(time).replace(":", ".") for time in stretches[0])
    return f"{stem} {begin}-{end}{suffix}"
