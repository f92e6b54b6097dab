"""Small videos and sounds made by code, for every test that needs media. Keep the clips short."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_AUDIO_RATE = 48_000
_CLOCK = 30_000  # ticks per second of the video stream; MPEG-4 part 2 takes no more than 65535
_CODECS = {".webm": ("libvpx", "libopus"), ".avi": ("mjpeg", "pcm_s16le"), ".ts": ("libx264", "aac")}


@dataclass(frozen=True)
class Scene:
    """One shot: a colour with a white square that crosses it, and optionally a text card; a hard cut ends it."""

    seconds: float = 2.0
    colour: tuple[int, int, int] = (40, 90, 160)
    text: str | None = None
    moving: bool = True
    tone_hz: float | None = 440.0  # None: silence


def make_video(
    path: Path,
    scenes: Sequence[Scene] = (Scene(),),
    fps: float = 10,
    size: tuple[int, int] = (320, 180),
    audio: str | np.ndarray | None = "tone",
    codec: str | None = None,
    audio_codec: str | None = None,
    *,
    audio_rate: int = 16_000,
    audio_start_s: float = 0.0,
    start_s: float = 0.0,
    rotation: int = 0,
    sar: Fraction | None = None,
    times: Sequence[float] | None = None,
    gop: int = 12,
    pix_fmt: str | None = None,
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Writes a video and returns its path; the container follows from the suffix (mp4, mov, mkv, webm, avi, ts).

    audio: "tone" (each scene's tone_hz), "silence", None, or float32 mono samples at `audio_rate` (speech, say).
    audio_start_s: the sound's first sample comes that long after the first picture (or before it, if negative).
    start_s: time stamp of the first picture. rotation: clockwise degrees a player must turn the stored picture.
    times: explicit seconds of the frames (variable frame rate) instead of an even `fps`.
    """
    default_video, default_audio = _CODECS.get(path.suffix, ("libx264", "aac"))
    with av.open(str(path), "w", container_options=container_options or {}) as out:
        video: Any = out.add_stream(
            codec or default_video,
            rate=Fraction(fps).limit_denominator(1001),
            options=_options(codec or default_video, codec_options),
        )
        video.width, video.height = size
        video.gop_size = gop
        video.pix_fmt = pix_fmt or ("yuvj420p" if video.name == "mjpeg" else "yuv420p")
        if path.suffix != ".avi":
            video.codec_context.time_base = Fraction(1, _CLOCK)
        if sar:
            video.codec_context.sample_aspect_ratio = sar
        if rotation:
            video.set_display_rotation(-rotation)
        base = start_s + max(0.0, -audio_start_s)
        sound: Any = None
        if audio is not None:
            sound = out.add_stream(audio_codec or default_audio, rate=_AUDIO_RATE)
            sound.layout = "mono"
        seconds = times[-1] + 1 / fps if times else sum(scene.seconds for scene in scenes)
        pictures = _pictures(video, _draw(scenes, fps, size, times), base)
        sounds = (
            _sounds(sound, _samples(audio, scenes, seconds, audio_rate), base + audio_start_s) if sound else iter(())
        )
        _interleave(out, pictures, sounds)
    return path


def make_audio(path: Path, seconds: float = 2.0, tone_hz: float | None = 440.0, codec: str | None = None,
               samples: np.ndarray | None = None, audio_rate: int = 16_000, cover: bool = False) -> Path:  # fmt: skip
    """Writes a sound file (m4a, mp3, flac, wav, ogg, mka by suffix); `cover` adds a picture as cover art (mp3 only)."""
    by_suffix = {".mp3": "libmp3lame", ".flac": "flac", ".wav": "pcm_s16le", ".ogg": "libopus", ".opus": "libopus"}
    wave = samples if samples is not None else "tone"
    with av.open(str(path), "w") as out:
        sound: Any = out.add_stream(codec or by_suffix.get(path.suffix, "aac"), rate=_AUDIO_RATE)
        sound.layout = "mono"
        art = None
        if cover:
            art = out.add_stream("png", rate=1)
            art.width, art.height, art.pix_fmt = 64, 64, "rgb24"
            art.disposition = av.stream.Disposition.attached_pic
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8), format="rgb24")
            for packet in art.encode(picture) + art.encode(None):
                out.mux(packet)
        scene = Scene(seconds=seconds, tone_hz=tone_hz)
        for _, packet in _sounds(sound, _samples(wave, [scene], seconds, audio_rate), 0.0):
            out.mux(packet)
    return path


