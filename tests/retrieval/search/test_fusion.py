from __future__ import annotations

import pytest

from retrieval.search.fusion import diversify, merge, overlap
from retrieval.store.records import Moment


def seen(start: float, end: float, score: float, video: str = "v") -> Moment:
    return Moment(video, start, end, score, ["visual"])


def heard(start: float, end: float, score: float, quote: str = "hello") -> Moment:
    return Moment("v", start, end, score, ["speech"], quote, 7)


def test_what_is_seen_and_heard_at_once_is_one_moment_with_the_times_of_the_stronger() -> None:
    (moment,) = merge([seen(10, 14, 0.2), heard(11, 15, 0.5)])
    assert (moment.start, moment.end, moment.quote) == (11, 15, "hello")
    assert moment.sources == ["speech", "visual"] and moment.score == pytest.approx(0.7)


def test_the_same_source_twice_counts_once() -> None:
    (moment,) = merge([seen(10, 14, 0.5), seen(11, 15, 0.4)])
    assert moment.score == 0.5


def test_moments_apart_and_of_other_videos_stay_apart() -> None:
    assert len(merge([seen(0, 4, 0.5), seen(3.5, 8, 0.4), seen(0, 4, 0.3, "w")])) == 3


def test_overlap_is_of_the_shorter_one() -> None:
    assert overlap(seen(0, 10, 1), seen(8, 12, 1)) == pytest.approx(0.5)
    assert overlap(seen(0, 10, 1), seen(8, 12, 1, "w")) == 0


def test_the_next_best_of_another_kind_comes_before_more_of_the_same() -> None:
    moments = [seen(0, 2, 1.0), seen(2, 4, 0.95), seen(4, 6, 0.9), seen(30, 32, 0.8)]

    def alike(a: Moment, b: Moment) -> float:
        return 1.0 if max(a.start, b.start) < 10 else 0.0

    starts = [moment.start for moment in diversify(moments, alike, 4)]
    assert starts == [0, 30, 2, 4]


def test_what_fits_far_better_stays_before_what_is_merely_different() -> None:
    moments = [seen(0, 2, 1.0), seen(2, 4, 0.9), seen(30, 32, 0.1)]
    assert [m.start for m in diversify(moments, lambda a, b: 0.3 * (max(a.start, b.start) < 10), 3)] == [0, 2, 30]


def test_scores_never_rise_down_the_list() -> None:
    moments = [seen(i, i + 1, 1 / (1 + i)) for i in range(8)]
    scores = [m.score for m in diversify(moments, lambda a, b: float((a.start + b.start) % 2), 8)]
    assert scores == sorted(scores, reverse=True) and len(scores) == 8


def test_no_more_than_there_are() -> None:
    assert diversify([], lambda a, b: 0.0, 5) == []
    assert len(diversify([seen(0, 1, 0.0)], lambda a, b: 0.0, 5)) == 1
