"""From chat messages to tokens and back: the ChatML layout, a budget for the prompt, and text as tokens arrive.

What people and videos say is never read as a control token: a transcript that holds "<|im_end|>" ends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import PackError, UsageError

DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"  # as in the model's template
CUT = "\n[...]\n"  # stands where the middle of a text was left out
CHARS_A_TOKEN = 16  # more than any prose has: a longer text is cut before it costs time and memory to tokenise
SHORTEST_TOKENS = 16  # no message is cut below this

Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    prefix: list[int]  # the system message: the same for every question, so worth keeping computed
    rest: list[int]


class ChatTokenizer:
    """Of a checkpoint folder with a byte-level tokenizer.json. Raises PackError if that does not know ChatML."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.encode_special_tokens = True  # as the plain characters they are written with
        added = {token.content: number for number, token in self.tokenizer.get_added_tokens_decoder().items()}
        if not {"<|im_start|>", "<|im_end|>"} <= set(added):
            raise PackError(f"The language model in {folder} does not speak ChatML: its tokenizer has no <|im_start|>.")
        self.start, self.end = added["<|im_start|>"], added["<|im_end|>"]
        self.special = frozenset(added.values())
        self._newline = self.encode("\n")
        self._cut = self.encode(CUT)

    def encode(self, text: str) -> list[int]:
        clean = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
        return self.tokenizer.encode(clean, add_special_tokens=False).ids

    def prompt(self, messages: Sequence[Message], budget: int) -> Prompt:
        """At most `budget` tokens: the longest messages lose their middle first. Ends where the answer begins.

        Raises UsageError if so many messages do not fit whatever is cut.
        """
        if not messages or messages[0]["role"] != "system":
            messages = [{"role": "system", "content": DEFAULT_SYSTEM}, *messages]
        bodies = [self._body(message, budget) for message in messages]
        opening = [self.start, *self.encode("assistant\n")]
        frame = 2 + len(self._newline)
        self._shorten(bodies, budget - len(opening) - frame * len(bodies))
        framed = [[self.start, *body, self.end, *self._newline] for body in bodies]
        return Prompt(framed[0], [*(token for message in framed[1:] for token in message), *opening])

    def _body(self, message: Message, budget: int) -> list[int]:
        content, most = message["content"], budget * CHARS_A_TOKEN
        if len(content) > most:
            content = content[: most // 2] + CUT + content[-most // 2 :]
        return self.encode(f"{message['role']}\n{content}")

    def _shorten(self, bodies: list[list[int]], budget: int) -> None:
        while (excess := sum(map(len, bodies)) - budget) > 0:
            longest = max(range(len(bodies)), key=lambda i: len(bodies[i]))
            body = bodies[longest]
            if len(body) <= 2 * SHORTEST_TOKENS:
                raise UsageError(f"The conversation has too many messages ({len(bodies)}): begin a new one.")
            keep = max(len(body) - excess - len(self._cut), len(body) // 2 - len(self._cut), SHORTEST_TOKENS)
            bodies[longest] = [*body[: keep - keep // 2], *self._cut, *body[len(body) - keep // 2 :]]


class TextStream:
    """Tokens in, text out as soon as it is certain: whole characters, and nothing of a stop string or after it."""

    def __init__(self, tokens: ChatTokenizer, stop_strings: Sequence[str] = ()) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokens.tokenizer
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._stop_strings = [string for string in stop_strings if string]
        self._held = ""
        self.stopped = False

    def feed(self, token: int) -> str:
        self._held += self._decoder.step(self._tokenizer, token) or ""
        if found := [at for string in self._stop_strings if (at := self._held.find(string)) >= 0]:
            self.stopped = True
            return self._release(min(found))
        return self._release(len(self._held) - self._doubtful())

    def rest(self) -> str:
        """What was held back in case it began a stop string. A character that was never completed is dropped."""
        return "" if self.stopped else self._release(len(self._held))

    def _doubtful(self) -> int:
        """Length of the longest end of the held text that a stop string could begin with."""
        longest = max(map(len, self._stop_strings), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(string.startswith(self._held[-length:]) for string in self._stop_strings):
                return length
        return 0

    def _release(self, length: int) -> str:
        released, self._held = self._held[:length], self._held[length:]
        return released
