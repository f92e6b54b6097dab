"""What the films show: things drawn by code before the place where they belong, plain shapes, cards, two photographs.

The photographs come with scikit-learn and are left out where it is missing: china.jpg by danielbuechele
(flickr.com/photos/danielbuechele/6061409035) and flower.jpg by vultilion (flickr.com/photos/vultilion/6056698931), both
CC BY 2.0, used unchanged but for their size.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.answer_quality.pen import COLOURS, HEIGHT_PX, WIDTH_PX, Pen

Draw = Callable[[Pen, float, float, float, str], None]  # (pen, centre x, foot y, size, colour as #rrggbb)
Backdrop = Callable[[], Pen]
INK = "#2a2a33"
WOOD = "#8a5a33"
SHAPES = ("circle", "square", "triangle", "star")


@dataclass(frozen=True)
class Thing:
    """Something that can be seen. `says` are ways to ask for it; `what` asks for its name, which `accept` matches."""

    name: str
    says: tuple[str, ...]
    accept: str
    what: str
    where: str  # a pattern for the place it is drawn in
    colours: tuple[str, ...] = ()  # that it may have, and is asked for; none: its own
    plural: str = ""  # how several are called; none: it comes alone


def sea() -> Pen:
    pen = Pen("#9ccbe8", "#dcecf2")
    pen.box(0, 210, WIDTH_PX, 150, "#2f7fa8")
    for i in range(40):
        x, y = (i * 97) % WIDTH_PX, 222 + (i * 53) % 130
        pen.line([(x, y), (x + 16, y - 4), (x + 32, y)], 2, "#5aa3c6")
    return pen


def road() -> Pen:
    pen = Pen("#a8d4ee", "#e3f0f4")
    pen.box(0, 200, WIDTH_PX, 60, "#6aa84f")
    pen.box(0, 250, WIDTH_PX, 110, "#5b5d63")
    for x in range(10, WIDTH_PX, 90):
        pen.box(x, 318, 48, 7, "#e8e4d0")
    return pen


def meadow() -> Pen:
    pen = Pen("#86c1ea", "#d9eef7")
    pen.oval(150, 330, 330, 110, "#6fb255")
    pen.oval(500, 350, 360, 130, "#5da045")
    for i in range(60):
        x, y = (i * 71) % WIDTH_PX, 275 + (i * 37) % 80
        pen.line([(x, y), (x + 2, y - 9)], 2, "#4a8a38")
    return pen


def sky() -> Pen:
    pen = Pen("#4f9be0", "#cfe6f7")
    for x, y, size in ((110, 80, 34), (520, 130, 42), (330, 300, 30)):
        for dx, dy, r in ((-1.1, 0.15, 0.55), (-0.4, -0.2, 0.75), (0.45, 0, 0.65), (1.1, 0.2, 0.45)):
            pen.oval(x + dx * size, y + dy * size, r * size, r * size * 0.8, "#f4f8fb")
    return pen


def snow() -> Pen:
    pen = Pen("#9fb8cf", "#dfe8ef")
    pen.oval(200, 350, 420, 110, "#f4f7fa")
    pen.oval(560, 360, 300, 100, "#eef3f7")
    for i in range(70):
        pen.oval((i * 83) % WIDTH_PX, (i * 59) % 250, 2.5, 2.5, "#ffffff")
    return pen


def desert() -> Pen:
    pen = Pen("#8cc4ea", "#f6e2b8")
    pen.oval(560, 70, 36, 36, "#fff1b0")
    pen.oval(130, 360, 330, 120, "#e2b469")
    pen.oval(520, 370, 360, 130, "#d6a458")
    return pen


def beach() -> Pen:
    pen = Pen("#8fd0ee", "#d4eef4")
    pen.box(0, 170, WIDTH_PX, 60, "#3b9cc0")
    pen.box(0, 225, WIDTH_PX, 140, "#ecd9a4")
    return pen


def table() -> Pen:
    pen = Pen("#e9ddc8", "#d9c8aa")
    pen.box(0, 255, WIDTH_PX, 105, WOOD)
    for y in (280, 305, 332):
        pen.line([(0, y), (WIDTH_PX, y + 3)], 2, "#774a28")
    return pen


def wall() -> Pen:
    pen = Pen("#b9c6b4", "#a5b5a0")
    for x in range(0, WIDTH_PX, 64):
        pen.line([(x, 0), (x, HEIGHT_PX)], 3, "#9fb09b")
    return pen


def water() -> Pen:
    pen = Pen("#2f8fc4", "#0d3f6e")
    for i in range(14):
        pen.ring((i * 131) % WIDTH_PX, (i * 67) % 330, 5 + i % 4, 2, "#8fd0ee")
    for x in range(20, WIDTH_PX, 80):
        pen.line([(x, 360), (x - 8, 325), (x + 8, 295), (x - 4, 265)], 6, "#2f7a4a")
    return pen


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


_DRAWN: dict[str, tuple[Backdrop, Draw, float, float]] = {  # thing -> its place, itself, foot of it, size
    "sailing boat": (sea, boat, 265, 200), "lighthouse": (sea, lighthouse, 285, 250), "car": (road, car, 310, 200),
    "bus": (road, bus, 312, 210), "bicycle": (road, bicycle, 315, 230), "hot-air balloon": (sky, balloon, 320, 290),
    "fish": (water, fish, 240, 230), "snowman": (snow, snowman, 325, 240), "mug": (table, mug, 300, 230),
    "tree": (meadow, tree, 320, 280), "cactus": (desert, cactus, 325, 250), "umbrella": (beach, umbrella, 320, 260),
    "house": (meadow, house, 310, 240), "clock": (wall, clock, 300, 240),
    "traffic light": (road, traffic_light, 335, 280), "ladybird": (meadow, ladybird, 310, 300),
}  # fmt: skip

THINGS = (
    Thing("sailing boat", ("a sailing boat", "a boat with sails", "a yacht on the sea"), r"\b(boat|yacht|ship|sail)",
          "What is floating on the sea?", r"\b(sea|ocean|water|bay|lake)", ("red", "orange", "yellow")),
    Thing("lighthouse", ("a lighthouse", "a striped tower by the sea", "a beacon"), r"\b(lighthouse|beacon|tower)",
          "What kind of building stands in the sea?", r"\b(sea|ocean|water|coast|shore|rock)"),
    Thing("car", ("a car", "an automobile", "a car on a road"), r"\b(car|automobile|vehicle|cab|taxi|limousine)s?\b",
          "What is standing on the road?", r"\b(road|street|highway)", ("red", "blue", "yellow", "green"), "cars"),
    Thing("bus", ("a bus", "a coach with many windows", "public transport on a road"), r"\b(bus|coach|minibus)",
          "What large vehicle is on the road?", r"\b(road|street|highway)", ("yellow", "red", "blue")),
    Thing("bicycle", ("a bicycle", "a bike", "something with two wheels and a saddle"), r"\b(bicycle|bike|cycle)",
          "What has two wheels and a saddle?", r"\b(road|street|highway)", ("red", "blue", "green")),
    Thing("hot-air balloon", ("a hot-air balloon", "a balloon with a basket", "something that flies in the sky"),
          r"\bballoon", "What is flying in the sky?", r"\b(sky|air|cloud)", ("red", "purple", "orange"), "balloons"),
    Thing("fish", ("a fish", "an animal that swims", "a goldfish under water"), r"\b(fish|goldfish)",
          "Which animal is swimming?", r"\b(water|sea|aquarium|ocean|lake)", ("orange", "yellow", "red"), "fish"),
    Thing("snowman", ("a snowman", "a figure made of snow with a hat", "something built in winter"), r"\bsnow\s?man",
          "What has been built of snow?", r"\b(snow|winter)"),
    Thing("mug", ("a mug of coffee", "a hot drink", "a cup on a table"), r"\b(mug|cup|coffee|espresso|tea)",
          "What is standing on the table?", r"\b(table|desk)", ("red", "blue", "green"), "mugs"),
    Thing("tree", ("a tree", "a big green plant with a trunk", "an oak on a hill"), r"\b(tree|oak)",
          "What is growing on the hill?", r"\b(hill|meadow|grass|field|park)", (), "trees"),
    Thing("cactus", ("a cactus", "a plant with spines", "a plant of dry lands"), r"\bcact",
          "Which plant is growing in the sand?", r"\b(desert|sand|dune)", (), "cacti"),
    Thing("umbrella", ("an umbrella", "a parasol", "something that gives shade"), r"\b(umbrella|parasol|sunshade)",
          "What gives shade?", r"\b(beach|sand|shore|sea|coast)", ("red", "blue", "green", "purple"), "umbrellas"),
    Thing("house", ("a house", "a home with a chimney", "a small cottage"), r"\b(house|home|cottage|building|barn)",
          "What kind of building stands in the meadow?", r"\b(hill|meadow|grass|field|country)", ("red", "blue")),
    Thing("clock", ("a clock", "something that tells the time", "a round clock face"), r"\bclock",
          "What is hanging on the wall?", r"\b(wall|room|indoors)"),
    Thing("traffic light", ("a traffic light", "traffic lights", "a signal that stops cars"),
          r"\b(traffic|stop) ?light", "Which signal stands at the road?", r"\b(road|street|crossing)"),
    Thing("ladybird", ("a ladybird", "a ladybug", "an insect with dots"), r"\b(ladybird|ladybug|beetle|insect)",
          "Which insect can be seen?", r"\b(leaf|meadow|grass|hill|field)"),
    Thing("temple", ("a Chinese temple", "an Asian palace", "an old pavilion with a curved roof"),
          r"\b(temple|palace|pagoda|pavilion|monastery|building|roof)", "What kind of old building is shown?",
          r"\b(china|asia|park|hill|outdoors)"),
    Thing("flower", ("a flower", "a blossom from near", "a photograph of a bloom"),
          r"\b(flower|blossom|bloom|dahlia|daisy|petal)", "What is in bloom?", r"\b(garden|outdoors|meadow|plant)"),
)  # fmt: skip
_PHOTOGRAPHS = {"temple": "china.jpg", "flower": "flower.jpg"}


def drawn(name: str, count: int, colour: str) -> Image.Image:
    """`count` of a thing side by side at its place."""
    backdrop, draw, foot, size = _DRAWN[name]
    pen = backdrop()
    size *= {1: 1.0, 2: 0.8}.get(count, 0.62 if count == 3 else 0.5)
    for number in range(count):
        x = WIDTH_PX * (number + 0.5) / count + (9 if number % 2 else -7)
        draw(pen, x, foot - 12 * (number % 2), size, COLOURS.get(colour, "#c8372d"))
    return pen.finished()


def photograph(name: str) -> Image.Image | None:
    """At the films' size, cut to their shape; None where scikit-learn is not installed."""
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "datasets" / "images" / _PHOTOGRAPHS[name]
    if not path.exists():
        return None
    with Image.open(path) as picture:
        height = round(picture.width * HEIGHT_PX / WIDTH_PX)
        top = (picture.height - height) // 2
        return picture.convert("RGB").resize((WIDTH_PX, HEIGHT_PX), box=(0, top, picture.width, top + height))


