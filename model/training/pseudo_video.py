"""Short videos made of still photos with known times, so that questions of time can be learned from photos.

Each photo is shown for a known stretch, still or with a camera that pans or zooms. Nothing in a photo moves: what such
a video teaches is when, in which order and for how long something is shown, never how it moves. Frames are rendered
when asked for; the same shots always give the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from model.errors import UnreadableMedia
from model.training.object_words import content_words
from model.training.samples import Answered, Sample

Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of a picture

SIZE_PX = (224, 224)  # height, width
SHOT_S = (2, 8)  # shortest and longest stretch of a photo; whole seconds, so that "how long" has an exact answer
NOT_FOUND = "not in this video"
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_PAN_SIDE = 0.8  # of the photo that a panning camera shows: it must not lose what the caption names
_ZOOM_SIDE = (0.6, 0.8)  # of the photo that the near end of a zoom shows
_TRIES = 20  # photos looked at for each place before a shorter video is made do with


@dataclass(frozen=True)
class Shot:
    """One photo on screen from `start` to `end` (seconds); the camera goes from `opening` to `closing`."""

    file: Path
    start: float
    end: float
    caption: str
    opening: Box = _WHOLE
    closing: Box = _WHOLE

    def box(self, time: float) -> Box:
        share = min(1.0, max(0.0, (time - self.start) / (self.end - self.start)))
        left, top, right, bottom = (a + (b - a) * share for a, b in zip(self.opening, self.closing, strict=True))
        return left, top, right, bottom


@dataclass(frozen=True)
class PseudoVideo:
    shots: tuple[Shot, ...]  # one after the other, the first from 0 s
    size: tuple[int, int] = SIZE_PX

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.shots[-1].end

    @property
    def moments(self) -> tuple[tuple[float, float, str], ...]:
        """Start and end in seconds, and the photo's caption."""
        return tuple((shot.start, shot.end, shot.caption) for shot in self.shots)

    def frames_at(self, times: Sequence[float]) -> np.ndarray:
        """uint8 [N, H, W, 3]: what is shown at those times (seconds), in the order asked; the last frame after the end.

        Raises UnreadableMedia for a photo that cannot be read.
        """
        frames = np.empty((len(times), *self.size, 3), np.uint8)
        for shot in self.shots:
            wanted = [i for i, time in enumerate(times) if self.shot_at(time) is shot]
            if not wanted:
                continue
            photo = _open(shot.file)
            for i in wanted:
                left, top, right, bottom = shot.box(times[i])
                box = (left * photo.width, top * photo.height, right * photo.width, bottom * photo.height)
                frames[i] = np.asarray(photo.resize(self.size[::-1], Image.Resampling.BICUBIC, box=box))
        return frames

    def render(self, fps: float) -> tuple[np.ndarray, np.ndarray, tuple[tuple[float, float, str], ...]]:
        """Frames uint8 [N, H, W, 3] at `fps` a second, their times float64 [N] in seconds, and the moments."""
        times = np.arange(max(1, int(np.ceil(self.duration * fps - 1e-9)))) / fps
        return self.frames_at([float(time) for time in times]), times, self.moments

    def shot_at(self, time: float) -> Shot:
        return next((shot for shot in self.shots if time < shot.end), self.shots[-1])


def compose(
    pool: Sequence[Sample], rng: np.random.Generator, shots: int = 3, size: tuple[int, int] = SIZE_PX
) -> PseudoVideo:
    """A video of `shots` photos of `pool`, fewer where it has not that many whose captions tell them apart.

    pool: pictures with captions. Raises ValueError if there is none.
    """
    captioned = [sample for sample in pool if sample.captions]
    if not captioned:
        raise ValueError("No picture with a caption to make a pseudo-video of.")
    chosen: list[Sample] = []
    for i in rng.integers(len(captioned), size=shots * _TRIES):
        candidate = captioned[int(i)]
        if all(tells_apart(candidate.captions, other.captions) for other in chosen):
            chosen.append(candidate)
        if len(chosen) == shots:
            break
    made: list[Shot] = []
    for sample in chosen:
        start = made[-1].end if made else 0.0
        caption = sample.captions[int(rng.integers(len(sample.captions)))]
        opening, closing = _camera(rng)
        made.append(
            Shot(sample.file, start, start + int(rng.integers(SHOT_S[0], SHOT_S[1] + 1)), caption, opening, closing)
        )
    return PseudoVideo(tuple(made), size)


