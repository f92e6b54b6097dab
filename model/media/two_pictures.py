"""Two pictures that a file shows at the same time, such as a speaker and the slides: seen as one, side by side.

A second video stream may also be the same film in another size. Then it is left alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.errors import UnreadableMedia
from model.media.frames import Frame, PyAVReader
from model.media.picture import LUMA_SHAPE, shrunk
from model.media.probe import MediaInfo, Picture

_GAP = 0.05  # of the pictures' mean height or width: a line of text does not go on from one picture to the other
# Shares of the length at which two pictures are compared, and seconds where no index leads there.
_PLACES = (0.08, 0.27, 0.46, 0.65, 0.84)
_FIRST_PLACES_S = (0.0, 0.5, 1.0, 2.0, 4.0)
_COMPARED_PX = 64
_SAME_ASPECT = 0.03
_SAME = 0.04  # mean difference, 0 to 1: coding and scaling change less, other pictures of one stage more


class TwoPictures:
    """A FrameReader: a frame whenever one of the two pictures changes. `max_side` counts for each of the two."""

    def __init__(self, path: Path, info: MediaInfo, fast: bool) -> None:
        """`info.second` must be there. Raises UnreadableMedia as PyAVReader does."""
        assert info.second is not None
        first = Picture(info.video_index or 0, info.width, info.height, info.rotation, info.fps)
        self._pictures = (first, info.second)
        self._readers = (PyAVReader(path, replace(info, second=None), fast), PyAVReader(path, second_of(info), fast))
        self._stacked = is_stacked(*self._pictures)
        self._together_s = 0.5 / max(first.fps, info.second.fps, 1.0)

    @property
    def damage(self) -> int:
        return sum(reader.damage for reader in self._readers)

    def frames(self, start: float = 0.0) -> Iterator[Frame]:
        shown = [reader.shown_at(start) if start > 0 else None for reader in self._readers]
        runs = [reader.frames(start) for reader in self._readers]
        coming = [next(run, None) for run in runs]
        while times := [frame.time for frame in coming if frame is not None]:
            now = min(times)
            for number, run in enumerate(runs):
                frame = coming[number]
                if frame is not None and frame.time <= now + self._together_s:
                    shown[number], coming[number] = frame, next(run, None)
            yield self._joined(now, list(shown))

    def grab(self, times: Sequence[float], max_side: int) -> list[np.ndarray]:
        """See model.media.frames.grab."""
        taken: list[list[np.ndarray] | list[None]] = []
        for reader in self._readers:
            try:
                taken.append(reader.grab(times, max_side))
            except UnreadableMedia:
                taken.append([None] * len(times))
        if all(picture is None for pictures in taken for picture in pictures):
            raise UnreadableMedia("None of the pictures can be decoded.")
        return [self._canvas(pair, max_side) for pair in zip(*taken, strict=True)]

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    def _joined(self, now: float, shown: list[Frame | None]) -> Frame:
        def convert(max_side: int | None) -> np.ndarray:
            return self._canvas([None if frame is None else frame.rgb(max_side) for frame in shown], max_side)

        axis = 0 if self._stacked else 1
        halves = [_halved(np.zeros(LUMA_SHAPE, np.uint8) if frame is None else frame.luma, axis) for frame in shown]
        return Frame(now, np.concatenate(halves, axis=axis), convert)

    def _canvas(self, pictures: Sequence[np.ndarray | None], max_side: int | None) -> np.ndarray:
        """uint8 [H, W, 3]: one above or beside the other, each in the middle of its part, black around; None: black."""
        sizes = [shrunk(picture.width, picture.height, max_side) for picture in self._pictures]
        axis = 1 if self._stacked else 0  # of (width, height): along which one follows the other
        across, along = max(size[1 - axis] for size in sizes), [size[axis] for size in sizes]
        gap = max(1, round(_GAP * sum(along) / len(along)))
        size = (across, sum(along) + gap) if self._stacked else (sum(along) + gap, across)
        canvas = np.zeros((size[1], size[0], 3), np.uint8)
        for number, (picture, (width, height)) in enumerate(zip(pictures, sizes, strict=True)):
            offset, aside = number * (along[0] + gap), (across - (width if self._stacked else height)) // 2
            left, top = (aside, offset) if self._stacked else (offset, aside)
            if picture is not None:
                canvas[top : top + height, left : left + width] = picture[:height, :width]
        return canvas


def second_of(info: MediaInfo) -> MediaInfo:
    """What is needed to read the second picture alone."""
    second = info.second
    assert second is not None
    return replace(
        info, video_index=second.index, width=second.width, height=second.height,
        rotation=second.rotation, fps=second.fps, second=None,
    )  # fmt: skip


def is_stacked(first: Picture, second: Picture) -> bool:
    """Whether one above the other comes nearer to a square, which encoders and readers of text want, than beside it."""
    width, height = first.width + second.width, first.height + second.height
    above = max(first.width, second.width) / height
    beside = width / max(first.height, second.height)
    return abs(np.log(above)) <= abs(np.log(beside))


def is_copy(path: Path, info: MediaInfo, seekable: bool, deadline: float) -> bool:
    """Whether the second picture shows what the first shows; False if `deadline` (time.monotonic()) leaves no time."""
    first, second = info, info.second
    assert second is not None
    if abs(first.width * second.height / (first.height * second.width) - 1) > _SAME_ASPECT:
        return False
    times = [place * info.duration for place in _PLACES] if seekable else list(_FIRST_PLACES_S)
    readers = PyAVReader(path, replace(info, second=None), fast=False), PyAVReader(path, second_of(info), fast=False)
    try:
        for moment in times:
            if time.monotonic() > deadline:
                return False
            one, two = (reader.grab([moment], _COMPARED_PX)[0].astype(np.int16) for reader in readers)
            height, width = min(one.shape[0], two.shape[0]), min(one.shape[1], two.shape[1])
            if np.abs(one[:height, :width] - two[:height, :width]).mean() / 255 > _SAME:
                return False
        return True
    except UnreadableMedia:
        return False
    finally:
        for reader in readers:
            with contextlib.suppress(UnreadableMedia):
                reader.close()


def _halved(luma: np.ndarray, axis: int) -> np.ndarray:
    """Half as many rows or columns, each the mean of two."""
    even, odd = (luma[::2], luma[1::2]) if axis == 0 else (luma[:, ::2], luma[:, 1::2])
    half: np.ndarray = ((even.astype(np.uint16) + odd) >> 1).astype(np.uint8)
    return half
