"""How likely a line is to answer: what the weights must keep to, whatever they were fitted on."""

import numpy as np
import pytest

from retrieval.search.confidence import FEATURES, likelihoods, read_weights, signals, stems_of, terms_of

LINES = [
    "Today we look at three old bridges of the city.",
    "The stone bridge was built in 1742 by a family of masons.",
    "It carries about four hundred people a day.",
    "After that we had some soup in the market.",
]
CHINESE = ["今天我们来看城里的三座老桥。", "石桥是一家石匠在1742年建造的。", "每天大约有四百人从上面走过。"]
QUESTION = "Who built the stone bridge?"


def likely(question: str, lines: list[str], cosines: list[float]) -> np.ndarray:
    return likelihoods(terms_of(question), np.array(cosines, np.float32), [stems_of(line) for line in lines])


def test_the_line_that_shares_words_and_meaning_is_likeliest() -> None:
    found = likely(QUESTION, LINES, [0.84, 0.90, 0.81, 0.77])
    assert found.shape == (4,)
    assert found.dtype == np.float32
    assert found.argmax() == 1
    assert found[1] >= read_weights().likely


def test_chinese_lines_are_told_apart() -> None:
    found = likely("石桥是谁建造的？", CHINESE, [0.84, 0.90, 0.81])
    assert found.argmax() == 1
    assert found[1] >= read_weights().likely


def test_a_video_about_something_else_is_denied() -> None:
    found = likely("How do penguins keep their eggs warm?", LINES, [0.74, 0.73, 0.75, 0.74])
    assert found.max() < read_weights().unlikely


def test_a_chinese_video_about_something_else_is_denied() -> None:
    assert likely("企鹅怎么给蛋保暖？", CHINESE, [0.76, 0.75, 0.77]).max() < read_weights().unlikely


def test_a_nearer_meaning_is_never_less_likely() -> None:
    found = [likely(QUESTION, LINES, [0.84, cosine, 0.81, 0.77])[1] for cosine in np.linspace(0.6, 0.99, 40)]
    assert (np.diff(found) >= -1e-6).all()
    assert found[-1] > found[0]


def test_more_of_the_questions_words_are_never_less_likely() -> None:
    cosines = [0.84, 0.85, 0.81, 0.77]
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
    assert np.isfinite(likelihoods([], np.array([0.8, 0.7], np.float32), [["a"], ["b"]])).all()


def test_equal_lines_are_equally_likely() -> None:
    found = likely(QUESTION, [LINES[1], LINES[3], LINES[1]], [0.9, 0.8, 0.9])
    assert found[0] == pytest.approx(found[2], abs=1e-6)


def test_cosines_must_match_the_lines() -> None:
    with pytest.raises(ValueError, match="2 cosines of 1 lines"):
        signals(["bridg"], np.zeros(2, np.float32), [["bridg"]])


def test_no_weight_is_negative_and_the_thresholds_are_in_order() -> None:
    weights = read_weights()
    assert set(weights.weights) == set(FEATURES)
    assert min(weights.weights.values()) >= 0
    assert 0 < weights.unlikely < weights.likely < 1
