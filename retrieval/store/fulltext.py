"""Words for full-text search: what to index of a text and how to ask FTS5 for a question. English and CJK."""

from __future__ import annotations

import functools
import re
import threading

import opencc
import snowballstemmer

_STEMMER = snowballstemmer.stemmer("english")
_STEMMING = threading.Lock()  # it keeps the word that it is at in itself
_CONVERTING = threading.Lock()

# CJK has no spaces: each character becomes a word of its own, so that FTS5's phrase search finds substrings.
_CJK_RANGE = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_CJK = re.compile(f"({_CJK_RANGE})")
CJK_RUN = re.compile(f"{_CJK_RANGE}+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)


def is_latin(text: str) -> bool:
    """Whether all its letters are Latin ones."""
    return all(letter < "\u0250" or "\u1e00" <= letter < "\u1f00" for letter in text if letter.isalpha())


def index_text(text: str) -> str:
    """A text as FTS5 should index it."""
    return _CJK.sub(r" \1 ", simplified(text))


@functools.lru_cache(maxsize=20_000)
def simplified(text: str) -> str:
    """A text with traditional Chinese characters as simplified ones: both write the same words."""
    if not CJK_RUN.search(text):
        return text
    with _CONVERTING:
        converted: str = _converter().convert(text)
    return converted


@functools.cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def words(text: str) -> list[str]:
    """Lower-case words, apostrophes kept inside, Chinese simplified: those in order, of CJK each character, then pairs.

    CJK words cannot be told apart without a dictionary, but two characters side by side are mostly one.
    """
    single = [word.lower().replace("’", "'") for word in _WORD.findall(index_text(text))]
    return single + [run[i : i + 2] for run in CJK_RUN.findall(simplified(text)) for i in range(len(run) - 1)]


def match_expression(terms: list[str]) -> str:
    """An FTS5 expression that matches any of the words (quoted, so that no word acts as an operator)."""
    return " OR ".join('"' + index_text(term).strip().replace("  ", " ").replace('"', '""') + '"' for term in terms)


@functools.lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word's stem by Snowball's English stemmer (Porter2), for comparing words."""
    with _STEMMING:
        stemmed: str = _STEMMER.stemWord(word.removesuffix("'s"))
    return stemmed
