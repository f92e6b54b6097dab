"""Answers from notes as a task: is the right thing said where a note tells it, and "not in this video" where none does.

The notes are made by code (`model/training/grounded.py`) in the words of evaluation, pictures and captions are those of
the samples; the prompt is the app's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import UnreadableMedia
from model.evaluation.answers import normalise
from model.evaluation.bootstrap import weighted_mean, with_intervals
from model.evaluation.pictures import LOOK_PX, PICTURES, Skipped, read_picture
from model.evaluation.tasks import Report, check_any
from model.language.chat import Still
from model.training.grounded import GroundedItem, grounded_items
from model.training.samples import Sample

if TYPE_CHECKING:
    from model.loading import Models

ITEMS = 300
SEED = 4
ANSWER_TOKENS = 40
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")
# Any way to say that the notes do not tell, so that a model is not judged by words that it was never told.
_DENIAL = re.compile(
    r"\bnot (shown |mentioned |found |given |stated |specified |answered |provided |clear |known )?(in|by|from) "
    r"(this|the|these|any)\b"
    r"|\b(is|are|was|were) not (mentioned|stated|given|specified|provided|known|answered)\b"
    r"|\b(do|does|did) not (say|tell|mention|provide|specify|contain|state|answer|give|include)\b"
    r"|\bno (information|mention|answer)\b|\bunknown\b|\bcannot be (determined|answered)\b|\bunanswerable\b",
    re.IGNORECASE,
)


def items_of(samples: Sequence[Sample], count: int | None) -> tuple[list[Sample], list[GroundedItem]]:
    """The pictures that have captions, and the items made of them; the same each time."""
    stills = [s for s in samples if s.file.suffix.lower() in PICTURES and any(map(str.strip, s.captions))]
    return stills, grounded_items(stills, count or ITEMS, SEED, "test")


def grounded(models: Models, samples: Sequence[Sample], items: Iterable[GroundedItem]) -> Report:
    """samples: those that the items' pictures are numbers of. Notes have their stills where the decoder sees.

    exact_answer: of the items that a note answers, those whose first sentence has the answer's words and no other
    note's; not_found: of the others, those where it says that they do not tell.
    """
    skipped, kept, replies = Skipped(), [], []
    for item in items:
        try:
            stills = stills_of(item, samples) if models.decoder.max_stills else {}
        except UnreadableMedia as error:
            skipped.add(error)
            continue
        kept.append(item)
        replies.append(first_sentence("".join(models.decoder.stream(item.messages(stills), ANSWER_TOKENS))))
    check_any(kept, "notes", skipped)
    told = np.array([bool(item.answer) for item in kept])
    right = np.array([is_right(reply, item) for reply, item in zip(replies, kept, strict=True)])
    denied = np.array([denies(reply) for reply in replies])
    sources = np.array([item.source for item in kept])

    def statistic(weights: np.ndarray) -> dict[str, float]:
        found = {
            "accuracy": weighted_mean(right, weights),
            "exact_answer": weighted_mean(right[told], weights[told]),
            "not_found": weighted_mean(right[~told], weights[~told]),
            "false_refusal": weighted_mean(denied[told], weights[told]),
        }
        for source in ("speech", "text", "visual"):
            asked = told & (sources == source)
            found[f"exact_answer[{source}]"] = weighted_mean(right[asked], weights[asked])
        return {name: value for name, value in found.items() if not np.isnan(value)}

    predictions: list[dict[str, Any]] = [
        {
            "question": item.question,
            "notes": [note.line(number) for number, note in enumerate(item.notes, start=1)],
            "answer": item.target,
            "reply": reply,
            "right": bool(good),
        }
        for item, reply, good in zip(kept, replies, right, strict=True)
    ]
    figures = with_intervals(statistic, len(kept))
    notes = ["Notes and questions are made by code, in wordings that no training has."]
    return Report("grounded", figures, len(kept), len(kept), skipped, predictions, notes)


def stills_of(item: GroundedItem, samples: Sequence[Sample]) -> dict[int, Still]:
    """Of each note that shows a picture. Raises UnreadableMedia."""
    return {place: Still(time, read_picture(samples[i].file, LOOK_PX)) for place, i, time in item.places}


def first_sentence(reply: str) -> str:
    """What the app keeps of a small model's answer."""
    line = next((line.strip() for line in reply.splitlines() if line.strip()), "")
    return _SENTENCE_END.split(line, 1)[0]


def is_right(reply: str, item: GroundedItem) -> bool:
    if not item.answer:
        return denies(reply)
    return not denies(reply) and _has(reply, item.answer) and not any(_has(reply, other) for other in item.others)


def denies(reply: str) -> bool:
    return bool(_DENIAL.search(reply))


def _has(text: str, words: str) -> bool:
    return f" {normalise(words)} " in f" {normalise(text)} "
