"""What every model that words answers is given and gives back, whether it runs here or on a server, blind or seeing.

A message's content is text, or text and stills in the order in which they are to be read. Stills are taken by us and go
with their times, so that no model and no server samples frames in its own way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

import numpy as np


@dataclass(frozen=True, eq=False)
class Still:
    """One picture of a video and when it is shown."""

    seconds: float  # from the start of the video
    picture: np.ndarray  # uint8 [H, W, 3] RGB

    @property
    def label(self) -> str:
        """How its time is told to a model, in text before the picture; the form that Qwen3-VL was trained with."""
        return f"<{self.seconds:.1f} seconds>"


Part = str | Still


class Message(TypedDict):
    role: str  # "system", "user" or "assistant"
    content: str | list[Part]


@dataclass(frozen=True)
class GenerationStats:
    prompt_tokens: int
    new_tokens: int = 0
    first_token_s: float = 0.0  # from the call, waiting for other answers included
    tokens_per_second: float = 0.0  # of the tokens after the first
    cached_tokens: int = 0  # of the prompt, that were already computed
    stills: int = 0  # that were looked at: those given, less those that did not fit
    likelihood: float | None = None  # of the tokens written: their geometric mean; None where it is not known


class OwnStats:
    """`last_stats` of a decoder: each thread sees those of the answer that it reads itself, not its neighbour's."""

    def __get__(self, decoder: Any, kind: type | None = None) -> GenerationStats | None:
        return getattr(self._of(decoder), "stats", None)

    def __set__(self, decoder: Any, stats: GenerationStats | None) -> None:
        self._of(decoder).stats = stats

    def _of(self, decoder: Any) -> threading.local:
        own: threading.local = decoder.__dict__.setdefault("_own_stats", threading.local())
        return own


class Decoder(Protocol):
    """Words an answer. Safe to use from several threads."""

    max_stills: int  # how many stills it looks at for one answer; 0: it is blind, and stills in a message are left out
    last_stats: GenerationStats | None  # of the answer that this thread reads, or read last

    def count_tokens(self, text: str) -> int: ...

    def warm_up(self, messages: Sequence[Message] | None = None) -> None:
        """Do now what the first of many prompts that begin with `messages` would have to wait for."""
        ...

    def stream(
        self,
        messages: Sequence[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]:
        """Pieces of the answer as they are certain; ends within 0.2 s of `stop()` being true.

        A prompt that is too long for the model loses stills (evenly) and the middle of its longest texts, never its
        end: no input can exhaust memory. Raises UsageError if too many messages do not fit whatever is cut.
        """
        ...


def parts_of(message: Message) -> list[Part]:
    """The content as a list, neighbouring texts joined."""
    content = message["content"]
    joined: list[Part] = []
    for part in [content] if isinstance(content, str) else content:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def text_of(message: Message) -> str:
    """The text alone, for a model that is blind."""
    return "".join(part for part in parts_of(message) if isinstance(part, str))


def stills_of(messages: Sequence[Message]) -> list[Still]:
    return [part for message in messages for part in parts_of(message) if isinstance(part, Still)]


def keep_evenly(stills: Sequence[Still], most: int) -> list[Still]:
    """At most `most` of the stills, spread evenly, the first and the last among them."""
    if len(stills) <= most:
        return list(stills)
    if most <= 1:
        return list(stills[:most])
    return [stills[round(i * (len(stills) - 1) / (most - 1))] for i in range(most)]
