"""Stages of answering: bounded, in the order of asking, and left at any time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from retrieval.ask.stages import Stage


def test_no_more_than_its_width_at_once_and_in_order() -> None:
    stage, at_once, most, order = Stage("test", 2), 0, 0, list[int]()
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal at_once, most
        with lock:
            order.append(number)
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with lock:
            at_once -= 1
        return number

    found: dict[int, int | None] = {}
    threads = []
    for number in range(10):
        threads.append(threading.Thread(target=lambda n=number: found.update({n: stage.run(lambda: work(n))})))
        threads[-1].start()
        time.sleep(0.002)
    for thread in threads:
        thread.join(5)
    assert found == {number: number for number in range(10)}
    assert most == 2 and order == sorted(order)


def test_an_error_reaches_the_one_who_asked() -> None:
    stage = Stage("test", 1)

    def fails(halted: Callable[[], bool]) -> Iterator[str]:
        yield "so far"
        raise ValueError("this one's")

    listened = stage.stream(fails)
    assert next(listened) == "so far"
    with pytest.raises(ValueError, match="this one's"):
        next(listened)
    assert stage.run(lambda: "another's") == "another's"


def test_a_listener_who_pauses_or_leaves_holds_up_nobody() -> None:
    stage, ended = Stage("test", 1), threading.Event()

    def endless(halted: Callable[[], bool]) -> Iterator[int]:
        number = 0
        while not halted():
            yield number
            number += 1
            time.sleep(0.001)
        ended.set()

    paused = stage.stream(lambda halted: iter(range(1000)))
    assert next(paused) == 0
    assert stage.run(lambda: "quick") == "quick"
    left = stage.stream(endless)
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert ended.wait(1) and stage.run(lambda: "quick") == "quick"
    assert list(paused) == list(range(1, 1000))


def test_a_stop_is_answered_while_waiting_and_while_running() -> None:
    stage, hold = Stage("test", 1), threading.Event()
    running = threading.Thread(target=lambda: stage.run(lambda: hold.wait(5)))
    running.start()
    time.sleep(0.05)
    began, asked = time.monotonic(), list[int]()
    waiting = stage.stream(lambda halted: asked.append(1) or iter([1]), stop=lambda: time.monotonic() - began > 0.05)  # type: ignore[func-returns-value]
    assert list(waiting) == [] and time.monotonic() - began < 0.4
    hold.set()
    running.join(5)

    def tells(halted: Callable[[], bool]) -> Iterator[str]:
        while not halted():
            time.sleep(0.01)
        yield "what there is so far"

    began = time.monotonic()
    assert list(stage.stream(tells, stop=lambda: time.monotonic() - began > 0.05)) == ["what there is so far"]
    assert time.monotonic() - began < 0.4 and asked == []
