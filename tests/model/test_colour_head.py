"""The colour head: its shapes, its files, and the app's way of asking it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from model.colour_answers import ColourAnswers
from model.errors import CheckpointError
from model.training.readers.colour_questions import asks_for_a_colour
from model.vision.colour import NAMES, cell_colours
from model.vision.colour_head import ColourHead, ColourHeadConfig, load_colour_head, save_colour_head

SMALL = ColourHeadConfig(cells=9, cell_width=16, text_width=8, width=12)
RED, BLUE, GREY = (220, 20, 20), (20, 40, 220), (128, 128, 128)


def head(config: ColourHeadConfig = SMALL) -> ColourHead:
    torch.manual_seed(0)
    return ColourHead(config).eval()


def picture(left: tuple[int, int, int], right: tuple[int, int, int], width: int = 60) -> np.ndarray:
    both = np.full((40, width, 3), left, np.uint8)
    both[:, width // 2 :] = right
    return both


def test_the_colours_of_each_cell_are_measured_row_by_row() -> None:
    shares = cell_colours(np.stack([picture(RED, BLUE), picture(GREY, GREY)]), 2)
    assert shares.shape == (2, 4, 11) and np.allclose(shares.sum(-1), 1, atol=1e-2)
    assert [NAMES[i] for i in shares[0].argmax(-1)] == ["red", "blue", "red", "blue"]
    assert (shares[1, :, NAMES.index("grey")] == 1).all()


def test_a_colour_is_that_of_the_cells_that_are_attended_to() -> None:
    made = head()
    made.question[1].weight.data.zero_()  # what is left is the attention to places and what was measured there
    made.shown.weight.data.zero_()
    made.suggested[1].weight.data.zero_()
    shares = torch.from_numpy(cell_colours(picture(RED, BLUE)[None], 3))
    cells, asked = torch.zeros(1, 9, 16), torch.zeros(1, 8)
    for column, colour in ((0, "red"), (2, "blue")):
        made.places.data.fill_(-20.0).view(3, 3)[:, column] = 20.0
        assert made.attention(asked, cells).sum().item() == pytest.approx(1)
        assert NAMES[int(made(asked, cells, shares).argmax())] == colour


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = head()
    save_colour_head(tmp_path, made)
    read = load_colour_head(tmp_path)
    inputs = torch.randn(2, 8), torch.randn(2, 9, 16), torch.rand(2, 9, 11)
    assert read.config == SMALL and not read.training
    assert torch.allclose(read(*inputs), made(*inputs), atol=1e-2)


class Eyes:
    def encode_cells(self, frames: np.ndarray) -> np.ndarray:
        return np.zeros((len(frames), 9, 16), np.float16)


def asked(folder: Path, **changes: Any) -> ColourAnswers:
    text = SimpleNamespace(dim=8, embed=lambda texts: np.eye(8, dtype=np.float32)[: len(texts)])
    save_colour_head(folder, head(dataclasses.replace(SMALL, **changes)))
    return ColourAnswers(Eyes(), text, folder)  # type: ignore[arg-type]


def test_colours_come_likeliest_first_of_all_pictures_together(tmp_path: Path) -> None:
    answers = asked(tmp_path)
    pictures = [picture(RED, RED), picture(BLUE, BLUE)]
    found = answers.to("What colour is it?", pictures)
    assert sorted(a.text for a in found) == sorted(NAMES) and sum(a.likelihood for a in found) == pytest.approx(1)
    assert [a.likelihood for a in found] == sorted((a.likelihood for a in found), reverse=True)
    each = [{a.text: a.likelihood for a in answers.to("What colour is it?", [one])} for one in pictures]
    for answer in found:
        assert answer.likelihood == pytest.approx((each[0][answer.text] + each[1][answer.text]) / 2, abs=1e-4)
    assert answers.to("What colour is it?", []) == []


def test_where_it_looks_is_a_map_of_the_picture(tmp_path: Path) -> None:
    where = asked(tmp_path).where("What colour is it?", picture(RED, BLUE))
    assert where.shape == (3, 3) and where.sum() == pytest.approx(1) and where.min() >= 0


def test_grey_is_spelt_as_the_question_is(tmp_path: Path) -> None:
    answers = asked(tmp_path)
    british, american = (
        {a.text for a in answers.to(f"What {word} is it?", [picture(GREY, GREY)])} for word in ("colour", "color")
    )
    assert british - american == {"grey"} and american - british == {"gray"}


def test_a_head_of_other_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"made for other models: expected 9 cells of 16 numbers .* found 9, 20"):
        asked(tmp_path, cell_width=20)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What colour is the mug?", True),
        ("Which color does the car have?", True),
        ("What is the color of the wall?", True),
        ("Is the car of the same colour?", False),
        ("How many of the bins are blue in color?", False),
        ("What is on the coloured plate?", False),
    ],
)
def test_questions_for_a_colour_are_told_from_others(question: str, wanted: bool) -> None:
    assert asks_for_a_colour(question) == wanted
