from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from model.media.frames import Frame
from retrieval.index.clips import MAX_CLIP_S, ClipSpan, split_into_clips

RNG = np.random.default_rng(5)
SHOTS = [np.kron(RNG.integers(0, 255, (6, 8)), np.ones((6, 8))).astype(np.uint8) for _ in range(6)]


def frame(time: float, luma: np.ndarray) -> Frame:
    return Frame(time, luma, lambda max_side: np.zeros((4, 4, 3), np.uint8))


def shots(*lengths: float, fps: float = 8) -> list[Frame]:
    """A video of still shots with a little noise, each of another picture."""
    frames, start = [], 0.0
    for luma, length in zip(SHOTS, lengths, strict=False):
        for i in range(round(length * fps)):
            noise = np.random.default_rng(i).integers(0, 4, luma.shape, dtype=np.uint8)
            frames.append(frame(start + i / fps, np.clip(luma.astype(int) + noise, 0, 255).astype(np.uint8)))
        start += length
    return frames


def spans(frames: list[Frame], duration: float, start: float = 0.0, shown: Frame | None = None) -> list[ClipSpan]:
    return list(split_into_clips(iter(frames), start, duration, lambda f: f.rgb(), shown))


def test_cuts_are_found_and_nothing_is_left_out() -> None:
    found = spans(shots(4, 3, 6), 13)
    assert [(s.start, s.end) for s in found] == [(0, 4), (4, 7), (7, 13)]


def test_long_shots_are_split() -> None:
    found = spans(shots(40), 40)
    assert [s.end for s in found] == [15, 30, 40]
    assert max(s.end - s.start for s in found) <= MAX_CLIP_S


def test_a_pan_is_no_cut() -> None:
    wide = np.cumsum(np.random.default_rng(1).standard_normal((36, 400)), axis=1)
    wide = ((wide - wide.min()) / np.ptp(wide) * 255).astype(np.uint8)
    moving = [frame(i / 8, wide[:, 4 * i : 4 * i + 64]) for i in range(80)]
    assert len(spans(moving, 10)) == 1


def test_a_flash_makes_no_clip_shorter_than_a_second() -> None:
    frames = shots(6)
    frames[24] = frame(frames[24].time, np.full((36, 64), 255, np.uint8))
    assert all(s.end - s.start >= 1 for s in spans(frames, 6))


def test_at_most_two_samples_a_second_and_repeats_point_to_an_original() -> None:
    [clip] = spans(shots(10, fps=25), 10)
    assert len(clip.samples) <= 20
    still = [frame(i / 8, SHOTS[0]) for i in range(40)]
    [clip] = spans(still, 5)
    assert [s.repeat_of for s in clip.samples] == [None] + [0] * (len(clip.samples) - 1)
    assert all((s.picture is None) == (s.repeat_of is not None) for s in clip.samples)


def test_a_still_screen_without_frames_is_carried_on() -> None:
    found = spans([frame(0, SHOTS[0]), frame(50, SHOTS[1])], 60)
    assert [s.end for s in found[:3]] == [15, 30, 45]
    assert all(s.samples for s in found)
    assert found[-1].end == 60


def test_no_picture_still_covers_the_timeline() -> None:
    found = spans([], 33)
    assert [(s.start, s.end) for s in found] == [(0, 15), (15, 30), (30, 33)]


@pytest.mark.parametrize("resumed_at", [0, 1, 2, 3, 4])
def test_a_resumed_run_finds_the_same_clips(resumed_at: int) -> None:
    frames = shots(4, 3, 22, 5, 9)
    whole = spans(frames, 43)
    start = whole[resumed_at].start
    rest = spans([f for f in frames if f.time >= start], 43, start)
    assert [(s.start, s.end, [x.time for x in s.samples]) for s in rest] == [
        (s.start, s.end, [x.time for x in s.samples]) for s in whole[resumed_at:]
    ]


def test_a_run_resumed_inside_a_still_stretch_knows_what_was_shown() -> None:
    def late() -> Iterator[Frame]:
        yield frame(50, SHOTS[1])

    found = list(split_into_clips(late(), 30, 60, lambda f: f.rgb(), frame(0, SHOTS[0])))
    assert found[0].samples[0].time == 30
