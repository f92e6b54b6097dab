"""The length of a video that was taken in with a wrong one: estimated, or found by an older version's probe."""

from __future__ import annotations

import json
from pathlib import Path

from model.media.probe import MediaInfo, probe
from retrieval.store.library import Library
from retrieval.store.records import Video

_MEASURE_S = 900.0  # a file of 50 GB is read from a hard disk in less


def measured(library: Library, video: Video) -> Video:
    """The video with its real length; what an earlier run stored behind its end is removed.

    Raises UnreadableMedia if the file is there but cannot be read any more.
    """
    path = Path(video.source_path)
    if not path.exists() or not _in_doubt(video):
        return video
    info = probe(path, timeout_s=_MEASURE_S)
    later = [text for text in video.warnings if text not in video.info.get("warnings", [])]
    library.update_video(
        video.id,
        info=json.dumps(info.to_json()),
        duration=info.duration,
        warnings=json.dumps([*info.warnings, *later]),
    )
    with library.db.transaction() as db:
        db.execute("DELETE FROM sightings WHERE video_id = ? AND time >= ?", (video.id, info.duration))
        for table in ("clips", "passages"):
            db.execute(f"DELETE FROM {table} WHERE video_id = ? AND start >= ?", (video.id, info.duration))
            db.execute(f"UPDATE {table} SET end = min(end, ?) WHERE video_id = ?", (info.duration, video.id))
    return library.video(video.id)


def _in_doubt(video: Video) -> bool:
    """Whether the length was estimated, or believed as the file gives it, as before there was `faithful`."""
    return MediaInfo.from_json(video.info).estimated or (video.status != "ready" and "faithful" not in video.info)