def tells_apart(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a caption of `some` cannot be meant by one of `others`: of all their words of content few are shared."""
    first, second = content_words(some), content_words(others)
    return len(first & second) <= 0.2 * min(len(first), len(second))


def time_questions(video: PseudoVideo, seed: int = 0, others: Sequence[str] = ()) -> list[Answered]:
    """What can be asked of when its photos are shown, in random order; marked as generated.

    others: captions of other pictures; asked for one that no shot shows, the answer is "not in this video". Kinds:
    when, at, how long, first, last, before, after, order, scenes, absent.
    """
    rng = np.random.default_rng([seed, len(video.shots)])
    shots = video.shots
    asked = [_ask("scenes", f"How many scenes does {_VIDEO[rng.integers(2)]} have?", str(len(shots)))]
    for shot in shots:
        said = phrase(shot.caption)
        middle = (shot.start + shot.end) / 2
        when = ("When is this shown", "At what time can this be seen", "When does this happen")[rng.integers(3)]
        asked.append(_ask("when", f"{when}: {said}?", f"from {shot.start:.1f} to {shot.end:.1f} seconds"))
        asked.append(_ask("at", f"What is shown at {middle:.1f} seconds?", said))
        length = ("How long is this shown", "For how many seconds can this be seen")[rng.integers(2)]
        asked.append(_ask("how long", f"{length}: {said}?", f"{shot.end - shot.start:g} seconds"))
    for earlier, later in pairwise(shots):
        a, b = phrase(earlier.caption), phrase(later.caption)
        asked.append(_ask("after", f"What is shown right after this: {a}?", b))
        asked.append(_ask("before", f"What is shown right before this: {b}?", a))
    if len(shots) > 1:
        asked.append(_ask("first", f"What is shown first in {_VIDEO[rng.integers(2)]}?", phrase(shots[0].caption)))
        asked.append(_ask("last", f"What is shown at the end of {_VIDEO[rng.integers(2)]}?", phrase(shots[-1].caption)))
        one, two = sorted(rng.choice(len(shots), 2, replace=False))
        pair = [phrase(shots[one].caption), phrase(shots[two].caption)]
        swapped = rng.integers(2)
        asked.append(_ask("order", f"Which is shown first: {pair[swapped]}, or {pair[1 - swapped]}?", pair[0]))
    shown = [shot.caption for shot in shots]
    absent = [text for text in others if all(tells_apart([text], [caption]) for caption in shown)]
    if absent:
        text = phrase(absent[int(rng.integers(len(absent)))])
        asked.append(_ask("absent", f"When is this shown: {text}?", NOT_FOUND))
    return [asked[i] for i in rng.permutation(len(asked))]


def phrase(caption: str) -> str:
    """'A dog runs .' as it stands within a sentence: 'a dog runs'."""
    text = caption.strip().rstrip(" .!?;,")
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}".strip() if first.lower() in _OPENINGS.split() else text


_VIDEO = ("the video", "this video")
# A caption that begins with another word may begin with a name, which keeps its capital.
_OPENINGS = """
a an the this that these those there some several many one two three four five six seven eight nine ten people
men women children kids boys girls young old little small large big man woman boy girl child dog dogs black
white brown red blue green yellow couple group someone person in on at
"""


def _ask(kind: str, question: str, answer: str) -> Answered:
    return Answered(question, (answer,), kind=kind, generated=True)


def _camera(rng: np.random.Generator) -> tuple[Box, Box]:
    """Where the camera begins and ends: still, a pan to either side, or a zoom in or out."""
    move = ("still", "pan", "zoom")[rng.integers(3)]
    if move == "still":
        return _WHOLE, _WHOLE
    if move == "pan":
        top = float(rng.uniform(0, 1 - _PAN_SIDE))
        ends: tuple[Box, Box] = (0.0, top, _PAN_SIDE, top + _PAN_SIDE), (1 - _PAN_SIDE, top, 1.0, top + _PAN_SIDE)
    else:
        side = float(rng.uniform(*_ZOOM_SIDE))
        left, top = rng.uniform((1 - side) / 4, (1 - side) * 3 / 4, 2).tolist()  # not into a corner
        ends = _WHOLE, (left, top, left + side, top + side)
    return ends if rng.integers(2) else ends[::-1]


def _open(file: Path) -> Image.Image:
    try:
        with Image.open(file) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except FileNotFoundError:
        raise UnreadableMedia(f"{file.name} is missing.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # all that PIL's readers raise
        raise UnreadableMedia(f"{file.name} could not be read: {error}.") from error
