"""Conversations to be learned: what is asked of some frames, in the very words of the app, and what is to be answered.

Each kind of lesson is made of a sample by chance alone, which comes from the Generator handed in. Knows nothing of
networks or features' meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.evaluation.question_answering import prompt_of
from model.evaluation.tasks import CAPTION_PROMPT, STILLS
from model.language import notes
from model.language.chat import Message
from model.training import pseudo_video
from model.training.looking import Frames, Looked, join
from model.training.pseudo_video import PseudoVideo, compose, time_questions
from model.training.samples import Answered, Sample

SUMMARY_PROMPT = "Say what is shown, in order."
LATEST_S = 1200.0  # a still of a video may stand anywhere in its first twenty minutes
SHOTS = (2, 4)  # fewest and most photos in a row
SHOWN_AGAIN = 0.25  # of the lessons about one photo, which is then shown as a moment of a video is
MOMENT_STILLS, GAP_S = 4, (0.3, 3.0)  # most stills of such a moment, and how far apart they are
_BEFORE_MARK = re.compile(r"\s+([.,;:!?])")
_ORDER = ("First", "Then", "After that", "At the end")


@dataclass(frozen=True, eq=False)
class Lesson:
    """`prompt`: a question that follows all the frames, or messages whose stills stand for them in order."""

    prompt: str | Sequence[Message]
    target: str
    frames: Frames | None = None  # None: there is nothing to see
    kind: str = ""


def chance_of(dice: np.ndarray) -> np.random.Generator:
    """Everything that is left to chance in one lesson; dice: float [n] in [0, 1)."""
    return np.random.default_rng((dice * 2**32).astype(np.uint32))


def caption_lesson(looked: Looked, index: int, rng: np.random.Generator, views: int, shifted: float) -> Lesson:
    """One of a sample's captions."""
    captions = looked.samples[index].captions
    target = sentence_of(captions[int(rng.integers(len(captions)))])
    return Lesson(CAPTION_PROMPT, target, view_of(looked, index, rng, views, shifted), "captions")


def question_lesson(
    looked: Looked, index: int, asked: Sequence[Answered], rng: np.random.Generator, views: int, shifted: float
) -> Lesson:
    """One of `asked`, questions about the sample with that number: a kind of question, then one of that kind."""
    kinds = sorted({question.kind for question in asked})
    wanted = kinds[int(rng.integers(len(kinds)))]
    alike = [question for question in asked if question.kind == wanted]
    question = alike[int(rng.integers(len(alike)))]
    kind = "generated" if question.generated else "questions"
    return Lesson(prompt_of(question), answer_of(question, rng), view_of(looked, index, rng, views, shifted), kind)


def view_of(looked: Looked, index: int, rng: np.random.Generator, views: int, shifted: float) -> Frames:
    """A sample's frames, now and then at other times: in a video they may stand anywhere.

    Of a video in one of its views. Of a photo in one or several, as a moment of a video shows the same again and again.
    """
    numbers = rng.integers(views, size=1)
    if looked.is_still(index) and views > 1 and rng.random() < SHOWN_AGAIN:
        numbers = rng.integers(views, size=int(rng.integers(2, MOMENT_STILLS + 1)))
    frames = join([looked.frames(index, int(number)) for number in numbers])
    if len(numbers) > 1:
        frames = replace(frames, times=np.round(np.arange(len(numbers)) * rng.uniform(*GAP_S), 1).astype(np.float32))
    return frames.later(round(rng.uniform(0, LATEST_S), 1)) if rng.random() < shifted else frames


class Sequences:
    """Photos in a row with known times, of the photos of `looked` that have captions."""

    def __init__(self, looked: Looked, views: int) -> None:
        self.looked, self.views = looked, views
        self.pool = [s for i, s in enumerate(looked.samples) if s.captions and looked.is_still(i)]
        self._numbers: dict[Path, int] = {
            sample.file: i for i, sample in enumerate(looked.samples) if sample.captions and looked.is_still(i)
        }

    def __bool__(self) -> bool:
        return len(self.pool) > 1

    def draw(self, rng: np.random.Generator) -> tuple[PseudoVideo, Frames]:
        """The photos and when they are shown, and frames at times spread evenly, each photo on one at least."""
        video = compose(self.pool, rng, int(rng.integers(SHOTS[0], SHOTS[1] + 1)))
        count = int(rng.integers(STILLS // 2, STILLS + 1))
        times = {round((i + 0.5) * video.duration / count, 1) for i in range(count)}
        shown = {video.shot_at(time) for time in times}
        times |= {(shot.start + shot.end) / 2 for shot in video.shots if shot not in shown}
        ordered = sorted(times)[:STILLS]
        views = {shot.file: int(rng.integers(self.views)) for shot in video.shots}
        files = [video.shot_at(time).file for time in ordered]
        return video, join([self.looked.frames(self._numbers[file], views[file]) for file in files], ordered)

    def question(self, rng: np.random.Generator) -> Lesson:
        """When, how long, in which order, or whether at all."""
        video, frames = self.draw(rng)
        other = self.pool[int(rng.integers(len(self.pool)))].captions[0]
        asked = time_questions(video, int(rng.integers(2**31)), [other])
        question = asked[int(rng.integers(len(asked)))]
        return Lesson(prompt_of(question), answer_of(question), frames, "times")

    def summary(self, rng: np.random.Generator) -> Lesson:
        """All captions in order, as sentences."""
        video, frames = self.draw(rng)
        last = len(video.shots) - 1
        leads = [_ORDER[-1] if i == last else _ORDER[min(i, 2)] for i in range(len(video.shots))]
        told = [sentence_of(f"{a}, {pseudo_video.phrase(s.caption)}") for a, s in zip(leads, video.shots, strict=True)]
        return Lesson(SUMMARY_PROMPT, " ".join(told), frames, "summaries")


def sentence_of(caption: str) -> str:
    """'a dog runs , fast .' as it is written: 'A dog runs, fast.'"""
    text = _BEFORE_MARK.sub(r"\1", " ".join(caption.split()))
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def answer_of(question: Answered, rng: np.random.Generator | None = None) -> str:
    """What is to be said: of a multiple choice its letter; of several annotators' answers any, by chance, so that their
    doubts are learned too (Teney et al., arXiv:1708.02711, section 3.2); the most frequent without `rng`."""
    if question.options:
        letters = dict(zip(question.options, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False))
        return letters.get(question.answer, question.answer)
    if question.answer == pseudo_video.NOT_FOUND:
        return notes.NOT_FOUND
    answer = question.answers[int(rng.integers(len(question.answers)))] if rng else question.answer
    return (answer if answer.strip() else question.answer).replace("_", " ")


def own_questions(sample: Sample, generated: bool) -> tuple[Answered, ...]:
    """Those that people asked, or those that were made from captions; none without an answer."""
    return tuple(q for q in sample.questions if q.generated == generated and q.answers and q.answer.strip())


def picture_drawer(asked: Mapping[int, Sequence[Answered]]) -> Callable[[np.random.Generator], int]:
    """Draws the number of a picture. One with four times the questions is drawn twice as often: a set with many
    questions a picture neither drowns the others nor drowns in them."""
    numbers, shares = list(asked), np.sqrt([len(questions) for questions in asked.values()]).cumsum()
    return lambda rng: numbers[int(np.searchsorted(shares / shares[-1], rng.random(), side="right"))]
