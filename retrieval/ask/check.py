"""Checks of what a model wrote against the evidence it was given. Which of them are made belongs to the reader.

A small model's words must fit the pictures. A strong model may paraphrase: numbers, names and negation must agree with
what it cites. A denial is told in any wording, by the language files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.ask.evidence import Item
from retrieval.ask.plan import Plan
from retrieval.ask.presence import fit, says_the_unseen
from retrieval.search.lexicon import Lexicon, lexicon_of, lexicons
from retrieval.search.search import Searcher
from retrieval.search.words import content_words
from retrieval.store.fulltext import stem, words

# Share of random single things that may fit a frame better than a few words about it do.
_GLIMPSED = 0.10
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w'’-]+")
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")


def denies(sentence: str) -> bool:
    """Whether a sentence says, in English or Chinese, that the evidence does not answer."""
    bare = " ".join(sentence.split()).strip(" .!?\u3002\uff01")
    return any(lexicon.has("negation.denial", bare) for lexicon in lexicons().values())


def legible(sentence: str) -> bool:
    """Whether a sentence is words, and not what a model writes that has lost its thread."""
    return sentence.isprintable() and "\N{REPLACEMENT CHARACTER}" not in sentence and bool(words(sentence))


def echoes(plan: Plan, said: str) -> bool:
    """Whether a short answer only says words of the question again, which gave no choice between them."""
    if plan.wants == "colour" or plan.choices:
        return False  # the blue sheet may be blue
    asked, new = {stem(word) for word in words(plan.question)}, content_words(said, fallback=False)
    return bool(new) and all(stem(word) in asked for word in new)


def depicted(searcher: Searcher, plan: Plan, said: str, item: Item) -> bool:
    """Whether the pictures of a moment may show what a few words say that answer a question about it.

    Not, where they name a thing that these do not show; nor where together with the question they fit no better than
    many a random thing. Of colours and numbers a fit says nothing; and a question that names no thing gives none to
    hold against.
    """
    if says_the_unseen(searcher, said, item.video_id, item.start, item.end):
        return False
    unknown = not len(searcher.timeline(item.video_id).between(item.start, item.end))
    if unknown or plan.wants in ("colour", "count") or plan.names_nothing:
        return True
    text = " ".join([*plan.terms, said])
    return fit(searcher, item.video_id, item.start, item.end, text)[1] <= _GLIMPSED


def agrees(sentence: str, quotes: Sequence[str], given: str = "") -> bool:
    """Whether a paraphrase agrees with what it cites: its numbers, its names and whether it denies.

    `given`: what the model knew besides the quotes, the question say, whose words it may use again.
    """
    lexicon, evidence = lexicon_of(sentence), " ".join(quotes)
    known = numbers_in(lexicon, f"{evidence} {given}")
    if not numbers_in(lexicon, sentence) <= known:
        return False
    has = {stem(word) for word in words(f"{evidence} {given}")}
    if any(stem(word) not in has for name in _NAME.findall(sentence) for word in words(name)):
        return False
    return negated(lexicon, sentence) == negated(lexicon, evidence) or not quotes


def numbers_in(lexicon: Lexicon, text: str) -> set[float | str]:
    """The numbers of a text, in digits or words; times of day as they stand."""
    found: set[float | str] = set()
    for digits in _DIGITS.findall(text):
        plain = digits.replace(",", "")
        found.add(digits if ":" in digits else float(plain) if plain.count(".") < 2 else plain)
    said = [word for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text.lower()) if word in lexicon.numbers]
    return found | {lexicon.numbers[word] for word in said if lexicon.numbers[word] > 1}


def negated(lexicon: Lexicon, text: str) -> bool:
    """Whether a text denies something."""
    if not lexicon.spaced:
        return any(word in text for word in lexicon.words["negation.words"])
    return bool(lexicon.words["negation.words"] & set(words(text)))
