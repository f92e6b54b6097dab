"""How likely a line is to answer: what the weights must keep to, whatever they were fitted on."""

from collections.abc import Sequence

import numpy as np
import pytest

from retrieval.search.confidence import FEATURES, has_number, likelihoods, read_weights, signals, terms_of

LINES = [
    "Today we look at three old bridges of the city.",
    "The stone bridge was built in 1742 by a family of masons.",
    "It carries about four hundred people a day.",
    "After that we had some soup in the market.",
]
CHINESE = ["今天我们来看城里的三座老桥。", "石桥是一家石匠在1742年建造的。", "每天大约有四百人从上面走过。"]
QUESTION = "Who built the stone bridge?"


def likely(question: str, lines: list[str], cosines: list[float], languages: Sequence[str | None] = ()) -> np.ndarray:
    return likelihoods(question, terms_of(question), np.array(cosines, np.float32), lines, languages)


def test_the_line_that_shares_words_and_meaning_is_likeliest() -> None:
    found = likely(QUESTION, LINES, [0.35, 0.65, 0.25, 0.05])
    assert found.shape == (4,)
    assert found.dtype == np.float32
    assert found.argmax() == 1
    assert found[1] >= read_weights().likely


def test_chinese_lines_are_told_apart() -> None:
    found = likely("石桥是谁建造的？", CHINESE, [0.35, 0.65, 0.25])
    assert found.argmax() == 1
    assert found[1] >= read_weights().likely


def test_a_video_about_something_else_is_denied() -> None:
    found = likely("How do penguins keep their eggs warm?", LINES, [-0.05, -0.08, 0.0, -0.02])
    assert found.max() < read_weights().unlikely


def test_a_chinese_video_about_something_else_is_denied() -> None:
    assert likely("企鹅怎么给蛋保暖？", CHINESE, [-0.04, 0.0, 0.02]).max() < read_weights().unlikely


def test_a_nearer_meaning_is_never_less_likely() -> None:
    found = [likely(QUESTION, LINES, [0.35, cosine, 0.25, 0.05])[1] for cosine in np.linspace(0.0, 0.99, 40)]
    assert (np.diff(found) >= -1e-6).all()
    assert found[-1] > found[0]


def test_more_of_the_questions_words_are_never_less_likely() -> None:
    cosines = [0.35, 0.40, 0.25, 0.05]
    texts = ["It was old.", "The bridge was old.", "The stone bridge was old.", "The stone bridge was built long ago."]
    found = [likely(QUESTION, [LINES[0], text, *LINES[2:]], cosines)[1] for text in texts]
    assert sorted(found) == found
    assert found[-1] > found[0]


def test_probabilities_stay_between_0_and_1() -> None:
    for cosines in ([1.0, 1.0, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0], [1.0, -1.0, 0.0, 0.5]):
        found = likely(QUESTION, LINES, cosines)
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("lines", [[], ["The stone bridge was built in 1742."]])
def test_few_lines(lines: list[str]) -> None:
    assert likely(QUESTION, lines, [0.9] * len(lines)).shape == (len(lines),)


def test_a_question_without_words() -> None:
    assert np.isfinite(likelihoods("?", [], np.array([0.8, 0.7], np.float32), ["a", "b"])).all()


def test_equal_lines_are_equally_likely() -> None:
    found = likely(QUESTION, [LINES[1], LINES[3], LINES[1]], [0.9, 0.8, 0.9])
    assert found[0] == pytest.approx(found[2], abs=1e-6)


def test_cosines_must_match_the_lines() -> None:
    with pytest.raises(ValueError, match="2 cosines of 1 lines"):
        signals("bridge", ["bridg"], np.zeros(2, np.float32), ["The bridge."])


@pytest.mark.parametrize(
    ("question", "lines"),
    [("How much is the soup?", ["The soup is hot.", "The soup is 4 euros."]), ("汤多少钱？", ["汤很热。", "汤四块。"])],
)
def test_a_line_with_a_number_is_likelier_where_one_is_asked_for(question: str, lines: list[str]) -> None:
    without, with_one = likely(question, lines, [0.4, 0.4])
    assert with_one > without


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("It costs 4 euros.", True),
        ("Four people.", True),
        ("一共三百人", True),
        ("One of us.", False),
        ("一起去", False),
    ],
)
def test_number_words_are_numbers_but_for_one(line: str, has: bool) -> None:
    assert has_number(line) is has


def test_lines_of_another_language_may_be_farther() -> None:
    cosines = [0.30, 0.05, 0.02]
    same = likely(QUESTION, ["Un", "deux", "trois"], cosines)
    told = likely(QUESTION, ["Un", "deux", "trois"], cosines, ["fr"] * 3)
    written = likely(QUESTION, CHINESE, cosines)
    assert told[0] > same[0] and written[0] > same[0]


def test_of_few_lines_the_likeliest_is_right_sooner() -> None:
    cosines = [0.35, 0.65, 0.25, 0.05]
    assert likely(QUESTION, LINES, cosines)[1] > likely(QUESTION, LINES * 5, cosines * 5)[1]


def test_more_of_a_signal_speaks_for_a_line_and_the_thresholds_are_in_order() -> None:
    weights = read_weights()
    assert set(weights.weights) == set(FEATURES)
    assert min(weights.weights[name] for name in FEATURES if name != "lines") >= 0
    assert 0 < weights.unlikely < weights.worded <= weights.worded_apart <= weights.quotable < weights.likely < 1
