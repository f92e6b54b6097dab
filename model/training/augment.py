"""Pictures and frame times changed in ways that leave what is said about them true.

Pictures are uint8 [H, W, 3] RGB and keep their size. All chance comes from the Generator handed in. Crops follow
Szegedy et al., "Going Deeper with Convolutions" (2015), section 6, but never so small that what a caption names is
likely to be lost; hues stay, because captions name colours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

# A mirrored picture would belie these: sides, and whatever can be read.
_SIDED = re.compile(
    r"\b(left|right|leftmost|rightmost|clockwise|counterclockwise|anticlockwise|east|west|eastern|western)"
    r"(?:-?handed)?\b"
    r"|\b(texts?|reads?|reading|words?|letters?|lettering|numbers?|numbered|digits?|writing|written|writes|sa(?:ys|ying)"
    r"|signs?|logos?|labels?|labell?ed|titles?|captions?|subtitles?|headlines?|banners?|posters?|billboards?|jerseys?"
    r"|clocks?|maps?|spell(?:s|ed|ing)?)\b"
    r"|[左右东西東]|文字|字母|数字|數字|写着|寫著|标志|標誌|招牌",
    re.IGNORECASE,
)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Augmentation:
    """How far pictures may be changed. Ranges are drawn from evenly; colour strengths are +- shares."""

    area: tuple[float, float] = (0.5, 1.0)  # of the picture that a crop keeps
    ratio: tuple[float, float] = (0.8, 1.25)  # of a crop's width to its height, times the picture's own
    flip: float = 0.5  # how often, where it is allowed
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def draw(self, rng: np.random.Generator, size: tuple[int, int], words: Sequence[str] = ()) -> Change:
        """One change for pictures of `size` (height, width) that `words` are about."""
        kept = rng.uniform(*self.area)
        stretch = float(np.exp(rng.uniform(*np.log(self.ratio))))
        width, height = min(1.0, float(np.sqrt(kept * stretch))), min(1.0, float(np.sqrt(kept / stretch)))
        left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
        rows, columns = size
        flipped = rng.random() < self.flip
        brightness, contrast, saturation = (
            float(rng.uniform(1 - most, 1 + most)) for most in (self.brightness, self.contrast, self.saturation)
        )
        box = (left * columns, top * rows, (left + width) * columns, (top + height) * rows)
        return Change(box, bool(flipped and may_flip(words)), brightness, contrast, saturation)


@dataclass(frozen=True)
class Change:
    """Of one picture, or of all frames of one clip alike."""

    box: tuple[float, float, float, float]  # left, top, right, bottom of the crop, pixels
    flipped: bool
    brightness: float
    contrast: float
    saturation: float

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] -> a new uint8 [H, W, 3]"""
        height, width = picture.shape[:2]
        cropped = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC, box=self.box)
        values = np.asarray(cropped, np.float32) * self.brightness
        grey = values @ _LUMA  # [H, W]
        # Both blends in one: away from each pixel's own grey, then away from the mean grey.
        values *= self.saturation * self.contrast
        values += ((1 - self.saturation) * self.contrast * grey + (1 - self.contrast) * grey.mean())[..., None]
        changed = np.clip(values + 0.5, 0, 255).astype(np.uint8)
        return changed[:, ::-1].copy() if self.flipped else changed


def augment(
    picture: np.ndarray,
    rng: np.random.Generator,
    words: Sequence[str] = (),
    how: Augmentation = Augmentation(),
) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [H, W, 3]. words: captions, questions and answers about it: they decide on flipping."""
    return how.draw(rng, picture.shape[:2], words).apply(picture)


def augment_clip(
    pictures: Sequence[np.ndarray],
    rng: np.random.Generator,
    words: Sequence[str] = (),
    how: Augmentation = Augmentation(),
) -> list[np.ndarray]:
    """Frames of one clip, uint8 [H, W, 3] of one size, all changed alike: a camera does not jump between frames."""
    if not len(pictures):
        return []
    change = how.draw(rng, pictures[0].shape[:2], words)
    return [change.apply(picture) for picture in pictures]


def may_flip(words: Sequence[str]) -> bool:
    """Whether a mirrored picture still fits `words`: none of them speaks of left, right or something to read."""
    return not any(_SIDED.search(text) for text in words)


def jitter(times: Sequence[float], length: float, rng: np.random.Generator, most: float = 0.9) -> list[float]:
    """Frame times (rising, seconds, within 0 to `length`), each moved at random within its own part of the clip.

    A time moves at most `most` of the way to the middle between it and its neighbour: the order stays.
    """
    moved = []
    for i, time in enumerate(times):
        before = (times[i - 1] + time) / 2 if i else 0.0
        after = (time + times[i + 1]) / 2 if i + 1 < len(times) else length
        moved.append(
            float(np.clip(time + most * rng.uniform(min(0.0, before - time), max(0.0, after - time)), 0, length))
        )
    return moved
