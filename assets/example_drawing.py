"""A small pen for the example video: anti-aliased shapes, gradients, glows and easing on a 1280 x 720 page.

Coordinates are page pixels; everything is drawn SCALE times larger and reduced at the end, which smooths the edges.
Knows nothing of the scenes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from example_palette import INK, SNOW
from PIL import Image, ImageDraw, ImageFont

WIDTH_PX, HEIGHT_PX = 1280, 720
SCALE = 2

Point = tuple[float, float]


def ease(t: float, start: float = 0.0, length: float = 1.0) -> float:
    """0 before `start`, 1 after `start + length` (seconds), and a smooth step between."""
    x = min(max((t - start) / length, 0.0), 1.0)
    return x * x * (3 - 2 * x)


@cache
def gradient(*stops: tuple[float, str]) -> Image.Image:
    """A full page that fades downwards through `(height 0..1, colour)` stops, dithered so that no bands show."""
    rows = np.linspace(0, 1, HEIGHT_PX * SCALE)
    heights = [height for height, _ in stops]
    channels = [np.interp(rows, heights, [int(c[i : i + 2], 16) for _, c in stops]) for i in (1, 3, 5)]
    page = np.repeat(np.stack(channels, axis=1)[:, None, :], WIDTH_PX * SCALE, axis=1)
    grain = np.random.default_rng(1).random((HEIGHT_PX * SCALE, WIDTH_PX * SCALE, 1))
    return Image.fromarray(np.floor(page + grain).clip(0, 255).astype(np.uint8))


@cache
def glow_mask(radius: int, strength: float) -> Image.Image:
    """A round spot of light, `radius` drawn pixels wide, that fades to nothing at its edge."""
    axis = np.linspace(-1, 1, 2 * radius)
    distance = np.hypot(axis[:, None], axis[None, :])
    return Image.fromarray((np.clip(1 - distance, 0, 1) ** 2 * 255 * strength).astype(np.uint8))


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface: the same on every machine."""
    return ImageFont.load_default(size_px * SCALE)


class Pen:
    """Draws one frame."""

    def __init__(self, page: Image.Image) -> None:
        self.image = page.copy()
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def polygon(self, points: Iterable[Point], fill: str) -> None:
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def box(self, x: float, y: float, width: float, height: float, fill: str, radius: float = 0) -> None:
        corners = (x * SCALE, y * SCALE, (x + width) * SCALE - 1, (y + height) * SCALE - 1)
        self.draw.rounded_rectangle(corners, radius * SCALE, fill=fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: str) -> None:
        """An ellipse around its centre."""
        self.draw.ellipse(((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE), fill=fill)

    def ring(self, x: float, y: float, radius: float, width: float, colour: str) -> None:
        bounds = ((x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE)
        self.draw.ellipse(bounds, outline=colour, width=round(width * SCALE))

    def line(self, points: Sequence[Point], width: float, colour: str) -> None:
        """A line with round joints and ends."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in (points[0], points[-1]):
            self.oval(x, y, width / 2, width / 2, colour)

    def glow(self, x: float, y: float, radius: float, colour: str, strength: float = 1.0) -> None:
        mask = glow_mask(round(radius * SCALE), round(strength, 2))
        corner = (round((x - radius) * SCALE), round((y - radius) * SCALE))
        self.image.paste(colour, corner, mask)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int,
        colour: str,
        bold: float = 0,
        anchor: str = "mm",
        shown: float = 1.0,
    ) -> None:
        """Words around a point; `shown` 0..1 fades them in."""
        if shown <= 0:
            return
        ink = colour + f"{round(shown * 255):02x}"
        place = (x * SCALE, y * SCALE)
        width = bold * SCALE
        self.draw.text(place, words, fill=ink, font=font(size), anchor=anchor, stroke_width=width, stroke_fill=ink)

    def finished(self) -> Image.Image:
        return self.image.reduce(SCALE)


def turned(points: Iterable[Point], centre: Point, degrees: float) -> list[Point]:
    """The points turned clockwise around a centre."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        (centre[0] + (x - centre[0]) * c - (y - centre[1]) * s, centre[1] + (x - centre[0]) * s + (y - centre[1]) * c)
        for x, y in points
    ]


def curve(start: Point, bend: Point, end: Point, steps: int = 16) -> list[Point]:
    """A quadratic Bezier curve as points."""
    shares = [i / steps for i in range(steps + 1)]
    return [
        (
            (1 - u) ** 2 * start[0] + 2 * u * (1 - u) * bend[0] + u * u * end[0],
            (1 - u) ** 2 * start[1] + 2 * u * (1 - u) * bend[1] + u * u * end[1],
        )
        for u in shares
    ]


def waves(pen: Pen, t: float, y: float, height: float, length: float, speed: float, colour: str) -> None:
    """A band of water from a moving crest down to the lower edge."""
    crest = [
        (x, y + height * math.sin(x / length + t * speed) + height / 2 * math.sin(x / length * 2.3 - t * speed))
        for x in range(-10, WIDTH_PX + 20, 10)
    ]
    pen.polygon([*crest, (WIDTH_PX + 10, HEIGHT_PX), (-10, HEIGHT_PX)], colour)


def cloud(pen: Pen, x: float, y: float, size: float, colour: str = SNOW) -> None:
    for dx, dy, r in ((-1.1, 0.15, 0.55), (-0.4, -0.2, 0.75), (0.45, -0.05, 0.65), (1.1, 0.2, 0.45)):
        pen.oval(x + dx * size, y + dy * size, r * size, r * size * 0.8, colour)
    pen.box(x - 1.5 * size, y + 0.1 * size, 3 * size, 0.52 * size, colour, 0.26 * size)


def gull(pen: Pen, x: float, y: float, size: float, t: float, colour: str = INK) -> None:
    """A far bird: two beating wings."""
    lift = size * (0.35 + 0.25 * math.sin(t * 5))
    for side in (-1, 1):
        pen.line(curve((x, y), (x + side * size * 0.5, y - lift * 1.6), (x + side * size, y - lift * 0.4)), 3, colour)


def steam(pen: Pen, x: float, y: float, t: float, colour: str = SNOW) -> None:
    """Three wisps that rise and sway."""
    for i in range(3):
        drift = (t * 0.35 + i / 3) % 1
        points = [(x + (i - 1) * 26 + 9 * math.sin(s * 0.5 + t * 2 + i), y - drift * 60 - s * 7) for s in range(10)]
        pen.line(points, 5, colour + f"{round(110 * math.sin(math.pi * drift)):02x}")
