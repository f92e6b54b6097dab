"""Who computes when, and with how many threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.language import turns
from model.language.turns import CALM_STEPS, SpareCores, Turns


def steps(spare: SpareCores, running: list[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Threads chosen while so many threads run on the machine, those of the step before included."""
    chosen = []
    for count in running:
        monkeypatch.setattr(turns, "count_running", lambda count=count: count)
        chosen.append(spare.choose())
    return chosen


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch) -> SpareCores:
    monkeypatch.setattr("model.hardware.count_cores", lambda: 2)
    return SpareCores(2)


def test_an_idle_machine_lends_its_other_core(spare: SpareCores, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = steps(spare, [1] * CALM_STEPS + [2] * 20, monkeypatch)
    assert chosen == [1] * (CALM_STEPS - 1) + [2] * 21


def test_a_busy_machine_is_not_disturbed(spare: SpareCores, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(steps(spare, [2] * 100, monkeypatch)) == {1}


def test_each_disturbance_doubles_the_wait(spare: SpareCores, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    for _ in range(4):
        waits.append(steps(spare, [1] * 200, monkeypatch).index(2) + 1)
        assert steps(spare, [3], monkeypatch) == [1]
    assert waits == [CALM_STEPS * factor for factor in (1, 2, 4, 8)]


def test_a_system_that_does_not_tell_gets_one_thread(
    spare: SpareCores, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(turns, "LOADAVG", tmp_path / "missing")
    assert {spare.choose() for _ in range(50)} == {1}


def test_what_the_kernel_says_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "loadavg").write_text("0.20 0.18 0.12 3/80 11206\n")
    monkeypatch.setattr(turns, "LOADAVG", tmp_path / "loadavg")
    assert turns.count_running() == 3


def test_turns_are_granted_again_after_an_error() -> None:
    order = Turns()
    with pytest.raises(ValueError, match="broken"), order:
        raise ValueError("broken")
    with order:
        pass
