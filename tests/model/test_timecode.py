import pytest

from model.timecode import clock, span, subtitle_time


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (725, "12:05"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_span_and_subtitle_time() -> None:
    assert span(42.1, 51) == "0:42–0:51"
    assert span(42.1, 42.8) == "0:42"
    assert subtitle_time(3661.25, ",") == "01:01:01,250"
