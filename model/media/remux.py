"""A copy of a video that every browser plays and seeks: streams that browsers read are copied, the rest re-encoded."""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from model.errors import Cancelled, CuepointError, UnreadableMedia
from model.media.container import picture_streams, sound_streams
from model.media.encode import Timed, encoded_picture, encoded_sound
from model.media.probe import PICTURE, MediaInfo
from model.media.reading import open_probed, steady_packets
from model.media.stills import write_playable

_CANCEL_EVERY_S = 0.2
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_EIGHT_BIT = ("yuv420p", "yuvj420p")
_MP4_SOUND, _WEBM_SOUND = ("aac", "mp3", "opus", "flac"), ("opus", "vorbis")


@dataclass(frozen=True)
class _Plan:
    suffix: str  # of the file that will be written
    copy_picture: bool
    copy_sound: bool


def make_playable(path: Path, info: MediaInfo, destination: Path, cancel: Callable[[], bool] | None = None) -> Path:
    """Writes the playable copy beside `destination` and returns its path (same stem, suffix chosen here).

    The picture starts at time 0. A file that is fine as it is gets hard-linked or copied. The result appears under its
    name only when it is complete. Raises Cancelled, UnreadableMedia when nothing in the file can be copied or encoded,
    or CuepointError when there is no room for it. What a killed process left of the same copy is removed.
    """
    watch = _Watch(cancel or (lambda: False))
    destination.parent.mkdir(parents=True, exist_ok=True)
    for left_over in destination.parent.glob(f".{destination.stem}.*.part.*"):
        left_over.unlink(missing_ok=True)
    if info.container == PICTURE:
        return _finish(destination, ".mp4", lambda target: write_playable(path, info, target, watch.check), path)
    plan = _plan(path, info)
    if plan.copy_picture and plan.copy_sound and _plays_as_it_is(path, info, plan.suffix):
        return _finish(destination, plan.suffix, lambda target: _duplicate(path, target, watch), path)
    try:
        return _finish(destination, plan.suffix, lambda target: _write(path, info, plan, target, watch), path)
    except (av.FFmpegError, ValueError) as problem:
        if not (plan.copy_picture or plan.copy_sound):
            raise _failure(path, problem) from problem
    afresh = _Plan(".mp4" if info.has_video else ".m4a", copy_picture=False, copy_sound=False)
    try:
        return _finish(destination, afresh.suffix, lambda target: _write(path, info, afresh, target, watch), path)
    except (av.FFmpegError, ValueError) as problem:
        raise _failure(path, problem) from problem


