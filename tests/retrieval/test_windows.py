from __future__ import annotations

import numpy as np

from retrieval.windows import best_windows

TIMES = np.arange(0, 30, 0.5, dtype=np.float32)
AWAY, WANTED = np.eye(2, dtype=np.float32)


def video(*stretches: tuple[float, float]) -> np.ndarray:
    inside = np.any([(s <= TIMES) & (e > TIMES) for s, e in stretches], axis=0)
    return np.where(inside[:, None], WANTED, AWAY)


def test_the_window_lies_on_the_stretch() -> None:
    best = best_windows(TIMES, video((10, 14)), WANTED, np.array([]), 30, 1)[0]
    assert best.score > 0.99
    assert best.start >= 10 and best.end <= 14.01


def test_two_stretches_give_two_windows_that_do_not_overlap() -> None:
    first, second = best_windows(TIMES, video((4, 6), (20, 22)), WANTED, np.array([]), 30, 2)
    assert {round(first.start), round(second.start)} == {4, 20}


def test_windows_end_with_the_video_and_snap_to_cuts() -> None:
    best = best_windows(TIMES, video((27.5, 30)), WANTED, np.array([27.5]), 30, 1)[0]
    assert best.start == 27.5 and best.end <= 30


def test_no_frames() -> None:
    assert best_windows(np.zeros(0), np.zeros((0, 2)), WANTED, np.array([]), 30, 3) == []
