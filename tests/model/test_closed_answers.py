"""Questions with few answers: told from others, and answered with what fits and is often spoken of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.closed_answers import KINDS, closed_answers, fitting, kind_of
from model.likely import Likely

PICTURE = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("question", "among"),
    [
        ("What does the man wear on his face?", "glasses"),
        ("What is the woman wearing over her eyes?", "sunglasses"),
        ("What is worn around the dog's neck?", "a collar"),
        ("Which thing does the person have on the head?", "a helmet"),
        ("What does she have on her wrist?", "a watch"),
        ("What pattern does the shirt have?", "stripes"),
        ("What kind of floor does the hall have?", "wooden"),
        ("In which room is this filmed?", "kitchen"),
        ("What kind of room is it?", "bathroom"),
        ("What does the man wear?", None),
        ("What is on the table in the room?", None),
        ("What room number is on the door?", None),
        ("Is he wearing glasses on his face?", None),
        ("Which floor is the office on?", "wooden"),  # a storey is rarely seen
    ],
)
def test_a_kind_is_told_by_the_question(question: str, among: str | None) -> None:
    kind = kind_of(question)
    assert (kind is None) == (among is None) and (kind is None or among in kind.answers)


class Eyes:
    """Whatever is seen, each caption fits as it is told to."""

    contrast = 10.0

    def __init__(self, **fits: float) -> None:
        self.fits = fits

    def encode_frames(self, frames: np.ndarray) -> Any:
        return SimpleNamespace(pooled=np.ones((len(frames), 1), np.float32))

    def encode_text(self, texts: list[str]) -> np.ndarray:
        return np.array([[next((fit for word, fit in self.fits.items() if word in text), 0.0)] for text in texts])


def test_what_fits_and_what_is_often_spoken_of_decide_together() -> None:
    head = kind_of("What does he wear on the head?")
    assert head in KINDS and head is not None
    plain = fitting(Eyes(), head, [PICTURE])  # type: ignore[arg-type]
    assert plain[0].text == "a hat" and sum(answer.likelihood for answer in plain) == pytest.approx(1)
    assert plain[0].likelihood == pytest.approx(565 / sum(head.answers.values()))
    seen = fitting(Eyes(hood=0.5), head, [PICTURE])  # type: ignore[arg-type]
    assert seen[0].text == "a hood" and seen[0].likelihood > 0.5
    assert [a.likelihood for a in seen] == sorted((a.likelihood for a in seen), reverse=True)


def test_colours_are_told_by_their_head_if_there_is_one() -> None:
    head = SimpleNamespace(to=lambda question, pictures: [Likely("red", 0.8)])
    with_head, without = (SimpleNamespace(vision=Eyes(), colour_answers=each) for each in (head, None))
    assert closed_answers(with_head, "What colour is the hat?", [PICTURE]) == [Likely("red", 0.8)]  # type: ignore[arg-type]
    assert closed_answers(without, "What colour is the hat?", [PICTURE]) == []  # type: ignore[arg-type]
    assert closed_answers(with_head, "What is this?", [PICTURE]) == []  # type: ignore[arg-type]
    assert closed_answers(with_head, "Which room is this?", []) == []  # type: ignore[arg-type]
