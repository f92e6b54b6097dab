"""Where in a picture a moment's fit comes from: what is lost when a part of it is covered.

Occlusion (Zeiler and Fergus, arXiv:1311.2901, section 4.2): a grey square is laid over every part of the frame, and the
cosine to what was asked for is taken anew. It asks the encoder itself, so it holds for every profile. A colour comes
from where the colour head attends to, if the profile has one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from model.errors import UsageError
from model.media.frames import grab
from model.timecode import clock, span
from model.vision.encoder import VisionEncoder
from retrieval.search.query import Query
from retrieval.search.search import Searcher
from retrieval.store.originals import original_or_copy
from retrieval.store.records import Video

LOOK_PX = 480  # longest side, as when a video is indexed
GRID = 6  # cells a side
COVER = 2  # cells a side of the square that covers
_GLOW = (255, 176, 32)
_DIM, _MOST_GLOW = 0.45, 0.5  # brightness of what does not count; how far what counts most is tinted
_QUALITY = 88


@dataclass(frozen=True)
class Regions:
    """`heat` float32 [side, side], 0 (does not count) to 1 (counts most); all 0 where nothing counts."""

    seconds: float  # of the frame, from the start of the video
    picture: np.ndarray  # uint8 [H, W, 3]
    heat: np.ndarray
    fit: float  # cosine of the whole frame

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, as shares of the picture: what counts at least half the most, or all of it."""
        rows, columns = np.nonzero(self.heat >= 0.5)
        if not len(rows):
            return 0.0, 0.0, 1.0, 1.0
        edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        left, top, right, bottom = (round(int(edge) / len(self.heat), 3) for edge in edges)
        return left, top, right, bottom

    def as_json(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds, 3),
            "fit": round(self.fit, 4),
            "box": list(self.box),
            "heat": [[round(float(value), 3) for value in row] for row in self.heat],
        }

    def as_jpeg(self) -> bytes:
        """The picture, bright and tinted where it counts, dim elsewhere."""
        height, width = self.picture.shape[:2]
        grey = Image.fromarray((self.heat * 255).round().astype(np.uint8))
        heat = np.asarray(grey.resize((width, height), Image.Resampling.BICUBIC), np.float32)[..., None] / 255
        lit = self.picture * (_DIM + (1 - _DIM) * heat)
        tinted = lit + _MOST_GLOW * heat * heat * (np.array(_GLOW, np.float32) - lit)
        out = io.BytesIO()
        Image.fromarray(tinted.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=_QUALITY)
        return out.getvalue()


def find_regions(
    searcher: Searcher, video: Video, start: float, end: float, query: Query, colour_question: str = ""
) -> Regions:
    """Of the frame of a moment (seconds) that fits a query best; for a `colour_question`, where the colour comes from.

    Raises UsageError for a moment without a picture, UnreadableMedia if the file cannot be read.
    """
    look = searcher.look_for(query)
    line = searcher.timeline(video.id)
    inside = np.flatnonzero((line.times >= start) & (line.times < end))
    if not len(inside):
        raise UsageError(
            f"There is no picture of {video.title} at {span(start, end)}; "
            f"choose a moment inside its {clock(video.duration)}."
        )
    best = int(inside[int((line.vectors[inside] @ look).argmax())])
    seconds = float(line.times[best])
    path, info = original_or_copy(video)
    (picture,) = grab(path, info, [seconds], LOOK_PX)
    if searcher.models.colour_answers is not None and colour_question:
        weights = searcher.models.colour_answers.where(colour_question, picture)
        return Regions(seconds, picture, weights / weights.max(), float(line.vectors[best] @ look))
    fit, heat = occlude(searcher.models.vision, picture, look)
    return Regions(seconds, picture, heat, fit)


def occlude(vision: VisionEncoder, picture: np.ndarray, query: np.ndarray) -> tuple[float, np.ndarray]:
    """The cosine of a picture uint8 [H, W, 3] and a query [D], and the heat [GRID, GRID] as `Regions` has it."""
    rows, columns = (np.linspace(0, side, GRID + 1).round().astype(int) for side in picture.shape[:2])
    grey = picture.reshape(-1, 3).mean(0).astype(np.uint8)
    places = [(i, j) for i in range(GRID - COVER + 1) for j in range(GRID - COVER + 1)]
    frames = np.repeat(picture[None], 1 + len(places), 0)
    for frame, (i, j) in zip(frames[1:], places, strict=True):
        frame[rows[i] : rows[i + COVER], columns[j] : columns[j + COVER]] = grey
    whole, *covered = vision.encode_frames(frames).pooled @ query
    lost, count = np.zeros((2, GRID, GRID), np.float32)
    for (i, j), fit in zip(places, covered, strict=True):
        lost[i : i + COVER, j : j + COVER] += whole - fit
        count[i : i + COVER, j : j + COVER] += 1
    heat = (lost / count).clip(min=0)
    most = float(heat.max())
    return float(whole), heat / most if most > 0 else heat
