from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from model.reading.ocr import RapidTextReader, ReadingGate, ScreenText, Sighting, TextBox, merge_sightings


@pytest.fixture(scope="module")
def shared_reader() -> RapidTextReader:
    return RapidTextReader()


@pytest.fixture
def reader(shared_reader: RapidTextReader) -> RapidTextReader:
    shared_reader.forget()
    return shared_reader


def scene(seed: int = 0) -> Image.Image:
    """A soft landscape of coloured blobs, 1280 x 720, without text."""
    small = np.random.default_rng(seed).integers(40, 200, (9, 16, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((1280, 720), Image.Resampling.BICUBIC)


def write(
    picture: Image.Image, text: str, place: tuple[int, int], size: int = 40, colour: str = "white"
) -> Image.Image:
    drawn = picture.copy()
    ImageDraw.Draw(drawn).text(place, text, font=ImageFont.load_default(size=size), fill=colour, spacing=size // 4)
    return drawn


def words(boxes: list[TextBox]) -> str:
    return " ".join(box.text for box in boxes)


@pytest.mark.models
def test_a_caption_is_read_where_it_stands(reader: RapidTextReader) -> None:
    (box,) = reader.read(np.asarray(write(scene(), "Welcome to the harbour", (300, 600))))
    assert box.text == "Welcome to the harbour"
    assert box.confidence > 0.9
    x0, y0, x1, y1 = box.box
    assert 0.2 < x0 < 0.25 and 0.5 < x1 < 0.7
    assert 0.8 < y0 < 0.86 < y1 < 0.92


@pytest.mark.models
def test_small_print_of_a_screen_is_read(reader: RapidTextReader) -> None:
    screen = Image.new("RGB", (1280, 720), "white")
    screen = write(screen, "Account settings", (60, 40), 30, "black")
    screen = write(screen, "Two-factor authentication is off", (60, 200), 15, "black")
    screen = write(screen, "Delete this project", (900, 500), 15, "black")
    text = words(reader.read(np.asarray(screen)))
    assert "Account settings" in text
    assert "authentication is off" in text
    assert "Delete this project" in text


@pytest.mark.models
def test_nothing_is_read_where_there_is_no_text(reader: RapidTextReader) -> None:
    assert reader.read(np.asarray(scene(3))) == []
    assert reader.read(np.zeros((720, 1280, 3), np.uint8)) == []
    assert reader.read(np.zeros((1, 1, 3), np.uint8)) == []
    noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    assert reader.read(noise) == []


@pytest.mark.models
def test_what_is_remembered_never_hides_a_change(reader: RapidTextReader) -> None:
    for text in ("Chapter one", "Chapter one", "Chapter six", "00:01:07", "00:01:08", "Chapter six"):
        assert words(reader.read(np.asarray(write(scene(), text, (400, 300), 60)))) == text
    assert reader.read(np.asarray(scene())) == []


@pytest.mark.models
def test_only_the_known_line_that_changed_is_read_again(
    reader: RapidTextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slide(number: int) -> np.ndarray:
        page = write(scene(), "Ships that arrived", (200, 100), 50)
        return np.asarray(write(page, f"Berth 4 had {number} tons", (300, 450), 30))

    assert words(reader.read(slide(5938))) == "Ships that arrived Berth 4 had 5938 tons"
    sizes: list[int] = []
    find = reader._find
    monkeypatch.setattr(reader, "_find", lambda bgr, *more: sizes.append(bgr.size) or find(bgr, *more))
    assert words(reader.read_again(slide(5939))) == "Ships that arrived Berth 4 had 5939 tons"
    assert words(reader.read_again(slide(5939))) == "Ships that arrived Berth 4 had 5939 tons"
    assert words(reader.read_again(slide(60128))) == "Ships that arrived Berth 4 had 60128 tons"
    assert len(sizes) == 2 and max(sizes) < 0.2 * 1280 * 720 * 3


@pytest.mark.models
def test_two_digits_alone_are_read(reader: RapidTextReader) -> None:
    for number in ("12", "47", "83"):
        assert words(reader.read(np.asarray(write(scene(), number, (600, 300), 64)))) == number


@pytest.mark.models
def test_repeated_pictures_cost_little_recognition(reader: RapidTextReader, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.asarray(write(scene(), "Breaking news\nfrom the harbour", (200, 300), 50))
    first = reader.read(picture)
    calls: list[int] = []
    recognise = reader._recognise
    monkeypatch.setattr(reader, "_recognise", lambda line: calls.append(1) or recognise(line))
    assert reader.read(picture) == first
    assert calls == []
    assert "news" in words(first)


@pytest.mark.models
def test_after_forgetting_nothing_before_matters(reader: RapidTextReader) -> None:
    busy = "\n".join(f"many words of line {k}" for k in range(14))
    picture = np.asarray(write(scene(), "The harbour at night", (300, 300)))
    fresh = reader.read(picture)
    for number in range(6):
        reader.read(np.asarray(write(Image.new("RGB", (1280, 720)), busy, (20 + 40 * number, 20), 34)))
    reader.forget()
    assert reader.read(picture) == fresh != []


@pytest.mark.models
def test_ever_changing_pages_run_out_of_budget_without_false_text(reader: RapidTextReader) -> None:
    for number in range(12):
        lines = "\n".join(f"line {number} {k} of many words" for k in range(14))
        text = words(
            reader.read(np.asarray(write(Image.new("RGB", (1280, 720)), lines, (50 + 30 * (number % 3), 20), 34)))
        )
        assert all(f"line {other} " not in text for other in range(12) if other != number)


@pytest.mark.models
def test_two_lines_of_a_title_that_touch_are_read(reader: RapidTextReader) -> None:
    picture = write(write(scene(), "Long Road", (200, 170), 170), "HOME", (200, 310), 170)
    text = words(reader.read(np.asarray(picture)))
    assert "Road" in text and "HOME" in text


@pytest.mark.models
def test_chinese_is_read_if_a_font_is_at_hand(reader: RapidTextReader) -> None:
    font = None
    for name in (
        "NotoSansCJK-Regular.ttc",
        "wqy-microhei.ttc",
        "msyh.ttc",
        "PingFang.ttc",
        "DroidSansFallbackFull.ttf",
    ):
        try:
            font = ImageFont.truetype(name, 60)
            break
        except OSError:
            continue
    if font is None:
        pytest.skip("no Chinese font on this machine")
    picture = scene()
    ImageDraw.Draw(picture).text((300, 300), "欢迎光临", font=font, fill="white")
    assert "欢迎" in words(reader.read(np.asarray(picture)))


@pytest.mark.models
def test_reading_says_nothing_on_the_terminal(reader: RapidTextReader, capfd: pytest.CaptureFixture[str]) -> None:
    reader.read(np.asarray(scene()))
    RapidTextReader().read(np.asarray(write(scene(), "quiet", (300, 300))))
    assert capfd.readouterr() == ("", "")


def grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L").resize((picture.width // 2, picture.height // 2)))


def passed(pictures: list[Image.Image], every_s: float = 0.5, worth: str = "page") -> list[float]:
    gate = ReadingGate()
    return [i * every_s for i, p in enumerate(pictures) if gate.worth_reading(i * every_s, grey(p)) == worth]


def test_gate_lets_a_still_picture_through_once() -> None:
    assert passed([write(scene(), "A title", (300, 300))] * 40) == [0.0]


def test_gate_sees_a_title_come_change_and_go() -> None:
    plain, title, other = scene(), write(scene(), "A title", (300, 300)), write(scene(), "Another", (300, 300))
    assert passed([plain] * 6 + [title] * 3 + [other] * 3 + [plain] * 4) == [0.0, 3.0, 4.5, 6.0]


def test_gate_ignores_small_noise() -> None:
    title = np.asarray(write(scene(), "A title", (300, 300))).astype(int)
    rng = np.random.default_rng(0)
    noisy = [Image.fromarray(np.clip(title + rng.normal(0, 6, title.shape), 0, 255).astype(np.uint8)) for _ in range(8)]
    assert passed(noisy) == [0.0]


def test_gate_does_not_hurry_for_a_clock() -> None:
    ticking = [write(scene(), f"00:{second // 2:02d}", (1100, 650), 30) for second in range(60)]
    assert 2 <= len(passed(ticking)) <= 8
    assert 20 <= len(passed(ticking, worth="lines")) <= 28  # the known lines are read again each second


def test_gate_sees_one_digit_of_small_print_change() -> None:
    prices = [write(scene(), f"Flour, 500 g: {price} cents", (500, 400), 22) for price in (112, 117) for _ in range(4)]
    assert passed(prices, worth="lines") == [2.0]
    assert passed(prices) == [0.0]


def test_gate_paces_a_picture_that_never_rests() -> None:
    moving = [scene().rotate(3 * i) for i in range(60)]
    busy = [write(p, "#" * 40, (100 + 7 * i, 300)) for i, p in enumerate(moving)]
    times = passed(busy)
    assert 15 <= len(times) <= 26
    assert max(b - a for a, b in pairwise(times)) <= 2.0


def test_gate_starts_afresh() -> None:
    gate, picture = ReadingGate(), scene()
    assert gate.worth_reading(7.0, grey(picture)) == "page"
    assert gate.worth_reading(9.0, grey(picture)) is None
    gate.reset()
    assert gate.worth_reading(9.5, grey(picture)) == "page"
    assert gate.worth_reading(11.0, grey(write(scene(), "tall", (100, 100)).rotate(90, expand=True))) == "page"


def line(text: str, x: float = 0.1, y: float = 0.1, confidence: float = 0.95, height: float = 0.05) -> TextBox:
    return TextBox(text, confidence, (x, y, x + 0.012 * len(text), y + height))


def merged(*sightings: tuple[float, list[TextBox]], gap_s: float = 16.0) -> list[tuple[float, float, str]]:
    texts = merge_sightings([Sighting(time, boxes) for time, boxes in sightings], gap_s)
    return [(round(t.start, 2), round(t.end, 2), t.text) for t in texts]


def test_a_text_lasts_from_its_first_sighting_to_the_first_without_it() -> None:
    title = [line("The long road")]
    assert merged((0, []), (2, title), (3, title), (9, []), (20, [])) == [(2, 9, "The long road")]


def test_nothing_read_for_longer_than_the_gap_ends_a_text() -> None:
    title = [line("The long road")]
    assert merged((0, title), (30, title), gap_s=5) == [(0, 5, "The long road"), (30, 35, "The long road")]
    assert merged((0, title), gap_s=5) == [(0, 5, "The long road")]
    assert merged() == []


def test_misreadings_are_one_text_in_its_best_spelling() -> None:
    readings = [line("The 1ong roed", confidence=0.7), line("The long road"), line("Thelong road", confidence=0.9)]
    assert merged(*[(float(i), [r]) for i, r in enumerate(readings)], (3.0, [])) == [(0, 3, "The long road")]


def test_a_reading_that_missed_a_text_once_does_not_split_it() -> None:
    title = [line("The long road")]
    assert merged((0, title), (1, []), (2, title), (3, [])) == [(0, 3, "The long road")]


def test_a_text_that_comes_back_later_counts_twice() -> None:
    title = [line("The long road")]
    assert merged((0, title), (2, []), (10, title), (12, [])) == [(0, 2, "The long road"), (10, 12, "The long road")]


def test_the_times_of_a_clock_are_listed_a_few_seconds_in_one_text() -> None:
    clock = [(float(s), [line(f"0:{s:02d}")]) for s in range(1, 11)]
    found = merged(*clock, (11.0, []))
    assert found[:2] == [(1, 5, "0:01 … 0:02 … 0:03 … 0:04"), (5, 9, "0:05 … 0:06 … 0:07 … 0:08")]
    assert found[-1] == (9, 11, "0:09 … 0:10")


def test_a_price_that_stands_for_a_while_is_a_text_of_its_own() -> None:
    prices = [(0.0, [line("12")]), (3.0, [line("47")]), (5.0, [line("47")]), (8.0, [line("83")]), (11.0, [])]
    assert merged(*prices) == [(0, 3, "12"), (3, 8, "47"), (8, 11, "83")]


def test_a_number_takes_the_label_above_it_along() -> None:
    label = line("Visitors today", y=0.1)
    numbers = [(float(t), [label, line(text, y=0.16)]) for t, text in ((0, "1204"), (5, "1207"), (10, "1207"))]
    assert merged(*numbers, (12.0, [])) == [
        (0, 12, "Visitors today"),
        (0, 5, "Visitors today 1204"),
        (5, 12, "Visitors today 1207"),
    ]


def test_another_digit_in_a_long_word_is_another_text() -> None:
    versions = [(0.0, [line("Download-v1.2.3")]), (2.0, [line("Download-v1.2.4")]), (4.0, [])]
    assert merged(*versions) == [(0, 2, "Download-v1.2.3"), (2, 4, "Download-v1.2.4")]


def test_another_word_that_stays_is_another_text_and_a_misreading_is_not() -> None:
    sold, told, unsure = line("I sold the car"), line("I told the car"), line("I told the car", confidence=0.8)
    assert merged((0, [sold]), (1, [sold]), (3, [told]), (4, [told]), (5, [])) == [
        (0, 3, "I sold the car"),
        (3, 5, "I told the car"),
    ]
    assert merged((0, [sold]), (1, [sold]), (2, [unsure]), (3, [unsure]), (5, [])) == [(0, 5, "I sold the car")]
    assert merged((0, [sold]), (1, [told]), (2, [sold]), (4, [])) == [(0, 4, "I sold the car")]


def test_lines_of_a_terminal_come_one_after_the_other() -> None:
    rows = [line(text, y=0.1 + 0.06 * i) for i, text in enumerate(("$ make build", "$ make tests", "$ git push"))]
    assert merged((0, rows[:1]), (3, rows[:2]), (6, rows), (9, [])) == [
        (0, 9, "$ make build"),
        (3, 9, "$ make tests"),
        (6, 9, "$ git push"),
    ]


def test_other_numbers_are_another_text() -> None:
    found = merged((0, [line("Question 1 of the quiz")]), (2, [line("Question 2 of the quiz")]), (4, []))
    assert found == [(0, 2, "Question 1 of the quiz"), (2, 4, "Question 2 of the quiz")]


def test_a_text_typed_letter_by_letter_is_kept_whole() -> None:
    typed = "search for cats"
    steps = [(float(i), [line(typed[:n])]) for i, n in enumerate((7, 10, 13, 15))]
    assert merged(*steps, (4.0, [])) == [(0, 4, typed)]


def test_a_title_misread_while_it_appears_is_kept_whole() -> None:
    whole = [line("THE PEACH OPEN MOVIE", y=0.1), line("PROJECT PRESENTS", x=0.13, y=0.16)]
    steps = (0.0, [line("THE PEACH CPEN", x=0.11, y=0.1)]), (1.0, whole), (2.0, [])
    assert merged(*steps) == [(0, 2, "THE PEACH OPEN MOVIE PROJECT PRESENTS")]


def test_the_spelling_with_its_spaces_is_kept() -> None:
    steps = [(float(i), [line(text)]) for i, text in enumerate(("BigBuck BUNNY", "BigBuck BUNNY", "Big Buck BUNNY"))]
    assert merged(*steps, (3.0, [])) == [(0, 3, "Big Buck BUNNY")]


def test_file_names_that_differ_by_number_stay_apart() -> None:
    names = [(0.0, [line("IMG_4821.MOV")]), (1.0, [line("IMG_4821.MO")]), (2.0, [line("IMG_4822.MOV")]), (3.0, [])]
    assert merged(*names) == [(0, 2, "IMG_4821.MOV"), (2, 3, "IMG_4822.MOV")]


def test_rolling_credits_stay_one_entry_a_name() -> None:
    rolling = [(float(i), [line("Directed by Ann Lee", y=0.8 - 0.2 * i)]) for i in range(4)]
    assert merged(*rolling, (4.0, [])) == [(0, 4, "Directed by Ann Lee")]


def test_lines_of_a_paragraph_join_and_buttons_do_not() -> None:
    paragraph = [line("Provide an image of your", y=0.30), line("artwork and wait for it", y=0.36)]
    buttons = [line("Cancel", x=0.1, y=0.8), line("Save", x=0.4, y=0.8), line("Help", x=0.1, y=0.9)]
    texts = [t for _, _, t in merged((0.0, buttons + paragraph[::-1]))]
    assert sorted(texts) == ["Cancel", "Help", "Provide an image of your artwork and wait for it", "Save"]


def test_pieces_of_a_row_join_in_order_and_a_heading_stays_apart() -> None:
    heading = line("Road", y=0.1, height=0.12)
    pieces = [line("of the world", x=0.1 + 0.012 * 5, y=0.24), line("News", x=0.1, y=0.24)]
    assert [t for _, _, t in merged((0.0, [*pieces, heading]))] == ["Road", "News of the world"]


def test_position_and_confidence_come_along() -> None:
    (text,) = merge_sightings([Sighting(1.0, [line("The long road", confidence=0.8)]), Sighting(2.0, [])], 5.0)
    assert text == ScreenText(1.0, 2.0, "The long road", line("The long road").box, pytest.approx(0.8))
