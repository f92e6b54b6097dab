"""The child process behind `cut`: copies a stretch from a key frame on, or decodes and encodes stretches to the frame.

`python -m model.media.cutting` reads one JSON object from stdin (path, info, stretches, target, limit_s) and prints
one: {} when the file is written, else {"error": words}. It ends by itself when its time is up.
"""

from __future__ import annotations

import heapq
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from model.errors import CuepointError
from model.media.audio import aligned_sound
from model.media.frames import PyAVReader
from model.media.picture import browser_yuv
from model.media.probe import MediaInfo
from model.media.reading import may_seek, open_probed, steady_packets

_EARLY_S = 0.5  # how long before its start a copied stretch may begin
_INSIDE_S = 1e-3  # container times are rounded
_COPIED_PICTURE, _COPIED_PIXELS = "h264", ("yuv420p", "yuvj420p")
_COPIED_SOUND = ("aac", "mp3", "opus", "flac")
_MAX_SIDE_PX = 1920  # of an encoded picture
_CLOCK = 90_000  # ticks per second of encoded pictures: divides the usual rates
_SOUND_RATE = 48_000
_AAC_FRAME = 1024  # samples
_KEY_FRAME_S = 2
_BT709 = 1  # ITU-T H.273: the same number for matrix, primaries and transfer

Timed = tuple[float, Any]  # (seconds, packet for the output)
Stretch = tuple[float, float]


