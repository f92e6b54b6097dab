"""Things that only the films of unseen styles show: none of them is among `drawing.THINGS`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX, Pen


@dataclass(frozen=True)
class Sight:
    """Something to see: how it is called in questions, a question whose answer is its name, what answers match."""

    name: str
    called: str
    asks: tuple[str, ...]
    accept: str


def _rocket() -> Pen:
    pen = Pen("#0b1030", "#28305e")
    for i in range(50):
        pen.oval(i * 137 % WIDTH_PX, i * 71 % HEIGHT_PX, 1.5, 1.5, "#ffffff")
    pen.polygon([(270, 260), (240, 320), (285, 290)], "#d23c2e")
    pen.polygon([(370, 260), (400, 320), (355, 290)], "#d23c2e")
    pen.oval(320, 180, 55, 125, "#eceef2")
    pen.oval(320, 140, 24, 24, "#3f8fd0")
    pen.polygon([(295, 300), (345, 300), (320, 355)], "#ffb52e")
    return pen


def _pizza() -> Pen:
    pen = Pen("#c9b08a", "#a98a60")
    pen.oval(320, 185, 165, 160, "#f1f1ee")
    pen.oval(320, 185, 145, 140, "#c98b3f")
    pen.oval(320, 185, 125, 120, "#f3c64b")
    for i in range(9):
        angle = i * 2.4
        pen.oval(
            320 + 30 * math.sqrt(i) * math.cos(angle), 185 + 30 * math.sqrt(i) * math.sin(angle), 18, 18, "#b8321f"
        )
    for i in range(4):
        dx, dy = 140 * math.cos(i * math.pi / 4), 135 * math.sin(i * math.pi / 4)
        pen.line([(320 - dx, 185 - dy), (320 + dx, 185 + dy)], 2, "#a8752f")
    return pen


def _penguin() -> Pen:
    pen = Pen("#bfe0f2", "#eef7fb")
    pen.box(0, 280, WIDTH_PX, 80, "#f8fcff")
    pen.oval(320, 205, 85, 120, "#1b1d24")
    pen.oval(320, 225, 55, 95, "#fafafa")
    pen.oval(320, 95, 52, 50, "#1b1d24")
    pen.oval(300, 88, 9, 9, "#ffffff")
    pen.oval(340, 88, 9, 9, "#ffffff")
    pen.oval(301, 89, 4, 4, "#000000")
    pen.oval(339, 89, 4, 4, "#000000")
    pen.polygon([(305, 103), (335, 103), (320, 125)], "#f39a1f")
    pen.oval(285, 325, 30, 10, "#f39a1f")
    pen.oval(355, 325, 30, 10, "#f39a1f")
    return pen


def _tent() -> Pen:
    pen = Pen("#88b7e0", "#e2eff7")
    pen.polygon([(40, 250), (180, 60), (320, 250)], "#7e8796")
    pen.polygon([(150, 100), (180, 60), (210, 100)], "#ffffff")
    pen.box(0, 240, WIDTH_PX, 120, "#5d9a4a")
    pen.polygon([(280, 320), (400, 150), (540, 320)], "#e07b28")
    pen.polygon([(370, 320), (402, 190), (440, 320)], "#5a3217")
    return pen


def _piano() -> Pen:
    pen = Pen("#5b2d1c", "#3b1d12")
    pen.box(40, 90, 560, 40, "#17120f", 6)
    for i in range(14):
        pen.box(50 + i * 39, 130, 37, 190, "#fdfdf8", 3)
    for i in range(13):
        if i % 7 not in (2, 6):
            pen.box(76 + i * 39, 130, 22, 115, "#101010", 2)
    return pen


def _pyramid() -> Pen:
    pen = Pen("#7fc0ea", "#f5e3b5")
    pen.oval(540, 70, 36, 36, "#ffe06b")
    pen.box(0, 270, WIDTH_PX, 90, "#e0b968")
    pen.polygon([(120, 290), (300, 80), (390, 300)], "#d6a551")
    pen.polygon([(300, 80), (390, 300), (470, 270)], "#a87a35")
    return pen


_DRAWN: dict[str, Callable[[], Pen]] = {
    "rocket": _rocket, "pizza": _pizza, "penguin": _penguin, "tent": _tent, "piano": _piano, "pyramid": _pyramid,
}  # fmt: skip
SIGHTS = (
    Sight("rocket", "a rocket", ("what is flying through space", "Which vehicle is among the stars?"),
          r"\b(rocket|space ?(ship|craft)|shuttle|missile)"),
    Sight("pizza", "a pizza", ("what food can you see", "What kind of food is on the plate?"), r"\bpizza"),
    Sight("penguin", "a penguin", ("what bird is standing in the ice", "Which animal do we see in the cold?"),
          r"\bpenguin"),
    Sight("tent", "a tent", ("What has somebody put up in front of the mountain?", "what could you sleep in there"),
          r"\b(tent|camp)"),
    Sight("piano", "a piano", ("Which instrument is it that we see?", "what instrument is shown"),
          r"\b(piano|keyboard|keys)\b"),
    Sight("pyramid", "a pyramid", ("Which old monument is in the desert?", "what stands in the sand"), r"\bpyramid"),
)  # fmt: skip


def sight(name: str) -> Image.Image:
    return _DRAWN[name]().finished()
