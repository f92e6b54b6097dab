"""Cutting a stream of frames into clips: at shot cuts, and never longer than 15 s.

A cut is a frame whose brightness picture differs from the one before far more than frames of this shot usually do (the
adaptive threshold of PySceneDetect's AdaptiveDetector, on 64 x 36 brightness instead of HSV, with a grid of local
histograms as a second witness so that fast motion inside a shot does not cut it). All state starts afresh with each
clip, so that a run resumed at a clip's start finds the very same clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from model.media.frames import Frame

MAX_CLIP_S = 15.0  # longer shots are split: a citation of more than this is no help
MIN_CLIP_S = 1.0  # flashes and single odd frames are no shots
SAMPLE_EVERY_S = 0.5  # at most two looked-at frames a second
_HARD_DIFFERENCE = 0.09  # of full brightness, mean over the picture: below, nobody sees a cut
_TIMES_USUAL = 3.0  # a cut stands out this much from the shot's usual motion
_HISTOGRAM_DIFFERENCE = 0.30  # share of brightness that changed places between histogram bins, mean over 3 x 4 tiles
_MEMORY_FRAMES = 24  # about a second of motion is remembered
_EPSILON_S = 1e-3


@dataclass
class Sample:
    """A frame worth looking at: its brightness and what `look` made of it, or the index of the sample it repeats."""

    time: float
    luma: np.ndarray  # uint8 [36, 64]
    picture: np.ndarray | None  # uint8 [H, W, 3]; None for a repeat
    repeat_of: int | None = None  # index into the clip's samples


Look = Callable[[Frame], np.ndarray]
Glance = Callable[[Frame], None]


@dataclass
class OpenClip:
    """A clip that is still growing. `shown` is the picture on the screen when it began, if that began earlier."""

    start: float
    shown: Frame | None = None
    samples: list[Sample] = field(default_factory=list)
    last: Frame | None = None
    recent: list[float] = field(default_factory=list)  # differences between successive frames

    def close(self, end: float, look: Look) -> ClipSpan:
        if not self.samples and self.shown is not None:
            self.samples.append(Sample(self.start, self.shown.luma, look(self.shown)))
        return ClipSpan(self.start, end, self.samples)


@dataclass(frozen=True)
class ClipSpan:
    """A finished stretch [start, end) in seconds with its samples."""

    start: float
    end: float
    samples: list[Sample]


_NEAR_DUPLICATE = 0.6 / 255  # mean brightness difference below which a frame shows nothing new


def split_into_clips(
    frames: Iterable[Frame],
    start: float,
    duration: float,
    look: Look,
    shown: Frame | None = None,
    glance: Glance = lambda frame: None,
) -> Iterator[ClipSpan]:
    """Cut the frames from `start` on; together the clips cover [start, duration] without gaps.

    Frames must come in order of time. `look` is called once for every sample that shows something new, `glance` for
    every other: a digit may have changed in it, of which the whole picture's brightness says nothing. Gaps longer than
    a clip (a still screen in a variable-frame-rate recording) become clips that carry on the last frame seen; `shown`
    is that frame when a run is resumed inside such a gap.
    """
    clip = OpenClip(start, shown)
    for frame in frames:
        while frame.time - clip.start >= (longest := _longest(clip.start, duration)) - _EPSILON_S:
            yield clip.close(clip.start + longest, look)
            clip = OpenClip(clip.start + longest, clip.last or clip.shown)
        is_cut = clip.last is not None and _is_cut(clip, clip.last, frame)
        if is_cut and frame.time - clip.start >= MIN_CLIP_S and duration - frame.time >= MIN_CLIP_S:
            yield clip.close(frame.time, look)
            clip = OpenClip(frame.time)
        _take_sample(clip, frame, look, glance)
        clip.last = frame
    while duration - clip.start > (longest := _longest(clip.start, duration)) + _EPSILON_S:
        yield clip.close(clip.start + longest, look)
        clip = OpenClip(clip.start + longest, clip.last or clip.shown)
    if duration - clip.start > _EPSILON_S:
        yield clip.close(duration, look)


def _longest(start: float, duration: float) -> float:
    """Seconds after which a clip that began at `start` is split, so that no sliver is left at the end of the video."""
    left = duration - start
    return left / 2 if MAX_CLIP_S < left < MAX_CLIP_S + MIN_CLIP_S else MAX_CLIP_S


def _take_sample(clip: OpenClip, frame: Frame, look: Look, glance: Glance) -> None:
    if not clip.samples and clip.shown is not None and frame.time - clip.start > SAMPLE_EVERY_S:
        clip.samples.append(Sample(clip.start, clip.shown.luma, look(clip.shown)))
    if clip.samples and frame.time - clip.samples[-1].time < SAMPLE_EVERY_S - _EPSILON_S:
        return
    original = _original(clip.samples)
    if original is not None and _difference(clip.samples[original].luma, frame.luma) < _NEAR_DUPLICATE:
        clip.samples.append(Sample(frame.time, frame.luma, None, original))
        glance(frame)
    else:
        clip.samples.append(Sample(frame.time, frame.luma, look(frame)))


def _original(samples: list[Sample]) -> int | None:
    """The index of the last sample that is no repeat."""
    if not samples:
        return None
    last = samples[-1].repeat_of
    return len(samples) - 1 if last is None else last


def _is_cut(clip: OpenClip, previous: Frame, frame: Frame) -> bool:
    difference = _difference(previous.luma, frame.luma)
    usual = float(np.median(clip.recent)) if clip.recent else 0.0
    clip.recent.append(difference)
    del clip.recent[:-_MEMORY_FRAMES]
    if difference < max(_HARD_DIFFERENCE, _TIMES_USUAL * usual):
        return False
    return _histogram_difference(previous.luma, frame.luma) > _HISTOGRAM_DIFFERENCE


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two uint8 [36, 64] pictures, 0 to 1."""
    return float(np.abs(a.astype(np.int16) - b).mean()) / 255


def _histogram_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over 3 x 4 tiles of half the L1 distance of their 16-bin brightness histograms, 0 to 1."""
    total = 0.0
    for rows in range(0, 36, 12):
        for columns in range(0, 64, 16):
            tiles = (x[rows : rows + 12, columns : columns + 16].ravel() >> 4 for x in (a, b))
            one, other = (np.bincount(tile, minlength=16) for tile in tiles)
            total += float(np.abs(one - other).sum()) / (2 * 12 * 16)
    return total / 12
