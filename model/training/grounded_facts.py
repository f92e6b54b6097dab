"""Facts that a video may tell, each with its wording, a question, a sentence that answers it and the words that matter.

There is one set of names and wordings for training, another for evaluation: `grounded_words`. Everything is invented.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.training.grounded_words import CHATTER, FILLERS, FILLERS_ONLY_TAUGHT, KINDS, ONLY_TAUGHT, Part, Source
from model.training.object_words import PEOPLE, THINGS
from model.training.pseudo_video import phrase
from model.training.readers.questions import questions_from


@dataclass(frozen=True)
class Fact:
    source: Source
    kind: str
    statement: str  # how it stands in the evidence
    question: str
    sentence: str  # the answer, whole
    answer: str  # the words of the sentence that answer
    rivals: frozenset[str] = frozenset()  # words of other captions that might answer as well


# Of what is seen: what `questions_from` asks, as it is asked in training and in evaluation, and the answer.
_SEEN = {
    "colour": (re.compile(r"What colour is the (.+)\?"), "Which colour does the {} have?", "The {} is {}."),
    "count": (re.compile(r"How many (.+) are there\?"), "What is the number of {}?", "There are {1} {0}."),
    "action": (re.compile(r"What is the (.+) doing\?"), "What can the {} be seen doing?", "The {} is {}."),
}


def draw_fact(rng: np.random.Generator, part: Part, kind: str = "") -> Fact:
    """Something said or written."""
    kinds = KINDS | ONLY_TAUGHT if part == "train" else KINDS
    fillers = {field: choices[part] for field, choices in FILLERS.items()}
    fillers |= FILLERS_ONLY_TAUGHT if part == "train" else {}
    kind = kind or list(kinds)[int(rng.integers(len(kinds)))]
    of = kinds[kind]
    names = _pick(rng, fillers["name"].split(", "), 2)
    values = {field: _pick(rng, choices.split(", "), 1)[0] for field, choices in fillers.items()}
    values |= {"name": names[0], "other": names[1]} | _numbers(rng, part)
    statement, question = (
        _capital(_pick(rng, list(templates[part]), 1)[0].format(**values))
        for templates in (of.statements, of.questions)
    )
    return Fact(
        of.source, kind, statement, question, _capital(of.sentence.format(**values)), of.answer.format(**values)
    )


def caption_fact(captions: Sequence[str], rng: np.random.Generator, part: Part) -> Fact | None:
    """Something that one of a picture's captions tells; None if its rules find nothing safe to ask."""
    caption = captions[int(rng.integers(len(captions)))] if len(captions) else ""
    asked = questions_from((caption,), int(rng.integers(2**31)))
    for question in asked:
        if question.kind not in _SEEN:
            continue
        pattern, otherwise, sentence = _SEEN[question.kind]
        match = pattern.fullmatch(question.question)
        if match:
            text = question.question if part == "train" else otherwise.format(match[1])
            answer = question.answer
            whole = sentence.format(match[1], answer)
            return Fact("visual", question.kind, phrase(caption), text, whole, answer, _rivals(match[1]))
    return None


def _rivals(name: str) -> frozenset[str]:
    """Words for what is called so; a boy is a person, and so may be anybody else."""
    people = any(name in thing.one | thing.many for thing in THINGS if thing.name in PEOPLE)
    meant = [t for t in THINGS if (t.name in PEOPLE if people else name in t.one | t.many)]
    return frozenset({name, *name.split()}).union(*(thing.one | thing.many | thing.hints for thing in meant))


def chatter(rng: np.random.Generator, part: Part) -> str:
    """Something said that tells nothing."""
    return _pick(rng, list(CHATTER[part]), 1)[0]


def _numbers(rng: np.random.Generator, part: Part) -> dict[str, str]:
    """Odd ones in training, even ones in evaluation."""
    odd = part == "train"
    return {
        "digit": str(2 * int(rng.integers(1, 7)) + odd),
        "number": str(2 * int(rng.integers(50, 450)) + odd),
        "percent": str(10 * int(rng.integers(1, 9)) + 5 * odd),
        "phone": "555 " + "".join(string.digits[i] for i in rng.integers(10, size=3)) + str(4 + odd),
    }


def _pick(rng: np.random.Generator, choices: Sequence[str], count: int) -> list[str]:
    return [choices[int(i)] for i in rng.choice(len(choices), count, replace=False)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
