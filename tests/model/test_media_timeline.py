"""Time stamps: the odd ones are put right, the unusual ones are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from model.media.timeline import Timeline

TICK = Fraction(1, 1000)


class Packet(bytes):
    """As much of a packet as the timeline looks at; times in milliseconds, `content` is a number."""

    def __new__(cls, pts: int | None, dts: int | None, stream: Any = None, content: int = 0, size: int = 400) -> Packet:
        packet = super().__new__(cls, content.to_bytes(size, "big"))
        packet.pts, packet.dts, packet.duration, packet.size = pts, dts, 40, size
        packet.time_base, packet.stream = TICK, stream or SimpleNamespace(index=0)
        return packet

    pts: int | None
    dts: int | None
    duration: int
    size: int
    time_base: Fraction
    stream: Any


def run(seconds: Sequence[float], promised: float | None = None) -> tuple[list[float], Timeline]:
    """The corrected times of one stream's packets, and the timeline that corrected them."""
    packets = [Packet(round(time * 1000), round(time * 1000), content=number) for number, time in enumerate(seconds)]
    timeline = Timeline(promised)
    fixed: list[Any] = list(timeline.steady(packets))  # type: ignore[arg-type]
    assert len(fixed) == len(packets)
    return [packet.pts / 1000 for packet in fixed], timeline


def even(start: float, stop: float, step: float = 0.04) -> list[float]:
    return [round(start + index * step, 3) for index in range(round((stop - start) / step))]


@pytest.mark.parametrize(
    "times",
    [
        even(0, 20),
        even(0, 200, 10.0),
        even(0, 3600, 60.0),
        [0, 60, 150, 180, 300, 310, 311, 400],
        [*even(0, 10), *even(13, 20)],
        [*even(0, 4), *even(5.5, 10), *even(12, 20)],
        [0.0],
        [0.0, 60.0, 120.0],
    ],
    ids=["25 a second", "one in 10 s", "one a minute", "uneven slides", "a pause", "two pauses", "one", "three slides"],
)
def test_what_is_unusual_but_right_is_left_alone_without_a_header(times: list[float]) -> None:
    fixed, timeline = run(times)
    assert fixed == times and timeline.corrected == 0


def test_a_long_pause_that_the_header_vouches_for_is_left_alone() -> None:
    times = [*even(0, 2), *even(300, 302)]
    assert run(times, promised=302)[0] == times
    assert run(times)[0] == pytest.approx(even(0, 4), abs=0.01)


def test_a_long_pause_that_another_stream_fills_is_left_alone() -> None:
    sound = SimpleNamespace(index=1)
    pictures = [Packet(round(t * 1000), round(t * 1000)) for t in [*even(0, 2), *even(100, 102)]]
    sounds = [Packet(round(t * 1000), round(t * 1000), stream=sound) for t in even(0, 102)]
    mixed = sorted([*pictures, *sounds], key=lambda packet: packet.dts or 0)
    timeline = Timeline(None)
    list(timeline.steady(mixed))  # type: ignore[arg-type]
    assert timeline.corrected == 0


@pytest.mark.parametrize("odd", [7200.0, 5.0, -50.0])
@pytest.mark.parametrize("count", [1, 3, 120])
def test_a_run_of_odd_times_gets_times_between_its_neighbours(odd: float, count: int) -> None:
    times = even(100, 120)
    wrong = [time + odd if 200 <= index < 200 + count else time for index, time in enumerate(times)]
    fixed, timeline = run(wrong)
    assert fixed == pytest.approx(times, abs=0.1)
    assert timeline.corrected == count and timeline.farthest_s == pytest.approx(abs(odd), abs=0.1)


@pytest.mark.parametrize("where", [0, 499], ids=["first", "last"])
def test_the_first_and_the_last_packet_may_be_odd_too(where: int) -> None:
    times = even(0, 20)
    wrong = list(times)
    wrong[where] += 5000
    assert run(wrong)[0] == pytest.approx(times, abs=0.1)


@pytest.mark.parametrize("jump", [3600.0, -9.0, -3.0])
def test_a_clock_that_jumps_for_good_goes_on_from_where_it_was(jump: float) -> None:
    times = even(10, 30)
    wrong = [time + jump if time >= 20 else time for time in times]
    assert run(wrong)[0] == pytest.approx(times, abs=0.1)


