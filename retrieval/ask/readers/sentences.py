"""Sentences of a text that is still being written, and the numbers of the notes that they cite in square brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.search.lexicon import lexicons

_MOST_CITED = 12  # notes of one bracket: [2-9] is a range, [1-2000] is nonsense
_QUOTE_CHARS = 400  # a quotation mark that is open for longer was none
_LOOPED_CHARS, _LOOPS = 240, 4  # the end of a text that long, if it is so many times the same, is a loop
_NUMBERS = r"(?:notes?|frames?|注|笔记)?\s*#?(\d{1,4}(?:\s*[,;、，\-–]\s*#?\d{1,4})*)"
_CITED = re.compile(rf"[\[【［]\s*{_NUMBERS}\s*[\]】］]", re.IGNORECASE)
_TIMED = re.compile(r"\s*[\[(【]\s*\d{1,3}:\d{2}(?::\d{2})?(?:\s*[-–]\s*\d{1,3}:\d{2}(?::\d{2})?)?\s*[\])】]")
_WIDE_END = "\u3002\uff01\uff1f"
_END = re.compile(rf"[.!?…]+[\"”’)]*|[{_WIDE_END}]+[”\"』」\uff09]*|\n")
_LISTED = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d{1,2}$")


@dataclass(frozen=True)
class Sentence:
    text: str  # on one line, without citations and without the mark of a list
    cited: tuple[int, ...] = ()
    listed: bool = False  # one of a list, on a line of its own


class Sentences:
    """Cuts a text that comes in pieces. `feed` gives those that are whole by now, `rest` what is left at the end."""

    def __init__(self) -> None:
        self._pending = ""

    def feed(self, piece: str) -> list[Sentence]:
        self._pending += piece
        found = []
        while (cut := sentence_end(self._pending)) is not None:
            found.append(read(self._pending[:cut]))
            self._pending = self._pending[cut:]
        return [sentence for sentence in found if sentence.text or sentence.cited]

    def rest(self, whole: bool = False) -> list[Sentence]:
        """What is left; with `whole` only if it ends as a sentence does."""
        text, self._pending = self._pending, ""
        if whole:
            cut = sentence_end(text, final=True)
            text = text[:cut] if cut is not None else ""
        sentence = read(text)
        return [sentence] if sentence.text else []

    @property
    def loops(self) -> bool:
        """Whether what is left says the same again and again and never ends."""
        text = " ".join(self._pending.split())
        if len(text) < _LOOPED_CHARS:
            return False
        tail = text[-_LOOPED_CHARS:]
        return any(_periodic(tail, size) for size in range(1, _LOOPED_CHARS // _LOOPS + 1))


def read(text: str) -> Sentence:
    numbers = [number for found in _CITED.finditer(text) for number in _counted(found[1])]
    bare = _TIMED.sub("", _CITED.sub("", text))
    bare = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(bare.split()))
    listed = _LISTED.match(text.lstrip("\n"))
    return Sentence(_LISTED.sub("", bare), tuple(dict.fromkeys(numbers)), listed is not None)


def sentence_end(text: str, final: bool = False) -> int | None:
    """Where the first sentence ends, its citations with it; None while more of it may come (unless `final`)."""
    for end in _END.finditer(text):
        before, rest = text[: end.start()], text[end.end() :]
        if end[0] == "\n":
            if before.strip():
                return end.end()
            continue
        if end[0] == "." and _goes_on(before, rest):
            continue
        if _quoting(before) and not re.search(r"[\"”』」]", end[0]):
            continue
        stripped = rest.lstrip(" ")
        if stripped[:1].islower() and end[0][-1] in '"”’)':  # "Stop." was said
            continue
        if not stripped:
            done = final or end[0][0] in _WIDE_END or re.search(r"[\]】]\s*$", before)
            return end.end() if done and (end[0] != "." or final or not _short(before)) else None
        if stripped[0] not in "[【[":
            return end.end()
        at = end.end()
        while found := re.compile(rf"\s*{_CITED.pattern}", re.IGNORECASE).match(text, at):
            at = found.end()
        if not final and re.match(r"\s*[\[【[][^\]】]]*$", text[at:]):
            return None
        return at
    return None


def _goes_on(before: str, rest: str) -> bool:
    """Whether a full stop is a decimal point, or part of an abbreviation, an address, or the number of a list."""
    if rest and not rest[0].isspace() and rest[0] not in "[【[\"'”’)" and ord(rest[0]) < 0x2E80:
        return True
    word = before.split()[-1].lower().lstrip("(\"“'[") if before.split() else ""
    following = rest.lstrip()[:1]
    known = lexicons()["en"].words
    if word in known["check.titles"] or (re.fullmatch(r"[a-z]", word) and word != "i"):
        return True
    if word == "no":  # No. 5
        return following.isdigit()
    if word in known["check.abbreviations"]:
        return bool(following) and not following.isupper() and following not in "[【"
    return bool(_LIST_NUMBER.search(before)) and bool(following)


def _short(before: str) -> bool:
    """Whether what stands before a full stop may be an abbreviation: then what follows tells."""
    word = before.split()[-1].lower() if before.split() else ""
    known = lexicons()["en"].words
    return word in known["check.abbreviations"] or word in known["check.titles"] or word == "no"


def _quoting(text: str) -> bool:
    """Whether a quotation is open at the end of a text."""
    recent = text[-_QUOTE_CHARS:] if len(text) <= _QUOTE_CHARS else ""
    return (
        recent.count("“") > recent.count("”") or recent.count('"') % 2 == 1 or recent.count("「") > recent.count("」")
    )


def _counted(numbers: str) -> list[int]:
    found: list[int] = []
    for part in re.split(r"\s*[,;、，]\s*", numbers.replace("#", "")):
        first, *last = (int(number) for number in re.split(r"\s*[-–]\s*", part))
        found += range(first, min(last[0], first + _MOST_CITED) + 1) if last and last[0] > first else [first, *last]
    return found


def _periodic(text: str, size: int) -> bool:
    return text[size:] == text[:-size]
