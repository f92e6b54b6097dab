from __future__ import annotations

import pytest

from retrieval.ask.phrasing import phrasing_of
from retrieval.ask.question import parse


@pytest.mark.parametrize(
    ("text", "relation", "parts"),
    [
        ("a dog, then a car", "then", ("a dog", "a car")),
        ("Find the part where a dog runs and then a car comes", "then", ("a dog runs", "a car comes")),
        ("a kick followed by a goal", "then", ("a kick", "a goal")),
        ("a man sitting after the train leaves", "after", ("the train leaves", "a man sitting")),
        ("after the rain, a rainbow", "after", ("the rain", "a rainbow")),
        ("kettle lifted before pouring", "before", ("kettle lifted", "pouring")),
        ("when does the dog jump before the ball lands?", "before", ("the dog jump", "the ball lands")),
        ("a woman laughs while a dog barks", "while", ("a woman laughs", "a dog barks")),
        ("a dog and a car at the same time", "while", ("a dog", "a car")),
        ("狗然后汽车", "then", ("狗", "汽车")),
        ("下雨之后出现彩虹", "after", ("下雨", "出现彩虹")),
    ],
)
def test_two_conditions_are_taken_apart(text: str, relation: str, parts: tuple[str, str]) -> None:
    question = parse(text)
    assert (question.relation, question.parts) == (relation, parts)


@pytest.mark.parametrize(
    "text",
    [
        "two cars at the same time",
        "what happens after the goal?",
        "a song called “before the flood”",
        "What does he say after the break?",
        "a red house",
    ],
)
def test_one_condition_stays_whole(text: str) -> None:
    assert parse(text).relation is None and parse(text).parts == ()


@pytest.mark.parametrize(
    ("text", "wanted", "without"),
    [
        ("a street without cars", "a street", "cars"),
        ("woman alone without the dog in view", "woman alone", "dog"),
        ("a table with no bottles", "a table", "bottles"),
        ("animals but not the dog", "animals", "dog"),
        ("not the dog", "", "dog"),
        ("没有汽车的街道", "街道", "汽车"),
    ],
)
def test_what_must_not_be_is_told_from_what_must(text: str, wanted: str, without: str) -> None:
    question = parse(text)
    assert (question.wanted, question.without) == (wanted, without)


def test_what_is_not_wanted_is_no_search_word() -> None:
    assert parse("a street without cars").terms == ["street"]
    assert parse("What does she say about not smoking?").without == ""


def test_endless_conditions_end_soon() -> None:
    assert phrasing_of("a then " * 300 + "b").parts
