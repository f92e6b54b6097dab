from __future__ import annotations

import numpy as np

from retrieval.index.windows import Windows

TIMES = np.arange(0, 30, 0.5, dtype=np.float32)
AWAY, WANTED = np.eye(2, dtype=np.float32)


def video(*stretches: tuple[float, float]) -> np.ndarray:
    inside = np.any([(s <= TIMES) & (e > TIMES) for s, e in stretches], axis=0)
    return np.where(inside[:, None], WANTED, AWAY)


def test_the_window_lies_on_the_stretch() -> None:
    best = Windows(TIMES, video((10, 14))).best(WANTED, np.array([]), 30, 1)[0]
    assert best.score > 0.99
    assert best.start >= 10 and best.end <= 14.01


def test_two_stretches_give_two_windows_that_do_not_overlap() -> None:
    first, second = Windows(TIMES, video((4, 6), (20, 22))).best(WANTED, np.array([]), 30, 2)
    assert {round(first.start), round(second.start)} == {4, 20}


def test_windows_end_with_the_video_and_snap_to_cuts() -> None:
    best = Windows(TIMES, video((27.5, 30))).best(WANTED, np.array([27.5]), 30, 1)[0]
    assert best.start == 27.5 and best.end <= 30


def test_no_frames() -> None:
    assert Windows(np.zeros(0), np.zeros((0, 2))).best(WANTED, np.array([]), 30, 3) == []


def test_a_score_is_the_cosine_of_the_windows_mean_frame_whatever_was_asked_before() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(TIMES), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    windows = Windows(TIMES, vectors)
    for query in np.eye(8, dtype=np.float32):
        for window in windows.best(query, np.array([]), 30, 5):
            mean = vectors[(window.start <= TIMES) & (window.end - 1e-3 > TIMES)].mean(0)
            assert abs(window.score - mean @ query / np.linalg.norm(mean)) < 1e-5
