"""What the films show: things in the places where they belong, plain shapes, written cards, and two photographs.

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

from benchmarks.answer_quality import places, props
from benchmarks.answer_quality.pen import COLOURS, HEIGHT_PX, WIDTH_PX, Pen

Draw = Callable[[Pen, float, float, float, str], None]  # (pen, centre x, foot y, size, colour as #rrggbb)
Backdrop = Callable[[], Pen]
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


_DRAWN: dict[str, tuple[Backdrop, Draw, float, float]] = {  # thing -> its place, itself, foot of it, size
    "sailing boat": (places.sea, props.boat, 265, 200),
    "lighthouse": (places.sea, props.lighthouse, 285, 250),
    "car": (places.road, props.car, 310, 200),
    "bus": (places.road, props.bus, 312, 210),
    "bicycle": (places.road, props.bicycle, 315, 230),
    "hot-air balloon": (places.sky, props.balloon, 320, 290),
    "fish": (places.water, props.fish, 240, 230),
    "snowman": (places.snow, props.snowman, 325, 240),
    "mug": (places.table, props.mug, 300, 230),
    "tree": (places.meadow, props.tree, 320, 280),
    "cactus": (places.desert, props.cactus, 325, 250),
    "umbrella": (places.beach, props.umbrella, 320, 260),
    "house": (places.meadow, props.house, 310, 240),
    "clock": (places.wall, props.clock, 300, 240),
    "traffic light": (places.road, props.traffic_light, 335, 280),
    "ladybird": (places.meadow, props.ladybird, 310, 300),
}

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
