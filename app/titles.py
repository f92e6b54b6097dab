"""Titles on one line, and told apart where two videos have the same."""

from __future__ import annotations

import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from retrieval.store.records import Video

_BREAKING = ("Cc", "Zl", "Zp")
_TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])  # UAX #9, explicit formatting


def one_line(text: str) -> str:
    """The text without anything that breaks a line, moves a terminal's cursor or turns the direction of writing."""
    shown = "".join(" " if unicodedata.category(c) in _BREAKING else c for c in text)
    return " ".join(shown.translate(_TURNING).encode("utf-8", "replace").decode().split())


def additions(videos: Sequence[Video]) -> dict[str, str]:
    """By id, what tells a video from others of its title: its folder, or where that does not, when it was added."""
    titles = Counter(one_line(video.title) for video in videos)
    alike = [video for video in videos if titles[one_line(video.title)] > 1]
    folders = {video.id: _folder(video) for video in alike}
    often = Counter((one_line(video.title), folders[video.id]) for video in alike)
    told = {}
    for video in alike:
        folder = folders[video.id]
        unique = folder and often[one_line(video.title), folder] == 1
        told[video.id] = folder if unique else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(video.created_at))
    return told


def _folder(video: Video) -> str:
    """Of a file that was indexed where it lies; an upload has none."""
    path = Path(video.file)
    return one_line(str(path.absolute().parent)) if path.name != video.file else ""
