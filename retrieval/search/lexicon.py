"""The words of a language that questions are understood and answered with: data, one file a language.

A phrase of such a file is compiled here and nowhere else. "…" stands for any words, "{name}" for words that are taken
out, "(a|b)" for a choice, "[a]" for words or letters that may be missing; "^" and "$" are the ends of the question.
"""

from __future__ import annotations

import functools
import math
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.store.fulltext import CJK_RUN

FOLDER = Path(__file__).parent / "lexicons"
_TABLES: tuple[str, ...] = (
    "talk",
    "file",
    "operations",
    "asked",
    "speech",
    "text",
    "visual",
    "wants",
    "windows",
    "places",
)
_TABLES += ("relations", "follow", "negation", "colours", "injected")
_LISTS: tuple[tuple[str, str], ...] = (("negation", "words"), ("colours", "list"), ("colours", "names"))
_LISTS += (("listed", "things"), ("asked", "words"))
_COMPARED = ("titles", "abbreviations", "negative", "unnegated", "languages", "later", "earlier", "particles")
_LISTS += tuple(("check", name) for name in _COMPARED)
_PART = re.compile(r"\{(?P<name>\w+)\}|\)\?|.", re.DOTALL)
# A space is whatever stands between two words, though what stands beside it be left out.
_SIGNS = {" ": r"\W*\b\W*", "…": ".*?", "(": "(?:", ")": ")", ")?": ")?", "[": "(?:", "]": ")?", "|": "|"}
_TOLD = 0.25  # of the words: other languages have some of English's too
_CLOCK = r"\d{1,3}:\d{2}(?::\d{2})?(?:\.\d+)?"


