from __future__ import annotations

import math

import pytest

from model.errors import UsageError
from retrieval.search.filters import EVERYTHING, Filter, make_filter


@pytest.mark.parametrize("text", ["soon", "", "1:75", "1:99:00", "-3", "nan", "inf", "1:2:3:4", True, [1]])
def test_what_is_no_time_is_refused_in_one_sentence(text: object) -> None:
    with pytest.raises(UsageError, match="is no time in a video; give seconds") as error:
        make_filter(start=text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("start", "end"), [("0:30", "0:20"), (5, 5), (None, 0)])
def test_an_end_before_the_start_is_refused(start: object, end: object) -> None:
    with pytest.raises(UsageError, match="the end must come after the start"):
        make_filter(start, end)


@pytest.mark.parametrize(
    ("sources", "known"),
    [
        ("heard", {"speech"}),
        (["seen", "Read"], {"visual", "text"}),
        ("seen,heard", {"visual", "speech"}),
        (["text"], {"text"}),
    ],
)
def test_sources_go_by_what_people_do(sources: str | list[str], known: set[str]) -> None:
    assert make_filter(sources=sources).sources == known


@pytest.mark.parametrize(("sources", "words"), [(["smelt"], "'smelt'"), ([], "No source"), ("", "choose from seen"),
                                                ([7], "'7'")])  # fmt: skip
def test_unknown_and_no_sources_are_refused(sources: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_filter(sources=sources)


def test_no_filter_leaves_everything_open() -> None:
    assert make_filter() == EVERYTHING
    assert EVERYTHING.admits("speech") and EVERYTHING.cut(3, 9) == (3, 9) and EVERYTHING.high == math.inf


def test_a_moment_is_cut_to_the_stretch() -> None:
    within = Filter(10, 20)
    assert within.cut(5, 12) == (10, 12) and within.cut(18, 30) == (18, 20) and within.cut(0, 60) == (10, 20)
    assert within.cut(0, 10) is None and within.cut(20, 25) is None
    assert within.cut(15, 15.05) == (15, 15.05)  # short, but inside


def test_a_stretch_behind_the_end_of_every_video_is_refused() -> None:
    Filter(40).check_inside([30, 50])
    with pytest.raises(UsageError, match="begins at 0:40 and the video ends at 0:30"):
        Filter(40).check_inside([30, 20])
