"""Text to tokens, and tokens back to text as they arrive.

What people and videos say is never read as a control token: a transcript that holds "<|im_end|>" ends nothing.
Knows nothing of messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tokenizers import Tokenizer

After = Literal["nothing", "control", "text"]  # what a piece of text stands behind: SentencePiece begins words by it


class TextEncoder:
    """Encodes pieces of a prompt one by one, byte-level BPE and SentencePiece alike.

    SentencePiece puts a space before a text; a piece that goes on in the middle of one must not get another.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """`tokenizer` becomes this object's own: give a copy if it is used elsewhere."""
        tokenizer.encode_special_tokens = True  # as the plain characters they are written with
        self.tokenizer = tokenizer
        self.added = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
        self.flags = {token.content: token for token in tokenizer.get_added_tokens_decoder().values()}
        # Runs of spaces are tokens of their own in some vocabularies, and no danger.
        control = [content for content in self.added if content.strip(" \t\r\n\u2581")]
        unknown = getattr(tokenizer.model, "unk_token", None)
        self.control = frozenset(self.added[content] for content in control)
        self._unknown = self.added.get(unknown) if isinstance(unknown, str) else None
        longest_first = sorted(control, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._inner, only_first = without_opening_space(tokenizer)
        self._by_place = {
            "nothing": tokenizer,
            "control": self._inner if only_first else tokenizer,
            "text": self._inner,
        }

    def encode(self, text: str, after: After = "nothing") -> list[int]:
        clean = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
        tokens: list[int] = self._by_place[after].encode(clean, add_special_tokens=False).ids
        if self.control.isdisjoint(tokens):
            return tokens
        return self._encode_broken(clean, after)

    def _encode_broken(self, text: str, after: After) -> list[int]:
        """For vocabularies that find control tokens in plain text none the less: each is taken apart."""
        cuts = [found.start() + 1 for found in self.pattern.finditer(text) if len(found[0]) > 1]
        pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        tokens: list[int] = []
        for number, piece in enumerate(pieces):
            found = self._by_place["text" if number else after].encode(piece, add_special_tokens=False).ids
            if len(pieces) > 1 and not self.control.isdisjoint(found):
                found = self._encode_broken(piece, "text" if number else after)
            tokens += (token for token in found if token not in self.control or token == self._unknown)
        return tokens


class TextStream:
    """Tokens in, text out as soon as it is certain: whole characters, and nothing of a stop string or after it."""

    def __init__(self, tokenizer: Tokenizer, stop_strings: Sequence[str] = ()) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer
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


def without_opening_space(tokenizer: Tokenizer) -> tuple[Tokenizer, bool]:
    """The same tokenizer for text in the middle of other text, and whether only a prompt's very first text differs."""
    from tokenizers import Tokenizer

    if not any(re.search("Prepend|Metaspace|add_prefix_space", repr(part)) for part in parts_of(tokenizer)):
        return tokenizer, False
    description = json.loads(tokenizer.to_str())
    only_first = '"prepend_scheme":"first"' in json.dumps(description, separators=(",", ":"))
    for part in ("normalizer", "pre_tokenizer"):
        description[part] = remove_opening_space(description[part])
    inner = Tokenizer.from_str(json.dumps(description))
    inner.encode_special_tokens = True
    return inner, only_first


def parts_of(tokenizer: Tokenizer) -> list[Any]:
    return [tokenizer.normalizer, tokenizer.pre_tokenizer]


def remove_opening_space(part: Any) -> Any:
    """A normalizer or pre-tokenizer as tokenizer.json writes it, without what puts a space before a text."""
    if isinstance(part, list):
        return [remove_opening_space(inner) for inner in part if inner.get("type") != "Prepend"]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "Prepend":
        return None
    changed = {key: remove_opening_space(value) for key, value in part.items()}
    if part.get("type") == "Metaspace":
        changed["prepend_scheme"] = "never"
    if "add_prefix_space" in part:
        changed["add_prefix_space"] = False
    return changed
