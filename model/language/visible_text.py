"""What of a streamed answer may be shown: no thinking aloud of a reasoning model, nothing from a stop string on."""

from __future__ import annotations

from collections.abc import Sequence

_OPEN, _CLOSE = "<think>", "</think>"


class VisibleText:
    """Pieces in, pieces out as soon as it is certain that no mark begins in them.

    Thinking that has an end but no beginning (some templates open it for the model) cannot be told from an answer.
    """

    def __init__(self, stop_strings: Sequence[str] = ()) -> None:
        self._stop_strings = [string for string in stop_strings if string]
        self._held = ""
        self._thinking = False
        self._fresh = True  # nothing shown yet, so blank lines after the thinking are dropped
        self.stopped = False

    def feed(self, piece: str) -> str:
        self._held += piece
        shown = ""
        while not self.stopped:
            marks = [_CLOSE] if self._thinking else [_OPEN, *self._stop_strings]
            found = min(((at, mark) for mark in marks if (at := self._held.find(mark)) >= 0), default=None)
            if found is None:
                shown += self._release(len(self._held) - _overlap(self._held, marks))
                break
            shown += self._release(found[0])
            self._held = self._held[len(found[1]) :]
            self.stopped = found[1] in self._stop_strings and not self._thinking
            self._thinking = found[1] == _OPEN
        return shown

    def rest(self) -> str:
        """What was held back in case it began a mark."""
        return "" if self.stopped else self._release(len(self._held))

    def _release(self, length: int) -> str:
        released, self._held = self._held[:length], self._held[length:]
        if self._thinking:
            return ""
        if self._fresh:
            released = released.lstrip()
        self._fresh = self._fresh and not released
        return released


def _overlap(text: str, marks: Sequence[str]) -> int:
    """Length of the longest end of `text` that one of `marks` begins with."""
    for length in range(min(max(map(len, marks)) - 1, len(text)), 0, -1):
        if any(mark.startswith(text[-length:]) for mark in marks):
            return length
    return 0
