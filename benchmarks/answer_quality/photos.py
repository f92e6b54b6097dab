"""Real photographs with captions, shown between the drawn scenes: `--photos tsv:FOLDER` (captions.tsv and images/).

A photo is asked about only where most of its captions name the same thing, so that the answer does not hang on what one
person wrote.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image

from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX

# What captions name, in the words of a pattern, and a question whose answer it is.
_NAMED = {
    "dog": (r"\b(dog|puppy|dogs)\b", "Which animal is in the photo?"),
    "horse": (r"\b(horse|horses)\b", "What animal do people ride or watch here?"),
    "bicycle": (r"\b(bike|bicycle|bicycles|bikes|cyclist)\b", "What is being ridden?"),
    "snow": (r"\b(snow|snowy)\b", "What covers the ground?"),
    "ball": (r"\b(ball|soccer|basketball|football|tennis)\b", "What are they playing with?"),
    "water": (r"\b(water|ocean|pool|lake|river|sea|wave)\b", "What are they in or next to?"),
}
_MOST = 4  # of five captions


@dataclass(frozen=True)
class Photo:
    path: Path
    name: str  # a key of what the captions agree on
    accept: str
    asks: str
    caption: str  # its shortest one


def read_photos(spec: str, split: str) -> list[Photo]:
    """The photos that can be asked about; `fitted` takes those of the data's val split, `unseen` those of its test.

    Raises ValueError where `spec` is no `tsv:FOLDER`.
    """
    if not spec.startswith("tsv:"):
        raise ValueError(f"--photos must begin with tsv:, not {spec!r}")
    folder, wanted = Path(spec[4:]), {"fitted": "val", "unseen": "test"}[split]
    captions: defaultdict[str, list[str]] = defaultdict(list)
    with (folder / "captions.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["split"] == wanted:
                captions[row["image"]].append(row["caption"])
    found = []
    for image, written in captions.items():
        named = [n for n, (p, _) in _NAMED.items() if sum(bool(re.search(p, c, re.I)) for c in written) >= _MOST]
        if len(named) == 1:
            accept, asks = _NAMED[named[0]]
            caption = min(written, key=len).strip(" .")
            found.append(Photo(folder / "images" / image, named[0], accept, asks, caption))
    return found


def draw_photos(photos: list[Photo], random: Random, count: int) -> list[Photo]:
    """Photos of different things."""
    chosen: dict[str, Photo] = {}
    for photo in random.sample(photos, len(photos)):
        chosen.setdefault(photo.name, photo)
    return list(chosen.values())[:count]


def framed(path: Path) -> Image.Image:
    """In the middle of a dark page, at 4:3 since the data set's pictures were stretched to squares."""
    page = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "#18181c")
    with Image.open(path) as photo:
        page.paste(
            photo.convert("RGB").resize((HEIGHT_PX * 4 // 3, HEIGHT_PX)), ((WIDTH_PX - HEIGHT_PX * 4 // 3) // 2, 0)
        )
    return page