def main() -> None:
    order = json.load(sys.stdin)
    watch = threading.Timer(order["limit_s"], os._exit, (1,))  # also when nobody is left to kill us
    watch.daemon = True
    watch.start()
    info, stretches = MediaInfo.from_json(order["info"]), [(start, end) for start, end in order["stretches"]]
    answer: dict[str, object] = {}
    try:
        cut_here(Path(order["path"]), info, stretches, Path(order["target"]))
    except (CuepointError, av.FFmpegError, OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or str(problem)
        answer = {"error": words.rstrip("."), "errno": getattr(problem, "errno", None)}
    print(json.dumps(answer))


def cut_here(path: Path, info: MediaInfo, stretches: Sequence[Stretch], target: Path) -> None:
    """Write the stretches to `target` in this process."""
    begin = _copy_from(path, info, stretches)
    if begin is not None:
        try:
            _write_copy(path, info, (begin, stretches[0][1]), target)
            return
        except (av.FFmpegError, ValueError):
            target.unlink(missing_ok=True)  # what cannot be copied can still be encoded
    _write_encoded(path, info, stretches, target)


def _open_target(target: Path, stack: ExitStack) -> Any:
    options = {"movflags": "faststart"}
    return stack.enter_context(av.open(f"file:{target.absolute()}", "w", format="mp4", container_options=options))


# --- copying ---


def _copy_from(path: Path, info: MediaInfo, stretches: Sequence[Stretch]) -> float | None:
    """Where a copy may begin: at a key frame shortly before the start; None where nothing can be copied."""
    if len(stretches) > 1 or (info.video_index is None and info.audio_index is None):
        return None
    start = stretches[0][0]
    with open_probed(path, info) as container:
        if not may_seek(container, info):
            return None
        if not info.has_video:
            return start if info.audio_codec in _COPIED_SOUND else None
        stream: Any = container.streams[info.video_index or 0]
        pixels = stream.codec_context.pix_fmt
        if info.video_codec != _COPIED_PICTURE or pixels not in _COPIED_PIXELS:
            return None
        return _key_frame_before(container, stream, info, start)


def _key_frame_before(container: Any, stream: Any, info: MediaInfo, start: float) -> float | None:
    _seek(container, stream, info, start - _EARLY_S)
    found = None
    for packet in steady_packets(container, stream, info):
        if packet.pts is None:
            return None
        time = float(packet.pts * stream.time_base) - info.start_s
        if packet.is_keyframe and start - _EARLY_S <= time <= start + _INSIDE_S:
            found = time
        if packet.dts is not None and float(packet.dts * stream.time_base) - info.start_s > start:
            break
    return found


def _seek(container: Any, stream: Any, info: MediaInfo, time: float) -> None:
    if time > 0:
        container.seek(int((time + info.start_s) / stream.time_base), stream=stream)


def _write_copy(path: Path, info: MediaInfo, stretch: Stretch, target: Path) -> None:
    with ExitStack() as stack:
        out = _open_target(target, stack)
        parts: list[Iterator[Timed]] = []
        if info.has_video:
            parts.append(_copied(stack, path, info, stretch, out, info.video_index))
        if info.has_audio and info.audio_codec in _COPIED_SOUND:
            parts.append(_copied(stack, path, info, stretch, out, info.audio_index))
        elif info.has_audio:
            parts.append(_encoded_sound(path, info, [stretch], out))
        count = 0
        for _, packet in heapq.merge(*parts, key=lambda item: item[0]):
            out.mux_one(packet)
            count += 1
        if not count:
            raise ValueError("nothing lies between its start and its end")


def _copied(
    stack: ExitStack, path: Path, info: MediaInfo, stretch: Stretch, out: Any, index: int | None
) -> Iterator[Timed]:
    container = stack.enter_context(open_probed(path, info))
    stream: Any = container.streams[index or 0]
    out_stream = out.add_stream_from_template(stream, opaque=True)
    if stream.type == "video" and info.rotation:
        out_stream.set_display_rotation(-info.rotation)
    return _shifted(container, stream, out_stream, info, stretch)


def _shifted(container: Any, stream: Any, out_stream: Any, info: MediaInfo, stretch: Stretch) -> Iterator[Timed]:
    """Packets of the stretch with its start moved to 0; a picture that others depend on may lie behind the end."""
    base, (start, end) = stream.time_base, stretch
    shift = round(Fraction(info.start_s + start) / base)
    first, last = shift - round(Fraction(_INSIDE_S) / base), shift + round(Fraction(end - start) / base)
    _seek(container, stream, info, start - _EARLY_S)  # Matroska tells decoding times only some packets after a seek
    held: list[Any] = []  # pictures from behind the end: written only if one from before it follows
    begun = stream.type != "video"
    for packet in steady_packets(container, stream, info):
        stamp = packet.pts if packet.pts is not None else first
        begun = begun or (packet.is_keyframe and stamp >= first)
        if not begun or stamp < first:
            continue
        if packet.pts is None or packet.dts is None:
            raise ValueError("its packets have no times")
        if packet.dts >= last:
            return
        held.append(packet)
        if packet.pts < last:
            for ready in held:
                ready.pts, ready.dts, ready.stream = ready.pts - shift, ready.dts - shift, out_stream
                yield float(ready.dts * base), ready
            held = []


# --- encoding ---


def _write_encoded(path: Path, info: MediaInfo, stretches: Sequence[Stretch], target: Path) -> None:
    with ExitStack() as stack:
        out = _open_target(target, stack)
        parts: list[Iterator[Timed]] = []
        if info.has_video:
            parts.append(_encoded_picture(path, info, stretches, out))
        if info.has_audio:
            parts.append(_encoded_sound(path, info, stretches, out))
        for _, packet in heapq.merge(*parts, key=lambda item: item[0]):
            out.mux_one(packet)


def _encoded_picture(path: Path, info: MediaInfo, stretches: Sequence[Stretch], out: Any) -> Iterator[Timed]:
    """Adds an H.264 stream, upright and with square pixels, whose sides are even."""
    shrink = min(1.0, _MAX_SIDE_PX / max(info.width, info.height))
    fps = min(max(info.fps, 1.0), 120.0) if info.fps else 25.0
    options = {"preset": "veryfast", "crf": "21", "bf": "0"}  # B-frames at uneven times would make the clip too long
    video = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
    video.width, video.height = (max(2, round(side * shrink / 2) * 2) for side in (info.width, info.height))
    video.pix_fmt = "yuv420p"
    video.gop_size = max(1, round(fps * _KEY_FRAME_S))
    context = video.codec_context
    context.time_base = Fraction(1, _CLOCK)
    context.colorspace = context.color_primaries = context.color_trc = _BT709  # what `browser_yuv` makes
    context.color_range = ColorRange.MPEG
    return _encoding_picture(path, info, stretches, video, fps)


def _encoding_picture(
    path: Path, info: MediaInfo, stretches: Sequence[Stretch], video: Any, fps: float
) -> Iterator[Timed]:
    offset, last, step = 0.0, -1, round(_CLOCK / fps)
    for start, end in stretches:
        for time, rgb in _pictures(path, info, start, end, 1 / fps):
            pts = round((offset + time - start) * _CLOCK)
            if pts <= last:
                continue
            last = pts
            picture = browser_yuv(av.VideoFrame.from_ndarray(rgb, format="rgb24"), video.width, video.height)
            picture.pts, picture.time_base = pts, Fraction(1, _CLOCK)
            for packet in video.encode(picture):
                packet.duration = step  # of the last one, nothing else tells how long it stands
                yield pts / _CLOCK, packet
        offset += end - start
    for packet in video.encode(None):
        packet.duration = step
        yield max(last, 0) / _CLOCK, packet


def _pictures(
    path: Path, info: MediaInfo, start: float, end: float, frame_s: float
) -> Iterator[tuple[float, np.ndarray]]:
    """(time, RGB picture) from `start` on: first what is shown there, last what is shown until `end`."""
    reader = PyAVReader(path, info, fast=False)
    try:
        shown = reader.grab([start], _MAX_SIDE_PX)[0]
        yield start, shown
        last = start
        for frame in reader.frames(start):
            if frame.time >= end - _INSIDE_S:
                break
            if frame.time > start + _INSIDE_S:
                last, shown = frame.time, frame.rgb(_MAX_SIDE_PX)
                yield last, shown
        if end - last > 1.5 * frame_s:  # a picture that stands for long: without this the clip would end too early
            yield end - frame_s, shown
    finally:
        reader.close()


def _encoded_sound(path: Path, info: MediaInfo, stretches: Sequence[Stretch], out: Any) -> Iterator[Timed]:
    """Adds a stereo AAC stream; where the source has no sound there is silence."""
    sound = out.add_stream("aac", rate=_SOUND_RATE, options={"b": "128k"})
    sound.layout = "stereo"
    return _encoding_sound(path, info, stretches, sound)


def _encoding_sound(path: Path, info: MediaInfo, stretches: Sequence[Stretch], sound: Any) -> Iterator[Timed]:
    context = sound.codec_context
    context.open(strict=False)
    size = context.frame_size or _AAC_FRAME
    done, rest = 0, np.zeros((2, 0), np.float32)
    converter = av.AudioResampler(format=context.format, layout="stereo", rate=_SOUND_RATE)
    for block in chain(_sound_of(path, info, stretches), [None]):
        rest = np.concatenate([rest, block], axis=1) if block is not None else rest
        whole = rest.shape[1] if block is None else rest.shape[1] // size * size  # only the last frame may be short
        for begin in range(0, whole, size):
            piece = np.ascontiguousarray(rest[:, begin : min(begin + size, whole)])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = _SOUND_RATE, done, Fraction(1, _SOUND_RATE)
            done += piece.shape[1]
            for ready in converter.resample(frame):
                for packet in sound.encode(ready):
                    yield done / _SOUND_RATE, packet
        rest = rest[:, whole:]
    for packet in sound.encode(None):
        yield done / _SOUND_RATE, packet


def _sound_of(path: Path, info: MediaInfo, stretches: Sequence[Stretch]) -> Iterator[np.ndarray]:
    """The stretches' samples [2, n] one after the other, in one pass; together as long as the stretches, to the sample.

    Decoded from the file's beginning (60 ms a minute), so that the samples are where a player has them.
    """
    marks = [(round(start * _SOUND_RATE), round(end * _SOUND_RATE)) for start, end in stretches]
    at = 0  # samples of the stretch in hand that were given
    for time, block in aligned_sound(path, info, _SOUND_RATE, "stereo"):
        first = round(time * _SOUND_RATE)
        while marks:
            begin, end = marks[0][0] + at, marks[0][1]
            piece = block[:, max(0, begin - first) : max(0, end - first)]
            if piece.shape[1]:
                yield piece
                at += piece.shape[1]
            if first + block.shape[1] < end:
                break
            marks, at = marks[1:], 0
        if not marks:
            return
    for begin, end in marks:
        yield np.zeros((2, end - begin - at), np.float32)
        at = 0


if __name__ == "__main__":
    main()
