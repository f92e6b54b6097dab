"""Decides in a millisecond whether a picture is worth reading for text, without any network.

Text is dense, sharp strokes. A picture is worth a reading where such structure came, went or changed since the last
one read. Whether it really is text, the reader finds out. Two sizes are looked at: one at which a title or a caption
changes several cells, and one at which a single digit of small print changes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

GATE_PX = 640  # longest side of what the gate is given: digits of 1/50 of the picture's height are still told apart
LINES_CELL_PX = 8  # side of its square cells: about a digit of small print
LINES_CHANGE = 4.0  # mean difference of such a cell (of 255): generous, for reading known lines again is cheap
LINES_SPACING_S = 1.0
LOOK_PX = 320  # longest side of the smaller picture; letters of 1/50 of the picture still leave strokes
CELL_PX = 10
STROKE = 20  # least difference of neighbouring pixels (of 255) that makes a stroke
STROKE_SHARE = 0.06  # least share of stroke pixels in a cell that can hold text
CHANGE = 5.0  # mean difference of a cell (of 255) that is more than noise of compression
SMALL_CHANGE = 0.006  # share of cells: a ticking clock changes less, another title or caption more
NEW_CELLS = 2  # so many cells that gain or lose their strokes are no clock, which only changes the ones it has
SPACING_S = 1.0  # a text shown for a second should be read,
LATER_SPACING_S = 1.5  # but where the picture never rests, reading once in a while must do:
UNHURRIED_READS = 6  # this many readings of a clip at the first pace, the rest at the second
SMALL_SPACING_S = 4.0  # new lines are looked for this rarely where no more than a clock changes

Worth = Literal["page", "lines"]


@dataclass(frozen=True)
class _Look:
    """A picture let through."""

    time: float
    grey: np.ndarray  # float32 [h, w], sides are multiples of a cell
    strokes: np.ndarray  # bool, a cell each


class ReadingGate:
    """Takes the sampled pictures of a clip in order of time; state starts afresh at `reset()`."""

    def __init__(self) -> None:
        import cv2

        self._resize, self._area = cv2.resize, cv2.INTER_AREA
        self.reset()

    def reset(self) -> None:
        """A new clip begins: what came before no longer counts."""
        self._page: _Look | None = None  # the last picture that was worth reading as a whole
        self._lines: _Look | None = None  # the same, or one after it of which known lines were read again
        self._reads = 0

    def worth_reading(self, time: float, grey: np.ndarray) -> Worth | None:
        """grey: uint8 [H, W], brightness, about GATE_PX. "page": text may have come or gone; "lines": some letters
        may have changed. The first one of a clip always is a page: reading it ends the texts of the clip before.
        """
        page = self._look(time, grey, LOOK_PX, CELL_PX)
        if self._page is None or self._page_is_due(self._page, page):
            self._page, self._lines = page, self._look(time, grey, GATE_PX, LINES_CELL_PX)
            self._reads += 1
            return "page"
        if self._lines is None or time - self._lines.time < LINES_SPACING_S - 1e-3:
            return None
        lines = self._look(time, grey, GATE_PX, LINES_CELL_PX)
        if not _changes(self._lines, lines, LINES_CELL_PX, LINES_CHANGE).any():
            return None
        self._lines = lines
        return "lines"

    def _page_is_due(self, before: _Look, now: _Look) -> bool:
        if now.grey.shape != before.grey.shape:
            return True
        changed = _changes(before, now, CELL_PX, CHANGE)
        share = float(changed.mean())
        if share == 0:
            return False
        pace = SPACING_S if self._reads < UNHURRIED_READS else LATER_SPACING_S
        small = share < SMALL_CHANGE and (changed & (now.strokes ^ before.strokes)).sum() < NEW_CELLS
        return now.time - before.time >= (SMALL_SPACING_S if small else pace) - 1e-3

    def _look(self, time: float, grey: np.ndarray, longest_px: int, cell_px: int) -> _Look:
        height, width = grey.shape
        scale = longest_px / max(height, width)
        size = [max(1, round(side * scale / cell_px)) * cell_px for side in (width, height)]
        if (width, height) != tuple(size):
            grey = self._resize(grey, size, interpolation=self._area)
        small = grey.astype(np.float32)
        sharp = np.abs(np.diff(small, axis=1, append=small[:, -1:])) >= STROKE
        return _Look(time, small, _cell_means(sharp, cell_px) >= STROKE_SHARE)


def _changes(before: _Look, now: _Look, cell_px: int, change: float) -> np.ndarray:
    """Which cells have, or had, strokes and look different, bool [rows, columns]."""
    return (_cell_means(np.abs(now.grey - before.grey), cell_px) >= change) & (now.strokes | before.strokes)


def _cell_means(values: np.ndarray, cell_px: int) -> np.ndarray:
    rows, columns = values.shape[0] // cell_px, values.shape[1] // cell_px
    means: np.ndarray = values.reshape(rows, cell_px, columns, cell_px).mean(axis=(1, 3), dtype=np.float32)
    return means
