"""Questions made from captions that cannot be answered with yes, a colour or a number: who, where, which animal, what
somebody wears or holds. Marked as generated.

The answer is a phrase of a caption. What is worn or held is asked of the only one of its kind; a place and an animal
must be agreed on by two captions (or be in the only one).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from model.training.object_words import (
    ANIMALS,
    CLOTHES,
    COLOURS,
    DETERMINERS,
    DOING,
    FUNCTION_WORDS,
    NUMBERS,
    PEOPLE,
    THINGS,
    UNREAL,
    words_of,
)
from model.training.samples import Answered

_AGREEING = 2  # captions
_LONGEST = 7  # words of an answer
_BY_WORD = {word: thing for thing in THINGS for word in thing.one | thing.many}
_ANIMAL = ("What animal is this?", "Which animal can be seen?", "What kind of animal is shown?")
_WHO = ("Who is in the picture?", "Who can be seen?", "Who is shown?")
_WHERE = ("Where is the {}?", "Where does this take place?", "Where is this?")
_WEARS = ("What is the {} wearing?", "What does the {} wear?", "What clothes does the {} have on?")
_HOLDS = ("What is the {} holding?", "What does the {} have in the hands?")
_PLACES = frozenset(
    re.findall(
        r"\w+",
        """
        beach snow water grass field street road park pool ocean sea lake river stream pond mountain mountains hill
        hillside cliff rock rocks sidewalk forest woods room kitchen bathroom bedroom city stage track bench stairs
        steps couch sofa bed swing trampoline sand desert backyard yard playground lawn bridge boat restaurant store
        shop market table fence court stadium slide garden path trail dirt mud porch dock pier waves surf crowd alley
        parking floor wall ramp rail railing tree trees leaves ice rink gym subway train bus station office church
        bar doorway
        """,
    )
)
_PREPOSITIONS = ("in", "on", "at", "near", "beside", "under")
_QUANTITIES = {number: word for word, number in NUMBERS.items() if not word.isdigit()}


def open_questions(captions: Sequence[str], rng: np.random.Generator) -> list[Answered]:
    """At most one of each kind."""
    read = [words for words in map(words_of, captions) if UNREAL.isdisjoint(words)]
    enough = min(_AGREEING, len(captions))
    found = []
    for kind, made in (
        ("animal", _animal(read, enough, rng)),
        ("who", _who(read, enough, rng)),
        ("place", _place(read, enough, rng)),
        ("clothes", _of_one(read, rng, _WEARS, _worn)),
        ("held", _of_one(read, rng, _HOLDS, _held)),
    ):
        found += [Answered(question, (answer,), kind=kind, generated=True) for question, answer in made]
    return found


def _animal(read: Sequence[list[str]], enough: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    named = Counter(name for words in read for name in {_BY_WORD[w].name for w in words if w in _BY_WORD} & ANIMALS)
    if len(named) == 1:
        (name, count), *_ = named.items()
        if count >= enough:
            yield _one_of(_ANIMAL, rng), name


def _who(read: Sequence[list[str]], enough: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """'a man' or '2 boys' as captions begin."""
    begins = Counter(_people(words) for words in read)
    (phrase, count), *_ = [*begins.most_common(1), ("", 0)]
    if phrase and count >= enough:
        yield _one_of(_WHO, rng), phrase


def _people(words: Sequence[str]) -> str:
    """Nothing where several kinds of people are named: 'a man and a woman'."""
    if len({_BY_WORD[word].name for word in words if word in _BY_WORD} & PEOPLE) != 1:
        return ""
    for place, word in enumerate(words[:5]):
        thing = _BY_WORD.get(word)
        if thing is None or thing.name not in PEOPLE:
            continue
        if word in thing.many:
            number = next((NUMBERS[w] for w in words[:place] if w in NUMBERS), 0)
            return f"{_QUANTITIES.get(number, str(number))} {thing.plural}" if number else thing.plural
        return f"{'an' if thing.name[0] in 'aeiou' else 'a'} {thing.name}"
    return ""


def _place(read: Sequence[list[str]], enough: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    phrases = [phrase for words in read for phrase in _places(words)]
    nouns = Counter(noun for words in read for noun in {noun for _, noun in _places(words)})
    best = [noun for noun, count in nouns.most_common() if count >= enough]
    if not best:
        return
    answer = Counter(phrase for phrase, noun in phrases if noun == best[0]).most_common(1)[0][0]
    subject = _subject(read)
    yield _one_of(_WHERE if subject else _WHERE[1:], rng).format(subject), answer


def _places(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """'in the deep snow' and 'snow'."""
    for begin, word in enumerate(words):
        if word not in _PREPOSITIONS:
            continue
        for end in range(begin + 1, min(begin + 5, len(words))):
            if words[end] in FUNCTION_WORDS or words[end] in DOING:
                break
            following = words[end + 1] if end + 1 < len(words) else "."
            if words[end] in _PLACES and (following in FUNCTION_WORDS or following in DOING):
                yield " ".join(words[begin : end + 1]), words[end]
                break


def _of_one(
    read: Sequence[list[str]],
    rng: np.random.Generator,
    templates: Sequence[str],
    answer_in: Callable[[Sequence[str]], str],
) -> Iterator[tuple[str, str]]:
    subject = _subject(read)
    answers = [answer for words in read if (answer := answer_in(words))] if subject in PEOPLE else []
    if answers:
        yield _one_of(templates, rng).format(subject), answers[int(rng.integers(len(answers)))]


def _subject(read: Sequence[list[str]]) -> str:
    """The only person or animal, by the name that most captions give it; "" where there are several or none."""
    names: Counter[str] = Counter()
    for words in read:
        named = [w for w in words if w in _BY_WORD and _BY_WORD[w].name in PEOPLE | ANIMALS]
        if len(named) > 1 or any(w in _BY_WORD[w].many for w in named) or not NUMBERS.keys().isdisjoint(words):
            return ""
        names.update(_BY_WORD[w].name for w in named)
    return names.most_common(1)[0][0] if names else ""


def _worn(words: Sequence[str]) -> str:
    """'a red shirt and jeans' after 'wearing', or after 'in' where it names clothes."""
    for place, word in enumerate(words):
        phrase = _phrase(words, place + 1, CLOTHES) if word in ("wearing", "wears", "in") else []
        if phrase and not CLOTHES.isdisjoint(phrase):
            return " ".join(phrase)
    return ""


def _held(words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        phrase = _phrase(words, place + 1) if word in ("holding", "holds", "carrying", "carries") else []
        following = words[place + 1 + len(phrase) :][:1]
        if len(phrase) > 1 and phrase[0] in DETERMINERS and phrase[-1] not in COLOURS and following != ["of"]:
            return " ".join(phrase)
    return ""


def _phrase(words: Sequence[str], begin: int, goes_on: frozenset[str] = frozenset()) -> list[str]:
    """The words from `begin` up to one that ends a noun phrase; 'and' goes on where one of `goes_on` follows soon."""
    found: list[str] = []
    for place in range(begin, min(begin + _LONGEST, len(words))):
        word = words[place]
        joins = word == "and" and not goes_on.isdisjoint(words[place + 1 : place + 5])
        if (word in FUNCTION_WORDS and not joins) or word in DOING or not re.match(r"[a-z]", word):
            break
        found.append(word)
    return found[:-1] if found and found[-1] == "and" else found


def _one_of(templates: Sequence[str], rng: np.random.Generator) -> str:
    return templates[int(rng.integers(len(templates)))]
