"""Questions about notes that code makes: what they ask, what answers them, and how an answer is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.evaluation.grounded import denies, first_sentence, is_right, items_of
from model.language.chat import Still, text_of
from model.language.notes import BLIND_PROMPT, NOT_FOUND, SEEING_PROMPT, ask_of
from model.training.grounded import grounded_items
from model.training.samples import Sample

CAPTIONS = ("a brown dog runs through the water", "two men are on a boat", "a girl in a red dress eats pizza")


def samples(split: str) -> list[Sample]:
    return [Sample(f"{split}{i}", Path(f"{split}{i}.jpg"), split, captions=(text,)) for i, text in enumerate(CAPTIONS)]


def test_half_of_the_questions_are_answered_by_a_note_in_the_apps_own_prompt() -> None:
    items = grounded_items(samples("test"), 200, 0, "test")
    assert items == grounded_items(samples("test"), 200, 0, "test") != grounded_items(samples("test"), 200, 1, "test")
    assert sum(bool(item.answer) for item in items) == 100
    assert {item.source for item in items} == {"speech", "text", "visual"}
    for item in items:
        quotes = " ".join(note.quote for note in item.notes).lower()
        assert item.messages({}) == ask_of(item.question, item.notes)
        assert item.messages({})[0]["content"] == BLIND_PROMPT
        assert is_right(item.target, item)
        if not item.answer:
            assert item.target == NOT_FOUND
        elif item.source != "visual":  # a number may be a word in a caption
            assert item.answer.lower() in quotes
    seeing = next(item for item in items if item.places)
    messages = seeing.messages({place: Still(time, np.zeros((4, 4, 3), np.uint8)) for place, _, time in seeing.places})
    assert messages[0]["content"] == SEEING_PROMPT


def test_training_and_evaluation_share_no_wording() -> None:
    train, test = (grounded_items([], 1000, 0, part) for part in ("train", "test"))
    questions = [{item.question for item in items} for items in (train, test)]
    quotes = [{note.quote for item in items for note in item.notes} for items in (train, test)]
    assert not questions[0] & questions[1] and not quotes[0] & quotes[1]
    assert "Notes:" in text_of(train[0].messages({})[1])


@pytest.mark.parametrize(
    ("reply", "denied"),
    [
        (NOT_FOUND, True),
        ("The notes do not mention the castle.", True),
        ("The price is not stated.", True),
        ("It is not cold in Oslo.", False),
        ("The castle opens at noon.", False),
    ],
)
def test_a_refusal_is_known_in_any_words(reply: str, denied: bool) -> None:
    assert denies(reply) == denied


def test_an_answer_must_have_the_right_words_and_no_other_notes() -> None:
    item = next(item for item in grounded_items([], 400, 0, "test") if item.answer and item.others)
    assert is_right(f"It is {item.answer}.", item) and not is_right(f"It is {item.others[0]}.", item)
    assert not is_right(f"It is {item.answer} or {item.others[0]}.", item) and not is_right(NOT_FOUND, item)
    assert first_sentence("\nThe castle opens at noon. It is old.\nYes.") == "The castle opens at noon."


def test_pictures_of_videos_and_without_captions_are_left_out_of_the_items() -> None:
    mixed = [*samples("test"), Sample("v", Path("v.mp4"), "test", captions=("a dog runs",))]
    stills, items = items_of(mixed, 40)
    assert len(stills) == 3 and len(items) == 40
