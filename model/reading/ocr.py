"""Reads the text in a picture. Which pictures to read, and what becomes of the readings, is decided elsewhere.

RapidOCR (Apache-2.0, https://github.com/RapidAI/RapidOCR) runs PP-OCRv6 small, English and Chinese: one network finds
lines, another reads them. On one core finding takes 25 ms at a longest side of 480 pixels and 120 ms at 960, a line
5-40 ms; so most of this module is about not doing either again where nothing changed.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from model.reading.reading_gate import ReadingGate
from model.reading.screen_text import (
    Box,
    ScreenText,
    Sighting,
    TextBox,
    is_counter,
    merge_sightings,
    overlap,
    similarity,
)

__all__ = [
    "RapidTextReader",
    "ReadingGate",
    "ScreenText",
    "Sighting",
    "TextBox",
    "TextReader",
    "merge_sightings",
]

GLANCE_PX = 480  # longest side for asking whether there is text at all; finds lines of 1/30 of the picture's height
GLANCE_SCORE = 0.35  # asked generously: most of the false ones are dropped by the second look
GIANT_HEIGHT = 0.6  # of the picture: higher finds are mostly foliage and faces,
GIANT_SCORE = 0.75  # unless the network is this sure
LEAST_ASPECT = 1.05  # squarer finds are single letters, which are not kept anyway, or shapes; two digits are 1.06-1.4
DETECT_PX = 960  # longest side for finding the lines: at 640 the small print of a screen recording is lost
DETECT_SCORE = 0.5
SAME_REGION = 0.8  # least overlap of two boxes around the same, unchanged line
SAME_READING = 0.8  # a line read again in its old place is the same line if this share of its letters is
LOOK_HEIGHT_PX = 24  # lines are compared at this height: two different digits differ by several pixels there
LOOK_WIDTH_PX = 480
LOOK_BLOCK_PX = 6  # in blocks about half a letter wide
LOOK_CHANGE = 0.15  # of the line's contrast, mean over a block; compression makes 0.05, another letter 0.3
BESIDE_HEIGHTS = 1.0  # so far beside a line is watched, in its heights: what changes there too has outgrown its place
SURE_READING = 0.9  # of a line that became another one in its old place; else it is looked for anew
SAME_WIDTH = 0.5  # of a character: a region that is no wider or narrower than this holds as many characters as before
HALVES_ASPECT = 4.0  # a find not wider than this that reads badly may be two lines that touch, as in titles:
HALVES_PX = 64  # if it is this high at least
HALVES_BELOW = 0.9  # and was read with less confidence than this,
HALVES_CONFIDENCE = 0.85  # its halves are read, and kept if both are this sure
MIN_CONFIDENCE = 0.6
MIN_SHORT_CONFIDENCE = 0.85  # up to three characters: what textures are misread as
SHORT_TEXT = 3
DRONE_TEXT = 8  # letters from which a reading with few different ones ("ODDDODDO") is a texture, not a word
DRONE_SHARE = 0.4
DRONE_CONFIDENCE = 0.9  # which the network is not sure of: it is of "Mississippi"
# Reading is paid from an account in units of about 1 ms of one core, so that pages of ever-changing text cannot take
# minutes. Every picture adds to it; in one that finds it empty only the lines known from the picture before are kept.
ACCOUNT = 500
INCOME = 80
AGAIN_INCOME = 20  # of a picture in which only known lines are read again
DETECT_PRICE = 130
LINE_PRICE = 18


class TextReader(Protocol):
    def read(self, picture: np.ndarray) -> list[TextBox]:
        """picture: uint8 [H, W, 3] RGB, upright. Lines in reading order."""
        ...

    def read_again(self, picture: np.ndarray) -> list[TextBox]:
        """As `read`, of a picture in which no more than some letters changed since the one before."""
        ...

    def forget(self) -> None:
        """A new clip begins: from here on, what is read depends on nothing before."""
        ...


@dataclass
class _KnownLine:
    """A line found in a picture, and what was read there, be it nothing."""

    quad: np.ndarray  # float32 [4, 2], fractions of the picture, from the top left clockwise
    look: np.ndarray  # float32 [LOOK_HEIGHT_PX, n]
    beside: tuple[np.ndarray, np.ndarray]  # the same of what is left and right of it
    text: str
    confidence: float

    @property
    def box(self) -> Box:
        return _bounds(self.quad)


class RapidTextReader:
    """PP-OCRv6 small on one core. Remembers the picture before; `forget()` where a new clip begins. Thread-safe."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        from model.pack import part

        folder = part("ocr")
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)  # it warns of every picture without text
        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,  # upside-down text is rare, and asking costs 2 ms a line
                "Global.use_preprocess_img": False,
                "Det.model_path": str(folder / "PP-OCRv6_det_small.onnx"),
                "Rec.model_path": str(folder / "PP-OCRv6_rec_small.onnx"),
                "Det.limit_type": "max",
                "Det.limit_side_len": DETECT_PX,
                "Rec.rec_batch_num": 1,  # a batch pads every line to its longest
                "Rec.rec_img_shape": [3, 48, 96],  # the least width; the default of 320 doubles the price of a word
                # One thread: two halve the time of nothing and double the processor time, which other lanes need.
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,  # without, half the time goes into allocation
            }
        )
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """See TextReader."""
        self._regions: list[Box] = []  # of the glance at the picture before
        self._lines: list[_KnownLine] = []
        self._account = ACCOUNT

    def read(self, picture: np.ndarray) -> list[TextBox]:
        """See TextReader. Each line has two letters or digits at least; unlikely readings are left out."""
        with self._lock:
            bgr = np.ascontiguousarray(picture[:, :, ::-1])
            grey = np.ascontiguousarray(picture[:, :, 1])
            self._account = min(ACCOUNT, self._account + INCOME)
            regions = [_bounds(quad) for quad in self._find(bgr, GLANCE_PX, GLANCE_SCORE)]
            lines: list[_KnownLine] | None = []
            if regions:
                lines = self._same_lines(bgr, grey, regions) if _same_layout(regions, self._regions) else None
            if lines is None:
                lines = self._read_anew(bgr, grey) if self._account > 0 else self._keep(bgr, grey)
                regions = regions if self._account > 0 else []  # next time the layout counts as new
            self._regions, self._lines = regions, lines
            return self._texts()

    def read_again(self, picture: np.ndarray) -> list[TextBox]:
        """See TextReader. Looks for no new lines, unless one has outgrown its place."""
        with self._lock:
            bgr = np.ascontiguousarray(picture[:, :, ::-1])
            grey = np.ascontiguousarray(picture[:, :, 1])
            self._account = min(ACCOUNT, self._account + AGAIN_INCOME)
            lines = self._same_lines(bgr, grey) if self._account > 0 else self._keep(bgr, grey)
            if lines is not None:
                self._lines = lines
                return self._texts()
        return self.read(picture)

    def _texts(self) -> list[TextBox]:
        return [TextBox(line.text, line.confidence, line.box) for line in self._lines if _is_text(line)]

    def _same_lines(
        self, bgr: np.ndarray, grey: np.ndarray, regions: list[Box] | None = None
    ) -> list[_KnownLine] | None:
        """The known lines in their places, read again where they look different; None if one may have other bounds now.

        regions: where a glance at this picture found text; without them, nothing beside a line may have changed.
        """
        lines = []
        for known in self._lines:
            line = self._read_line(bgr, grey, known.quad, [known])
            if line is not known and not self._fills_place(line, known, regions):
                return None
            lines.append(line)
        return lines

    def _fills_place(self, line: _KnownLine, known: _KnownLine, regions: list[Box] | None) -> bool:
        """Whether what was read in the place of a known line can be the whole line that stands there now."""
        if _same_beside(line, known):
            return similarity(line.text, known.text) >= SAME_READING or line.confidence >= SURE_READING
        if regions is None:
            return False
        if is_counter(line.text) and is_counter(known.text):
            return _same_width(line, regions, self._regions)
        return similarity(line.text, known.text) >= SAME_READING

    def _read_anew(self, bgr: np.ndarray, grey: np.ndarray) -> list[_KnownLine]:
        self._account -= DETECT_PRICE
        return [self._read_line(bgr, grey, q, self._lines) for q in self._find(bgr, DETECT_PX, DETECT_SCORE)]

    def _keep(self, bgr: np.ndarray, grey: np.ndarray) -> list[_KnownLine]:
        """The known texts that still stand where they stood."""
        known = [line for line in self._lines if _is_text(line)]
        again = [self._read_line(bgr, grey, line.quad, [line]) for line in known]
        return [new for new, old in zip(again, known, strict=True) if similarity(new.text, old.text) >= SAME_READING]

    def _read_line(self, bgr: np.ndarray, grey: np.ndarray, quad: np.ndarray, known: list[_KnownLine]) -> _KnownLine:
        look = _look(grey, _bounds(quad))
        for line in known:
            if overlap(line.box, _bounds(quad)) >= SAME_REGION and _same_look(line.look, look):
                return line
        cut = _cut_out(bgr, quad)
        text, confidence = self._recognise(cut)
        high, wide = cut.shape[:2]
        if confidence < HALVES_BELOW and high >= HALVES_PX and wide <= HALVES_ASPECT * high:
            (upper, sure), (lower, also_sure) = self._recognise(cut[: high // 2]), self._recognise(cut[high // 2 :])
            if min(sure, also_sure) >= HALVES_CONFIDENCE and min(len(upper), len(lower)) > 1:
                text, confidence = f"{upper} {lower}", min(sure, also_sure)
        return _KnownLine(quad, look, _beside(grey, _bounds(quad)), text, confidence)

    def _recognise(self, line: np.ndarray) -> tuple[str, float]:
        """The text in uint8 [h, w, 3] BGR, and how sure the network is of it, 0-1."""
        self._account -= LINE_PRICE
        read: Any = self._engine(np.ascontiguousarray(line), use_det=False, use_rec=True)
        return (" ".join(read.txts[0].split()), float(read.scores[0])) if read.txts else ("", 0.0)

    def _find(self, bgr: np.ndarray, longest_px: int, score: float) -> list[np.ndarray]:
        """Quadrangles around lines, float32 [4, 2] as fractions of the picture."""
        import cv2

        height, width = bgr.shape[:2]
        scale = min(1.0, longest_px / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA) if scale < 1 else bgr
        found: Any = self._engine(small, use_det=True, use_rec=False, box_thresh=score)
        if found.boxes is None:
            return []
        size_px = np.array(small.shape[1::-1], np.float32)
        finds = zip(np.asarray(found.boxes, np.float32), found.scores, strict=True)
        return [quad / size_px for quad, sure in finds if _may_be_text(quad, float(sure), height_px=small.shape[0])]


def _is_text(line: _KnownLine) -> bool:
    letters = [c for c in line.text if c.isalnum()]
    if len(letters) < 2:  # lone letters are mostly shapes, and say little
        return False
    drone = len(letters) >= DRONE_TEXT and len(set(letters)) <= DRONE_SHARE * len(letters)
    if drone and line.confidence < DRONE_CONFIDENCE and not is_counter(line.text):
        return False
    return line.confidence >= (MIN_SHORT_CONFIDENCE if len(letters) <= SHORT_TEXT else MIN_CONFIDENCE)


def _may_be_text(quad: np.ndarray, score: float, height_px: int) -> bool:
    wide, high = np.ptp(quad, axis=0).tolist()
    if high > GIANT_HEIGHT * height_px and score < GIANT_SCORE:
        return False
    return max(wide, high) >= LEAST_ASPECT * min(wide, high)


def _same_layout(regions: list[Box], before: list[Box]) -> bool:
    if len(regions) != len(before):
        return False
    return all(any(overlap(a, b) >= SAME_REGION for b in before) for a in regions)


def _bounds(quad: np.ndarray) -> Box:
    x, y = quad[:, 0], quad[:, 1]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _look(grey: np.ndarray, box: Box) -> np.ndarray:
    """The part of the picture inside `box`, at the size at which lines are compared."""
    import cv2

    height, width = grey.shape[:2]
    x0, y0 = int(box[0] * width), int(box[1] * height)
    part = grey[y0 : max(y0 + 1, int(box[3] * height)), x0 : max(x0 + 1, int(box[2] * width))]
    wide = int(part.shape[1] * LOOK_HEIGHT_PX / part.shape[0])
    size = min(LOOK_WIDTH_PX, max(LOOK_BLOCK_PX, wide // LOOK_BLOCK_PX * LOOK_BLOCK_PX)), LOOK_HEIGHT_PX
    look: np.ndarray = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return look


def _beside(grey: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """What is left and right of a line, at the size at which lines are compared; black outside of the picture."""
    high, wide = grey.shape
    reach = BESIDE_HEIGHTS * (box[3] - box[1]) * high / wide
    nothing = np.zeros((LOOK_HEIGHT_PX, LOOK_BLOCK_PX), np.float32)
    left, right = (max(0.0, box[0] - reach), box[0]), (box[2], min(1.0, box[2] + reach))
    looks = [_look(grey, (x0, box[1], x1, box[3])) if (x1 - x0) * wide >= 1 else nothing for x0, x1 in (left, right)]
    return looks[0], looks[1]


def _same_beside(line: _KnownLine, known: _KnownLine) -> bool:
    contrast = max(float(np.ptp(line.look)), float(np.ptp(known.look)))
    return all(_same_look(a, b, contrast) for a, b in zip(line.beside, known.beside, strict=True))


def _same_width(line: _KnownLine, regions: list[Box], before: list[Box]) -> bool:
    """Whether the region around a line is as wide as it was in the picture before, to a part of a character."""
    widths = []
    for among in (regions, before):
        nearest = max(among, key=lambda region: overlap(region, line.box))
        widths.append(nearest[2] - nearest[0])
    return abs(widths[0] - widths[1]) <= SAME_WIDTH * (line.box[2] - line.box[0]) / max(1, len(line.text))


def _same_look(a: np.ndarray, b: np.ndarray, least_contrast: float = 1.0) -> bool:
    if abs(a.shape[1] - b.shape[1]) > LOOK_BLOCK_PX:
        return False
    width = min(a.shape[1], b.shape[1])
    a, b = a[:, :width], b[:, :width]
    contrast = max(float(np.ptp(a)), float(np.ptp(b)), least_contrast)
    blocks = np.abs(a - b).reshape(LOOK_HEIGHT_PX // LOOK_BLOCK_PX, LOOK_BLOCK_PX, -1, LOOK_BLOCK_PX).mean(axis=(1, 3))
    return float(blocks.max()) < LOOK_CHANGE * contrast


def _cut_out(bgr: np.ndarray, quad: np.ndarray) -> np.ndarray:
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
