"""What every data set is read into: pictures and stretches of video with what was said, asked and answered of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answered:
    """A question with its answers: one, or one of each annotator. `options`: of a multiple choice, in order."""

    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    kind: str = ""  # the data set's own name for this kind of question, where it has one
    generated: bool = False  # made from a caption by code, not asked by a person

    @property
    def answer(self) -> str:
        """The most frequent answer, the first of those that are equally frequent."""
        return Counter(self.answers).most_common(1)[0][0]


@dataclass(frozen=True)
class Sample:
    """A picture, or a video from `start` to `end` (seconds; None is its end)."""

    id: str  # unique in its data set
    file: Path
    split: str  # "train", "val" or "test"
    start: float = 0.0
    end: float | None = None
    captions: tuple[str, ...] = ()
    questions: tuple[Answered, ...] = ()
    label: str = ""  # of a classification data set
    moments: tuple[tuple[float, float, str], ...] = ()  # start and end in seconds, and what happens then
