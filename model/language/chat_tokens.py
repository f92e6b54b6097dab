"""From chat messages to tokens: the model's own layout, pictures as placeholders, and a budget that always holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.errors import UsageError
from model.language.chat import Message, Still, keep_evenly, parts_of, stills_of, text_of
from model.language.chat_layout import Slot, read_layout
from model.language.text_tokens import After, TextStream

PLACEHOLDER = -1  # stands where a token of a picture goes; in no vocabulary
CUT = "\n[...]\n"  # stands where the middle of a text was left out
CHARS_A_TOKEN = 16  # more than any prose has: a longer text is cut before it costs time and memory to tokenise
SHORTEST_TOKENS = 16  # no text is cut below this
STILLS_SHARE = 0.5  # of the budget, at most: words must fit too


@dataclass(frozen=True)
class Prompt:
    prefix: list[int]  # the system message: the same for every question, so worth keeping computed
    rest: list[int]
    stills: list[Still] = field(default_factory=list)  # those whose placeholders stand in `rest`, in that order

    def __len__(self) -> int:
        return len(self.prefix) + len(self.rest)


class ChatTokenizer:
    """Of a checkpoint's folder. Raises CheckpointError if there is no tokenizer that can be read."""

    def __init__(self, folder: Path) -> None:
        self._encoder, self.layout = read_layout(folder)
        self.tokenizer = self._encoder.tokenizer
        self._cut = self.encode(CUT, "text")

    def encode(self, text: str, after: After = "nothing") -> list[int]:
        """Never a control token, whatever the text holds."""
        return self._encoder.encode(text, after)

    def stream(self, stop_strings: Sequence[str] = ()) -> TextStream:
        return TextStream(self.tokenizer, [*stop_strings, *self.layout.stops])

    def prompt(self, messages: Sequence[Message], budget: int, most_stills: int = 0, still_tokens: int = 0) -> Prompt:
        """At most `budget` tokens. Ends where the answer begins.

        Of the stills at most `most_stills` are kept, evenly, in at most half the budget; each becomes its time and
        `still_tokens` placeholders. Then the longest texts lose their middle. A system message's stills are left out.
        Raises UsageError if so many messages do not fit whatever is cut.
        """
        begins_with_system = bool(messages) and messages[0]["role"] == "system"
        if self.layout.default_system and not begins_with_system:
            messages = [{"role": "system", "content": self.layout.default_system}, *messages]
        slots, opening = self.layout.slots([message["role"] for message in messages])
        told = [messages[slot.message] for slot in slots]
        kept = self._choose([m for m in told if m["role"] != "system"], budget, most_stills, still_tokens)
        waiting = deque(kept)
        bodies = [
            list(self._body(slot, message, waiting, still_tokens, budget))
            for slot, message in zip(slots, told, strict=True)
        ]
        fixed = len(opening) + sum(len(slot.opening) + len(slot.closing) for slot in slots)
        self._shorten(bodies, budget - fixed)
        framed = [
            [*slot.opening, *(token for piece in body for token in piece), *slot.closing]
            for slot, body in zip(slots, bodies, strict=True)
        ]
        prefix = framed.pop(0) if told and told[0]["role"] == "system" else []
        return Prompt(prefix, [*(token for message in framed for token in message), *opening], kept)

    def _choose(self, messages: Sequence[Message], budget: int, most: int, still_tokens: int) -> list[Still]:
        stills = stills_of(messages) if most and still_tokens else []
        if not stills:
            return []
        label_tokens = max(len(self._label(still)) for still in stills)
        return keep_evenly(stills, min(most, int(STILLS_SHARE * budget) // (label_tokens + still_tokens)))

    def _label(self, still: Still) -> list[int]:
        return self.encode(f" {still.label} ", "text")

    def _body(
        self, slot: Slot, message: Message, waiting: deque[Still], still_tokens: int, budget: int
    ) -> Iterator[list[int]]:
        """Pieces of a message: texts, and what stands for a still, which is never cut. Takes stills off `waiting`."""
        parts = [text_of(message)] if message["role"] == "system" else parts_of(message)
        if not parts or isinstance(parts[0], Still):
            parts = ["", *parts]
        text, after = slot.lead, slot.after
        for part in parts:
            if isinstance(part, str):
                text += shorten_text(part, budget * CHARS_A_TOKEN)
            elif waiting and part is waiting[0]:
                waiting.popleft()
                if text:
                    yield self.encode(text, after)
                yield [*self._label(part), *[PLACEHOLDER] * still_tokens]
                text, after = "", "text"
        if text:
            yield self.encode(text, after)

    def _shorten(self, bodies: list[list[list[int]]], budget: int) -> None:
        """Cuts the middle of the longest texts, in place, until all pieces together fit."""
        texts = [piece for body in bodies for piece in body if PLACEHOLDER not in piece]
        budget -= sum(len(piece) for body in bodies for piece in body if PLACEHOLDER in piece)
        while (excess := sum(map(len, texts)) - budget) > 0:
            longest = max(texts, key=len, default=[])
            if len(longest) <= 2 * SHORTEST_TOKENS:
                raise UsageError(f"The conversation has too many messages ({len(bodies)}): begin a new one.")
            keep = max(len(longest) - excess - len(self._cut), len(longest) // 2 - len(self._cut), SHORTEST_TOKENS)
            longest[:] = [*longest[: keep - keep // 2], *self._cut, *longest[len(longest) - keep // 2 :]]


def shorten_text(text: str, most: int) -> str:
    """Without its middle if it has more than `most` characters."""
    return text if len(text) <= most else text[: most // 2] + CUT + text[-most // 2 :]
