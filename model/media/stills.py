"""Picture files as short videos: a still is shown for some seconds, an animation once, at its own pace.

Pillow reads them: FFmpeg gives animated WebP no times, ignores how a camera was held, and shows what is transparent as
black. Nothing here is imported before a file was seen to be a picture.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from PIL import AvifImagePlugin, Image, ImageOps, TiffImagePlugin, WebPImagePlugin

from model.errors import UnreadableMedia
from model.media.encode import CLOCK, MAX_SIDE_PX, add_h264
from model.media.frames import Frame
from model.media.picture import browser_yuv, luma_thumbnail, shrunk
from model.media.probe import PICTURE, MediaInfo, Track

_PLUGINS = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)  # Pillow knows these once they are imported
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
STILL_S = 5.0  # how long a still, or a page of a scan, is shown
LEAST_S = 1.0  # a shorter animation stays at its last frame for the rest
HURRIED_S = 0.011  # browsers take frames that ask for less
UNHURRIED_S = 0.1  # for so long
_STEP_S = 0.5  # the copy for the browser repeats a picture that stays, so that it can be sought


def examine_picture(path: Path, deadline: float) -> MediaInfo:
    """Decodes all of a picture file. Raises UnreadableMedia if it is damaged, too large or of another kind.

    deadline: monotonic seconds; of an animation that takes longer only the frames so far are shown.
    """
    with _opened(path) as image:
        codec = str(image.format).lower().replace("mpo", "jpeg")
        times, end, said = [], 0.0, []
        for number in range(_count(image)):
            if number and time.monotonic() > deadline:
                said.append(f"Only the first {end:.0f} s of the animation could be read in time.")
                break
            upright = _upright(image, number)
            if number == 0:
                width, height = upright.size
            times.append(end)
            end += _seconds(image)
    moves = len(times) > 1
    return MediaInfo(
        duration=round(max(end, LEAST_S), 3),
        width=width,
        height=height,
        rotation=0,
        fps=len(times) / end if moves else 0.0,
        video_codec=codec,
        audio_codec=None,
        container=PICTURE,
        start_s=0.0,
        warnings=tuple(said),
        video_index=0,
        tracks=(Track(0, "picture", codec),),
    )


class StillReader:
    """The frames of a picture file, as a FrameReader."""

    damage = 0  # a damaged one was refused

    def __init__(self, path: Path, info: MediaInfo) -> None:
        self._path, self._info = path, info

    def frames(self, start: float = 0.0) -> Iterator[Frame]:
        for moment, picture in _pictures(self._path, self._info):
            if moment >= start - 1e-3:
                frame = VideoFrame.from_ndarray(picture, format="rgb24")
                yield Frame(moment, luma_thumbnail(frame), _scaled(picture))

    def grab(self, times: Sequence[float], max_side: int) -> list[np.ndarray]:
        """The pictures shown at those times (seconds), uint8 [H, W, 3]."""
        found: dict[float, np.ndarray] = {}
        for moment, picture in _pictures(self._path, self._info):
            shown = [t for t in times if t >= moment or t not in found]
            if shown:
                found |= dict.fromkeys(shown, _scaled(picture)(max_side))
        return [found[t] for t in times]

    def close(self) -> None:
        """Each run opens the file for itself."""


def write_playable(path: Path, info: MediaInfo, target: Path, check: Callable[[], None]) -> None:
    """Writes what browsers play and seek, H.264 in MP4. `check` is called for every frame."""
    with av.open(f"file:{target.absolute()}", "w", format="mp4", container_options={"movflags": "faststart"}) as out:
        video = add_h264(out, *shrunk(info.width, info.height, MAX_SIDE_PX), 1 / _STEP_S)
        for moment, stays, picture in _held(path, info):
            check()
            frame = browser_yuv(VideoFrame.from_ndarray(picture, format="rgb24"), video.width, video.height)
            frame.pts, frame.time_base = round(moment * CLOCK), Fraction(1, CLOCK)
            frame.duration = round(stays * CLOCK)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def _held(path: Path, info: MediaInfo) -> Iterator[tuple[float, float, np.ndarray]]:
    """(seconds, for how long, picture): pictures that stay are repeated."""
    before: tuple[float, np.ndarray] | None = None
    end: list[tuple[float, np.ndarray | None]] = [(info.duration, None)]
    for moment, picture in chain(_pictures(path, info), end):
        if before is not None:
            parts = max(1, round((moment - before[0]) / _STEP_S))
            step = (moment - before[0]) / parts
            for part in range(parts):
                yield before[0] + part * step, step, before[1]
        if picture is not None:
            before = moment, picture


def _pictures(path: Path, info: MediaInfo) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds, uint8 [H, W, 3]) of every frame that is shown within the file's length."""
    moment = 0.0
    with _opened(path) as image:
        for number in range(_count(image)):
            upright = _upright(image, number)
            if upright.size != (info.width, info.height):  # pages of a scan
                upright = ImageOps.pad(upright, (info.width, info.height), color="white")
            yield moment, np.asarray(upright)
            moment += _seconds(image)
            if moment >= info.duration - 1e-3:
                return


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of sizes that are large but allowed
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except Image.DecompressionBombError as problem:
        raise UnreadableMedia(f"{path.name} could not be read: the picture is too large.") from problem
    except (OSError, SyntaxError, ValueError, EOFError) as problem:
        raise UnreadableMedia(f"{path.name} could not be read: the picture is damaged or incomplete.") from problem


def _count(image: Image.Image) -> int:
    """Frames of an animation, or pages of a scan. Other pictures in one file (a camera's previews) are not counted."""
    return 1 if image.format in ("MPO", "AVIF") else int(getattr(image, "n_frames", 1))


def _seconds(image: Image.Image) -> float:
    """How long the frame that was read last stays."""
    if _count(image) == 1 or image.format == "TIFF":
        return STILL_S
    seconds = float(image.info.get("duration") or 0) / 1000
    return seconds if seconds >= HURRIED_S else UNHURRIED_S


def _upright(image: Image.Image, number: int) -> Image.Image:
    """A frame as RGB: turned as the camera was held, on white where it is transparent."""
    image.seek(number)
    image.load()
    frame: Any = image
    if frame.mode.startswith("I") or frame.mode == "F":
        frame = _eight_bit(frame)
    frame = ImageOps.exif_transpose(frame)
    if frame.has_transparency_data:
        frame = frame.convert("RGBA")
        white = Image.new("RGBA", frame.size, "white")
        frame = Image.alpha_composite(white, frame)
    return frame.convert("RGB")


def _eight_bit(frame: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, from its darkest to its brightest."""
    values = np.asarray(frame, np.float64)
    top = 65_535.0 if frame.mode.startswith("I;16") else max(float(values.max()), 1.0)
    return Image.fromarray((values.clip(0, top) / top * 255).astype(np.uint8))


def _scaled(picture: np.ndarray) -> Callable[[int | None], np.ndarray]:
    def scale(max_side: int | None) -> np.ndarray:
        height, width = picture.shape[:2]
        size = shrunk(width, height, max_side)
        if size == (width, height):
            return picture
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX, reducing_gap=2.0))

    return scale
