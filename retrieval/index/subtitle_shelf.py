"""The text of subtitle tracks that were not taken in, kept as JSON beside the video: they may be chosen later."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from model.media.subtitle_lines import Spoken, Subtitles


def save_tracks(file: Path, tracks: Mapping[int, Subtitles]) -> None:
    """Write the lines of tracks, by the index of their stream."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{uuid.uuid4().hex}")
    data = {index: [asdict(line) for line in track.lines] for index, track in tracks.items()}
    beside.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    beside.replace(file)


def load_tracks(file: Path) -> dict[int, Subtitles]:
    """What was kept; nothing where the file is missing or damaged."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {int(index): Subtitles(tuple(Spoken(**line) for line in lines)) for index, lines in data.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
