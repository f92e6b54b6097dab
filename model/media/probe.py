"""What is in a media file: asked in a child process with a time limit, so that no file can hang or crash the app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from model.errors import UnreadableMedia
from model.media.container import check_local_file

PICTURE = "picture"  # the `container` of a picture file: a still, an animation, the pages of a scan


# What a file lacks, as its warnings say it.
NO_SOUND = "no sound"
NO_PICTURE = "no picture: only the sound was indexed"


@dataclass(frozen=True)
class Track:
    """A stream of a file, as its container describes it."""

    index: int  # of the stream in the file
    kind: Literal["picture", "sound", "subtitles"]
    codec: str | None  # None: FFmpeg does not know it
    language: str | None = None  # ISO 639-1 where there is one, else ISO 639-2; None where the file does not say
    title: str = ""
    default: bool = False
    forced: bool = False  # subtitles of foreign words only
    aside: bool = False  # commentary, audio description, a dub, karaoke


@dataclass(frozen=True)
class Picture:
    """A video stream: size as displayed in pixels, clockwise degrees that turn it upright, frames a second."""

    index: int
    width: int
    height: int
    rotation: int
    fps: float


@dataclass(frozen=True)
class MediaInfo:
    """What later stages need to know of a file. Times in seconds, sizes in pixels."""

    duration: float  # of the timeline from the start of the picture, or of the sound where there is no picture
    width: int  # as displayed, after rotation and sample aspect ratio; 0 without picture
    height: int
    rotation: int  # clockwise degrees that turn the decoded picture upright: 0, 90, 180, 270
    fps: float  # on average; 0 without picture, and of a still
    video_codec: str | None
    audio_codec: str | None
    container: str
    start_s: float  # the container's time stamp of t = 0
    warnings: tuple[str, ...] = ()
    video_index: int | None = None  # which streams were found to decode; None: the reader chooses
    audio_index: int | None = None
    faithful: bool = True  # False: the file's own times or its length are wrong, a copy must be written anew
    as_stream: bool = False  # its index is damaged: read it from front to back
    estimated: bool = False  # there was no time to measure the length, and the file gives none
    promised_s: float | None = None  # the end by the header, in the container's time; None where it is silent
    second: Picture | None = None  # another picture, shown at the same time as the first
    tracks: tuple[Track, ...] = ()  # all of them, in the order of the file; cover art is none

    @property
    def has_video(self) -> bool:
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "warnings": list(self.warnings), "tracks": [asdict(track) for track in self.tracks]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> MediaInfo:
        tracks = tuple(Track(**track) for track in data.get("tracks", ()))
        second = Picture(**data["second"]) if data.get("second") else None
        return cls(**{**data, "warnings": tuple(data.get("warnings", ())), "second": second, "tracks": tracks})


def probe(path: Path, timeout_s: float = 20) -> MediaInfo:
    """Reads a file's headers, its tail and its first pictures and sounds.

    Raises UnreadableMedia, with one sentence that names the file, when there is nothing in it that can be played.
    """
    path = Path(path)
    check_local_file(path)
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    # -P: the folder we happen to stand in must not supply modules.
    command = [sys.executable, "-P", "-m", "model.media.examine", str(path.absolute()), str(timeout_s)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=timeout_s, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise UnreadableMedia(f"{path.name} could not be read within {timeout_s:g} seconds.") from None
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        raise UnreadableMedia(
            f"{path.name} could not be read: FFmpeg failed on it (code {child.returncode})."
        ) from None
    if "error" in answer:
        raise UnreadableMedia(answer["error"])
    return MediaInfo.from_json(answer)
