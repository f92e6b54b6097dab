"""Questions about numbered notes, as the app asks them, made by code: half are answered by a note, half by none.

What is said and what stands on screen comes from the templates of `grounded_facts`, what is seen from captions. Notes
that do not answer are of other facts, often of the same kind about somebody else. Training and evaluation share no
wording, no name and, with samples of different splits, no picture. The same Generator gives the same items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from model.language.chat import Message, Still
from model.language.notes import NOT_FOUND, Note, ask_of
from model.training.grounded_facts import Fact, caption_fact, chatter, draw_fact
from model.training.grounded_words import Part
from model.training.object_words import words_of
from model.training.pseudo_video import tells_apart
from model.training.samples import Sample

NOTES = (2, 4)  # fewest and most
LATEST_S = 1800.0
SPAN_S = (2.0, 12.0)  # shortest and longest stretch of a note
NEAR = 0.5  # of the items, that have a note of the same kind about somebody else
SEEN = 0.35  # of the questions, that are about a picture
WITH_CHATTER = 0.5  # of what is said
_TRIES = 30


@dataclass(frozen=True)
class GroundedItem:
    question: str
    notes: tuple[Note, ...]  # without stills
    pictures: tuple[int | None, ...]  # of each note: the number of the sample that it shows
    source: Literal["visual", "speech", "text"]  # of what is asked
    answer: str  # the words that must be in the answer; empty if no note tells
    target: str  # the sentence to learn
    others: tuple[str, ...]  # what the other notes would have answered

    def messages(self, stills: Mapping[int, Still]) -> list[Message]:
        """The app's own prompt; stills: of notes, by their place."""
        notes = [replace(note, stills=[stills[i]] if i in stills else []) for i, note in enumerate(self.notes)]
        return ask_of(self.question, notes)

    @property
    def places(self) -> list[tuple[int, int, float]]:
        """Of each note that shows a picture: its place, the sample's number, and the time of the still in seconds."""
        return [
            (place, number, round((note.start + note.end) / 2, 3))
            for place, (note, number) in enumerate(zip(self.notes, self.pictures, strict=True))
            if number is not None
        ]


def grounded_items(samples: Sequence[Sample], count: int, seed: int, part: Part) -> list[GroundedItem]:
    """So many items, by turns with and without an answer."""
    return [make_item(samples, np.random.default_rng([seed, i]), part, i % 2 == 0) for i in range(count)]


def make_item(samples: Sequence[Sample], rng: np.random.Generator, part: Part, answerable: bool) -> GroundedItem:
    """samples: pictures with captions; where there are none, nothing is asked of pictures."""
    asked = _draw(samples, rng, part, [])
    told: list[tuple[Fact, int | None]] = [asked] if answerable else []
    fact = asked[0]
    if rng.random() < NEAR and fact.source != "visual":
        near = _near(fact, rng, part)
        told += [(near, None)] if near else []
    count = int(rng.integers(NOTES[0], NOTES[1] + 1))
    while len(told) < count:
        told.append(_draw(samples, rng, part, [*told, asked]))
    told = [told[i] for i in rng.permutation(len(told))]
    others = [other.answer for other, _ in told if other is not fact and other.kind == fact.kind]
    return GroundedItem(
        fact.question,
        tuple(_note(other, rng, part) for other, _ in told),
        tuple(number for _, number in told),
        fact.source,
        fact.answer if answerable else "",
        fact.sentence if answerable else NOT_FOUND,
        tuple(answer for answer in others if answer != fact.answer),
    )


def _draw(
    samples: Sequence[Sample], rng: np.random.Generator, part: Part, others: Sequence[tuple[Fact, int | None]]
) -> tuple[Fact, int | None]:
    """A fact that answers none of the others' questions, and the number of the sample that it is seen in."""
    for _ in range(_TRIES):
        if samples and rng.random() < SEEN:
            number = int(rng.integers(len(samples)))
            seen = caption_fact(samples[number].captions, rng, part)
            if seen and _apart(seen, samples[number], samples, others):
                return seen, number
        else:
            fact = draw_fact(rng, part)
            if all(fact.kind != other.kind for other, _ in others):
                return fact, None
    return draw_fact(rng, part), None


def _apart(fact: Fact, sample: Sample, samples: Sequence[Sample], others: Sequence[tuple[Fact, int | None]]) -> bool:
    """Whether its picture has nothing to do with the others', and answers no question about them."""
    said = {word for caption in sample.captions for word in words_of(caption)}
    shown = [samples[number].captions for _, number in others if number is not None]
    return all(tells_apart(sample.captions, captions) for captions in shown) and all(
        said.isdisjoint(other.rivals) for other, _ in others
    )


def _near(fact: Fact, rng: np.random.Generator, part: Part) -> Fact | None:
    """Of the same kind, with another question and another answer."""
    for _ in range(_TRIES):
        other = draw_fact(rng, part, fact.kind)
        if other.question != fact.question and other.answer != fact.answer and fact.answer not in other.statement:
            return other
    return None


def _note(fact: Fact, rng: np.random.Generator, part: Part) -> Note:
    start = float(np.round(rng.uniform(0, LATEST_S), 1))
    quote = fact.statement
    if fact.source == "speech" and rng.random() < WITH_CHATTER:
        more = chatter(rng, part)
        quote = f"{quote} {more}" if rng.random() < 0.5 else f"{more} {quote}"
    return Note(fact.source, start, start + float(np.round(rng.uniform(*SPAN_S), 1)), quote)
