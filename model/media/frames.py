"""Pictures of a video in presentation order, at their real times, decoded only as far as somebody asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np

from model.errors import UnreadableMedia, UsageError
from model.media.container import decode, packets, picture_streams
from model.media.picture import boxed_rgb, luma_thumbnail, upright_grey, upright_rgb
from model.media.probe import PICTURE, MediaInfo
from model.media.reading import may_seek, open_probed, steady_packets

if TYPE_CHECKING:
    from av.packet import Packet

# Two frames closer than this are one: the earlier is never seen.
_SAME_S = 1e-6
_START_TOLERANCE_S = 1e-3
# Below this rate every frame is decoded: skipping would leave too few to look at.
_FAST_FPS = 20
# In fast mode, frames nothing else depends on are skipped, but for the first in each of these slots per second.
_KEPT_PER_S = 8
# A run that starts in the middle seeks this much further back, so that what needs earlier pictures has settled.
_SEEK_MARGIN_S = 3.0
# Frames that a seek costs besides those from the key frame on: refilling the decoder's threads and its reorder buffer.
_SEEK_OVERHEAD_FRAMES = 16
_USUAL_GOP_FRAMES = 250  # x264's default, where no index tells
_BIG_PX = 1920 * 1200  # above, fewer decoder threads: each holds pictures of its own


@dataclass
class Frame:
    """One picture. It may be kept for a while: its pixels stay valid as long as the Frame is held (at full size)."""

    time: float  # seconds from the start of the picture
    luma: np.ndarray  # uint8 [36, 64], brightness as stored
    convert: Callable[[int | None], np.ndarray] = field(repr=False)
    brightness: Callable[[int], np.ndarray] | None = field(default=None, repr=False)  # a quicker way to `grey`

    def rgb(self, max_side: int | None = None) -> np.ndarray:
        """uint8 [H, W, 3], upright, square pixels, longest side at most `max_side` pixels (of each of two pictures)."""
        return self.convert(max_side)

    def grey(self, max_side: int) -> np.ndarray:
        """Brightness, uint8 [H, W], as `rgb`: upright, square pixels, longest side at most `max_side` pixels."""
        return self.brightness(max_side) if self.brightness else self.convert(max_side)[:, :, 1]


class FrameReader(Protocol):
    @property
    def damage(self) -> int:
        """Packets that could not be decoded so far."""

    def frames(self, start: float = 0.0) -> Iterator[Frame]:
        """Every frame with time >= start - 1 ms, in order of time; from any start the same as in an unbroken run."""

    def close(self) -> None: ...


def open_frames(path: Path, info: MediaInfo, backend: str | None = None, fast: bool = True) -> FrameReader:
    """backend: "pyav" or "decord", by default that of CUEPOINT_FRAME_READER, else "pyav".

    fast: leave out frames that no other depends on where there are plenty; about 8 a second always remain.
    Raises UnreadableMedia if the file has no picture, UsageError for an unknown or missing backend.
    """
    backend = backend or os.environ.get("CUEPOINT_FRAME_READER") or "pyav"
    if not info.has_video:
        raise UnreadableMedia(f"{path.name} has no picture.")
    if info.second is not None and backend in ("pyav", "decord"):
        from model.media.two_pictures import TwoPictures

        return TwoPictures(path, info, fast)
    if info.container == PICTURE:
        from model.media.stills import StillReader

        return StillReader(path, info)
    if backend == "pyav" or (backend == "decord" and not info.faithful):  # decord takes wrong times as they are
        return PyAVReader(path, info, fast)
    if backend == "decord":
        from model.media.decord_frames import DecordReader

        return DecordReader(path, info)
    raise UsageError(f'There is no frame reader "{backend}": choose pyav or decord.')


def grab(path: Path, info: MediaInfo, times: Sequence[float], max_side: int) -> list[np.ndarray]:
    """The pictures shown at those times (seconds), uint8 [H, W, 3], in the order asked; seeks where that is cheaper.

    A time before the first frame gives the first, one after the last gives the last. Raises UnreadableMedia if the file
    has no picture that decodes.
    """
    reader: Any = PyAVReader(path, info, fast=False)
    if info.container == PICTURE:
        from model.media.stills import StillReader

        reader = StillReader(path, info)
    elif info.second is not None:
        from model.media.two_pictures import TwoPictures

        reader = TwoPictures(path, info, fast=False)
    try:
        return reader.grab(times, max_side)
    finally:
        reader.close()


class PyAVReader:
    """Decodes with FFmpeg's own threads. One run at a time: a new call of `frames` ends the one before."""

    def __init__(self, path: Path, info: MediaInfo, fast: bool) -> None:
        self.damage = 0
        self._path, self._info = path, info
        self._fast = fast and info.fps >= _FAST_FPS
        self._container: Any = None
        self._stream: Any = None
        self._ratio = 1.0
        self._target = 0.0  # while grabbing: skipping is allowed until shortly before it

    def frames(self, start: float = 0.0) -> Iterator[Frame]:
        for time, picture in self._run(start - _SEEK_MARGIN_S, self._spare_when_fast if self._fast else None):
            if time >= start - _START_TOLERANCE_S:
                yield self._frame(time, picture)

    def shown_at(self, moment: float) -> Frame | None:
        """The frame that a run of `frames` has given last before `moment`; None before the first."""
        shown: tuple[float, Any] | None = None
        for time, picture in self._run(moment, self._spare_when_fast if self._fast else None):
            if time >= moment - _START_TOLERANCE_S:
                break
            shown = time, picture
        return shown and Frame(shown[0], luma_thumbnail(shown[1]), self._converter(shown[1]))

    def grab(self, times: Sequence[float], max_side: int) -> list[np.ndarray]:
        found: dict[float, np.ndarray] = {}
        run: Iterator[tuple[float, Any]] = iter(())
        shown: tuple[float, Any] | None = None
        coming: tuple[float, Any] | None = None
        for moment in sorted({max(0.0, time) for time in times}):
            self._target = moment
            if shown is None or self._seek_is_cheaper(moment - shown[0]):
                run = self._run(moment, self._spare_before_target)
                shown, coming = next(run, None), next(run, None)
                if shown is None:  # nothing decodes from there on
                    run = self._run(0.0, None)
                    shown, coming = next(run, None), next(run, None)
            while coming is not None and coming[0] <= moment + _START_TOLERANCE_S:
                shown, coming = coming, next(run, None)
            if shown is None:
                raise UnreadableMedia(f"{self._path.name} could not be read: none of its pictures can be decoded.")
            found[moment] = self._converter(shown[1])(max_side)
        return [found[max(0.0, time)] for time in times]

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = self._stream = None

    def _open(self) -> None:
        self.close()
        self._container = open_probed(self._path, self._info)
        if self._info.video_index is not None:
            self._stream = self._container.streams[self._info.video_index]
        else:
            candidates = picture_streams(self._container)
            if not candidates:
                self.close()
                raise UnreadableMedia(f"{self._path.name} has no picture.")
            self._stream = candidates[0]
        context = self._stream.codec_context
        context.thread_type = "AUTO"
        big = context.width * context.height > _BIG_PX
        context.thread_count = min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4, 4 if big else 8
        )
        ratio = float(self._stream.sample_aspect_ratio or 1)
        upright = self._info.rotation in (0, 180)
        wide = self._info.width if upright else self._info.height
        # The probe has already sorted out nonsense ratios: follow the size it gave.
        self._ratio = ratio if abs(wide - context.width * ratio) <= 0.02 * wide + 2 else 1.0

    def _run(self, seek_s: float, spare: Callable[[Any, Packet], None] | None) -> Iterator[tuple[float, Any]]:
        """(time, picture) from a key frame at or before `seek_s` (or from the beginning) to the end of the file."""
        self._open()
        source = self._packets_from(seek_s) if seek_s > 0 else None
        if source is None:
            source = steady_packets(self._container, self._stream, self._info, self._count_damage)
        context, base = self._stream.codec_context, self._stream.time_base
        before = None if spare is None else lambda packet: spare(context, packet)
        step = 1 / self._info.fps if self._info.fps else 0.04
        last = -step  # time of the last picture yielded
        held: tuple[float, Any] | None = None  # until the next picture has spoken for it
        for picture in decode(source, context, before, self._count_damage):
            time = (held[0] if held else last) + step
            if picture.pts is not None:
                time = float(picture.pts * base) - self._info.start_s
            if time < -_START_TOLERANCE_S or time > self._info.duration + _START_TOLERANCE_S:
                continue  # outside the presentation
            if time <= last + _SAME_S:
                continue  # late or hidden by its neighbour: a player would not show it either
            if held is not None and held[0] < time - _SAME_S:
                last = held[0]
                yield max(last, 0.0), held[1]
            held = time, picture  # if the one before was later than this one, its time is the odd one
        if held is not None:
            yield max(held[0], 0.0), held[1]

    def _packets_from(self, seek_s: float) -> Iterator[Packet] | None:
        """The very first packet, then those from the key frame before `seek_s` on; None if that cannot be had.

        The first packet goes through the decoder too because encoders put into it alone what they are (x264's version
        decides how 4:4:4 is read: without it, pictures after a seek come out green).
        """
        if not may_seek(self._container, self._info):
            return None
        first = next(packets(self._container, (self._stream,)), None)
        if first is None:
            return None
        try:
            self._container.seek(int((seek_s + self._info.start_s) / self._stream.time_base), stream=self._stream)
            rest = steady_packets(self._container, self._stream, self._info, self._count_damage)
            key = next(rest, None)
        except av.FFmpegError:
            key = None
        landed = self._time_of(key) if key is not None else None
        if key is None or landed is None or landed > seek_s or not key.is_keyframe:  # past its mark: a poor index
            self._open()
            return None
        return chain([first, key], rest)

    def _count_damage(self) -> None:
        self.damage += 1

    def _spare_when_fast(self, context: Any, packet: Packet) -> None:
        """Decided by the packet's own time alone, so that a run started anywhere leaves out the same frames."""
        time = self._time_of(packet)
        kept = time is None or int(time * _KEPT_PER_S) != int((time - 1 / self._info.fps) * _KEPT_PER_S)
        context.skip_frame = "DEFAULT" if kept else "NONREF"

    def _spare_before_target(self, context: Any, packet: Packet) -> None:
        time = self._time_of(packet)
        near = time is None or time > self._target - 1.0 or self._info.fps < _FAST_FPS
        context.skip_frame = "DEFAULT" if near else "NONREF"

    def _time_of(self, packet: Packet) -> float | None:
        return None if packet.pts is None else float(packet.pts * packet.time_base) - self._info.start_s

    def _frame(self, time: float, picture: Any) -> Frame:
        usual = self._usual_size(picture)
        grey = (lambda side: upright_grey(picture, self._info.rotation, self._ratio, side)) if usual else None
        return Frame(time, luma_thumbnail(picture), self._converter(picture), grey)

    def _usual_size(self, picture: Any) -> bool:
        info = self._info
        upright = (info.width, info.height) if info.rotation in (0, 180) else (info.height, info.width)
        return upright == (max(1, round(picture.width * self._ratio)), picture.height)

    def _converter(self, picture: Any) -> Callable[[int | None], np.ndarray]:
        info, ratio = self._info, self._ratio
        if self._usual_size(picture):
            return lambda max_side: upright_rgb(picture, info.rotation, ratio, max_side)
        return lambda max_side: boxed_rgb(picture, info.rotation, ratio, (info.width, info.height), max_side)

    def _seek_is_cheaper(self, gap_s: float) -> bool:
        """Whether decoding on over `gap_s` seconds takes more frames than a seek to the key frame before the target."""
        if not may_seek(self._container, self._info):
            return False
        return gap_s * self._info.fps > self._key_frame_distance() / 2 + _SEEK_OVERHEAD_FRAMES

    def _key_frame_distance(self) -> float:
        """Average frames from one key frame to the next, by the container's index."""
        stamps = [entry.timestamp for entry in list(self._stream.index_entries[:4000]) if entry.is_keyframe]
        if len(stamps) < 2:
            return _USUAL_GOP_FRAMES
        return float((stamps[-1] - stamps[0]) * self._stream.time_base) * self._info.fps / (len(stamps) - 1)
