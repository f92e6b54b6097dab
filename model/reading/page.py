"""A picture that is read for text: where it changed since it was last read, and what its lines look like.

Knows nothing of networks. Boxes are fractions of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.reading.screen_text import Box

LOOK_HEIGHT_PX = 24  # lines are compared at this height: two different digits differ by several pixels there
LOOK_WIDTH_PX = 480
LOOK_BLOCK_PX = 6  # in blocks about half a letter wide
LOOK_CHANGE = 0.15  # of the line's contrast, mean over a block; compression makes 0.05, another letter 0.3
SMALL_PX = 640  # longest side at which pictures are compared,
BLOCK_PX = 8  # in square blocks
BLOCK_CHANGE = 4.0  # mean difference of a block (of 255) that is more than noise of compression
AROUND = 2  # blocks: so much around what changed is read too, for a line has a margin
NEAR_HEIGHTS = 1.0  # what changes this near to a line, in its heights, may belong to it


@dataclass(frozen=True)
class Part:
    """A rectangle of the picture."""

    box: Box

    @property
    def share(self) -> float:
        """Of the picture's area, 0-1."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def touches(self, box: Box) -> bool:
        mine = self.box
        return mine[0] < box[2] and box[0] < mine[2] and mine[1] < box[3] and box[1] < mine[3]

    def with_whole(self, boxes: Sequence[Box]) -> Part:
        """Grown until it cuts through none of the boxes."""
        part, waiting = self, list(boxes)
        while cut := [box for box in waiting if part.touches(box)]:
            waiting = [box for box in waiting if box not in cut]
            part = part.around(cut)
        return part

    def around(self, boxes: Sequence[Box]) -> Part:
        left, top, right, bottom = zip(self.box, *boxes, strict=True)
        return Part((min(left), min(top), max(right), max(bottom)))

    def to_page(self, quad: np.ndarray) -> np.ndarray:
        """A quadrangle in fractions of this part, in fractions of the picture."""
        corner, size = np.array(self.box[:2]), np.array(self.box[2:]) - self.box[:2]
        return (corner + quad * size).astype(np.float32)


def share_of(parts: Sequence[Part]) -> float:
    return sum(part.share for part in parts)


def _apart(parts: list[Part]) -> list[Part]:
    """Those that overlap become one."""
    waiting, done = list(parts), list[Part]()
    while waiting:
        part = waiting.pop()
        other = next((each for each in waiting if part.touches(each.box)), None)
        if other is None:
            done.append(part)
        else:
            waiting.remove(other)
            waiting += [part.around([other.box]), *done]
            done = []
    return done


