import pytest

from retrieval.words import content_words, match_expression, stem


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
