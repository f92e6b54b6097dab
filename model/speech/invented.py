"""Text that nobody said: what a decoder writes when it runs without speech to follow, or in a loop.

People repeat themselves, so repetition alone proves nothing. Only a rate that no mouth reaches does.
"""

from __future__ import annotations

import re

MAX_LETTERS_PER_S = 30.0  # fast speakers reach about 22; loops of a decoder reach its limit of about 35
MAX_WORDS_PER_S = 6.5  # auctioneers reach about 6 over several seconds; "no, no, no" comes to 4
LONG_LOOP_TURNS, LONG_LOOP_WORDS_PER_S = 20, 4.0  # so often in a row nobody goes on so fast: breath must be drawn
LOOP_TIMES = 4  # the same words in a row so often are a loop, if they come too fast
KEPT_TIMES = 2  # of a loop that is collapsed: that something was repeated is probably true (1 where 2 are too fast)
_LONGEST_PHRASE = 12  # words that are repeated as one
# Letters of Chinese, Japanese and Korean are syllables: fast speakers say 8 to 10 of them in a second, not 22.
_SYLLABLES = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_LETTERS_PER_SYLLABLE = 2.5
_WORD = re.compile(rf"[{_SYLLABLES}]|[^\W_{_SYLLABLES}]+(?:['’][^\W_{_SYLLABLES}]+)*")
_SYLLABLE = re.compile(rf"[{_SYLLABLES}]")


def looks_invented(text: str, seconds: float) -> bool:
    """Whether a transcript of so many seconds cannot be what was said: no word in it, or more than a mouth can say."""
    return not any(character.isalnum() for character in text) or is_too_fast(text, seconds)


def is_too_fast(text: str, seconds: float) -> bool:
    letters = len(text) + (_LETTERS_PER_SYLLABLE - 1) * len(_SYLLABLE.findall(text))
    return letters > MAX_LETTERS_PER_S * seconds


def collapse_loops(text: str, seconds: float) -> str:
    """The text with each loop that is too fast for `seconds` of sound cut down to a few turns; all else is kept.

    A loop is a phrase that comes LOOP_TIMES in a row or more. It is too fast if the text as a whole is, or if its words
    alone, in all the time there is, come faster than anybody speaks.
    """
    words = list(_WORD.finditer(text))
    spoken = [word.group().lower() for word in words]
    for begin, length, turns in find_loops(spoken):
        limit = LONG_LOOP_WORDS_PER_S if turns >= LONG_LOOP_TURNS else MAX_WORDS_PER_S
        if is_too_fast(text, seconds) or _words(spoken[begin : begin + length * turns]) > limit * seconds:
            rest = text[words[begin + turns * length - 1].end() :]
            ends = [words[begin + times * length - 1].end() for times in range(1, KEPT_TIMES + 1)]
            cut = next((text[:end] + rest for end in reversed(ends) if not is_too_fast(text[:end] + rest, seconds)), "")
            return collapse_loops(cut or text[: ends[0]] + rest, seconds)
    return text


def find_loops(words: list[str]) -> list[tuple[int, int, int]]:
    """(first word, words of the phrase, how often it comes in a row) of each loop, those with most words first."""
    loops = []
    for length in range(1, min(_LONGEST_PHRASE, len(words) // LOOP_TIMES) + 1):
        begin = 0
        while begin + length * LOOP_TIMES <= len(words):
            same = 0
            while begin + length + same < len(words) and words[begin + same] == words[begin + length + same]:
                same += 1
            turns = same // length + 1
            if turns >= LOOP_TIMES:
                loops.append((begin, length, turns))
                begin += length * turns
            else:
                begin += 1
    return sorted(loops, key=lambda loop: -loop[1] * loop[2])


def _words(words: list[str]) -> float:
    """How many words; a syllable that is written by itself counts as two thirds of one."""
    return sum(2 / 3 if _SYLLABLE.match(word) else 1 for word in words)
