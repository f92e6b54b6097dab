"""The pictures of a sample: a photograph, or frames of a stretch of video. What cannot be read is counted."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from model.errors import UnreadableMedia
from model.language.chat import Still
from model.media.frames import grab, open_frames
from model.media.probe import MediaInfo, probe
from model.training.samples import Sample
from model.vision.encoder import VisionEncoder, unit

logger = logging.getLogger(__name__)

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}  # all else is opened as a video
LOOK_PX = 768  # longest side given to a model that words answers: what the app gives
ENCODE_PX = 384  # to a vision encoder, which shrinks it to 224 to 384
CLIP_FRAMES = 12  # of a stretch of video: as CLIP4Clip (Luo et al., arXiv:2104.08860) takes for retrieval
_AT_ONCE = 32  # pictures encoded together
_NAMED = 5  # of those skipped


@dataclass
class Skipped:
    """What could not be read, and why."""

    count: int = 0
    reasons: list[str] = field(default_factory=list)  # of the first few

    def add(self, error: UnreadableMedia) -> None:
        self.count += 1
        if len(self.reasons) < _NAMED:
            self.reasons.append(str(error))
        logger.info("skipped: %s", error)


def read_picture(path: Path, max_side: int) -> np.ndarray:
    """uint8 [H, W, 3], upright, its longest side at most `max_side` pixels. Raises UnreadableMedia."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (max_side, max_side))  # a large JPEG is decoded small
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except FileNotFoundError:
        raise UnreadableMedia(f"{path.name} is missing.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # all that PIL's readers raise
        raise UnreadableMedia(f"{path.name} could not be read: {error}.") from error
    upright.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return np.asarray(upright)


def stills_of(sample: Sample, most: int, max_side: int) -> list[Still]:
    """A picture at 0 s, or at most `most` frames spread evenly over the stretch of video. Raises UnreadableMedia."""
    if sample.file.suffix.lower() in PICTURES:
        return [Still(0.0, read_picture(sample.file, max_side))]
    info, start, end = stretch_of(sample)
    times = [round(start + (end - start) * (i + 0.5) / most, 3) for i in range(most)]
    pictures = grab(sample.file, info, times, max_side)
    return [Still(time, picture) for time, picture in zip(times, pictures, strict=True)]


def stretch_of(sample: Sample) -> tuple[MediaInfo, float, float]:
    """What its video is, and from where to where the sample goes, in seconds. Raises UnreadableMedia."""
    info = _probe(sample.file)
    if not info.has_video:
        raise UnreadableMedia(f"{sample.file.name} has no picture.")
    end = info.duration if sample.end is None else min(sample.end, info.duration)
    if sample.start >= end:
        raise UnreadableMedia(
            f"{sample.file.name} has nothing from {sample.start:g} s on: it ends at {info.duration:.1f} s."
        )
    return info, max(0.0, sample.start), end


@functools.lru_cache(maxsize=256)  # data sets ask many things of one video in a row
def _probe(path: Path) -> MediaInfo:
    return probe(path)


def seen(samples: Iterable[Sample], most: int, skipped: Skipped) -> Iterator[tuple[Sample, list[Still]]]:
    """Each sample that can be read, with its stills."""
    for sample in samples:
        try:
            yield sample, stills_of(sample, most, LOOK_PX)
        except UnreadableMedia as error:
            skipped.add(error)


def encode_samples(
    vision: VisionEncoder, samples: Iterable[Sample], skipped: Skipped, most: int = CLIP_FRAMES
) -> tuple[list[Sample], np.ndarray]:
    """The samples that can be read, and a unit vector [N, dim] of each: that of its picture, the mean of its frames."""
    kept: list[Sample] = []
    vectors: list[np.ndarray] = []
    waiting: list[list[np.ndarray]] = []
    for sample in samples:
        try:
            stills = stills_of(sample, most, ENCODE_PX)
        except UnreadableMedia as error:
            skipped.add(error)
            continue
        kept.append(sample)
        waiting.append([still.picture for still in stills])
        if sum(map(len, waiting)) >= _AT_ONCE:
            vectors += _means(vision, waiting)
            waiting = []
    vectors += _means(vision, waiting)
    return kept, unit(np.stack(vectors)) if vectors else np.empty((0, vision.dim), np.float32)


def _means(vision: VisionEncoder, clips: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The mean vector [dim] of each clip's pictures; pictures of one shape share a batch."""
    places: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
    for i, clip in enumerate(clips):
        for picture in clip:
            places.setdefault(picture.shape, []).append((i, picture))
    sums = np.zeros((len(clips), vision.dim), np.float32)
    for alike in places.values():
        rows = vision.encode_frames(np.stack([picture for _, picture in alike])).pooled
        np.add.at(sums, [i for i, _ in alike], rows)
    return [total / len(clip) for total, clip in zip(sums, clips, strict=True)]


def encode_stretch(
    vision: VisionEncoder, sample: Sample, per_second: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds [F] and unit vectors [F, dim] of the frames of a stretch of video, flat in memory.

    `per_second` frames, fewer where that would be more than `most` of all. Raises UnreadableMedia.
    """
    info, start, end = stretch_of(sample)
    step = max(1 / per_second, (end - start) / most)
    times: list[float] = []
    rows: list[np.ndarray] = []
    batch: list[np.ndarray] = []
    reader = open_frames(sample.file, info)
    try:
        for frame in reader.frames(start):
            if frame.time >= end:
                break
            if times and frame.time < start + len(times) * step:
                continue
            times.append(frame.time)
            batch.append(frame.rgb(ENCODE_PX))
            if len(batch) == _AT_ONCE:
                rows.append(vision.encode_frames(np.stack(batch)).pooled)
                batch = []
    finally:
        reader.close()
    if batch:
        rows.append(vision.encode_frames(np.stack(batch)).pooled)
    if not rows:
        raise UnreadableMedia(f"{sample.file.name} could not be read: none of its pictures can be decoded.")
    return np.array(times), np.concatenate(rows)
