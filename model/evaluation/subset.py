"""A part of a data set that stands for the whole."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")
_SEED = 0


def draw(items: Iterable[Item], most: int | None) -> list[Item]:
    """At most `most` of the items in their order, each as likely as any other; the same ones each time.

    Data sets are sorted by subject or source, so that the first few would not stand for all. Vitter's algorithm R (ACM
    TOMS 11, 1985): never holds more than it gives back.
    """
    if most is None:
        return list(items)
    chance = random.Random(_SEED)
    kept: list[tuple[int, Item]] = []
    for i, item in enumerate(items):
        if i < most:
            kept.append((i, item))
        elif (place := chance.randrange(i + 1)) < most:
            kept[place] = (i, item)
    return [item for _, item in sorted(kept, key=lambda pair: pair[0])]
