"""Reads the text in a picture. Which pictures to read, and what becomes of the readings, is decided elsewhere.

RapidOCR (Apache-2.0, https://github.com/RapidAI/RapidOCR) runs PP-OCRv6 small, English and Chinese: one network finds
lines, another reads them. On one core finding takes 25 ms at a longest side of 480 pixels and 120 ms at 960, a line
5-40 ms; so most of this module is about not doing either again where nothing changed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from model.reading.page import KnownLine, Page, Part, bounds, cut_out, look_of, same_look, share_of
from model.reading.reading_gate import ReadingGate
from model.reading.screen_text import (
    Box,
    ScreenText,
    Sighting,
    TextBox,
    merge_sightings,
    overlap,
)
from model.reading.scripts import is_unread
from model.reading.spelling import is_counter, similarity

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
SURE_ASPECT = 1.25  # finds squarer than this are mostly shapes too
MOST_MISSES = 3  # finds in a row that are no text: the next one hardly is, and is only read where there is PLENTY
DETECT_PX = 960  # longest side for finding the lines: at 640 the small print of a screen recording is lost
DETECT_SCORE = 0.5
SAME_REGION = 0.8  # least overlap of two boxes around the same, unchanged line
SAME_LINE = 0.7  # the same of a line and of what a glance, which is coarser, makes of it
SAME_READING = 0.8  # a line read again in its old place is the same line if this share of its letters is
PART_SHARE = 0.35  # of the picture: where more changed, it is quicker to glance at all of it
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
PLENTY = 250  # of the account
LINE_PRICE = 18


class TextReader(Protocol):
    def read(self, picture: np.ndarray) -> list[TextBox]:
        """picture: uint8 [H, W, 3] RGB, upright. Lines in reading order; without text where the script is not known."""
        ...

    def read_again(self, picture: np.ndarray) -> list[TextBox]:
        """As `read`, of a picture in which no more than some letters changed since the one before."""
        ...

    def forget(self) -> None:
        """A new clip begins: from here on, what is read depends on nothing before."""
        ...


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
        self._regions: list[Box] | None = []  # of the glance at the picture before; None: it was not glanced at
        self._lines: list[KnownLine] = []
        self._page: Page | None = None  # as it was where it was last read
        self._account = ACCOUNT

    def read(self, picture: np.ndarray) -> list[TextBox]:
        """See TextReader. Each line has two letters or digits at least; unlikely readings are left out."""
        with self._lock:
            page = Page.of(picture)
            self._account = min(ACCOUNT, self._account + INCOME)
            parts = page.changed_parts(self._page, [line.box for line in self._lines])
            if parts is not None and self._account > 0 and share_of(parts) <= PART_SHARE:
                self._read_parts(page, parts)
            else:
                self._page = page if self._account > 0 else None  # what cannot be paid for is read another time
                self._lines = self._read_whole(page)
            return self._texts()

    def read_again(self, picture: np.ndarray) -> list[TextBox]:
        """See TextReader. What changed away from the known lines waits for the next whole reading."""
        with self._lock:
            page = Page.of(picture)
            self._account = min(ACCOUNT, self._account + AGAIN_INCOME)
            parts = page.changed_parts(self._page, [line.box for line in self._lines], near_them=True)
            if self._account <= 0:
                self._lines = [line for line in self._lines if same_look(line.look, look_of(page.grey, line.box))]
            elif parts is None or share_of(parts) > PART_SHARE:
                self._lines = self._keep(page)
            else:
                self._read_parts(page, [part for part in parts if self._looks_different(page, part)])
            return self._texts()

    def _looks_different(self, page: Page, part: Part) -> bool:
        inside = [line for line in self._lines if part.touches(line.box)]
        return not all(same_look(line.look, look_of(page.grey, line.box)) for line in inside)

    def _texts(self) -> list[TextBox]:
        return [
            TextBox("" if line.unread else line.text, line.confidence, line.box)
            for line in self._lines
            if line.unread or _is_text(line)
        ]

    def _read_whole(self, page: Page) -> list[KnownLine]:
        regions = [bounds(quad) for quad in self._find(page.bgr, GLANCE_PX, GLANCE_SCORE)]
        lines: list[KnownLine] | None = []
        if regions:
            lines = self._same_lines(page, regions) if self._stands(regions) else None
        if lines is None:
            lines = self._read_anew(page) if self._account > 0 else self._keep(page)
            regions = regions if self._account > 0 else []  # next time the layout counts as new
        self._regions = regions
        return lines

    def _read_parts(self, page: Page, parts: Sequence[Part]) -> None:
        """Lines are looked for where the picture changed, and stay as they are elsewhere."""
        assert self._page is not None
        scale = min(1.0, DETECT_PX / max(page.bgr.shape[:2]))
        for part in parts:
            self._account -= round(DETECT_PRICE * part.share)
            piece = page.piece(part)
            found = self._find(piece, round(scale * max(piece.shape[:2])), DETECT_SCORE, page.bgr.shape[0])
            lines = self._read_lines(page, [part.to_page(quad) for quad in found])
            self._lines = [line for line in self._lines if not part.touches(line.box)] + lines
            self._page = self._page.updated(page, part)
            self._regions = None
        self._lines.sort(key=lambda line: (line.box[1], line.box[0]))

    def _stands(self, regions: list[Box]) -> bool:
        """Whether text is where it was: by the glance before, or else by the lines that were found."""
        if self._regions is not None:
            return _same_layout(regions, self._regions, SAME_REGION)
        return _same_layout(regions, [line.box for line in self._lines], SAME_LINE)

    def _same_lines(self, page: Page, regions: list[Box]) -> list[KnownLine] | None:
        """The known lines in their places, read again where they look different; None if one is another line now."""
        lines = []
        for known in self._lines:
            line = self._read_line(page, known.quad, [known])
            same = line is known or similarity(line.text, known.text) >= SAME_READING
            ticked = (
                is_counter(line.text)
                and is_counter(known.text)
                and _same_width(line, regions, self._regions or [known.box])
            )
            if not same and not ticked:
                return None
            lines.append(line)
        return lines

    def _read_anew(self, page: Page) -> list[KnownLine]:
        self._account -= DETECT_PRICE
        return self._read_lines(page, self._find(page.bgr, DETECT_PX, DETECT_SCORE))

    def _read_lines(self, page: Page, quads: Sequence[np.ndarray]) -> list[KnownLine]:
        """The lines inside quadrangles, in their order.

        The longest are read first: finds in foliage and faces are as high as they are wide. Such finds are left out
        where that costs dear, and so is what comes after many that were no text.
        """
        high, wide = page.grey.shape
        aspects = [_aspect(quad, wide, high) for quad in quads]
        read, misses = dict[int, KnownLine](), 0
        for number in sorted(range(len(quads)), key=lambda number: -aspects[number]):
            if self._account < (PLENTY if aspects[number] < SURE_ASPECT else 0) and misses >= MOST_MISSES:
                break
            read[number] = self._read_line(page, quads[number], self._lines)
            misses = 0 if _is_text(read[number]) or read[number].unread else misses + 1
        return [read[number] for number in sorted(read)]

    def _keep(self, page: Page) -> list[KnownLine]:
        """The known texts that still stand where they stood."""
        known = [line for line in self._lines if _is_text(line)]
        again = [self._read_line(page, line.quad, [line]) for line in known]
        return [new for new, old in zip(again, known, strict=True) if similarity(new.text, old.text) >= SAME_READING]

    def _read_line(self, page: Page, quad: np.ndarray, known: list[KnownLine]) -> KnownLine:
        look = look_of(page.grey, bounds(quad))
        for line in known:
            if overlap(line.box, bounds(quad)) >= SAME_REGION and same_look(line.look, look):
                return line
        cut = cut_out(page.bgr, quad)
        text, confidence = self._recognise(cut)
        high, wide = cut.shape[:2]
        if confidence < HALVES_BELOW and high >= HALVES_PX and wide <= HALVES_ASPECT * high:
            (upper, sure), (lower, also_sure) = self._recognise(cut[: high // 2]), self._recognise(cut[high // 2 :])
            if min(sure, also_sure) >= HALVES_CONFIDENCE and min(len(upper), len(lower)) > 1:
                text, confidence = f"{upper} {lower}", min(sure, also_sure)
        return KnownLine(quad, look, text, confidence, is_unread(text, confidence, wide / high))

    def _recognise(self, line: np.ndarray) -> tuple[str, float]:
        """The text in uint8 [h, w, 3] BGR, and how sure the network is of it, 0-1."""
        self._account -= LINE_PRICE
        read: Any = self._engine(np.ascontiguousarray(line), use_det=False, use_rec=True)
        return (" ".join(read.txts[0].split()), float(read.scores[0])) if read.txts else ("", 0.0)

    def _find(self, bgr: np.ndarray, longest_px: int, score: float, page_px: int = 0) -> list[np.ndarray]:
        """Quadrangles around lines, float32 [4, 2] as fractions of the picture.

        page_px: height of the picture that `bgr` is a part of, if it is one.
        """
        import cv2

        height, width = bgr.shape[:2]
        scale = min(1.0, longest_px / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA) if scale < 1 else bgr
        found: Any = self._engine(small, use_det=True, use_rec=False, box_thresh=score)
        if found.boxes is None:
            return []
        size_px = np.array(small.shape[1::-1], np.float32)
        high = round((page_px or height) * small.shape[0] / height)
        finds = zip(np.asarray(found.boxes, np.float32), found.scores, strict=True)
        return [quad / size_px for quad, sure in finds if _may_be_text(quad, float(sure), high)]


def _is_text(line: KnownLine) -> bool:
    letters = [c for c in line.text if c.isalnum()]
    if len(letters) < 2:  # lone letters are mostly shapes, and say little
        return False
    drone = len(letters) >= DRONE_TEXT and len(set(letters)) <= DRONE_SHARE * len(letters)
    if drone and line.confidence < DRONE_CONFIDENCE and not is_counter(line.text):
        return False
    return line.confidence >= (MIN_SHORT_CONFIDENCE if len(letters) <= SHORT_TEXT else MIN_CONFIDENCE)


def _aspect(quad: np.ndarray, wide_px: int, high_px: int) -> float:
    """The longer side of a quadrangle (in fractions of the picture) over the shorter one."""
    wide, high = (np.ptp(quad, axis=0) * (wide_px, high_px)).tolist()
    return float(max(wide, high) / max(min(wide, high), 1e-6))


def _may_be_text(quad: np.ndarray, score: float, height_px: int) -> bool:
    wide, high = np.ptp(quad, axis=0).tolist()
    if high > GIANT_HEIGHT * height_px and score < GIANT_SCORE:
        return False
    return max(wide, high) >= LEAST_ASPECT * min(wide, high)


def _same_layout(regions: list[Box], before: list[Box], least: float) -> bool:
    if len(regions) != len(before):
        return False
    return all(any(overlap(a, b) >= least for b in before) for a in regions)


def _same_width(line: KnownLine, regions: list[Box], before: list[Box]) -> bool:
    """Whether the region around a line is as wide as it was in the picture before, to a part of a character."""
    widths = []
    for among in (regions, before):
        nearest = max(among, key=lambda region: overlap(region, line.box))
        widths.append(nearest[2] - nearest[0])
    return abs(widths[0] - widths[1]) <= SAME_WIDTH * (line.box[2] - line.box[0]) / max(1, len(line.text))
