from __future__ import annotations

from app.subtitles import render
from retrieval.store.records import Passage

LINES = [
    Passage(1, "v", "speech", 1.5, 3.25, "Hello\n\nthere & <b>you</b>"),
    Passage(2, "v", "speech", 3725.0, 3725.0, "An hour --> later"),
]


def test_srt_counts_from_one_and_uses_commas() -> None:
    text = render(LINES, "srt")
    assert text.startswith(
        "1\n00:00:01,500 --> 00:00:03,250\nHello there & <b>you</b>\n\n2\n01:02:05,000 --> 01:02:05,100\n"
    )
    assert text.count("-->") == 2  # words cannot pass for times


def test_vtt_escapes_what_would_be_a_tag() -> None:
    text = render(LINES, "vtt")
    assert text.startswith("WEBVTT\n\n00:00:01.500 --> 00:00:03.250\nHello there &amp; &lt;b&gt;you&lt;/b&gt;\n\n")
    assert "later" in text and text.count("-->") == 2


def test_no_lines_are_still_a_valid_file() -> None:
    assert render([], "vtt").startswith("WEBVTT\n")
    assert render([], "srt") == ""
