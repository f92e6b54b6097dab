"""Answers brought into one form before they are compared: VQA's rules, and what a reply of a model means.

The rules are those of the VQA evaluation (Antol et al., arXiv:1505.00468; visualqa.org/evaluation.html): lower case,
number words as digits, no articles, apostrophes put back into contractions, other punctuation taken out. Written anew
here, with a shorter list of contractions; both sides of a comparison go through it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

_DIGITS = "zero one two three four five six seven eight nine ten"
_NUMBERS = {word: str(number) for number, word in enumerate(_DIGITS.split())} | {"none": "0"}
_ARTICLES = {"a", "an", "the"}
_CONTRACTED = """ain't aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't mightn't mustn't needn't
shouldn't wasn't weren't won't wouldn't could've might've should've would've who've they've you've we've i've he's she's
that's there's what's where's who's let's they're you're i'm it'll that'll they'll who'll you'll they'd you'd who'd it'd
there'd somebody's someone's something's y'all o'clock ma'am"""
_CONTRACTIONS = {right.replace("'", ""): right for right in _CONTRACTED.split()}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_PERIOD = re.compile(r"(?<!\d)\.|\.(?!\d)")  # 2.5 keeps its point
_THOUSANDS = re.compile(r"(?<=\d),(?=\d)")
_LEAD = re.compile(r"^(?:the\s+)?(?:(?:correct|right|best)\s+)?(?:answer|option)\b(?:\s+is\b)?\s*:?\s*", re.IGNORECASE)
_LETTER = re.compile(r"^(?:\(([A-Za-z])\)|([A-Za-z])(?:[).:]|\s*$))")


def normalise(answer: str) -> str:
    text = _THOUSANDS.sub("", " ".join(answer.split()).lower().replace("’", "'"))
    for mark in _PUNCTUATION:
        # Beside a space it ends or opens a word and just goes; between two words it parts them ("dark-blue").
        text = text.replace(mark, "" if f"{mark} " in text or f" {mark}" in text else " ")
    words = [_NUMBERS.get(word, word) for word in _PERIOD.sub("", text).split()]
    telling = [word for word in words if word not in _ARTICLES] or words  # "a" may be the letter
    return " ".join(_CONTRACTIONS.get(word, word) for word in telling)


def parts(answer: str) -> list[str]:
    """The things an answer lists ("lamp, garbage_bin": DAQUAR's way), each normalised; at least one."""
    named = [normalise(part.replace("_", " ")) for part in re.split(r",(?!\d)", answer)]
    return [part for part in named if part] or [normalise(answer)]


def said(reply: str) -> str:
    """The answer in a model's reply: its first line that says something, without "The answer is"."""
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    return _LEAD.sub("", lines[0]).strip() if lines else ""


def chosen(reply: str, options: Sequence[str]) -> int | None:
    """Which option a reply names, by letter or in words; None if it names none, or several."""
    text = said(reply)
    if letter := _LETTER.match(text):
        place = string.ascii_lowercase.index((letter[1] or letter[2]).lower())
        return place if place < len(options) else None
    words, wanted = normalise(text), [normalise(option) for option in options]
    if words in wanted:
        return wanted.index(words)
    named = [i for i, option in enumerate(wanted) if option and _within(option, words)]
    longest = [i for i in named if not any(wanted[i] != wanted[j] and _within(wanted[i], wanted[j]) for j in named)]
    return longest[0] if len(longest) == 1 else None


def _within(phrase: str, text: str) -> bool:
    """Whether whole words of `text` are the phrase."""
    return f" {phrase} " in f" {text} "


def lettered(options: Sequence[str]) -> str:
    """The options as a model is told them, one a line."""
    return "\n".join(f"{letter}. {option}" for letter, option in zip(string.ascii_uppercase, options, strict=False))
