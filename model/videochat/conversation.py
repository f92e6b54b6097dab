"""How frames and a question are put to a decoder that sees through an adapter: the same in training and in answering.

Knows nothing of tokens or networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.language.chat import Message, Part, Still, keep_evenly, stills_of

TOLD_TIMES = 16  # of a clip, in text; the adapter is told all


@dataclass(frozen=True, eq=False)
class Clip(Still):
    """Several stills that become K tokens together: what an adapter per clip looks at. Stands for its first still."""

    stills: tuple[Still, ...]

    @property
    def label(self) -> str:
        """The times of all, or of some spread evenly, before the tokens of the whole."""
        return " ".join(still.label for still in keep_evenly(self.stills, TOLD_TIMES))


def ask(stills: Sequence[Still], question: str, per: Literal["frame", "clip"]) -> list[Message]:
    """The pictures with their times, then the question. Without pictures the question alone."""
    pictures: list[Part] = list(stills)
    if per == "clip" and stills:
        pictures = [Clip(stills[0].seconds, stills[0].picture, tuple(stills))]
    return [{"role": "user", "content": [*pictures, question]}]


def frames_in(still: Still) -> tuple[Still, ...]:
    return still.stills if isinstance(still, Clip) else (still,)


def all_frames(messages: Sequence[Message]) -> list[Still]:
    """Every frame of a conversation, in order."""
    return [frame for still in stills_of(messages) for frame in frames_in(still)]
