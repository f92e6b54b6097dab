import pytest

from retrieval.search.words import content_words
from retrieval.store.fulltext import match_expression, stem, words


@pytest.mark.parametrize(
    ("word", "same"),
    [
        ("dogs", "dog"),
        ("running", "run"),
        ("stories", "story"),
        ("poured", "pour"),
        ("boxes", "box"),
        ("used", "use"),
        ("glass", "glass"),
    ],
)
def test_stems_meet(word: str, same: str) -> None:
    assert stem(word) == stem(same)


def test_content_words_never_empty_for_words() -> None:
    assert content_words("What is that?") != []
    assert content_words("the red, red boat") == ["red", "boat"]


def test_match_expression_has_no_operators() -> None:
    assert match_expression(["near", 'a"b']) == '"near" OR "a""b"'


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("什么时候下雨?", ["下雨"]),
        ("她说了什么关于苹果的?", ["苹果"]),
        ("视频里有一只狗吗?", ["狗"]),
        ("红色汽车", ["红色", "色汽", "汽车"]),
        ("the 红色 car", ["car", "红色"]),
        ("什么?", ["什", "么", "什么"]),
    ],
)
def test_chinese_is_asked_by_pairs_of_characters(question: str, terms: list[str]) -> None:
    assert sorted(content_words(question)) == sorted(terms)


def test_a_chinese_word_matches_as_a_phrase_of_characters() -> None:
    assert match_expression(["下雨", "car"]) == '"下 雨" OR "car"'


def test_words_of_a_text_hold_the_pairs_that_are_asked_for() -> None:
    assert set(content_words("苹果收获")) <= set(words("今年苹果收获很好"))
    assert words("Red cars") == ["red", "cars"]
