from __future__ import annotations

import pytest

from model.speech.invented import collapse_loops, looks_invented


@pytest.mark.parametrize("text", ["", "...", "♪ ♪", "I am going to go to the end of the " * 4, "a" * 80])
def test_what_nobody_can_say_looks_invented(text: str) -> None:
    assert looks_invented(text, 2.0)


@pytest.mark.parametrize(
    "text", ["No, no, no!", "It was the best of times, it was the worst of times.", "Banana.", "40", "the the the the"]
)
def test_real_text_does_not(text: str) -> None:
    assert not looks_invented(text, 3.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("No, no, no, no, no, no, no, no!", 2.5),
        ("the the the the the the", 2.0),
        ("Row, row, row, row your boat", 4.0),
        ("He ran and ran and ran and ran and ran.", 3.0),
        ("慢慢慢慢慢慢说", 2.0),
        ("谢谢谢谢谢谢谢谢", 2.0),
        ("no " * 60, 28.0),
    ],
)
def test_what_people_repeat_is_kept(text: str, seconds: float) -> None:
    assert collapse_loops(text, seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds", "kept"),
    [
        ("Well then. " + "no " * 200 + "That was it.", 28.0, "Well then. no no That was it."),
        ("He said " + "go home " * 30 + "at last.", 6.0, "He said go home go home at last."),
        ("I am going to go to the end of the " * 4, 2.0, "I am going to go to the end of the "),
        ("今天" + "谢谢" * 100 + "再见", 28.0, "今天谢谢再见"),
        ("We met. " + "so so " * 30 + "Then " + "ha " * 90 + "we left.", 5.0, "We met. so so Then ha we left."),
    ],
)
def test_an_impossible_loop_is_collapsed_and_the_rest_kept(text: str, seconds: float, kept: str) -> None:
    assert collapse_loops(text, seconds) == kept
    assert not looks_invented(kept, seconds)


def test_a_rate_beyond_speech_without_a_loop_is_left_alone() -> None:
    text = " ".join(f"word{number}" for number in range(60))
    assert collapse_loops(text, 3.0) == text and looks_invented(text, 3.0)