@dataclass(frozen=True)
class Lexicon:
    """What a language file holds. `phrases`: "table.name" -> patterns, in the order in which they are tried."""

    name: str
    code: str
    spaced: bool  # whether words are told apart by spaces
    stop: frozenset[str]
    asking: frozenset[str]
    typed: frozenset[str]
    typos: dict[str, str]
    numbers: dict[str, float]
    units: dict[str, float]  # seconds
    shares: dict[str, int]  # parts of a whole
    phrases: dict[str, list[re.Pattern[str]]]
    words: dict[str, frozenset[str]]  # lists of words by "table.name"
    lengths: re.Pattern[str]  # "number" and "unit" of each part of a length
    numbered: re.Pattern[str]  # "unit" and "number" of "second 83"
    say: dict[str, str]
    numerals: dict[str, float]  # all number words, for comparing sentences
    groups: dict[str, list[list[str]]]  # of words that exclude each other ("exclusive.weekday"), each with its synonyms

    def match(self, name: str, text: str) -> re.Match[str] | None:
        """The first phrase of a list ("operations.when") that a text has."""
        return next((found for pattern in self.phrases[name] if (found := pattern.search(text))), None)

    def matches(self, table: str, text: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Name and match of every list of a table that a text fits, in the order of the file."""
        for name in self.phrases:
            if name.startswith(f"{table}.") and (found := self.match(name, text)):
                yield name.removeprefix(f"{table}."), found

    def seconds(self, text: str) -> float:
        """Of 1:23, "1 minute and 23 seconds", "second 83", "1分23秒"."""
        if clock := re.search(_CLOCK, text):
            return math.fsum(float(part) * 60**i for i, part in enumerate(reversed(clock[0].split(":"))))
        if numbered := self.numbered.search(text):
            return float(numbered["number"]) * self.units[numbered["unit"].lower()]
        found = list(self.lengths.finditer(text))
        if not found:  # "the last minute"
            return self.units.get(text.split()[-1].lower() if text.split() else "", 1.0)
        return math.fsum(self.number(part["number"]) * self.units[part["unit"].lower()] for part in found)

    def number(self, text: str) -> float:
        """Of "12", "twelve", "twenty five", "二十五"."""
        if text.strip().replace(".", "", 1).isdigit():
            return float(text)
        total = 0.0
        for word in re.findall("|".join(map(re.escape, sorted(self.numbers, key=len, reverse=True))), text.lower()):
            value = self.numbers[word]
            total = total * value if value == 10 and total else total + value
        return total

    def has(self, name: str, text: str) -> bool:
        return self.match(name, text) is not None


@functools.cache
def lexicons() -> dict[str, Lexicon]:
    """All languages by their code."""
    return {lexicon.code: lexicon for lexicon in map(_read, sorted(FOLDER.glob("*.toml")))}


def lexicon_of(text: str) -> Lexicon:
    """The language of a text, by its commonest words; English where none is told."""
    known = lexicons()
    return max(known.values(), key=lambda lexicon: (_share(lexicon, text), lexicon.code == "en"))


def told_language(text: str) -> str | None:
    """The code of a text's language where its commonest words tell it; of other languages nothing is known."""
    lexicon = lexicon_of(text)
    return lexicon.code if _share(lexicon, text) >= _TOLD else None


def _share(lexicon: Lexicon, text: str) -> float:
    if not lexicon.spaced:  # one character of its writing is enough: names in Latin letters stand in every language
        written = [char for char in text if char.isalpha()]
        share = sum(bool(CJK_RUN.fullmatch(char)) for char in written) / max(1, len(written))
        return 1.0 if any(word in text for word in lexicon.stop) else share
    words = [word.strip(".,;:!?¿¡\"'()").lower() for word in text.split()]
    return sum(word in lexicon.stop for word in words) / max(1, len(words)) * 0.99


def _read(path: Path) -> Lexicon:
    data = tomllib.loads(path.read_text("utf-8"))
    typed = {kind: _typed(kind, data) for kind in ("clock", "length", "time", "part", "count", "number", "question")}
    typed["until"] = typed["time"]
    phrases = {
        f"{table}.{name}": [compile_phrase(phrase, data["spaced"], typed) for phrase in listed]
        for table in _TABLES
        for name, listed in data[table].items()
        if (table, name) not in _LISTS
    }
    return Lexicon(
        name=data["name"],
        code=data["code"],
        spaced=data["spaced"],
        stop=frozenset(data["stop"].split()),
        asking=frozenset(data["asking"].split()),
        typed=frozenset(data["typed"].split()),
        typos=data["typos"],
        numbers=data["numbers"],
        units=data["units"],
        shares=data["shares"],
        phrases=phrases,
        words={f"{table}.{name}": frozenset(data[table][name]) for table, name in _LISTS},
        lengths=re.compile(rf"(?P<number>{_number(data)})[\s-]*(?P<unit>{_any(data['units'])})", re.IGNORECASE),
        numbered=re.compile(rf"\b(?P<unit>{_any(data['units'])})\s+(?P<number>\d+)", re.IGNORECASE),
        say=data["say"],
        numerals=data["numbers"] | data["check"]["numerals"],
        groups={
            f"{kind}.{name}": [entry.split() for entry in entries]
            for kind in ("exclusive", "same", "converse", "verbs")
            for name, entries in data["check"][kind].items()
        },
    )


def compile_phrase(phrase: str, spaced: bool, typed: dict[str, str]) -> re.Pattern[str]:
    """A phrase as a pattern. `typed` has patterns of captures that are times or numbers."""
    first, last = phrase.startswith("^"), phrase.endswith("$")
    pattern = _PART.sub(lambda part: _translated(part, typed), phrase[first : len(phrase) - last])
    if spaced:
        pattern = ("" if first else r"(?<!\w)") + f"(?:{pattern})" + ("" if last else r"(?!\w)")
    return re.compile(("^" if first else "") + pattern + ("$" if last else ""), re.IGNORECASE)


def _translated(part: re.Match[str], typed: dict[str, str]) -> str:
    if name := part["name"]:
        return f"(?P<{name}>{typed.get(name, '.+?')})"
    return _SIGNS.get(part[0]) or re.escape(part[0])


def _typed(kind: str, data: dict[str, Any]) -> str:
    """The pattern of a time as people write it."""
    number = _number(data)
    unit = rf"(?:{_any(data['units'])})" + (r"\b" if data["spaced"] else "")
    also = r"\s*(?:and\s+)?" if data["spaced"] else ""
    length = rf"(?:{number}[\s-]*{unit}(?:{also}{number}[\s-]*{unit})?|{unit})"
    numbered = rf"(?:{_any(data['units'])})\s+\d+" if data["spaced"] else "(?!)"
    return {
        "clock": _CLOCK,
        "length": length,
        "time": f"(?:{_CLOCK}|{numbered}|{length})",
        "part": f"(?:{_any(data['shares'])})",
        "count": number,
        "number": r"\d+",
        "question": f"(?:{_any(data['asked']['words'])}).*",
    }[kind]


def _number(data: dict[str, Any]) -> str:
    word = rf"(?:{_any(data['numbers'])})"
    return rf"(?:\d+(?:\.\d+)?|{word}(?:[\s-]?{word})*)"


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