class _Watch:
    """Asks whether to stop, but not for every packet."""

    def __init__(self, cancel: Callable[[], bool]) -> None:
        self._cancel, self._next = cancel, 0.0

    def check(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _CANCEL_EVERY_S
            if self._cancel():
                raise Cancelled("Preparing the video for playing was stopped.")


def _plan(path: Path, info: MediaInfo) -> _Plan:
    with open_probed(path, info) as container:
        picture = _picture_of(container, info)
        pixels = picture.codec_context.pix_fmt if picture is not None else None
    video, sound, eight_bit = info.video_codec, info.audio_codec, pixels in _EIGHT_BIT
    in_mp4 = sound is None or sound in _MP4_SOUND
    in_webm = sound is None or sound in _WEBM_SOUND
    if video is None:
        return _Plan(".webm" if sound in _WEBM_SOUND else ".m4a", True, sound in (*_MP4_SOUND, *_WEBM_SOUND))
    if video == "h264" and eight_bit:
        return _Plan(".mp4", True, in_mp4)
    if video == "vp8":
        return _Plan(".webm", True, True) if in_webm else _Plan(".webm", True, False)
    if (video == "vp9" and eight_bit) or video == "av1":
        keeps_mp4 = in_mp4 and (not in_webm or info.container.startswith("mov"))
        return _Plan(".mp4", True, True) if keeps_mp4 else _Plan(".webm", True, in_webm)
    return _Plan(".mp4", False, in_mp4)


def _finish(destination: Path, suffix: str, write: Callable[[Path], None], source: Path) -> Path:
    """Runs `write` on a temporary name and moves the result into place."""
    target = destination.with_suffix(suffix)
    partial = target.with_name(f".{target.stem}.{os.getpid()}.part{suffix}")
    try:
        write(partial)
        partial.replace(target)
    except OSError as problem:
        if problem.errno in _NO_ROOM:
            raise CuepointError(f"There is no room left on the disk to prepare {source.name} for playing.") from problem
        if isinstance(problem, av.FFmpegError):
            raise
        raise CuepointError(f"{target.name} could not be written: {problem.strerror or problem}.") from problem
    finally:
        partial.unlink(missing_ok=True)
    return target


def _failure(path: Path, problem: Exception) -> UnreadableMedia:
    reason = getattr(problem, "strerror", None) or str(problem)
    return UnreadableMedia(f"{path.name} could not be prepared for playing: {reason}.")


def _picture_of(container: Any, info: MediaInfo) -> Any:
    if not info.has_video:
        return None
    return container.streams[info.video_index] if info.video_index is not None else picture_streams(container)[0]


def _sound_of(container: Any, info: MediaInfo) -> Any:
    if not info.has_audio:
        return None
    return container.streams[info.audio_index] if info.audio_index is not None else sound_streams(container)[0]


# --- files that are fine as they are ---


def _plays_as_it_is(path: Path, info: MediaInfo, suffix: str) -> bool:
    """An mp4 with its index in front, or a webm with one at all, whose picture starts the timeline."""
    if not info.faithful:
        return False
    with open_probed(path, info) as container:
        chosen: list[Any] = [s for s in (_picture_of(container, info), _sound_of(container, info)) if s is not None]
        indexes = {stream.index for stream in chosen}
        others = [s for s in container.streams if s.type in ("video", "audio") and s.index not in indexes]
        earliest = min(float((stream.start_time or 0) * stream.time_base) for stream in chosen)
    if others or abs(info.start_s) > 1e-3 or earliest < -1e-3:
        return False
    if suffix in (".mp4", ".m4a"):
        return info.container.startswith("mov") and _index_comes_first(path)
    with path.open("rb") as file:
        head = file.read(4096)
    if suffix == ".webm":
        cues = b"\x1c\x53\xbb\x6b"  # the id of the seek index, as the file's table of contents spells it
        return b"webm" in head[:64] and cues in head
    return False


def _index_comes_first(path: Path) -> bool:
    """Whether `moov` stands before `mdat`, and the file is not in fragments (ISO/IEC 14496-12, 4.2 and 8.8)."""
    seen: list[bytes] = []
    size_of_file = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        while position + 8 <= size_of_file and len(seen) < 64:
            file.seek(position)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            if kind == b"ftyp" and header[8:12] == b"qt  ":
                return False  # QuickTime: not every browser takes it
            seen.append(kind)
            if size < 8:
                break
            position += size
    return b"moof" not in seen and b"moov" in seen and b"mdat" in seen and seen.index(b"moov") < seen.index(b"mdat")


def _duplicate(path: Path, target: Path, watch: _Watch) -> None:
    with contextlib.suppress(OSError):
        os.link(path.resolve(), target)
        return
    with path.open("rb") as source, target.open("wb") as copy:
        while block := source.read(4 << 20):
            watch.check()
            copy.write(block)
    shutil.copymode(path, target)


# --- files that are written anew ---


def _write(path: Path, info: MediaInfo, plan: _Plan, target: Path, watch: _Watch) -> None:
    options = {"movflags": "faststart"} if plan.suffix in (".mp4", ".m4a") else {}
    with contextlib.ExitStack() as stack:
        kind = "webm" if plan.suffix == ".webm" else "mp4"
        out = stack.enter_context(av.open(f"file:{target.absolute()}", "w", format=kind, container_options=options))
        parts: list[Iterator[Timed]] = []
        for stream_of, copied, encode in (
            (_picture_of, plan.copy_picture, encoded_picture),
            (_sound_of, plan.copy_sound, encoded_sound),
        ):
            container = stack.enter_context(open_probed(path, info))
            stream = stream_of(container, info)
            if stream is None:
                continue
            parts.append((_copied if copied else encode)(container, stream, out, info))
        for _, packet in heapq.merge(*parts, key=lambda item: item[0]):
            watch.check()
            out.mux_one(packet)


def _copied(container: Any, stream: Any, out: Any, info: MediaInfo) -> Iterator[Timed]:
    out_stream = out.add_stream_from_template(stream, opaque=True)
    if stream.type == "video" and info.rotation:
        out_stream.set_display_rotation(-info.rotation)
    return _shifted(container, stream, out_stream, info)


def _shifted(container: Any, stream: Any, out_stream: Any, info: MediaInfo) -> Iterator[Timed]:
    """The stream's packets with the picture's start moved to 0."""
    picture = stream.type == "video"
    shift = round(Fraction(info.start_s) / stream.time_base)
    end = shift + round(Fraction(info.duration) / stream.time_base)
    for packet in steady_packets(container, stream, info):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or (stamp >= end and not info.faithful):
            continue  # of no time, or from behind the end of what is right
        if not picture and stamp + (packet.duration or 0) <= shift:
            continue  # sound from before the picture
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = out_stream
        yield float(((packet.dts if packet.dts is not None else packet.pts) or 0) * stream.time_base), packet
