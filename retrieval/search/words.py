"""The words of a text that say what is looked for: those that are neither grammar nor about asking and about video."""

from __future__ import annotations

import functools
import re

from retrieval.search.lexicon import lexicon_of, lexicons
from retrieval.store.fulltext import CJK_RUN, words


def content_words(text: str, fallback: bool = True) -> list[str]:
    """Lower-case words without repeats, of CJK pairs of characters; by default all words when none is left."""
    lexicon = lexicon_of(text)
    every = words(_without_phrases(text))
    pairs = [word for word in every if len(word) == 2 and CJK_RUN.fullmatch(word)]
    paired = set("".join(pairs))  # a character alone says little; one that has no neighbour must do
    every = [word for word in every if word not in paired]
    plain = [word for word in every if word.removesuffix("'s") not in lexicon.stop]
    chosen = [word for word in plain if word not in lexicon.asking]
    if chosen or not fallback:
        return list(dict.fromkeys(chosen))
    return list(dict.fromkeys(plain or words(text)))


def _without_phrases(text: str) -> str:
    """A text without the words of languages that are written without spaces."""
    for lexicon in lexicons().values():
        if not lexicon.spaced:
            text = _pattern(lexicon.code).sub(" ", text)
    return text


@functools.cache
def _pattern(code: str) -> re.Pattern[str]:
    lexicon = lexicons()[code]
    every = sorted(lexicon.stop | lexicon.asking, key=len, reverse=True)  # the longest first
    return re.compile("|".join(map(re.escape, every)))