def picture_of(name: str, count: int, colour: str) -> Image.Image | None:
    """Of the thing with this name; None for a photograph that is not at hand."""
    return photograph(name) if name in _PHOTOGRAPHS else drawn(name, count, colour)


def available_things() -> list[Thing]:
    return [thing for thing in THINGS if thing.name not in _PHOTOGRAPHS or photograph(thing.name) is not None]


def shape(kind: str, colour: str, background: str) -> Image.Image:
    """One plain shape in the middle of a plain page."""
    pen = Pen(COLOURS[background])
    x, y, r = WIDTH_PX / 2, HEIGHT_PX / 2, 105
    if kind == "circle":
        pen.oval(x, y, r, r, COLOURS[colour])
    elif kind == "square":
        pen.box(x - r, y - r, 2 * r, 2 * r, COLOURS[colour])
    else:
        corners = 3 if kind == "triangle" else 10
        points = []
        for i in range(corners):
            reach = r * (1.15 if corners == 3 or i % 2 == 0 else 0.45)
            angle = math.radians(360 * i / corners - 90)
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        pen.polygon(points, COLOURS[colour])
    return pen.finished()


def card(words: str, colour: str) -> Image.Image:
    """A written card: dark words on a light page, or the other way round."""
    dark = colour in ("blue", "black", "purple", "green", "red")
    pen = Pen(COLOURS[colour] if dark else "#f4efe2")
    pen.box(30, 30, WIDTH_PX - 60, HEIGHT_PX - 60, "#f4efe2" if dark else COLOURS[colour], 14)
    pen.box(36, 36, WIDTH_PX - 72, HEIGHT_PX - 72, COLOURS[colour] if dark else "#f4efe2", 10)
    pen.text(WIDTH_PX / 2, HEIGHT_PX / 2, words, 44, "#ffffff" if dark else "#1c1c22")
    return pen.finished()


def place_of(name: str) -> str:
    """The name of where a thing is drawn; each photograph is a place of its own."""
    return _DRAWN[name][0].__name__ if name in _DRAWN else name
