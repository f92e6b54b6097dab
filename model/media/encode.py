"""Streams that no browser plays, encoded anew as H.264 and AAC (or Opus beside a WebM picture)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from model.media.audio import aligned_sound
from model.media.container import decode
from model.media.picture import boxed_rgb, browser_yuv
from model.media.probe import MediaInfo
from model.media.reading import steady_packets

# What a re-encoded picture measures at most: enough to read slides, and two cores keep up with real time.
MAX_SIDE_PX = 1280
CLOCK = 90_000  # ticks per second of re-encoded pictures: divides the usual rates
_SOUND_RATE = 48_000
_AAC_FRAME = 1024  # samples
_KEY_FRAME_S = 2  # seeking in the browser lands on one of these
_BT709 = 1  # ITU-T H.273: the same number for matrix, primaries and transfer

Timed = tuple[float, Any]  # (seconds, packet for the output)


def encoded_picture(container: Any, stream: Any, out: Any, info: MediaInfo) -> Iterator[Timed]:
    """Adds an H.264 stream to `out` and yields its packets: squared pixels, rotation as a tag."""
    turned = info.rotation in (90, 270)
    wide, high = (info.height, info.width) if turned else (info.width, info.height)
    shrink = min(1.0, MAX_SIDE_PX / max(wide, high))
    fps = min(max(info.fps, 1.0), 120.0) if info.fps else 25.0
    video = add_h264(out, wide * shrink, high * shrink, fps)
    if info.rotation:
        video.set_display_rotation(-info.rotation)
    return _encoding_picture(container, stream, video, info)


def add_h264(out: Any, width: float, height: float, fps: float) -> Any:
    """Adds a stream to `out` for pictures as `browser_yuv` makes them, in ticks of 1 / CLOCK s; sides become even."""
    options = {"preset": "veryfast", "crf": "23"}
    video = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
    video.width, video.height = (max(2, round(side / 2) * 2) for side in (width, height))
    video.pix_fmt = "yuv420p"
    video.gop_size = max(1, round(fps * _KEY_FRAME_S))
    context = video.codec_context
    context.time_base = Fraction(1, CLOCK)
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG
    return video


def _encoding_picture(container: Any, stream: Any, video: Any, info: MediaInfo) -> Iterator[Timed]:
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = min(os.cpu_count() or 2, 4)
    last, size = -1, None  # of the first picture
    for frame in decode(steady_packets(container, stream, info), context):
        if frame.pts is None:
            pts = last + round(CLOCK / (info.fps or 25))
        else:
            pts = round((frame.pts * stream.time_base - Fraction(info.start_s)) * CLOCK)
        if pts <= last or pts < 0 or pts > info.duration * CLOCK:
            continue
        last = pts
        if size is None or size == (frame.width, frame.height):
            size = frame.width, frame.height
        else:
            frame = VideoFrame.from_ndarray(boxed_rgb(frame, 0, 1.0, size, None), format="rgb24")
        picture = browser_yuv(frame, video.width, video.height)
        picture.pts, picture.time_base = pts, Fraction(1, CLOCK)
        for packet in video.encode(picture):
            yield pts / CLOCK, packet
    for packet in video.encode(None):
        yield max(last, 0) / CLOCK, packet


def encoded_sound(container: Any, stream: Any, out: Any, info: MediaInfo) -> Iterator[Timed]:
    """Adds a stereo stream to `out` and yields its packets; gaps in the source become silence."""
    opus = out.format.name == "webm"
    sound = out.add_stream("libopus" if opus else "aac", rate=_SOUND_RATE, options={"b": "128k"})
    sound.layout = "stereo"
    return _encoding_sound(Path(container.name.removeprefix("file:")), sound, info)


def _encoding_sound(path: Path, sound: Any, info: MediaInfo) -> Iterator[Timed]:
    context = sound.codec_context
    context.open(strict=False)
    size = context.frame_size or _AAC_FRAME
    converter = av.AudioResampler(format=context.format, layout="stereo", rate=_SOUND_RATE)
    done = 0
    # A block is a whole number of frames: only the last frame may be short.
    for _, block in aligned_sound(path, info, _SOUND_RATE, "stereo", block_s=48 * size / _SOUND_RATE):
        for begin in range(0, block.shape[1], size):
            piece = block[:, begin : begin + size].copy()
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = _SOUND_RATE, done, Fraction(1, _SOUND_RATE)
            done += piece.shape[1]
            for ready in converter.resample(frame):
                for packet in sound.encode(ready):
                    yield done / _SOUND_RATE, packet
    for packet in sound.encode(None):
        yield done / _SOUND_RATE, packet
