"""Which part of a picture fits: covered parts of pictures whose content is known."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.vision.encoder import unit
from retrieval.search.regions import GRID, Regions, occlude

GREEN = np.array([0.0, 1.0, 0.0], np.float32)


class MeanColour:
    """Sees the mean colour of a frame."""

    def encode_frames(self, frames: np.ndarray) -> Any:
        return SimpleNamespace(pooled=unit(frames.mean((1, 2)).astype(np.float32)))


def corner(height: int = 96, width: int = 120) -> np.ndarray:
    """Red, with a green quarter at the top right."""
    picture = np.full((height, width, 3), (200, 0, 0), np.uint8)
    picture[: height // 2, width // 2 :] = (0, 200, 0)
    return picture


def looked(picture: np.ndarray) -> Regions:
    fit, heat = occlude(MeanColour(), picture, GREEN)  # type: ignore[arg-type]
    return Regions(3.0, picture, heat, fit)


def test_what_was_asked_for_is_where_covering_costs_most() -> None:
    found = looked(corner())
    assert found.heat.shape == (GRID, GRID) and found.heat.max() == 1 and found.heat.min() == 0
    inside = found.heat[: GRID // 2, GRID // 2 :]
    assert inside.min() > found.heat[GRID // 2 + 1 :].max() and inside.min() > found.heat[:, : GRID // 2 - 1].max()
    left, top, right, bottom = found.box
    assert 0.3 <= left <= 0.5 and top == 0 and right == 1 and 0.5 <= bottom <= 0.7
    told = found.as_json()
    assert (
        told["seconds"] == 3.0 and np.shape(told["heat"]) == (GRID, GRID) and told["box"] == [left, top, right, bottom]
    )


def test_where_nothing_counts_nothing_is_lit() -> None:
    found = looked(np.full((60, 60, 3), (200, 0, 0), np.uint8))
    assert found.heat.max() == 0 and found.box == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("size", [(96, 120), (7, 400), (1, 1)])
def test_the_picture_is_bright_where_it_counts(size: tuple[int, int]) -> None:
    picture = corner(*size)
    shown = np.asarray(Image.open(io.BytesIO(looked(picture).as_jpeg())), np.float32)
    assert shown.shape == picture.shape
    if size == (96, 120):
        assert shown[5:40, 70:110].mean() > 1.5 * shown[60:90, 5:50].mean()
