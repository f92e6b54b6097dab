import pytest

from model.errors import UsageError
from model.timecode import clock, seconds_of, span, subtitle_time


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (725, "12:05"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_span_and_subtitle_time() -> None:
    assert span(42.1, 51) == "0:42–0:51"
    assert span(42.1, 42.8) == "0:42"
    assert subtitle_time(3661.25, ",") == "01:01:01,250"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("42", 42), (" 4.5 ", 4.5), ("0:42", 42), ("12:05.5", 725.5), ("1:02:03", 3723), ("90:00", 5400)],
)
def test_times_as_people_type_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "nan", "1e9", "1:60", "1:75:00", "abc", "1:2:3:4", "inf"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        seconds_of(text)
