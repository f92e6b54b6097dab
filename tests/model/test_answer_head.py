"""The answer head: its shapes, its files, and the app's way of asking it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from model.errors import CheckpointError
from model.likely import AnswerKind, Likely, surest
from model.short_answers import ShortAnswers
from model.vision.answer_head import AnswerHead, AnswerHeadConfig, load_answer_head, save_answer_head
from model.vision.encoder import FrameFeatures

SMALL = AnswerHeadConfig(
    tokens=9, token_width=16, concepts=6, text_width=8, answers=["yes", "no", "a dog"], width=12, dropout=0.5
)


def head(config: AnswerHeadConfig = SMALL) -> AnswerHead:
    torch.manual_seed(0)
    return AnswerHead(config).eval()


def inputs(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    questions = torch.nn.functional.normalize(torch.randn(count, 8), dim=-1)
    return questions, torch.randn(count, 9, 16), torch.randn(count, 6).log_softmax(1)


def test_every_answer_gets_a_logit_that_question_picture_and_classes_change() -> None:
    made = head()
    made.places.data.normal_()
    questions, tokens, told = inputs(4)
    logits = made(questions, tokens, told)
    assert logits.shape == (4, 3)
    for changed in (
        (questions.flip(0), tokens, told),
        (questions, tokens.flip(1), told),
        (questions, tokens, told.flip(1)),
    ):
        assert not torch.allclose(made(*changed), logits, atol=1e-4)


def test_an_answer_whose_name_is_a_class_that_is_seen_is_likelier_before_anything_is_learned() -> None:
    made = head()
    vectors = torch.nn.functional.normalize(torch.randn(9, 8), dim=-1)
    made.begin_with(vectors[:6], torch.stack([vectors[6], vectors[7], vectors[2]]))
    questions, tokens, _ = inputs(2)
    told = torch.full((2, 6), -9.0)
    told[0, 2] = told[1, 4] = 0.0  # the third class, whose name is the third answer; then another one
    logits = made(questions[:1].expand(2, -1), tokens[:1].expand(2, -1, -1), told)
    assert logits[0, 2] > logits[1, 2]


def test_a_saved_head_comes_back_as_it_was_but_for_rounding(tmp_path: Path) -> None:
    made = head()
    save_answer_head(tmp_path, made)
    again = load_answer_head(tmp_path)
    assert not again.training and again.config == SMALL
    assert torch.allclose(again(*inputs(5)), made(*inputs(5)), atol=2e-2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.json", "answers.safetensors"]


def test_a_head_that_is_missing_or_of_another_shape_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"answers.json: expected the shape of an answer head"):
        load_answer_head(tmp_path)
    save_answer_head(tmp_path / "one", head())
    save_answer_head(tmp_path / "other", head(dataclasses.replace(SMALL, answers=["yes"])))
    (tmp_path / "other" / "answers.safetensors").replace(tmp_path / "one" / "answers.safetensors")
    with pytest.raises(
        CheckpointError, match=r"answers.safetensors does not fit .*expected answers .*\[3, 8\].*\[1, 8\]"
    ):
        load_answer_head(tmp_path / "one")


class Eyes:
    """The mean colour of a picture, as tokens and as classes."""

    concepts: tuple[tuple[str, ...], ...] = (("thing",),) * 6

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        mean = frames.mean((1, 2, 3)) / 255
        tokens = np.broadcast_to(mean[:, None, None], (len(frames), 9, 16)) * np.linspace(-1, 1, 16)
        told = np.log(np.full((len(frames), 6), 1 / 6)) * (1 + np.arange(6) * mean[:, None])
        return FrameFeatures(np.zeros((len(frames), 2)), tokens.astype(np.float16), [], told.astype(np.float16))


def asked(folder: Path, **changes: Any) -> ShortAnswers:
    vectors = np.eye(8, dtype=np.float32)
    text = SimpleNamespace(dim=8, embed=lambda texts: vectors[[len(text) % 8 for text in texts]])
    save_answer_head(folder, head(dataclasses.replace(SMALL, **changes)))
    return ShortAnswers(Eyes(), text, folder)  # type: ignore[arg-type]


def test_answers_come_likeliest_first_of_all_pictures_together(tmp_path: Path) -> None:
    answers = asked(tmp_path)
    black, white = (np.full((20, 30, 3), level, np.uint8) for level in (0, 255))
    each = [{a.text: a.likelihood for a in answers.to("Is it?", [picture])} for picture in (black, white)]
    both = answers.to("Is it?", [black, white])
    assert [a.likelihood for a in both] == sorted((a.likelihood for a in both), reverse=True)
    assert sum(a.likelihood for a in both) == pytest.approx(1)
    for answer in both:
        assert answer.likelihood == pytest.approx((each[0][answer.text] + each[1][answer.text]) / 2, abs=1e-5)
    assert answers.to("Is it?", []) == []


def test_a_head_of_other_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="made for other models: expected 6 classes and sentence vectors of 8"):
        asked(tmp_path, concepts=7)


def test_the_surest_answer_is_first_and_of_equals_the_first() -> None:
    one, two, three = Likely("one", 0.4), Likely("two", 0.7), Likely("three", 0.7)
    assert surest([one, two, three]) == [two, three, one]


@pytest.mark.parametrize(
    ("kind", "answers"), [("thing", {"a dog"}), ("number", {"2", "a dog"}), ("any", {"yes", "2", "a dog"})]
)
def test_only_answers_of_the_kind_that_is_asked_for_are_given(
    tmp_path: Path, kind: AnswerKind, answers: set[str]
) -> None:
    found = asked(tmp_path, answers=["yes", "2", "a dog"]).to("What?", [np.zeros((20, 30, 3), np.uint8)], kind)
    assert {answer.text for answer in found} == answers
    assert sum(answer.likelihood for answer in found) == pytest.approx(1)


def test_a_head_that_knows_only_yes_and_no_says_one_of_them(tmp_path: Path) -> None:
    found = asked(tmp_path, answers=["yes", "no"]).to("What is it?", [np.zeros((20, 30, 3), np.uint8)], "thing")
    assert {answer.text for answer in found} == {"yes", "no"}
