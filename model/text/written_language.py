"""In which language a text is written: by its script, and by the short words that every text of a language is full of.

The method is that of Grefenstette ("Comparing two language identification schemes", 1995): it is all but certain for
a page of text, and says nothing of a few words. Languages that are not listed are not guessed.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENOUGH_WORDS = 2000  # of a text: more change nothing
_LEAST_HITS = 6  # frequent words of the language: three lines of dialogue have that many
_LEAST_SHARE = 0.12  # of all words: in running text of a listed language they are 0.25 and more
_LEAD = 1.4  # times as many as of the next language: Danish and Norwegian share most
_OF_SCRIPT = 0.5  # of all letters: Chinese names in an English text make it no Chinese
# Scripts that one language of many speakers is written in. Han without kana is Chinese.
_SCRIPTS = {
    "ko": "\uac00-\ud7a3\u1100-\u11ff", "th": "\u0e00-\u0e7f", "el": "\u0370-\u03ff", "he": "\u0590-\u05ff",
    "hi": "\u0900-\u097f", "bn": "\u0980-\u09ff", "ta": "\u0b80-\u0bff", "te": "\u0c00-\u0c7f",
    "ka": "\u10a0-\u10ff", "hy": "\u0530-\u058f", "km": "\u1780-\u17ff", "my": "\u1000-\u109f",
}  # fmt: skip
_KANA, _HAN = re.compile("[\u3040-\u30ff]"), re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA_SHARE = 0.1  # of kana and Han together: Japanese has about half


def language_of_text(text: str) -> str | None:
    """ISO 639-1; None where the text is too short, or of no language that is known here."""
    letters = sum(character.isalpha() for character in text)
    if not letters:
        return None
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    if kana + han > _OF_SCRIPT * letters:
        return "ja" if kana > _KANA_SHARE * (kana + han) else "zh"
    for language, range_ in _SCRIPTS.items():
        if len(re.findall(f"[{range_}]", text)) > _OF_SCRIPT * letters:
            return language
    return _by_words(text)


def frequent_words(text: str) -> dict[str, int]:
    """How many words of a text's beginning are among the most frequent ones of each listed language."""
    words = _words(text)
    return {language: sum(words[word] for word in frequent) for language, frequent in _frequent().items()}


def _by_words(text: str) -> str | None:
    (best, most), (_, second) = sorted(frequent_words(text).items(), key=lambda item: -item[1])[:2]
    if most < _LEAST_HITS or most < _LEAST_SHARE * _words(text).total() or most < _LEAD * second:
        return None
    return best


def _words(text: str) -> Counter[str]:
    return Counter(match[0].lower().replace("’", "'") for match in islice(_WORD.finditer(text), _ENOUGH_WORDS))


@functools.cache
def _frequent() -> Mapping[str, frozenset[str]]:
    data = json.loads((Path(__file__).parent / "frequent_words.json").read_text(encoding="utf-8"))
    return {language: frozenset(words.split()) for language, words in data.items()}
