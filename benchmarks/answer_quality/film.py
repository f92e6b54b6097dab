"""From a script to a video file: frames that move a little, as from a hand-held camera, and the sound beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from benchmarks.answer_quality import layouts, photos, sights
from benchmarks.answer_quality.drawing import card, picture_of, shape
from benchmarks.answer_quality.pen import COLOURS, HEIGHT_PX, WIDTH_PX
from benchmarks.answer_quality.script import Scene, Script
from benchmarks.answer_quality.speech import RATE_HZ

FPS = 10
_ROOM = 1.05  # a picture is drawn this much larger than the frame, which wanders over it
_SCALE_HZ = (262.0, 294.0, 330.0, 392.0, 440.0, 523.0)  # pentatonic: any order sounds well
_BEAT_S = 0.3


def make_film(script: Script, path: Path) -> Path:
    """Encodes a script (H.264 and AAC in MP4); the same bytes for the same script and the same encoder."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "20"})
        video.thread_count = 1  # the same bytes everywhere, and no slower for pictures this small
        video.width, video.height, video.pix_fmt, video.gop_size = WIDTH_PX, HEIGHT_PX, "yuv420p", 4 * FPS
        sound = out.add_stream("aac", rate=RATE_HZ, layout="mono")
        sound.bit_rate = 64_000
        block, samples = RATE_HZ // FPS, soundtrack(script)
        for number, picture in enumerate(frames(script)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(frame))
            piece: Any = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[None, number * block : (number + 1) * block]), format="fltp", layout="mono"
            )
            piece.sample_rate, piece.pts, piece.time_base = RATE_HZ, number * block, Fraction(1, RATE_HZ)
            out.mux(sound.encode(piece))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return path


def frames(script: Script) -> Iterator[np.ndarray]:
    """Every frame, uint8 [H, W, 3]."""
    for scene in script.scenes:
        still = picture(scene)
        wide = still.resize((round(still.width * _ROOM), round(still.height * _ROOM)), Image.Resampling.BILINEAR)
        page = np.asarray(wide)
        if page.shape[0] > HEIGHT_PX * 1.2:
            yield from _scrolled(page, round(scene.seconds * FPS))
            continue
        spare_x, spare_y = page.shape[1] - WIDTH_PX, page.shape[0] - HEIGHT_PX
        for number in range(round(scene.seconds * FPS)):
            x = round(spare_x * (0.5 + 0.5 * math.sin(number / FPS * 0.8)))
            y = round(spare_y * (0.5 + 0.5 * math.cos(number / FPS * 0.6)))
            yield np.ascontiguousarray(page[y : y + HEIGHT_PX, x : x + WIDTH_PX])


def _scrolled(page: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """A page that is higher than the frame goes by from its top to its end, with a rest at the end."""
    x = (page.shape[1] - WIDTH_PX) // 2
    for number in range(count):
        y = round((page.shape[0] - HEIGHT_PX) * min(1.0, number / (0.8 * count)))
        yield np.ascontiguousarray(page[y : y + HEIGHT_PX, x : x + WIDTH_PX])


def picture(scene: Scene) -> Image.Image:
    kind, *what = scene.show
    if kind == "card":
        return card(*what)
    if kind == "shape":
        return shape(*what)
    if kind == "page":
        return layouts.page(what[0], what[1], what[2:])
    if kind == "sight":
        return sights.sight(what[0])
    if kind == "photo":
        return photos.framed(Path(what[0]))
    if kind == "pause":
        return Image.new("RGB", (WIDTH_PX, HEIGHT_PX), COLOURS[what[0]])
    name, count, colour = what
    found = picture_of(name, int(count), colour)
    assert found is not None, name
    return found


def soundtrack(script: Script) -> np.ndarray:
    """float32 mono [n] at RATE_HZ, as long as the frames."""
    random = np.random.default_rng(len(script.scenes))
    pieces = []
    for scene in script.scenes:
        count = round(scene.seconds * FPS) * RATE_HZ // FPS
        if isinstance(scene.sound, np.ndarray):
            pieces.append(np.pad(scene.sound, (0, max(0, count - len(scene.sound))))[:count])
        elif scene.sound == "music":
            pieces.append(music(count, random))
        else:
            pieces.append(random.normal(0, 0.02 if scene.sound == "noise" else 1e-4, count).astype(np.float32))
    return np.concatenate(pieces)


def music(count: int, random: np.random.Generator) -> np.ndarray:
    """float32 [count]: bell-like notes in a random order."""
    t = np.arange(count + RATE_HZ) / RATE_HZ
    sound = np.zeros(count + RATE_HZ)
    for begin in range(0, count, round(_BEAT_S * RATE_HZ)):
        pitch = random.choice(_SCALE_HZ)
        ringing = t[:RATE_HZ]
        sound[begin : begin + RATE_HZ] += 0.12 * np.sin(2 * np.pi * pitch * ringing) * np.exp(-5 * ringing)
    return sound[:count].astype(np.float32)
