"""Questions that have few answers: what is worn on the head, which room, what colour.

A language model that was shown few photos answers them with whatever it often said ("on the wrist? A blue shirt.").
Here the answers are of the kind that is asked for: of each, how well it fits the picture and how often people speak of
it decide together. What colour has a head of its own (`model/colour_answers.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model.colour_questions import asks_for_a_colour
from model.likely import Likely

if TYPE_CHECKING:
    from model.loading import Models
    from model.vision.encoder import VisionEncoder


@dataclass(frozen=True)
class Kind:
    """`answers` fill `shown`; with each, how many of the 30,395 captions that the heads learned from speak of it."""

    asked: re.Pattern[str]
    shown: str
    answers: dict[str, int]

    @property
    def captions(self) -> list[str]:
        return [self.shown.format(answer) for answer in self.answers]


def _worn(places: str, shown: str, answers: dict[str, int]) -> Kind:
    asked = rf"\b(?:what|which)\b.*\b(?:wear\w*|worn|ha(?:s|ve))\b.*\b(?:on|over|around|in|at)\b.*\b(?:{places})\b"
    return Kind(re.compile(asked, re.IGNORECASE), shown, answers)


KINDS = (
    _worn("face|eyes?|nose", "a person wearing {} on the face",
          {"glasses": 142, "sunglasses": 180, "goggles": 54, "a mask": 62}),
    _worn("wrists?", "a person wearing {} on the wrist", {"a watch": 5, "a bracelet": 8, "a wristband": 3}),
    _worn("head", "a person wearing {} on the head",
          {"a hat": 565, "a helmet": 325, "a cap": 152, "a headband": 39, "a hood": 10}),
    _worn("foot|feet", "a person wearing {} on the feet",
          {"shoes": 78, "boots": 54, "skates": 56, "sandals": 21, "sneakers": 12}),
    _worn("neck", "{} around the neck", {"a collar": 144, "a scarf": 68, "a necklace": 42, "a tie": 21}),
    _worn("ears?", "a person wearing {} on the ears", {"headphones": 42, "earrings": 12}),
    Kind(re.compile(r"\b(?:what|which)\b(?:\s+(?:kind|sort|type)\s+of)?\s+pattern\b", re.IGNORECASE),
         "a person in clothes with {}", {"stripes": 175, "checks": 64, "flowers": 31, "camouflage": 26, "dots": 18}),
    Kind(re.compile(r"\b(?:what|which)\s+(?:(?:kind|sort|type)\s+of\s+)?floor\b", re.IGNORECASE),
         "a room with a {} floor", {"wooden": 25, "tiled": 7, "concrete": 1, "carpeted": 49}),
    Kind(re.compile(r"\b(?:what|which)\s+(?:(?:kind|sort|type)\s+of\s+)?room\b(?!\s+number)", re.IGNORECASE),
         "a {}", {"kitchen": 62, "bathroom": 25, "living room": 15, "hallway": 15, "office": 14, "bedroom": 7,
                  "garage": 5, "dining room": 4, "classroom": 2}),
)  # fmt: skip


def kind_of(question: str) -> Kind | None:
    """The first that an English question asks for."""
    return next((kind for kind in KINDS if kind.asked.search(question)), None)


def closed_answers(models: Models, question: str, pictures: Sequence[np.ndarray]) -> list[Likely]:
    """Answers to a question about pictures uint8 [H, W, 3], likeliest first; none where its answers are not few."""
    if not pictures:
        return []
    if asks_for_a_colour(question):
        return models.colour_answers.to(question, pictures) if models.colour_answers else []
    kind = kind_of(question)
    return fitting(models.vision, kind, pictures) if kind else []


def fitting(vision: VisionEncoder, kind: Kind, pictures: Sequence[np.ndarray]) -> list[Likely]:
    """The answers of a kind: Bayes' rule with the cosines to their captions and how often people speak of them."""
    frame = np.mean([vision.encode_frames(picture[None]).pooled[0] for picture in pictures], axis=0)
    evidence = vision.contrast * (vision.encode_text(kind.captions) @ frame)
    scores = evidence + np.log(list(kind.answers.values()))
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    names = list(kind.answers)
    return [Likely(names[number], float(likely[number])) for number in np.argsort(-likely, kind="stable")]
