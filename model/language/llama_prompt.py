"""From chat messages with stills to the request that llama.cpp answers, within a budget of tokens that it counts.

The file's own chat template lays the messages out; stills go in as images behind their times in text. Knows nothing of
processes: whoever counts is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.language.chat import Message, Part, Still, keep_evenly, parts_of, stills_of
from model.language.openai_messages import data_url
from model.language.vlm_prompt import clean, shorten, shrink

SIDE_PX = 448  # the longest of a still: tells people, things and actions, and larger ones take seconds each to read
STILLS_SHARE = 0.5  # of the context, at most: words must fit too
# Names of `clip.projector_type` whose pictures must be read in one batch (their tokens see one another), and its size.
ONE_BATCH_TOKENS = {"gemma3": 512, "gemma3nv": 512, "gemma4v": 1024}

Content = str | list[dict[str, Any]]
Chat = list[dict[str, Any]]  # messages as OpenAI's protocol has them
Count = Callable[[Chat], int]  # tokens of messages, laid out by the template, pictures included


@dataclass(frozen=True)
class LlamaPrompt:
    messages: Chat
    stills: int  # that are in it


class LlamaPromptWriter:
    """Safe to use from several threads."""

    def __init__(
        self,
        count: Count,
        count_text: Callable[[str], int],
        control: Sequence[str],
        context_tokens: int,
        max_stills: int,
    ) -> None:
        """`control`: tokens that the model's tokenizer finds by their spelling."""
        self.context_tokens, self.max_stills = context_tokens, max_stills
        self._count, self._count_text = count, count_text
        spelled = sorted((token for token in control if len(token.strip()) > 1), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, spelled)) or r"(?!)")
        self._tokens_of: dict[tuple[int, int], int] = {}

    def write(self, messages: Sequence[Message]) -> LlamaPrompt:
        """At most `context_tokens`, of which pictures take half: they become fewer, then texts are cut.

        Raises UsageError if too many messages do not fit whatever is cut.
        """
        told = [Message(role=m["role"], content=clean(m, self._control, self.context_tokens)) for m in messages]
        pictures = self._choose(keep_evenly(stills_of(told), self.max_stills))
        for message in told:
            message["content"] = [part for part in parts_of(message) if isinstance(part, str) or id(part) in pictures]
        seen = sum(self._picture_tokens(picture) for picture in pictures.values())
        room = self.context_tokens
        while True:
            shorten(told, room - seen, lambda found: self._count(lay_out(found, {})), self._count_text)
            laid_out = lay_out(told, {number: as_image(picture) for number, picture in pictures.items()})
            # What a picture costs beside text may differ a little from what it costs alone.
            excess = self._count(laid_out) - self.context_tokens if pictures else 0
            if excess <= 0:
                return LlamaPrompt(laid_out, len(pictures))
            room -= excess

    def _choose(self, stills: list[Still]) -> dict[int, np.ndarray]:
        """Of the stills as many as fit into their share, evenly: id -> picture, shrunk."""
        room = int(STILLS_SHARE * self.context_tokens)
        pictures = {id(still): np.asarray(shrink(still, SIDE_PX)) for still in stills}
        kept = stills
        while kept and sum(self._still_tokens(still, pictures[id(still)]) for still in kept) > room:
            kept = keep_evenly(stills, len(kept) - 1)
        return {id(still): pictures[id(still)] for still in kept}

    def _still_tokens(self, still: Still, picture: np.ndarray) -> int:
        return self._picture_tokens(picture) + self._count_text(still.label)

    def _picture_tokens(self, picture: np.ndarray) -> int:
        """Every family of models has its own rule, so a blank picture of that size is counted once."""
        height, width = picture.shape[:2]
        if (height, width) not in self._tokens_of:
            blank = as_image(np.zeros((height, width, 3), np.uint8))
            words: list[dict[str, Any]] = [{"type": "text", "text": "."}]
            with_it, without = (self._count([{"role": "user", "content": parts}]) for parts in ([*words, blank], words))
            self._tokens_of[height, width] = with_it - without
        return self._tokens_of[height, width]


def lay_out(messages: Sequence[Message], images: dict[int, dict[str, Any]]) -> Chat:
    """`images`: what stands for which still; of others only the time is told."""
    return [{"role": message["role"], "content": content_of(parts_of(message), images)} for message in messages]


def content_of(parts: Sequence[Part], images: dict[int, dict[str, Any]]) -> Content:
    """Text alone, or text and image parts in turn; a still's time ends the text before it."""
    found: list[dict[str, Any]] = []
    text = ""
    for part in parts:
        text += part if isinstance(part, str) else part.label
        if not isinstance(part, str) and id(part) in images:
            found += [{"type": "text", "text": text}, images[id(part)]]
            text = ""
    if not found:
        return text
    return [*found, {"type": "text", "text": text}] if text else found


def as_image(picture: np.ndarray) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(picture)}}
