"""Text in a script that the reader does not know: noticed, and never passed off as something else.

A recogniser that does not know a letter leaves a blank, so what is missing tells: a line of Cyrillic or Arabic gives
spaces, or a letter here and there, where as wide a line of Latin or Chinese gives one a height at least. Letters that
look like Latin ones are read as such ("РЕСТОРАН" as "PECTOPAH"), with full confidence: beside lines that cannot be read
they are not believed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from model.reading.screen_text import FLICKER_S, ScreenText, Sighting

LEAST_ASPECT = 2.5  # width by height: shorter finds without letters are mostly shapes
FEW_LETTERS = 0.35  # signs for each height of a line's width; Latin has 1 to 3, Chinese 1.2, wide-set titles 0.6
FEW_UNSURE = 0.7  # the same where the reader is not sure of those it gives
SURE = 0.9  # mean confidence; a script that is not known never reaches it but by letters that look alike
ACCENTED = 0.3  # share of a line's letters: no language writes so many, but Thai is read so
LEAST_S = 2.0  # what stands no longer may be a shape
MOST_TOLD = 4  # stretches that a notice names
_LOOK_ALIKE = frozenset("ABCEHIJKMOPSTXYabcehiopsxy")

Stretch = tuple[float, float]


def is_unread(text: str, confidence: float, aspect: float) -> bool:
    """Whether a line, `aspect` times as wide as high, holds letters that the reader does not know."""
    if aspect < LEAST_ASPECT:
        return False
    signs = sum(not c.isspace() for c in text) / aspect
    if signs < (FEW_LETTERS if confidence >= SURE else FEW_UNSURE):
        return True
    return confidence < SURE and _is_jumbled(text)


def _is_jumbled(text: str) -> bool:
    """Whether scripts mix within a word, or there are more accents than any language has."""
    for word in text.split():
        scripts = {unicodedata.name(c, "?").split()[0] for c in word if c.isalpha()}
        if len(scripts) > 1 and "LATIN" in scripts:
            return True
    letters = [c for c in text if c.isalpha()]
    return (
        len(letters) > 3
        and sum(not c.isascii() for c in letters) > ACCENTED * len(letters)
        and any(c.isascii() for c in letters)
    )


def unread_stretches(sightings: Sequence[Sighting], gap_s: float) -> list[Stretch]:
    """(start, end) in seconds of the times with a line that could not be read; in order, far enough apart.

    gap_s: as `merge_sightings` takes it.
    """
    stretches: list[Stretch] = []
    start: float | None = None
    seen = 0.0
    for sighting in sightings:
        unread = any(not box.text for box in sighting.boxes)
        if start is not None and (not unread or sighting.time - seen > gap_s):
            stretches.append((start, min(sighting.time, seen + gap_s)))
            start = None
        if unread:
            start, seen = (sighting.time if start is None else start), sighting.time
    if start is not None:
        stretches.append((start, seen + gap_s))
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and begin - joined[-1][1] <= FLICKER_S:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((begin, end))
    return [(begin, end) for begin, end in joined if end - begin >= LEAST_S]


def believable(texts: Sequence[ScreenText], stretches: Sequence[Stretch]) -> list[ScreenText]:
    """Without those that stand beside lines in an unknown script and are unsure, or may be letters of it."""
    return [
        text
        for text in texts
        if not any(text.start < end and start < text.end for start, end in stretches)
        or (text.confidence >= SURE and not _looks_alike(text.text))
    ]


def _looks_alike(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and all(c in _LOOK_ALIKE for c in letters)
