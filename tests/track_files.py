"""Files with several pictures and sounds, with channels of their own, and recordings that were joined end to end."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.media_factory import Scene, frame_picture

RATE = 48_000
_STEP = 960  # samples a frame: 20 ms


@dataclass(frozen=True)
class PictureTrack:
    scenes: Sequence[Scene]
    size: tuple[int, int] = (320, 180)
    fps: int = 10


@dataclass(frozen=True)
class SoundTrack:
    """samples: float32 [channels, n] at `rate`."""

    samples: np.ndarray
    layout: str = "mono"
    language: str = ""
    title: str = ""
    disposition: str = ""
    rate: int = RATE
    codec: str = "aac"


def write_tracks(path: Path, pictures: Sequence[PictureTrack] = (), sounds: Sequence[SoundTrack] = ()) -> Path:
    """Writes a file with these tracks, in this order, all from second 0 on (mkv, mp4, ts, wav by suffix)."""
    with av.open(str(path), "w") as out:
        runs = [_pictures(_picture_stream(out, track), track) for track in pictures]
        runs += [_sounds(_sound_stream(out, track), track) for track in sounds]
        for _, packet in heapq.merge(*runs, key=lambda item: item[0]):
            out.mux(packet)
    return path


def join(path: Path, *parts: Path) -> Path:
    """One file after the other, as `cat` does; the parts go."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


def _picture_stream(out: Any, track: PictureTrack) -> Any:
    stream = out.add_stream("libx264", rate=track.fps)
    stream.width, stream.height = track.size
    stream.pix_fmt = "yuv420p"
    return stream


def _sound_stream(out: Any, track: SoundTrack) -> Any:
    stream = out.add_stream(track.codec, rate=track.rate)
    stream.layout = track.layout
    stream.metadata.update(
        {name: value for name, value in (("language", track.language), ("title", track.title)) if value}
    )
    if track.disposition:
        stream.disposition = av.stream.Disposition[track.disposition]
    return stream


def _pictures(stream: Any, track: PictureTrack) -> Iterator[tuple[float, Any]]:
    number = 0
    for scene in track.scenes:
        count = round(scene.seconds * track.fps)
        for at in range(count):
            frame = av.VideoFrame.from_ndarray(frame_picture(scene, at / count, track.size), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, track.fps)
            for packet in stream.encode(frame):
                yield number / track.fps, packet
            number += 1
    for packet in stream.encode(None):
        yield float("inf"), packet


def _sounds(stream: Any, track: SoundTrack) -> Iterator[tuple[float, Any]]:
    resampler = av.AudioResampler(format=stream.format, layout=track.layout, rate=track.rate)
    for begin in range(0, track.samples.shape[1], _STEP):
        piece = np.ascontiguousarray(track.samples[:, begin : begin + _STEP], np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=track.layout)
        frame.sample_rate, frame.pts, frame.time_base = track.rate, begin, Fraction(1, track.rate)
        for ready in resampler.resample(frame):
            for packet in stream.encode(ready):
                yield begin / track.rate, packet
    for packet in stream.encode(None):
        yield float("inf"), packet
