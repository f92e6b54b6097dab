"""Questions for the colours of things, made from captions: "a girl in a red dress" asks for the colour of the dress.

Any thing will do, named by up to two words behind a colour, unless captions call it by several colours. Marked as
generated.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from model.training.object_words import (
    COLOURS,
    DETERMINERS,
    DOING,
    FUNCTION_WORDS,
    NOT_ONE_COLOUR,
    NUMBERS,
    STEMS,
    UNREAL,
    words_of,
)
from model.training.samples import Answered

TEMPLATES = (
    "What colour is the {}?",
    "What color is the {}?",
    "What is the color of the {}?",
    "Which colour does the {} have?",
)
_ENDS = FUNCTION_WORDS | DETERMINERS | UNREAL | DOING.keys() | STEMS | NUMBERS.keys() | COLOURS.keys() | NOT_ONE_COLOUR
_MOST_WORDS = 2  # "tennis ball"
_ASKS_FOR_A_COLOUR = re.compile(r"\b(?:what|which)\b.*\bcolou?rs?\b", re.IGNORECASE)


def asks_for_a_colour(question: str) -> bool:
    """Whether an English question wants a colour for an answer."""
    return bool(_ASKS_FOR_A_COLOUR.search(question))


def colour_questions(captions: Sequence[str], seed: int = 0) -> list[Answered]:
    """One for each thing that has one colour in all captions that give it any."""
    called: defaultdict[str, set[str]] = defaultdict(set)
    phrases: dict[str, str] = {}
    for caption in captions:
        for colour, phrase in coloured(words_of(caption)):
            thing = phrase.split()[-1]
            called[thing].add(colour)
            phrases.setdefault(thing, phrase)
    return [
        Answered(TEMPLATES[(seed + number) % len(TEMPLATES)].format(phrases[thing]), tuple(colours), (), "colour", True)
        for number, (thing, colours) in enumerate(called.items())
        if len(colours) == 1
    ]


def coloured(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The colour and the thing of every "red tennis ball"; not of "red and white ball" nor of "is red"."""
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if word not in COLOURS or before in ("and", "&", ",") or before in COLOURS or before in NOT_ONE_COLOUR:
            continue
        phrase: list[str] = []
        for following in words[place + 1 :]:
            if following in _ENDS or following.endswith(("ing", "ed")) or len(phrase) == _MOST_WORDS:
                break
            phrase.append(following)
        if phrase and all(part.replace("-", "").isalpha() for part in phrase):
            yield COLOURS[word], " ".join(phrase)
