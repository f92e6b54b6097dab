"""Where on the screen a question points: "the button at the bottom", "in the upper left corner", "左下角".

Rules for English and Chinese, and the boxes that the reader found. Positions are fractions of the picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.reading.screen_text import Box, Sighting
from retrieval.store.records import Passage

Across = Literal["left", "middle", "right"]
Down = Literal["top", "middle", "bottom"]

_MIDDLE = (0.25, 0.75)  # of the width or height; the outer parts reach to the half
_SAME_ROW = 0.1  # of the height: what lies no further apart is equally far up or down
_DOWN: dict[str, Down] = {"top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom"}
_PLACE = re.compile(
    r"\b(?:at|on|in|along|near|to)\s+the\s+(?:very\s+)?(?:"
    r"(?P<down>top|upper|bottom|lower)(?:[\s-]+(?P<corner>left|right))?(?:[\s-]+hand)?|"
    r"(?P<across>left|right)(?:[\s-]+hand)?|(?P<middle>middle|centre|center))"
    r"(?=\s*(?:[?.,!]|$)|\s+(?:side|corner|edge|part|half|panel|pane|column|is|are|says?|reads?|spells?)\b|"
    r"\s+of\s+(?:the|this)\s+(?:app|display|frame|image|page|picture|screen|slide|video|website|window)\b)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    "(?P<across>左|右)?(?P<down>上|下)(?:角|方|面)|(?P<side>左|右)(?:边|邊|侧|側)|(?P<middle>中间|中間|中央)"
)


@dataclass(frozen=True)
class Place:
    """A part of the screen. None: anywhere in that direction."""

    across: Across | None = None
    down: Down | None = None

    def holds(self, box: Box) -> bool:
        """Whether the middle of a box lies there."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return _lies(x, self.across, "left") and _lies(y, self.down, "top")

    def distance(self, box: Box) -> float:
        """How far a box is from the edge that is named, in rows; 0 where none is."""
        far = {"top": box[1], "bottom": 1 - box[3]}.get(self.down or "", 0.0)
        return round(max(0.0, far) / _SAME_ROW)


def place_of(text: str) -> Place | None:
    """The part of the screen that a question names."""
    if match := _PLACE.search(text):
        if match["middle"]:
            return Place("middle", "middle")
        side = (match["across"] or match["corner"] or "").lower()
        return Place(_side(side), _DOWN.get((match["down"] or "").lower()))
    if match := _CHINESE.search(text):
        if match["middle"]:
            return Place("middle", "middle")
        side = {"左": "left", "右": "right"}.get(match["across"] or match["side"] or "", "")
        return Place(_side(side), {"上": "top", "下": "bottom"}.get(match["down"] or ""))  # type: ignore[arg-type]
    return None


def box_of(passage: Passage, sightings: Sequence[Sighting]) -> Box | None:
    """Around the lines of an on-screen text where most of them were read; None where none of them was."""
    whole, best, box = _squeezed(passage.text), 0, None
    for sighting in sightings:
        if not passage.start <= sighting.time <= passage.end:
            continue
        lines = [line for line in sighting.boxes if _is_part(_squeezed(line.text), whole)]
        letters = sum(len(line.text) for line in lines)
        if letters > best:
            left, top, right, bottom = zip(*(line.box for line in lines), strict=True)
            best, box = letters, (min(left), min(top), max(right), max(bottom))
    return box


def _lies(position: float, part: str | None, low: str) -> bool:
    if part is None:
        return True
    if part == "middle":
        return _MIDDLE[0] <= position <= _MIDDLE[1]
    return position <= 0.5 if part == low else position >= 0.5


def _side(name: str) -> Across | None:
    return "left" if name == "left" else "right" if name == "right" else None


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()


def _is_part(line: str, whole: str) -> bool:
    return line == whole or (len(line) > 1 and line in whole)
