"""Checks of what a model wrote against the evidence it was given. Which of them are made belongs to the reader.

A small model's words must fit the pictures. A strong model may paraphrase: numbers, names and negation must agree with
what it cites. A denial is told in any wording, by the language files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.ask.agreement import agrees, language_of, negated, numbers_in, tokens
from retrieval.ask.evidence import Item
from retrieval.ask.plan import Plan
from retrieval.ask.presence import fit, says_the_unseen
from retrieval.search.lexicon import Lexicon, lexicons
from retrieval.search.search import Searcher
from retrieval.search.words import content_words
from retrieval.store.fulltext import CJK_RUN, stem, words

# Share of random single things that may fit a frame better than a few words about it do.
_GLIMPSED = 0.10
_DIGITS = re.compile(r"\d")
_QUOTES = re.compile("[\"“”「」『』]|(?<!\\w)'")
_COVERED = 0.5
_TOLD_WORDS = 5  # so many words show in which language they are

__all__ = [
    "agrees",
    "covered",
    "denies",
    "depicted",
    "echoes",
    "foreign",
    "legible",
    "negated",
    "numbers_in",
    "obeys",
    "says_something",
]


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


def says_something(sentence: str) -> bool:
    """Whether a sentence has words of its own, and is no mere "Yes"."""
    return denies(sentence) or bool(content_words(sentence, fallback=False)) or bool(_DIGITS.search(sentence))


def covered(sentence: str, quotes: Sequence[str], question: str = "") -> bool:
    """Whether half of the words that a sentence adds to the question stand in the quotes."""
    lexicon = language_of(sentence)
    has, asked = _forms(lexicon, " \n ".join(quotes)), _forms(lexicon, question)
    every = _forms(lexicon, sentence)
    own = every - asked or every
    return bool(own) and len(own & has) >= _COVERED * len(own)


def foreign(sentence: str, question: str) -> bool:
    """Whether a sentence is in another language than the question, as far as writing and the commonest words tell."""
    asked, language = language_of(question), language_of(sentence)
    mentioned = set(words(question)) & asked.words["check.languages"]
    if mentioned or any(name in question for name in asked.words["check.languages"] if not asked.spaced):
        return False  # "What does it say in Chinese?"
    if not asked.spaced:
        return not CJK_RUN.search(sentence) and len(words(sentence)) >= _TOLD_WORDS
    if not language.spaced:
        outside = re.sub('["“「『].*?["”」』]', "", sentence)
        return len(CJK_RUN.findall(outside)) > 0 and sum(map(len, CJK_RUN.findall(outside))) > len(outside) / 3
    return len(words(sentence)) >= _TOLD_WORDS and _is_in(asked, question, 1) and not _is_in(asked, sentence, 1)


def obeys(sentence: str, quotes: Sequence[str]) -> bool:
    """Whether a sentence is what an instruction in the evidence tells a model to say, and no report of it."""
    every = lexicons().values()
    ordering = [quote for quote in quotes if any(lexicon.has("injected.orders", quote) for lexicon in every)]
    if not ordering or _QUOTES.search(sentence):
        return False
    if any(f" {_plain(sentence)} " in f" {_plain(quote)} " for quote in ordering):
        return True
    own = {stem(word) for word in content_words(sentence)}
    inside = any(own <= {stem(word) for word in words(quote)} for quote in ordering)
    elsewhere = any(own <= {stem(word) for word in words(quote)} for quote in quotes if quote not in ordering)
    return inside and not elsewhere and not any(lexicon.has("injected.reporting", sentence) for lexicon in every)


def _plain(text: str) -> str:
    return " ".join(words(text))


def _is_in(lexicon: Lexicon, text: str, least: int) -> bool:
    return sum(word in lexicon.stop or word in lexicon.asking for word in words(text)) >= least


def _forms(lexicon: Lexicon, text: str) -> set[str]:
    if not lexicon.spaced:
        return set(content_words(text))
    return {token.form for token in tokens(lexicon, text) if token.content}
