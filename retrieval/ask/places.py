"""Parts of the screen and the boxes that ocr found there. Positions are fractions of the picture."""

from __future__ import annotations

from collections.abc import Sequence

from model.reading.screen_text import Box, Sighting
from retrieval.ask.plan import Place
from retrieval.store.records import Passage

_MIDDLE = (0.25, 0.75)  # of the width or height; the outer parts reach to the half
_MOSTLY_READ = 0.8  # of a text's letters: readings differ by a few
_SAME_ROW = 0.1  # of the height: what lies no further apart is equally far up or down


def holds(place: Place, box: Box) -> bool:
    """Whether the middle of a box lies in a part of the screen."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return _lies(x, place.across, "left") and _lies(y, place.down, "top")


def distance(place: Place, box: Box) -> float:
    """How far a box is from the edge that is named, in rows; 0 where none is."""
    far = {"top": box[1], "bottom": 1 - box[3]}.get(place.down or "", 0.0)
    return round(max(0.0, far) / _SAME_ROW)


def box_of(passage: Passage, sightings: Sequence[Sighting], place: Place | None = None) -> Box | None:
    """Around the lines of an on-screen text where most of them were read; None where none of them was.

    place: of a text that moved, where it was in that part of the screen is preferred.
    """
    whole, found = _squeezed(passage.text), list[tuple[int, Box]]()
    for sighting in sightings:
        if not passage.start <= sighting.time <= passage.end:
            continue
        lines = [line for line in sighting.boxes if _is_part(_squeezed(line.text), whole)]
        if lines:
            left, top, right, bottom = zip(*(line.box for line in lines), strict=True)
            letters = sum(len(line.text) for line in lines)
            found.append((letters, (min(left), min(top), max(right), max(bottom))))
    if not found:
        return None
    most = max(letters for letters, _ in found)
    whole_ones = [box for letters, box in found if letters >= _MOSTLY_READ * most]
    there = [box for box in whole_ones if place is not None and holds(place, box)]
    return there[0] if there else next(box for letters, box in found if letters == most)


def _lies(position: float, part: str | None, low: str) -> bool:
    if part is None:
        return True
    if part == "middle":
        return _MIDDLE[0] <= position <= _MIDDLE[1]
    return position <= 0.5 if part == low else position >= 0.5


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()


def _is_part(line: str, whole: str) -> bool:
    return line == whole or (len(line) > 1 and line in whole)