def test_a_block_that_is_in_the_file_twice_is_read_once() -> None:
    times = even(0, 20)
    packets = [Packet(round(time * 1000), round(time * 1000), content=number) for number, time in enumerate(times)]
    again = [Packet(packet.pts, packet.dts, content=number) for number, packet in enumerate(packets)]
    timeline = Timeline(None)
    fixed: list[Any] = list(timeline.steady([*packets[:300], *again[100:250], *packets[300:]]))  # type: ignore[list-item]
    assert [packet.pts / 1000 for packet in fixed] == times and timeline.corrected == 150


def test_recordings_in_which_nothing_moves_are_not_one_block_twice() -> None:
    """Joined: the clock begins anew, and where nothing moves the packets of both are the same but for key frames."""
    packets = []
    for recording in (1, 2):
        for number, time in enumerate(even(0, 8)):
            key = number % 50 == 0
            content, size = (1000 * recording + number, 5000) if key else (7, 20)
            packets.append(Packet(round(time * 1000), round(time * 1000), content=content, size=size))
    fixed: list[Any] = list(Timeline(None).steady(packets))  # type: ignore[arg-type]
    assert [packet.pts / 1000 for packet in fixed] == pytest.approx(even(0, 16), abs=0.1)


def test_streams_that_jump_together_stay_together() -> None:
    sound = SimpleNamespace(index=1)
    packets = []
    for time in even(0, 20):
        jump = 5000 if time >= 10 else 0
        packets.append(Packet(round(time * 1000) + jump * 1000, round(time * 1000) + jump * 1000))
        late = round(time * 1000) + 300  # the sound of a picture comes 0.3 s before it in the file
        packets.append(Packet(late + (5000_000 if late >= 10_000 else 0), None, stream=sound))
    fixed: list[Any] = list(Timeline(None).steady(packets))  # type: ignore[arg-type]
    for picture, heard in zip(fixed[::2], fixed[1::2], strict=True):
        assert heard.pts - picture.pts == pytest.approx(300, abs=60)


def test_a_stream_that_begins_far_behind_the_others_begins_with_them() -> None:
    sound = SimpleNamespace(index=1)
    packets = [Packet(0, 0), Packet(8_563_000, 8_563_000, stream=sound), Packet(40, 40), Packet(80, 80)]
    fixed: list[Any] = list(Timeline(3.0).steady(packets))  # type: ignore[arg-type]
    assert fixed[1].pts == pytest.approx(0, abs=100)


def test_a_picture_shown_long_after_it_is_decoded_is_odd_unless_others_are_too() -> None:
    reordered = [Packet(pts, dts) for dts, pts in enumerate_ms([0, 120, 40, 80, 240, 160, 200])]
    timeline = Timeline(None)
    list(timeline.steady(reordered))  # type: ignore[arg-type]
    assert timeline.corrected == 0
    packets = [Packet(time * 40, time * 40) for time in range(100)]
    packets[30].pts = 7_200_000
    for promised in (None, 4.0, 10_000.0):
        packets[30].pts = 7_200_000
        timeline = Timeline(promised)
        fixed: list[Any] = list(timeline.steady(packets))  # type: ignore[arg-type]
        assert fixed[30].pts == 1200 and timeline.corrected == 1


def enumerate_ms(shown: Sequence[int]) -> list[tuple[int, int]]:
    """(dts, pts) in milliseconds of pictures that are decoded in this order, one every 40 ms."""
    return [(40 * index - 80, pts) for index, pts in enumerate(shown)]


def test_the_length_of_one_packet_is_no_reason_for_hours() -> None:
    packets = [Packet(time * 40, time * 40) for time in range(50)]
    packets[-1].duration = 10_000_000
    list(Timeline(2.0).steady(packets))  # type: ignore[arg-type]
    assert packets[-1].duration == 40
    packets[-1].duration = 5_000
    list(Timeline(7.0).steady(packets))  # type: ignore[arg-type]
    assert packets[-1].duration == 5_000  # the last slide, as the header says
