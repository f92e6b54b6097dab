"""Pages of text as videos have them: a lower third, slides, boards, bills. What is on them comes from `pages.json`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image

from benchmarks.answer_quality import places
from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX, Pen

Lines = Sequence[str]


def _lower_third(lines: Lines, typeface: str) -> Pen:
    pen = places.wall()
    pen.oval(330, 150, 62, 74, "#d9a57c")
    pen.oval(330, 95, 70, 40, "#4a2f1d")
    pen.oval(330, 345, 150, 120, "#37507a")
    pen.box(30, 268, 380, 40, "#f4f4f4")
    pen.box(30, 308, 380, 32, "#0d3b66")
    pen.line_of_text(44, 288, lines[0], 28, "#111111", typeface)
    pen.line_of_text(44, 324, lines[1], 20, "#ffffff", typeface)
    return pen


def _slide(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#ffffff", "#eef2f7")
    pen.box(0, 0, WIDTH_PX, 76, "#1f4e5f")
    pen.line_of_text(28, 40, lines[0], 32, "#ffffff", typeface)
    for i, line in enumerate(lines[1:]):
        pen.oval(48, 130 + i * 66, 6, 6, "#e4572e")
        pen.line_of_text(72, 130 + i * 66, line, 30, "#202020", typeface)
    return pen


def _scoreboard(lines: Lines, typeface: str) -> Pen:
    first, goals, second, others, minute = lines
    pen = Pen("#2c6e2f", "#1d4d20")
    pen.box(60, 70, 520, 200, "#0c0c0c", 12)
    for x, team, score in ((190, first, goals), (450, second, others)):
        pen.line_of_text(x, 118, team, 34, "#ffffff", typeface, "mm")
        pen.line_of_text(x, 200, score, 84, "#ffcf33", typeface, "mm")
    pen.line_of_text(320, 200, ":", 60, "#ffcf33", typeface, "mm")
    pen.line_of_text(320, 310, minute, 28, "#ffffff", typeface, "mm")
    return pen


def _menu(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#2b2b2b", "#1d1d1d")
    pen.box(40, 24, 560, 312, "#5b4632", 8)
    pen.box(50, 34, 540, 292, "#20302a", 4)
    pen.line_of_text(320, 74, lines[0], 36, "#f7e7b0", typeface, "mm")
    for i, line in enumerate(lines[1:]):
        pen.line_of_text(84, 146 + i * 64, line, 30, "#ffffff", typeface)
    return pen


def _departures(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#0a1f44", "#071530")
    pen.line_of_text(28, 44, lines[0], 36, "#ffd400", typeface)
    for i, line in enumerate(lines[1:]):
        pen.box(20, 88 + i * 82, 600, 66, "#12306b", 6)
        pen.line_of_text(40, 121 + i * 82, line, 30, "#ffffff", typeface)
    return pen


def _weather(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#7db4d8", "#a8d0e6")
    pen.polygon([(120, 90), (330, 60), (520, 120), (560, 250), (380, 340), (180, 310), (90, 200)], "#86b36b")
    pen.line_of_text(320, 30, lines[0], 28, "#10243e", typeface, "mm")
    for (x, y), line in zip(((230, 120), (430, 190), (260, 270)), lines[1:], strict=False):
        pen.oval(x, y - 34, 16, 16, "#ffd93b")
        pen.line_of_text(x, y, line, 28, "#101010", typeface, "mm")
    return pen


def _credits(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#050505", "#050505", HEIGHT_PX + 70 * len(lines) - 160)
    for i, line in enumerate(lines):
        pen.line_of_text(320, 90 + i * 72, line, 34 if i % 2 else 24, "#f2f2f2", typeface, "mm")
    return pen


def _receipt(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#6b7a8f", "#55637a")
    pen.box(150, 0, 340, HEIGHT_PX, "#fbfaf5")
    for i, line in enumerate(lines):
        pen.line_of_text(320, 60 + i * 72, line, 28, "#222222", typeface, "mm")
    return pen


def _chat(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#d9dde3", "#c4cad3")
    pen.box(110, 0, 420, HEIGHT_PX, "#ffffff", 20)
    pen.box(110, 0, 420, 62, "#3b6fb5")
    pen.line_of_text(140, 32, lines[0], 28, "#ffffff", typeface)
    for i, line in enumerate(lines[1:]):
        x = 130 if i % 2 == 0 else 190
        pen.box(x, 84 + i * 86, 320, 60, "#eceff3" if i % 2 == 0 else "#d4f0c8", 16)
        pen.line_of_text(x + 16, 114 + i * 86, line, 24, "#1b1b1b", typeface)
    return pen


def _quiz(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#4a1d6e", "#2c1044")
    pen.line_of_text(320, 60, lines[0], 30, "#ffffff", typeface, "mm")
    for i, line in enumerate(lines[1:]):
        pen.box(130, 112 + i * 78, 380, 60, "#f0b429", 30)
        pen.line_of_text(170, 142 + i * 78, line, 30, "#201030", typeface)
    return pen


def _notice(lines: Lines, typeface: str) -> Pen:
    pen = Pen("#f2efe6", "#e4dfd0")
    pen.box(50, 50, 540, 260, "#8c1c13", 10)
    pen.box(60, 60, 520, 240, "#fffaf0", 6)
    for i, line in enumerate(lines):
        pen.line_of_text(320, 130 + i * 100, line, 46, "#1a1a1a", typeface, "mm")
    return pen


LAYOUTS: dict[str, Callable[[Lines, str], Pen]] = {
    "lower_third": _lower_third, "slide": _slide, "scoreboard": _scoreboard, "menu": _menu, "departures": _departures,
    "weather": _weather, "credits": _credits, "receipt": _receipt, "chat": _chat, "quiz": _quiz, "notice": _notice,
}  # fmt: skip


def page(layout: str, typeface: str, lines: Lines) -> Image.Image:
    """640 pixels wide and as high as the frame, or higher where it is to scroll."""
    return LAYOUTS[layout](lines, typeface).finished()