@dataclass(frozen=True)
class Page:
    """A picture in the forms in which it is read."""

    bgr: np.ndarray  # uint8 [H, W, 3]
    grey: np.ndarray  # uint8 [H, W]
    small: np.ndarray  # uint8 [h, w], sides are multiples of BLOCK_PX

    @classmethod
    def of(cls, picture: np.ndarray) -> Page:
        """picture: uint8 [H, W, 3] RGB."""
        import cv2

        grey = np.ascontiguousarray(picture[:, :, 1])
        scale = min(1.0, SMALL_PX / max(grey.shape))
        size = [max(1, round(side * scale / BLOCK_PX)) * BLOCK_PX for side in grey.shape[::-1]]
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        return cls(np.ascontiguousarray(picture[:, :, ::-1]), grey, small)

    def changed_parts(self, before: Page | None, lines: Sequence[Box], near_them: bool = False) -> list[Part] | None:
        """Rectangles around all that changed, none of which cuts through a line; None if nothing can be compared.

        near_them: only what changed near to a line counts.
        """
        import cv2

        if before is None or before.grey.shape != self.grey.shape:
            return None
        rows, columns = (side // BLOCK_PX for side in self.small.shape)
        difference = np.abs(self.small.astype(np.int16) - before.small)
        changed = difference.reshape(rows, BLOCK_PX, columns, BLOCK_PX).mean(axis=(1, 3)) >= BLOCK_CHANGE
        if near_them:
            changed &= self._blocks_near(lines, rows, columns)
        around = cv2.dilate(changed.astype(np.uint8), np.ones((2 * AROUND + 1, 2 * AROUND + 1), np.uint8))
        _, _, found, _ = cv2.connectedComponentsWithStats(around)
        parts = [
            Part((x / columns, y / rows, (x + wide) / columns, (y + high) / rows)).with_whole(lines)
            for x, y, wide, high, _ in found[1:].tolist()
        ]
        return _apart(parts)

    def _blocks_near(self, boxes: Sequence[Box], rows: int, columns: int) -> np.ndarray:
        near = np.zeros((rows, columns), bool)
        for x0, y0, x1, y1 in boxes:
            beside = NEAR_HEIGHTS * (y1 - y0) * self.grey.shape[0] / self.grey.shape[1]
            left, right = max(0, int((x0 - beside) * columns)), int((x1 + beside) * columns) + 1
            near[max(0, int(y0 * rows)) : int(y1 * rows) + 1, left:right] = True
        return near

    def piece(self, part: Part) -> np.ndarray:
        """uint8 [h, w, 3] BGR of a part."""
        rows, columns = self._span(part, self.bgr.shape[0], self.bgr.shape[1])
        return np.ascontiguousarray(self.bgr[rows, columns])

    def updated(self, now: Page, part: Part) -> Page:
        """This page with what a part of it shows now."""
        small = self.small.copy()
        rows, columns = self._span(part, *small.shape)
        small[rows, columns] = now.small[rows, columns]
        return replace(self, small=small)

    @staticmethod
    def _span(part: Part, height: int, width: int) -> tuple[slice, slice]:
        x0, y0, x1, y1 = part.box
        return slice(round(y0 * height), max(round(y1 * height), round(y0 * height) + 1)), slice(
            round(x0 * width), max(round(x1 * width), round(x0 * width) + 1)
        )


@dataclass
class KnownLine:
    """A line found in a picture, and what was read there, be it nothing."""

    quad: np.ndarray  # float32 [4, 2], fractions of the picture, from the top left clockwise
    look: np.ndarray  # float32 [LOOK_HEIGHT_PX, n]
    text: str
    confidence: float
    unread: bool = False  # letters are there, of a script that the reader does not know

    @property
    def box(self) -> Box:
        return bounds(self.quad)


def bounds(quad: np.ndarray) -> Box:
    x, y = quad[:, 0], quad[:, 1]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def look_of(grey: np.ndarray, box: Box) -> np.ndarray:
    """The part of the picture inside `box`, at the size at which lines are compared."""
    import cv2

    height, width = grey.shape[:2]
    x0, y0 = int(box[0] * width), int(box[1] * height)
    part = grey[y0 : max(y0 + 1, int(box[3] * height)), x0 : max(x0 + 1, int(box[2] * width))]
    wide = int(part.shape[1] * LOOK_HEIGHT_PX / part.shape[0])
    size = min(LOOK_WIDTH_PX, max(LOOK_BLOCK_PX, wide // LOOK_BLOCK_PX * LOOK_BLOCK_PX)), LOOK_HEIGHT_PX
    look: np.ndarray = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return look


def same_look(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two looks at a line show the same letters."""
    if abs(a.shape[1] - b.shape[1]) > LOOK_BLOCK_PX:
        return False
    width = min(a.shape[1], b.shape[1])
    a, b = a[:, :width], b[:, :width]
    contrast = max(float(np.ptp(a)), float(np.ptp(b)), 1.0)
    blocks = np.abs(a - b).reshape(LOOK_HEIGHT_PX // LOOK_BLOCK_PX, LOOK_BLOCK_PX, -1, LOOK_BLOCK_PX).mean(axis=(1, 3))
    return float(blocks.max()) < LOOK_CHANGE * contrast


def cut_out(bgr: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The line inside `quad`, turned level; a line higher than wide is taken to run upwards."""
    import cv2

    height, width = bgr.shape[:2]
    corners = (quad * np.array([width, height], np.float32)).astype(np.float32)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)  # top, right, bottom, left
    wide, high = max(1, int(sides[::2].max())), max(1, int(sides[1::2].max()))
    target = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    line = cv2.warpPerspective(bgr, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.rot90(line)) if high >= 1.5 * wide else line
