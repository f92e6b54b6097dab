"""The harness that tells how well absence is told: its arithmetic on figures that are known."""

from __future__ import annotations

import pytest

from benchmarks.absence import Measured, area, as_measure, points, table
from retrieval.ask.presence import RANDOM_FIT


def told(source: str, there: list[float], absent: list[float]) -> list[Measured]:
    return [
        Measured(source, value, is_there) for is_there, values in ((True, there), (False, absent)) for value in values
    ]


def test_the_area_is_how_often_what_is_there_measures_more() -> None:
    assert area(told("speech", [3, 2], [1, 0])) == 1
    assert area(told("speech", [0, 1], [1, 2])) == pytest.approx(0.125)  # one tie of four pairs
    assert area(told("speech", [1, 1], [1, 1])) == 0.5


def test_a_stricter_threshold_refuses_and_denies_more() -> None:
    chances = told("pictures", [as_measure(c) for c in (0.01, 0.06, 0.3)], [as_measure(c) for c in (0.08, 0.25, 0.9)])
    found = points(chances)
    in_use = next(point for point in found if "in use" in point.threshold)
    assert f"{RANDOM_FIT:.2f}" in in_use.threshold
    assert (in_use.refused, in_use.denied) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert [point.denied for point in found] == sorted((point.denied for point in found), reverse=True)
    assert found[0].refused == pytest.approx(2 / 3) and found[0].denied == 1


def test_every_source_has_its_own_rows() -> None:
    rows = list(table(told("pictures", [0.9], [0.1]) + told("speech", [0.9], [0.2])))
    assert sum(row.startswith("| pictures | 1, 1 | 1.00 |") for row in rows) == 1
    assert sum("likelihood" in row for row in rows) == sum("chance" in row for row in rows) == 6
