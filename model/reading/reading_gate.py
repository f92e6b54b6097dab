"""Decides in a millisecond whether a picture is worth reading for text, without any network.

Text is dense, sharp strokes. A picture is worth a reading where such structure came, went or changed since the last
one read. Whether it really is text, the reader finds out.
"""

from __future__ import annotations

import numpy as np

LOOK_PX = 320  # longest side of the small picture that is compared; letters of 1/50 of the picture still leave strokes
CELL_PX = 10  # side of the square cells of the small picture
STROKE = 20  # least difference of neighbouring pixels (of 255) that makes a stroke
STROKE_SHARE = 0.06  # least share of stroke pixels in a cell that can hold text
CHANGE = 5.0  # mean difference of a cell (of 255) that is more than noise of compression
SMALL_CHANGE = 0.006  # share of cells: a ticking clock changes less, another title or caption more
NEW_CELLS = 2  # so many cells that gain or lose their strokes are no clock, which only changes the ones it has
SPACING_S = 1.0  # a text shown for a second should be read,
LATER_SPACING_S = 1.5  # but where the picture never rests, reading once in a while must do:
UNHURRIED_READS = 6  # this many readings of a clip at the first pace, the rest at the second
SMALL_SPACING_S = 4.0  # where no more than a clock changes


class ReadingGate:
    """Takes the sampled pictures of a clip in order of time; state starts afresh at `reset()`."""

    def __init__(self) -> None:
        import cv2

        self._resize, self._area = cv2.resize, cv2.INTER_AREA
        self.reset()

    def reset(self) -> None:
        """A new clip begins: what came before no longer counts."""
        self._time: float | None = None  # of the last picture let through
        self._look = np.zeros((0, 0), np.float32)
        self._strokes = np.zeros((0, 0), bool)
        self._reads = 0

    def worth_reading(self, time: float, picture: np.ndarray) -> bool:
        """picture: uint8 [H, W, 3]. The first one of a clip always is: reading it ends the texts of the clip before."""
        look = self._small(picture)
        strokes = _cell_means(np.abs(np.diff(look, axis=1, append=look[:, -1:])) >= STROKE) >= STROKE_SHARE
        if self._time is not None and not self._due(time, look, strokes):
            return False
        self._time, self._look, self._strokes = time, look, strokes
        self._reads += 1
        return True

    def _due(self, time: float, look: np.ndarray, strokes: np.ndarray) -> bool:
        assert self._time is not None
        if look.shape != self._look.shape:
            return True
        changed = (_cell_means(np.abs(look - self._look)) >= CHANGE) & (strokes | self._strokes)
        share = float(changed.mean())
        if share == 0:
            return False
        pace = SPACING_S if self._reads < UNHURRIED_READS else LATER_SPACING_S
        small = share < SMALL_CHANGE and (changed & (strokes ^ self._strokes)).sum() < NEW_CELLS
        return time - self._time >= (SMALL_SPACING_S if small else pace) - 1e-3

    def _small(self, picture: np.ndarray) -> np.ndarray:
        """Green, close to brightness, as float32 with sides that are multiples of a cell."""
        height, width = picture.shape[:2]
        scale = LOOK_PX / max(height, width)
        size = [max(1, round(side * scale / CELL_PX)) * CELL_PX for side in (width, height)]
        small: np.ndarray = self._resize(np.ascontiguousarray(picture[:, :, 1]), size, interpolation=self._area)
        return small.astype(np.float32)


def _cell_means(values: np.ndarray) -> np.ndarray:
    rows, columns = values.shape[0] // CELL_PX, values.shape[1] // CELL_PX
    means: np.ndarray = values.reshape(rows, CELL_PX, columns, CELL_PX).mean(axis=(1, 3), dtype=np.float32)
    return means
