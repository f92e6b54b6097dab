"""From a decoded FFmpeg picture to arrays: a cheap brightness thumbnail, and upright RGB with square pixels."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LUMA_SHAPE = (36, 64)  # rows, columns
# An untagged picture of at least this height follows BT.709, a smaller one BT.601: what browsers assume.
_HD_PX = 720
_BT709, _UNSPECIFIED, _RESERVED, _BT2020 = 1, 2, 3, (9, 10)  # AVColorSpace (ITU-T H.273, matrix coefficients)
# Scaler state is not thread-safe, and setting one up costs more than a small picture. All scale with one thread: a
# forked process (ZeroGPU) frees what other threads held, and would wait for ever for helper threads it does not have.
_contexts = threading.local()


def luma_thumbnail(frame: VideoFrame) -> np.ndarray:
    """Brightness, uint8 [36, 64], as stored (not rotated). Some 50 microseconds for planar YUV of 8 to 16 bits.

    Each cell is the mean of four points: one alone would flicker on fine texture.
    """
    bits = _luma_bits(frame.format.name)
    if not bits:
        small = _scaler(("luma", frame.width, frame.height, frame.format.name)).reformat(
            frame,
            width=LUMA_SHAPE[1],
            height=LUMA_SHAPE[0],
            format="gray8",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return np.asarray(small.to_ndarray()).reshape(LUMA_SHAPE)
    plane = frame.planes[0]
    values = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)  # type: ignore[call-overload]
    picture = values.reshape(-1, plane.line_size // values.itemsize)[: frame.height]
    rows, columns = _points(frame.width, frame.height)
    points = picture[rows].take(columns, axis=1)  # [72, 128]
    sums = points[::2].astype(np.uint32 if bits > 8 else np.uint16)
    sums += points[1::2]
    return ((sums[:, ::2] + sums[:, 1::2]) >> (bits - 8 + 2)).astype(np.uint8)


def upright_rgb(frame: VideoFrame, rotation: int, pixel_ratio: float, max_side: int | None) -> np.ndarray:
    """uint8 [H, W, 3]: scaled while converting, then turned `rotation` degrees clockwise. Never enlarged."""
    width, height = max(1, round(frame.width * pixel_ratio)), frame.height
    return _turned(_rgb(frame, *shrunk(width, height, max_side)), rotation)


def upright_grey(frame: VideoFrame, rotation: int, pixel_ratio: float, max_side: int | None) -> np.ndarray:
    """Brightness, uint8 [H, W], as `upright_rgb` in every other way, and several times quicker."""
    width, height = shrunk(max(1, round(frame.width * pixel_ratio)), frame.height, max_side)
    scaler = _scaler(("grey", width, height, frame.width, frame.height, frame.format.name))
    grey = scaler.reformat(
        frame, width=width, height=height, format="gray8", interpolation=Interpolation.AREA, threads=1
    )
    return _turned(grey.to_ndarray().reshape(height, width), rotation)


def boxed_rgb(
    frame: VideoFrame, rotation: int, pixel_ratio: float, size: tuple[int, int], max_side: int | None
) -> np.ndarray:
    """As `upright_rgb`, for a frame of another size than its video: black bars make it `size` (width, height, upright).

    Calls, casts and cameras change their picture's size in the middle of a recording.
    """
    size = size if rotation in (0, 180) else (size[1], size[0])
    box_width, box_height = shrunk(*size, max_side)
    scale = min(box_width / (frame.width * pixel_ratio), box_height / frame.height)
    width = min(max(1, round(frame.width * pixel_ratio * scale)), box_width)
    height = min(max(1, round(frame.height * scale)), box_height)
    box = np.zeros((box_height, box_width, 3), np.uint8)
    left, top = (box_width - width) // 2, (box_height - height) // 2
    box[top : top + height, left : left + width] = _rgb(frame, width, height)
    return _turned(box, rotation)


def shrunk(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Width and height in proportion, with the longest side at most `max_side` pixels."""
    shrink = min(1.0, max_side / max(width, height)) if max_side else 1.0
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def _turned(picture: np.ndarray, rotation: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(picture, -(rotation // 90) % 4)) if rotation else picture


def _rgb(frame: VideoFrame, width: int, height: int) -> np.ndarray:
    scaler = _scaler((width, height, frame.width, frame.height, frame.format.name))
    smaller = height < frame.height or width < frame.width
    return scaler.reformat(
        frame,
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=_matrix(frame),
        src_color_range=_range(frame),
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.AREA if smaller else Interpolation.BILINEAR,
        threads=1,
    ).to_ndarray()


def _scaler(key: tuple[object, ...]) -> VideoReformatter:
    known = _contexts.__dict__.setdefault("known", {})
    if key not in known:
        if len(known) >= 8:  # a handful of sizes alternate at most
            known.pop(next(iter(known)))
        known[key] = VideoReformatter()
    return known[key]


@lru_cache(maxsize=16)
def _points(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the points a thumbnail is made of: two per cell and axis, evenly spread."""
    rows, columns = (2 * cells for cells in LUMA_SHAPE)
    return (
        ((np.arange(rows) + 0.5) * height / rows).astype(np.intp),
        ((np.arange(columns) + 0.5) * width / columns).astype(np.intp),
    )


@lru_cache(maxsize=64)
def _luma_bits(pixel_format: str) -> int:
    """Bits of the first plane if it is brightness in native byte order, else 0."""
    if pixel_format in ("nv12", "nv21", "nv16", "gray", "gray8"):
        return 8
    if pixel_format.startswith(("p010", "p016", "p210")):
        return 16 if pixel_format.endswith("le") else 0  # the bits stand at the top
    stem = pixel_format.removesuffix("le")
    if not stem.startswith(("yuv4", "yuvj4", "yuva4", "gray")) or pixel_format.endswith("be"):
        return 0
    for bits in (9, 10, 12, 14, 16):
        if stem.endswith((f"p{bits}", f"gray{bits}")):
            return bits
    return 8 if stem.endswith("p") else 0


def _matrix(frame: VideoFrame) -> Colorspace:
    if frame.colorspace == _BT709 or (frame.colorspace in (_UNSPECIFIED, _RESERVED) and frame.height >= _HD_PX):
        return Colorspace.ITU709
    if frame.colorspace in _BT2020:
        return Colorspace.BT2020
    return Colorspace.ITU601


def _range(frame: VideoFrame) -> ColorRange:
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(("yuvj", "rgb", "bgr", "gbr", "pal"))
    return ColorRange.JPEG if full else ColorRange.MPEG


def browser_yuv(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """The picture at that size in the one form every browser shows right: 8-bit 4:2:0, BT.709, limited range."""
    return _scaler(("yuv", width, height, frame.width, frame.height, frame.format.name)).reformat(
        frame,
        width=width,
        height=height,
        format="yuv420p",
        src_colorspace=_matrix(frame),
        src_color_range=_range(frame),
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA,
        threads=1,
    )
