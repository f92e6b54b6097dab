from __future__ import annotations

import pytest

from model.errors import UsageError
from retrieval.ask.question import MAX_QUESTION_CHARS, parse


@pytest.mark.parametrize(
    ("text", "kind", "prefers"),
    [
        ("When does the train arrive?", "when", None),
        ("When does the presenter mention taxes?", "when", "speech"),
        ("What does the teacher say about homework?", "spoken", "speech"),
        ("What do we hear about the swimming pool?", "spoken", "speech"),
        ("At what time do we hear about the volcano?", "when", None),
        ("When do we hear a dog bark?", "when", None),
        ("Which city does the narrator name?", "spoken", "speech"),
        ("What is written on the blackboard?", "screen_text", "text"),
        ("Which phone number is on the screen?", "screen_text", "text"),
        ("How many birds are there?", "count", None),
        ("What colour is the bicycle?", "colour", None),
        ("Where does the story take place?", "where", None),
        ("What is the man in the boat doing?", "action", None),
        ("What is this video about?", "summary", None),
        ("Summarize the lecture.", "summary", None),
        ("What animal sits on the roof?", "visual", None),
        ("什么时候下雨?", "when", None),
        ("她说了什么?", "spoken", "speech"),
        ("有多少只狗?", "count", None),
        ("汽车是什么颜色?", "colour", None),
        ("屏幕上写着什么?", "screen_text", "text"),
        ("总结这个视频", "summary", None),
        ("这是在哪里?", "where", None),
        ("那个人是谁?", "visual", None),
    ],
)
def test_kinds(text: str, kind: str, prefers: str | None) -> None:
    question = parse(text)
    assert (question.kind, question.prefers) == (kind, prefers)


def test_terms_leave_out_asking_and_the_speaker() -> None:
    assert parse("What does the tall teacher say about homework?").terms == ["homework"]
    assert parse("Find the part where a red boat sinks").terms == ["red", "boat", "sinks"]


def test_topic() -> None:
    assert parse("What does she say about the apple harvest?").topic == ["apple", "harvest"]


@pytest.mark.parametrize("text", ["", "   ", "x" * (MAX_QUESTION_CHARS + 1)])
def test_empty_and_endless_questions_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize("text", ["???", "🚗🚗", '"quotes" AND NEAR(', "什么时候下雨?", "a" * MAX_QUESTION_CHARS])
def test_odd_questions_parse(text: str) -> None:
    assert parse(text).subject


@pytest.mark.parametrize(
    ("text", "fits", "not_fits"),
    [
        ("Which phone number is on the sign?", "Tel. 555 0142", "01:00:00:00"),
        ("What is the e-mail address?", "write to a@b.org", "write to us"),
        ("What does the ticket cost? Which price is shown?", "12 pounds", "free"),
    ],
)
def test_the_shape_of_the_answer(text: str, fits: str, not_fits: str) -> None:
    expects = parse(text).expects
    assert expects is not None and expects.search(fits) and not expects.search(not_fits)


def test_a_chinese_question_without_a_thing_is_open() -> None:
    assert parse("她说了什么?").is_open and not parse("她说了什么关于苹果的?").is_open
