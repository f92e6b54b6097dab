"""Questions that keep to a part of the video: a time that is named, its start or end, a scene that is described."""

from __future__ import annotations

import pytest

from retrieval.ask.answer import Answerer
from retrieval.ask.scope import scope_of, seconds_in
from retrieval.search.search import Searcher
from retrieval.store.records import Video
from tests.retrieval.ask.test_timing import answerer, ask, day, places  # noqa: F401


@pytest.mark.parametrize(
    ("text", "rest", "stretch", "named"),
    [
        ("How many bottles are left at 20 seconds?", "How many bottles are left?", (18, 22), True),
        ("What is he holding at about 1:23?", "What is he holding?", (81, 85), True),
        ("What happens after two minutes?", "What happens?", (118, 122), True),
        ("What happens around minute 2?", "What happens?", (118, 122), True),
        ("What is said between 0:10 and 0:30?", "What is said?", (10, 30), True),
        ("Who speaks in the first minute?", "Who speaks?", (0, 60), True),
        ("Who speaks in the last 30 seconds?", "Who speaks?", (170, 200), True),
        ("What is shown in the second half?", "What is shown?", (100, 200), False),
        ("What do the blocks spell at the end?", "What do the blocks spell?", (170, 200), False),
        ("At the very start of the video, what is written?", "What is written?", (0, 30), False),
        ("20秒的时候有几个瓶子?", "有几个瓶子?", (18, 22), True),
        ("第1分20秒左右发生了什么", "发生了什么", (78, 82), True),
        ("视频结尾写着什么?", "写着什么?", (170, 200), False),
    ],
)
def test_a_part_is_understood_and_taken_out(text: str, rest: str, stretch: tuple[float, float], named: bool) -> None:
    scope, asked = scope_of(text)
    assert scope is not None and scope.within is not None and asked == rest
    part = scope.within(200.0)
    assert (part.low, min(part.high, 200.0)) == pytest.approx(stretch) and scope.named == named


@pytest.mark.parametrize(
    ("text", "scene", "rest"),
    [
        ("In the scene where a dog is playing, when is it alone?", "a dog is playing", "When is it alone?"),
        ("In the room with the red door, what does he wear?", "room with the red door", "What does he wear?"),
        ("What colour is the car in the scene where a man waves?", "a man waves", "What colour is the car"),
    ],
)
def test_a_scene_is_told_from_what_is_asked_about_it(text: str, scene: str, rest: str) -> None:
    scope, asked = scope_of(text)
    assert scope is not None and (scope.scene, asked) == (scene, rest)


@pytest.mark.parametrize(
    "text",
    [
        "What is at the end of the street?",
        "What does the man say about the end of the world?",
        "Does she say that the ferry leaves at 23:59?",
        "What is the first word said?",
        "In the video, what does the man say?",
        "When is the red car visible from above?",
        "At the end?",
    ],
)
def test_what_only_looks_like_a_part_is_none(text: str) -> None:
    assert scope_of(text) == (None, text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1:23", 83), ("1:02:03.5", 3723.5), ("one minute and 5 seconds", 65), ("second 83", 83), ("2分5秒", 125),
     ("a minute", 60)],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


def test_what_is_shown_at_a_named_time_is_looked_at_there_whatever_it_is(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What is to be seen at 0:35?", day)
    assert answer.found and all(33 <= start < end <= 37 for start, end in places(answer))
    assert "green" in answer.text


def test_what_is_said_in_a_stretch_is_all_that_is_quoted(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What is said between 0:07 and 0:20?", day)
    assert places(answer) == [(8.0, 10.0), (12.0, 15.0)]
    assert "Goodbye" in ask(answerer, "What does the man say in the last 30 seconds?", day).text
    assert "TICKETS" in ask(answerer, "What is written at the end?", day).text


def test_times_are_counted_in_the_part_that_is_asked_about(answerer: Answerer, day: Video) -> None:  # noqa: F811
    assert ask(answerer, "How often is the ferry mentioned in the first half?", day).text.startswith("3 times")
    assert places(ask(answerer, "When is the ferry mentioned for the first time after 40 seconds?", day)) == [
        (40.0, 42.0)
    ]


def test_a_time_after_the_end_is_not_in_this_video(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What is to be seen at 2:00?", day)
    assert not answer.found and not answer.citations and "not seem to be in this video" in answer.text


def test_what_is_not_in_the_part_is_said_to_be_not_there(answerer: Answerer, day: Video) -> None:  # noqa: F811
    for text in (
        "What does the man say about the tea in the last 20 seconds?",
        "How often is tea mentioned at the end?",
    ):
        answer = ask(answerer, text, day)
        assert not answer.found and "of that part of the video" in answer.text and "to be there" in answer.text


def test_a_scene_that_is_described_keeps_the_answer_near_it(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "In the scene where green is seen, what is said?", day)
    assert (40.0, 43.0) in places(answer) and all(start >= 12 for start, _ in places(answer))


def test_a_search_keeps_to_the_part_too(answerer: Answerer, day: Video) -> None:  # noqa: F811
    searcher: Searcher = answerer.searcher
    found = searcher.search("something blue in the last 20 seconds", [day.id], 5)
    assert found and all(moment.start >= 40 for moment in found)
