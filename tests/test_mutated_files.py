"""Damaged files of six containers through the command line: none hangs, none crashes, no length is invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.mutated_files import CONTAINERS, broken_promises, index_all, make_originals, mutate, table

pytestmark = pytest.mark.models
EACH = 2  # the benchmark makes 25


def test_damaged_files_break_no_promise(tmp_path: Path) -> None:
    paths = [path for original in make_originals(tmp_path) for path in mutate(original, tmp_path, EACH)]
    outcomes = index_all(paths, tmp_path / "data")
    assert len(outcomes) == EACH * len(CONTAINERS)
    assert broken_promises(outcomes) == []
    assert sum(outcome.kind in ("ok", "partial") for outcome in outcomes) >= len(CONTAINERS), table(outcomes)
