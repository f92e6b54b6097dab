"""A tiny data set drawn by code: walls of one colour, with captions and questions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220), "white": (240, 240, 240)}


def painted_walls(folder: Path, train: int = 12, test: int = 4) -> Path:
    """captions.tsv and qa.tsv over pictures of four colours in turn; the last ones are val and test. Returns `folder`.

    Each picture has two captions and two questions; one picture of train cannot be read.
    """
    (folder / "images").mkdir(parents=True)
    captions, asked = ["image\tsplit\tcaption"], ["image\tsplit\tquestion\tanswer"]
    rng = np.random.default_rng(0)
    for number in range(train + 2 * test):
        name, colour = list(COLOURS.items())[number % 4]
        picture = np.clip(np.array(colour) + rng.normal(0, 12, (64, 64, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
        split = "train" if number < train else "val" if number < train + test else "test"
        captions += [f"{number}.png\t{split}\ta wall painted {name} .", f"{number}.png\t{split}\teverything is {name}"]
        asked += [f"{number}.png\t{split}\tWhat colour is the wall?\t{name}", f"{number}.png\t{split}\tis it dark\tno"]
    (folder / "images" / "broken.png").write_bytes(b"no picture at all")
    captions.append("broken.png\ttrain\tnobody knows")
    (folder / "captions.tsv").write_text("\n".join(captions) + "\n", encoding="utf-8")
    (folder / "qa.tsv").write_text("\n".join(asked) + "\n", encoding="utf-8")
    return folder
