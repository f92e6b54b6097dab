"""A small pen: anti-aliased shapes on a page, drawn SCALE times larger and reduced at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH_PX, HEIGHT_PX = 640, 360
SCALE = 2

Point = tuple[float, float]

COLOURS = {
    "red": "#d22b2b", "blue": "#2456c8", "green": "#2e9e3f", "yellow": "#f4d21f", "orange": "#f08a1d",
    "purple": "#7d3cb5", "white": "#f7f7f4", "black": "#141414",
}  # fmt: skip


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
PLAIN = ""  # the typeface that comes with Pillow


@cache
def font(size_px: int, typeface: str = PLAIN) -> Font:
    """Pillow's own typeface, the same on every machine, or the file with this name among the system's fonts.

    Raises OSError where the system has no such font.
    """
    return ImageFont.truetype(typeface, size_px * SCALE) if typeface else ImageFont.load_default(size_px * SCALE)


@cache
def has_font(typeface: str) -> bool:
    try:
        font(12, typeface)
    except OSError:
        return False
    return True


class Pen:
    """Draws one picture; coordinates are page pixels."""

    def __init__(self, top: str, bottom: str | None = None, height_px: int = HEIGHT_PX) -> None:
        """A page that fades from one colour at the top to another at the bottom."""
        first, last = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (top, bottom or top))
        shares = np.linspace(0, 1, height_px * SCALE)[:, None, None]
        page = np.broadcast_to(first + (last - first) * shares, (height_px * SCALE, WIDTH_PX * SCALE, 3))
        self.image = Image.fromarray(page.round().astype(np.uint8))
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[Point], fill: str) -> None:
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

    def pie(self, x: float, y: float, rx: float, ry: float, begin: float, end: float, fill: str) -> None:
        """A slice between two angles in degrees, clockwise from three o'clock."""
        bounds = ((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE)
        self.draw.pieslice(bounds, begin, end, fill=fill)

    def line(self, points: Sequence[Point], width: float, colour: str) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")

    def text(self, x: float, y: float, words: str, size_px: int, colour: str) -> None:
        """One or several lines around a point."""
        self.draw.multiline_text(
            (x * SCALE, y * SCALE), words, fill=colour, font=font(size_px), anchor="mm", align="center", spacing=16
        )

    def line_of_text(
        self, x: float, y: float, words: str, size_px: int, colour: str, typeface: str = PLAIN, anchor: str = "lm"
    ) -> None:
        """One line that begins ("lm"), ends ("rm") or is centred ("mm") at a point, made smaller until it fits."""
        room = {"l": WIDTH_PX - x, "r": x, "m": 2 * min(x, WIDTH_PX - x)}[anchor[0]] - 20
        while size_px > 12 and font(size_px, typeface).getlength(words) > room * SCALE:
            size_px -= 1
        self.draw.text((x * SCALE, y * SCALE), words, fill=colour, font=font(size_px, typeface), anchor=anchor)

    def finished(self) -> Image.Image:
        return self.image.reduce(SCALE)
