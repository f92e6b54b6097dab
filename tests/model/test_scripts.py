"""Text in a script that the reader does not know."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from model.reading.ocr import RapidTextReader
from model.reading.screen_text import ScreenText, Sighting, TextBox, merge_sightings
from model.reading.scripts import believable, is_unread, unread_stretches

PLACE = (0.1, 0.1, 0.5, 0.15)
UNREAD, READ = TextBox("", 0.9, PLACE), TextBox("Next stop: harbour", 0.98, PLACE)


@pytest.mark.parametrize(
    ("text", "confidence", "aspect"),
    [
        ("   ", 0.98, 9.2),  # Ресторан открыт с девяти
        ("", 0.0, 8.0),  # مرحبا بكم في الميناء
        ("V ", 0.82, 4.0),  # السعر ٤٧
        ("āuāəušuąšə", 0.79, 5.5),  # ยินดีต้อนรับสู่ท่าเรือ
        ("To τρνo ργησε", 0.83, 5.3),  # Το τρένο άργησε
    ],
)
def test_lines_of_unknown_scripts_are_told_by_what_is_missing(text: str, confidence: float, aspect: float) -> None:
    assert is_unread(text, confidence, aspect)


@pytest.mark.parametrize(
    ("text", "confidence", "aspect"),
    [
        ("Welcome to the harbour", 0.99, 8.6),
        ("Größe & Straße", 0.99, 5.5),
        ("下一站人民广场", 1.0, 5.7),
        ("電車が遅れています", 1.0, 7.3),
        ("S A M", 1.0, 7.5),  # set wide
        ("- or -", 0.95, 2.3),
        ("", 0.0, 1.8),  # a shape
        ("THE LOMG ROED", 0.7, 7.0),  # blurred
    ],
)
def test_lines_that_are_read_or_are_none_are_not(text: str, confidence: float, aspect: float) -> None:
    assert not is_unread(text, confidence, aspect)


def test_stretches_last_from_the_first_such_line_to_the_first_picture_without() -> None:
    boxes = {0: [READ], 5: [UNREAD], 7: [READ, UNREAD], 15: [READ], 20: [UNREAD], 21: [], 40: [UNREAD]}
    sightings = [Sighting(float(time), lines) for time, lines in boxes.items()]
    assert unread_stretches(sightings, gap_s=16.0) == [(5.0, 15.0), (40.0, 56.0)]
    assert unread_stretches([], 16.0) == []


def test_a_line_that_was_not_read_is_no_text() -> None:
    assert [t.text for t in merge_sightings([Sighting(0.0, [UNREAD]), Sighting(2.0, [])], 16.0)] == []


def test_what_may_be_letters_of_another_script_is_not_believed_beside_it() -> None:
    alike, unsure, sure = (
        ScreenText(6.0, 9.0, text, PLACE, confidence)
        for text, confidence in (("PECTOPAH 24", 1.0), ("Moca harbour", 0.86), ("Next stop: harbour", 0.98))
    )
    assert believable([alike, unsure, sure], [(5.0, 15.0)]) == [sure]
    assert believable([alike, unsure, sure], [(20.0, 25.0)]) == [alike, unsure, sure]


def picture(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> np.ndarray:
    page = Image.new("RGB", (1280, 720), "navy")
    ImageDraw.Draw(page).text((80, 300), text, font=font, fill="white")
    return np.asarray(page)


@pytest.mark.models
def test_cyrillic_and_arabic_are_seen_and_not_read_if_a_font_is_at_hand() -> None:
    try:
        font = ImageFont.truetype("DejaVuSans.ttf", 48)
    except OSError:
        pytest.skip("no font with these letters on this machine")
    reader = RapidTextReader()
    for text in ("Следующая станция: Москва", "مرحبا بكم في المحطة"):
        reader.forget()
        assert [box.text for box in reader.read(picture(text, font))] == [""]
    reader.forget()
    assert [box.text for box in reader.read(picture("Próxima estación: España", font))] == ["Próxima estación: España"]


@pytest.mark.models
def test_a_line_of_which_nothing_is_recognised_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RapidTextReader()
    monkeypatch.setattr(reader, "_recognise", lambda line: ("  ", 0.97))
    (box,) = reader.read(picture("a line of letters that nobody knows", ImageFont.load_default(48)))
    assert box.text == ""