def frame_picture(scene: Scene, progress: float, size: tuple[int, int]) -> np.ndarray:
    """The picture [H, W, 3] uint8 of a scene at progress 0..1 of its length."""
    width, height = size
    image = Image.new("RGB", size, scene.colour)
    draw = ImageDraw.Draw(image)
    if scene.moving:
        side = max(2, height // 6)
        left = int(progress * (width - side))
        draw.rectangle([left, height - side - 2, left + side, height - 3], fill=(255, 255, 255))
    if scene.text:
        font = ImageFont.load_default(size=max(12, height // 6))
        dark = sum(scene.colour) > 380
        draw.multiline_text((width // 2, height // 2), scene.text, font=font, anchor="mm", align="center",
                            fill=(0, 0, 0) if dark else (255, 255, 255))  # fmt: skip
    return np.asarray(image)


def tone(seconds: float, hertz: float = 440.0, rate: int = 16_000) -> np.ndarray:
    """float32 mono sine of half amplitude."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def truncate(path: Path, fraction: float) -> Path:
    """Cuts the file to that fraction of its bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def corrupt(path: Path, at: float = 0.5, count: int = 400) -> Path:
    """Overwrites `count` bytes from that fraction of the file on with noise."""
    data = bytearray(path.read_bytes())
    begin = int(len(data) * at)
    noise = np.random.default_rng(7).integers(0, 256, size=min(count, len(data) - begin), dtype=np.uint8)
    data[begin : begin + len(noise)] = noise.tobytes()
    path.write_bytes(bytes(data))
    return path


def write_noise(path: Path, count: int = 50_000) -> Path:
    """A file of random bytes, whatever its suffix promises."""
    path.write_bytes(np.random.default_rng(3).integers(0, 256, size=count, dtype=np.uint8).tobytes())
    return path


def _options(codec: str, asked: dict[str, str] | None) -> dict[str, str]:
    """Encoders as quick and quiet as they get."""
    quick = {
        "libx265": {"x265-params": "log-level=none"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "8", "b": "2M"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"},
    }
    return {**quick.get(codec, {}), **(asked or {})}


def _draw(scenes: Sequence[Scene], fps: float, size: tuple[int, int],
          times: Sequence[float] | None) -> Iterator[tuple[float, np.ndarray]]:  # fmt: skip
    starts = np.cumsum([0.0, *(scene.seconds for scene in scenes)])
    moments = times if times is not None else np.arange(round(starts[-1] * fps)) / fps
    for moment in moments:
        index = min(int(np.searchsorted(starts, moment + 1e-6, side="right")) - 1, len(scenes) - 1)
        scene = scenes[index]
        yield float(moment), frame_picture(scene, min(1.0, (moment - starts[index]) / scene.seconds), size)


def _pictures(stream: Any, frames: Iterator[tuple[float, np.ndarray]], base: float) -> Iterator[tuple[float, Any]]:
    for count, (moment, picture) in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        if stream.codec_context.time_base == Fraction(1, _CLOCK):
            frame.pts, frame.time_base = round((base + moment) * _CLOCK), Fraction(1, _CLOCK)
        else:  # AVI knows frame numbers only
            frame.pts = count
        for packet in stream.encode(frame):
            yield base + moment, packet
    for packet in stream.encode(None):
        yield float("inf"), packet


def _samples(audio: Any, scenes: Sequence[Scene], seconds: float, rate: int) -> np.ndarray:
    if isinstance(audio, np.ndarray):
        wanted = round(len(audio) / rate * _AUDIO_RATE)
        return np.interp(np.arange(wanted) / _AUDIO_RATE, np.arange(len(audio)) / rate, audio).astype(np.float32)
    if audio == "silence":
        return np.zeros(round(seconds * _AUDIO_RATE), np.float32)
    pieces = [tone(s.seconds, s.tone_hz or 0.0, _AUDIO_RATE) for s in scenes]  # a tone of 0 Hz is silence
    return np.concatenate(pieces)[: round(seconds * _AUDIO_RATE)]


def _sounds(stream: Any, samples: np.ndarray, base: float) -> Iterator[tuple[float, Any]]:
    resampler = av.AudioResampler(format=stream.format, layout="mono", rate=_AUDIO_RATE)
    stream.codec_context.open(strict=False)  # the frame size is known only then
    step = stream.codec_context.frame_size or 1024
    for begin in range(0, len(samples), step):
        frame = av.AudioFrame.from_ndarray(samples[None, begin : begin + step], format="fltp", layout="mono")
        frame.sample_rate = _AUDIO_RATE
        frame.pts, frame.time_base = round(base * _AUDIO_RATE) + begin, Fraction(1, _AUDIO_RATE)
        for ready in resampler.resample(frame):
            for packet in stream.encode(ready):
                yield base + begin / _AUDIO_RATE, packet
    for packet in stream.encode(None):
        yield float("inf"), packet


def _interleave(out: Any, pictures: Iterator[tuple[float, Any]], sounds: Iterator[tuple[float, Any]]) -> None:
    for _, packet in heapq.merge(pictures, sounds, key=lambda item: item[0]):
        out.mux(packet)
