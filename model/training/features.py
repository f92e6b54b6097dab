"""What a frozen encoder makes of a data set, computed once and kept in memory-mapped files.

Knows nothing of what is trained on it. A run that breaks off goes on where it was; a picture or video that cannot be
read is skipped and counted. The folder holds, for V views of F frames of each sample that could be read:
tokens.npy float16 [n, V, F, T, D], concepts.npy float16 [n, V, F, C], times.npy float32 [n, V, F] in seconds.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from model.errors import UnreadableMedia
from model.media.frames import grab
from model.media.probe import probe
from model.training.augment import augment, augment_clip, jitter
from model.training.samples import Sample
from model.vision.encoder import FrameFeatures

logger = logging.getLogger(__name__)

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
LOOK_PX = 480  # longest side, as when a video is indexed
SAY_EVERY_S = 10.0
FLUSH_EVERY = 256  # samples


class FrameEncoder(Protocol):
    """What is needed of a vision encoder here."""

    name: str

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures: ...


@dataclass(frozen=True)
class FeatureStore:
    """`rows[i]` is the row of sample i in the arrays, -1 where it could not be read."""

    tokens: np.ndarray
    concepts: np.ndarray
    times: np.ndarray
    rows: np.ndarray

    @property
    def skipped(self) -> int:
        return int((self.rows < 0).sum())


def compute_features(
    samples: Sequence[Sample], encoder: FrameEncoder, folder: Path, views: int, frames: int, seed: int = 0
) -> FeatureStore:
    """Opens the store in `folder`, computing what is not there yet.

    View 0 is a sample as it is, the others are augmented: cropped, flipped where no caption minds, recoloured, and of
    videos other moments. Stills count as videos of one frame, which is repeated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = _sizes(encoder)
    key = {"encoder": encoder.name, "views": views, "frames": frames, "seed": seed, "samples": [s.id for s in samples]}
    fresh = _known(folder) != key
    shapes = {"tokens": sizes[:2], "concepts": sizes[2:], "times": ()}
    arrays = {
        name: _open(folder / f"{name}.npy", (len(samples), views, frames, *shape), fresh, name == "times")
        for name, shape in shapes.items()
    }
    rows = _open(folder / "rows.npy", (len(samples),), fresh, dtype="<i8")
    if fresh:
        rows[:] = -2  # not looked at yet
        (folder / "key.json").write_text(json.dumps(key), encoding="utf-8")
    todo = np.flatnonzero(np.asarray(rows) == -2)
    began = said = time.monotonic()
    for count, index in enumerate(todo, start=1):
        rows[index] = _compute(samples[int(index)], encoder, arrays, int(index), seed)
        if count % FLUSH_EVERY == 0:
            for array in (*arrays.values(), rows):
                array.flush()
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            left = (said - began) / count * (len(todo) - count)
            logger.info("features: %d of %d, %.0f s left", count, len(todo), left)
    for array in (*arrays.values(), rows):
        array.flush()
    return FeatureStore(arrays["tokens"], arrays["concepts"], arrays["times"], np.asarray(rows))


def _compute(sample: Sample, encoder: FrameEncoder, arrays: dict[str, np.memmap], row: int, seed: int) -> int:
    views, frames = arrays["times"].shape[1:]
    rng = np.random.default_rng([seed, row])
    try:
        pictures, times = zip(*(look(sample, frames, view, rng) for view in range(views)), strict=True)
    except (OSError, ValueError, UnreadableMedia) as error:
        logger.warning("%s is left out: %s", sample.file, error)
        return -1
    features = encoder.encode_frames(np.stack([picture for view in pictures for picture in view]))
    arrays["tokens"][row] = features.tokens.reshape(arrays["tokens"].shape[1:])
    arrays["concepts"][row] = features.log_probabilities.reshape(arrays["concepts"].shape[1:])
    arrays["times"][row] = times
    return row


def look(sample: Sample, frames: int, view: int, rng: np.random.Generator) -> tuple[list[np.ndarray], list[float]]:
    """`frames` pictures uint8 [H, W, 3] of a sample and their times (seconds from its start); view 0 is not augmented.

    Raises OSError, ValueError or UnreadableMedia for a file that cannot be read.
    """
    if sample.file.suffix.lower() in PICTURES:
        pictures, times = [read_picture(sample.file)] * frames, [0.0] * frames
        if view:
            pictures = [augment(pictures[0], rng, sample.captions)] * frames
        return pictures, times
    info = probe(sample.file)
    end = min(sample.end or info.duration, info.duration)
    length = max(0.0, end - sample.start)
    times = [(i + 0.5) * length / frames for i in range(frames)]
    if view:
        times = jitter(times, length, rng)
    pictures = grab(sample.file, info, [sample.start + t for t in times], LOOK_PX)
    return (augment_clip(pictures, rng, sample.captions) if view else pictures), times


def read_picture(path: Path) -> np.ndarray:
    """uint8 [H, W, 3], upright. Raises OSError for a file that is no picture."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _sizes(encoder: FrameEncoder) -> tuple[int, int, int]:
    """T, D and C of an encoder."""
    features = encoder.encode_frames(np.zeros((1, 64, 64, 3), np.uint8))
    return features.tokens.shape[1], features.tokens.shape[2], features.log_probabilities.shape[1]


def _known(folder: Path) -> object:
    try:
        return json.loads((folder / "key.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _open(path: Path, shape: tuple[int, ...], fresh: bool, exact: bool = False, dtype: str = "") -> np.memmap:
    kind = dtype or ("<f4" if exact else "<f2")
    if fresh or not path.exists():
        return np.lib.format.open_memmap(path, "w+", kind, shape)
    return np.lib.format.open_memmap(path, "r+")
