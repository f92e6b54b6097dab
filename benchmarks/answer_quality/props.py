"""The things themselves, each drawn at (centre x, foot y) with a size in pixels and, if it is painted, a colour."""

from __future__ import annotations

import math

from benchmarks.answer_quality.pen import Pen

INK = "#2a2a33"
WOOD = "#8a5a33"


def boat(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.line([(x, y - 0.1 * s), (x, y - s)], 5, WOOD)
    pen.polygon([(x - 5, y - 0.97 * s), (x - 5, y - 0.22 * s), (x - 0.48 * s, y - 0.22 * s)], colour)
    pen.polygon([(x + 6, y - 0.85 * s), (x + 6, y - 0.22 * s), (x + 0.36 * s, y - 0.22 * s)], "#f7f3e6")
    pen.polygon([(x - 0.55 * s, y - 0.17 * s), (x + 0.55 * s, y - 0.17 * s), (x + 0.4 * s, y + 0.05 * s),
                 (x - 0.42 * s, y + 0.05 * s)], "#6b3f22")  # fmt: skip


def lighthouse(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.oval(x, y + 8, 0.5 * s, 0.12 * s, "#7d756c")
    for i in range(5):
        low, high = 0.17 - 0.017 * i, 0.17 - 0.017 * (i + 1)
        a, b = y - 0.15 * s * i, y - 0.15 * s * (i + 1)
        pen.polygon([(x - low * s, a), (x + low * s, a), (x + high * s, b), (x - high * s, b)],
                    ("#c8372d", "#f7f3ea")[i % 2])  # fmt: skip
    pen.box(x - 0.12 * s, y - 0.79 * s, 0.24 * s, 0.04 * s, INK)
    pen.box(x - 0.07 * s, y - 0.9 * s, 0.14 * s, 0.11 * s, "#ffe27a")
    pen.polygon([(x - 0.1 * s, y - 0.9 * s), (x + 0.1 * s, y - 0.9 * s), (x, y - s)], "#c8372d")


def wheel(pen: Pen, x: float, y: float, r: float) -> None:
    pen.oval(x, y, r, r, "#1d1d20")
    pen.oval(x, y, r * 0.5, r * 0.5, "#c9ccd2")


def car(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.polygon([(x - 0.38 * s, y - 0.3 * s), (x - 0.22 * s, y - 0.52 * s), (x + 0.2 * s, y - 0.52 * s),
                 (x + 0.4 * s, y - 0.3 * s)], colour)  # fmt: skip
    pen.polygon([(x - 0.3 * s, y - 0.31 * s), (x - 0.19 * s, y - 0.47 * s), (x - 0.02 * s, y - 0.47 * s),
                 (x - 0.02 * s, y - 0.31 * s)], "#cfe4ee")  # fmt: skip
    pen.polygon([(x + 0.03 * s, y - 0.31 * s), (x + 0.03 * s, y - 0.47 * s), (x + 0.17 * s, y - 0.47 * s),
                 (x + 0.3 * s, y - 0.31 * s)], "#cfe4ee")  # fmt: skip
    pen.box(x - 0.6 * s, y - 0.32 * s, 1.2 * s, 0.23 * s, colour, 0.07 * s)
    pen.oval(x + 0.56 * s, y - 0.22 * s, 0.04 * s, 0.04 * s, "#fff2b0")
    for side in (-0.34, 0.34):
        wheel(pen, x + side * s, y - 0.08 * s, 0.13 * s)


def bus(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.box(x - 0.75 * s, y - 0.7 * s, 1.5 * s, 0.6 * s, colour, 0.06 * s)
    for i in range(5):
        pen.box(x + (-0.68 + 0.26 * i) * s, y - 0.62 * s, 0.21 * s, 0.2 * s, "#d5e8f0", 4)
    pen.box(x + 0.58 * s, y - 0.55 * s, 0.13 * s, 0.43 * s, "#d5e8f0", 3)
    pen.box(x - 0.75 * s, y - 0.32 * s, 1.3 * s, 0.04 * s, INK)
    for side in (-0.45, 0.4):
        wheel(pen, x + side * s, y - 0.09 * s, 0.12 * s)


def bicycle(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    left, right, hub = (x - 0.4 * s, y - 0.24 * s), (x + 0.4 * s, y - 0.24 * s), (x - 0.05 * s, y - 0.24 * s)
    saddle, head = (x - 0.16 * s, y - 0.6 * s), (x + 0.28 * s, y - 0.6 * s)
    for cx, cy in (left, right):
        pen.ring(cx, cy, 0.24 * s, 6, INK)
        for turn in range(0, 180, 30):
            dx, dy = 0.22 * s * math.cos(math.radians(turn)), 0.22 * s * math.sin(math.radians(turn))
            pen.line([(cx - dx, cy - dy), (cx + dx, cy + dy)], 1, "#8d94a3")
    for a, b in ((left, hub), (left, saddle), (hub, saddle), (hub, head), (saddle, head), (head, right)):
        pen.line([a, b], 7, colour)
    pen.box(saddle[0] - 0.09 * s, saddle[1] - 0.07 * s, 0.18 * s, 0.05 * s, INK, 4)
    pen.line([head, (head[0] - 0.02 * s, head[1] - 0.1 * s), (head[0] + 0.12 * s, head[1] - 0.13 * s)], 6, INK)


def balloon(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    top = y - 0.62 * s
    for side in (-0.1, 0.1):
        pen.line([(x + side * 2.4 * s, top + 0.2 * s), (x + side * 0.8 * s, y - 0.14 * s)], 2, INK)
    pen.polygon([(x - 0.27 * s, top + 0.16 * s), (x + 0.27 * s, top + 0.16 * s), (x + 0.07 * s, y - 0.24 * s),
                 (x - 0.07 * s, y - 0.24 * s)], colour)  # fmt: skip
    pen.oval(x, top, 0.32 * s, 0.34 * s, colour)
    for width in (0.2, 0.07):
        pen.oval(x, top, width * s, 0.34 * s, "#f6efdc" if width == 0.2 else colour)
    pen.box(x - 0.09 * s, y - 0.14 * s, 0.18 * s, 0.14 * s, WOOD, 3)


def fish(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    y -= 0.3 * s
    pen.polygon([(x - 0.3 * s, y), (x - 0.6 * s, y - 0.22 * s), (x - 0.52 * s, y), (x - 0.6 * s, y + 0.22 * s)], colour)
    pen.polygon([(x - 0.1 * s, y - 0.2 * s), (x + 0.05 * s, y - 0.38 * s), (x + 0.2 * s, y - 0.18 * s)], colour)
    pen.oval(x, y, 0.42 * s, 0.24 * s, colour)
    pen.pie(x + 0.1 * s, y, 0.1 * s, 0.22 * s, 90, 270, "#f6efdc")
    pen.oval(x + 0.27 * s, y - 0.07 * s, 0.05 * s, 0.05 * s, "#ffffff")
    pen.oval(x + 0.28 * s, y - 0.07 * s, 0.025 * s, 0.025 * s, "#000000")


def snowman(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    for cy, r in ((0.2, 0.24), (0.53, 0.18), (0.78, 0.13)):
        pen.oval(x, y - cy * s, r * s + 2, r * s + 2, "#b9c6d2")
        pen.oval(x, y - cy * s, r * s, r * s, "#ffffff")
    pen.box(x - 0.16 * s, y - 0.92 * s, 0.32 * s, 0.03 * s, "#20242c")
    pen.box(x - 0.1 * s, y - 1.08 * s, 0.2 * s, 0.17 * s, "#20242c")
    for dx in (-0.05, 0.05):
        pen.oval(x + dx * s, y - 0.81 * s, 0.018 * s, 0.018 * s, "#20242c")
    pen.polygon([(x, y - 0.79 * s), (x, y - 0.74 * s), (x + 0.14 * s, y - 0.75 * s)], "#f08a1d")
    pen.box(x - 0.14 * s, y - 0.68 * s, 0.28 * s, 0.05 * s, "#c8372d", 4)
    for i in range(3):
        pen.oval(x, y - (0.58 - 0.09 * i) * s, 0.018 * s, 0.018 * s, "#20242c")


def mug(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.ring(x + 0.3 * s, y - 0.35 * s, 0.17 * s, 0.06 * s, colour)
    pen.box(x - 0.3 * s, y - 0.65 * s, 0.6 * s, 0.65 * s, colour, 0.06 * s)
    pen.oval(x, y - 0.64 * s, 0.3 * s, 0.07 * s, "#efe6d8")
    pen.oval(x, y - 0.635 * s, 0.26 * s, 0.05 * s, "#4a2b17")
    for dx in (-0.12, 0.04, 0.2):
        pen.line([(x + dx * s, y - 0.75 * s), (x + (dx - 0.05) * s, y - 0.85 * s), (x + dx * s, y - 0.96 * s)], 4,
                 "#f7f4ee")  # fmt: skip


def tree(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.polygon([(x - 0.08 * s, y), (x + 0.08 * s, y), (x + 0.05 * s, y - 0.5 * s), (x - 0.05 * s, y - 0.5 * s)], WOOD)
    for dx, dy, r in ((-0.2, 0.55, 0.2), (0.2, 0.55, 0.2), (0, 0.75, 0.26), (-0.1, 0.6, 0.22), (0.12, 0.66, 0.2)):
        pen.oval(x + dx * s, y - dy * s, r * s, r * s, "#2f7d32")
    for i in range(12):
        pen.oval(x + 0.32 * s * math.cos(i * 2.4), y - (0.66 + 0.2 * math.sin(i * 1.7)) * s, 8, 8, "#439a45")


def cactus(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    green = "#3d8b45"
    pen.box(x - 0.1 * s, y - s, 0.2 * s, s, green, 0.1 * s)
    for side, low in ((-1, 0.4), (1, 0.52)):
        pen.box(min(x, x + side * 0.34 * s), y - (low + 0.12) * s, 0.34 * s, 0.12 * s, green, 0.05 * s)
        pen.box(x + side * 0.34 * s - 0.06 * s, y - (low + 0.36) * s, 0.12 * s, 0.36 * s, green, 0.06 * s)
    for i in range(9):
        for dx in (-0.05, 0.05):
            pen.line([(x + dx * s, y - 0.1 * s * (i + 1)), (x + dx * s + 5, y - 0.1 * s * (i + 1) - 5)], 2, "#dcebc4")


def umbrella(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.line([(x, y), (x, y - 0.8 * s)], 6, WOOD)
    pen.pie(x, y - 0.6 * s, 0.55 * s, 0.42 * s, 180, 360, colour)
    pen.pie(x, y - 0.6 * s, 0.2 * s, 0.42 * s, 180, 360, "#f6efdc")
    pen.oval(x, y - 1.02 * s, 6, 6, WOOD)


def house(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.box(x + 0.2 * s, y - 0.98 * s, 0.12 * s, 0.3 * s, "#8d5044")
    pen.box(x - 0.45 * s, y - 0.5 * s, 0.9 * s, 0.5 * s, "#f2e6cd")
    pen.polygon([(x - 0.55 * s, y - 0.5 * s), (x, y - 0.95 * s), (x + 0.55 * s, y - 0.5 * s)], colour)
    pen.box(x - 0.08 * s, y - 0.3 * s, 0.17 * s, 0.3 * s, WOOD)
    for dx in (-0.35, 0.19):
        pen.box(x + dx * s, y - 0.38 * s, 0.17 * s, 0.17 * s, "#9fd0e6")
        pen.line([(x + (dx + 0.085) * s, y - 0.38 * s), (x + (dx + 0.085) * s, y - 0.21 * s)], 3, "#ffffff")


def clock(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    y -= 0.5 * s
    pen.oval(x, y, 0.5 * s, 0.5 * s, "#5b3a22")
    pen.oval(x, y, 0.44 * s, 0.44 * s, "#fbf8ef")
    for hour in range(12):
        angle = math.radians(30 * hour)
        for a, b, w in ((0.36, 0.42, 5),):
            pen.line([(x + a * s * math.cos(angle), y + a * s * math.sin(angle)),
                      (x + b * s * math.cos(angle), y + b * s * math.sin(angle))], w, INK)  # fmt: skip
    pen.line([(x, y), (x + 0.2 * s, y - 0.12 * s)], 8, INK)
    pen.line([(x, y), (x - 0.06 * s, y - 0.36 * s)], 5, INK)
    pen.oval(x, y, 8, 8, INK)


def traffic_light(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.box(x - 0.03 * s, y - 0.4 * s, 0.06 * s, 0.4 * s, "#4d5158")
    pen.box(x - 0.14 * s, y - 1.05 * s, 0.28 * s, 0.7 * s, "#22252b", 0.05 * s)
    for i, light in enumerate(("#ff3b30", "#5b4a10", "#124a1e")):
        pen.oval(x, y - (0.94 - 0.235 * i) * s, 0.09 * s, 0.09 * s, light)


def ladybird(pen: Pen, x: float, y: float, s: float, colour: str) -> None:
    pen.oval(x, y - 0.02 * s, 0.7 * s, 0.12 * s, "#3c7f34")
    for dx in (-0.25, 0, 0.25):
        pen.line([(x + dx * s, y - 0.2 * s), (x + dx * s * 1.3, y - 0.02 * s)], 5, INK)
    pen.oval(x + 0.36 * s, y - 0.26 * s, 0.14 * s, 0.14 * s, INK)
    pen.pie(x, y - 0.12 * s, 0.42 * s, 0.42 * s, 180, 360, "#cf2a24")
    for dx, dy in ((-0.22, 0.22), (-0.05, 0.38), (0.12, 0.2), (0.22, 0.35), (-0.2, 0.38)):
        pen.oval(x + dx * s, y - (dy + 0.02) * s, 0.05 * s, 0.05 * s, INK)
