"""Answers that say how likely they are. No model is loaded to compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from model.language.chat import GenerationStats


AnswerKind = Literal["any", "thing", "number"]  # a number may be said in words; a thing is neither that nor yes or no


@dataclass(frozen=True)
class Likely:
    """An answer and how likely it is, 0 to 1."""

    text: str
    likelihood: float


def as_likely(text: str, stats: GenerationStats | None) -> Likely:
    """What a decoder wrote; beyond doubt where it does not say how likely it holds that."""
    return Likely(text, 1.0 if stats is None or stats.likelihood is None else stats.likelihood)


def surest(answers: Sequence[Likely]) -> list[Likely]:
    """Whoever gave them, likeliest first; of equals the first. A model's doubt and a head's are both in [0, 1]."""
    return sorted(answers, key=lambda answer: -answer.likelihood)
