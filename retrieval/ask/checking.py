"""Checks of what a model wrote, sentence by sentence, against the evidence it was given.

A sentence that nothing supports is dropped by those who ask here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.ask.evidence import Item
from retrieval.ask.presence import fit, says_the_unseen
from retrieval.ask.question import Question
from retrieval.search.search import Searcher
from retrieval.store.words import STOPWORDS, content_words, stem, words

_REPETITION = 0.8  # share of a sentence's words that stand in the quote: the quote says it better
_SUPPORT = 0.65  # share of a sentence's content words that the evidence or the question must have
# Share of random single things that may fit a frame better than what a sentence says of it: stricter than for finding
# (presence.RANDOM_FIT), because a sentence is believed.
_SEEN = 0.05
# A few words are less: they say at most what fits the best moment, and that is all that they are held against.
_GLIMPSED = 0.10
_SHORT = 3  # a sentence of fewer content words ("Two.") is read together with its question
_DENIAL = re.compile(r"^\W*(this is |that is |it is |the answer is )?not (shown )?in (this|the) video\b", re.IGNORECASE)


def support(
    sentence: str, question: Question, items: Sequence[Item], searcher: Searcher, looked_at: Sequence[bool]
) -> int | None:
    """The number (from one) of the item that supports a sentence best, or None when none does.

    Words are held against words. A sentence of a model that saw the frames may also be held against those it looked at.
    """
    if not sentence.isprintable() or "\N{REPLACEMENT CHARACTER}" in sentence:
        return None  # broken characters: the model has lost its thread
    if (number := supporting(sentence, question, items)) or not any(looked_at):
        return number
    short = len(content_words(sentence, fallback=False)) < _SHORT
    text = f"{question.subject}: {sentence}" if short else sentence
    fits = [
        fit(searcher, item.video_id, item.start, item.end, text) if looked else (-1.0, 1.0)
        for item, looked in zip(items, looked_at, strict=True)
    ]
    best = max(range(len(items)), key=lambda index: fits[index][0])
    return best + 1 if fits[best][1] <= _SEEN else None


def supporting(sentence: str, question: Question, items: Sequence[Item]) -> int | None:
    """Support by words: the share of the sentence's content words that an item has, by stem.

    A number in the sentence must stand in the item; the sentence or the item must speak of what is asked; and the
    sentence must say something that the question does not.
    """
    asked = {stem(word) for word in words(question.text)}
    said = [word for word in content_words(sentence) if word not in STOPWORDS]
    new = [word for word in said if stem(word) not in asked]
    if not new or sentence.count('"') % 2 or re.search(r"\bnotes?\b", sentence, re.IGNORECASE):
        return None
    best, best_share = None, 0.0
    for number, item in enumerate(items, start=1):
        has = {stem(word) for word in words(item.quote)}
        strays = not question.is_open and not {stem(w) for w in question.terms} & (
            has | {stem(w) for w in words(sentence)}
        )
        if strays or any(word.isdigit() and word not in has for word in new):
            continue
        share = sum(stem(word) in has for word in new) / len(new)
        if share > best_share:
            best, best_share = number, share
    return best if best_share >= _SUPPORT else None


def repeats(sentence: str, item: Item) -> bool:
    """Whether a sentence says nothing but what the quote under it says anyway."""
    said, quoted = words(sentence), set(words(item.quote))
    return sum(word in quoted for word in said) >= _REPETITION * len(said)


def echoes(question: Question, said: str) -> bool:
    """Whether a short answer only says words of the question again, which gave no choice between them."""
    if question.kind == "colour" or re.search(r"\bor\b", question.text, re.IGNORECASE):
        return False  # the blue sheet may be blue
    asked, new = {stem(word) for word in words(question.text)}, content_words(said, fallback=False)
    return bool(new) and all(stem(word) in asked for word in new)


def denies(sentence: str) -> bool:
    """Whether a model says, in the words it was given for it, that the evidence does not answer."""
    return bool(_DENIAL.match(sentence))


def measured(question: Question, said: str, item: Item) -> bool:
    """Whether a colour that a model saw is one of those measured in the moment; nothing else is measured."""
    return question.kind != "colour" or not item.quote or bool(set(words(said)) & set(words(item.quote)))


def depicted(searcher: Searcher, question: Question, said: str, item: Item) -> bool:
    """Whether the pictures of a moment may show what a few words say that answer a question about it.

    Not, where they name a thing that these do not show; nor where together with the question they fit no better than
    many a random thing. Of colours and numbers a fit says nothing; and a question that names no thing gives none to
    hold against.
    """
    if says_the_unseen(searcher, said, item.video_id, item.start, item.end):
        return False
    unknown = not len(searcher.timeline(item.video_id).between(item.start, item.end))
    if unknown or question.kind in ("colour", "count") or question.names_nothing:
        return True
    text = " ".join([*question.terms, said])
    return fit(searcher, item.video_id, item.start, item.end, text)[1] <= _GLIMPSED
