"""Questions made from captions by rules, and marked as generated: is there a ..., what colour, how many, doing what,
and those of `open_questions`.

A rule speaks only where it is safe. A thing is there if two captions name it (or the only one does); it is not there if
at least three captions exist and none names it, or anything that could be it, and people would hardly leave it out.
Colours, numbers and actions must be agreed on, and be those of one thing. The same captions and seed give the same
questions. After Ren et al., "Exploring Models and Data for Image Question Answering" (COCO-QA, 2015), with fewer rules
and more doubt.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from model.training.object_words import (
    ANIMALS,
    CLOTHES,
    COLOURS,
    DETERMINERS,
    DOING,
    FUNCTION_WORDS,
    MORE_THAN_ONE,
    NOT_ONE_COLOUR,
    NUMBERS,
    PEOPLE,
    STEMS,
    THINGS,
    UNREAL,
    words_of,
)
from model.training.readers.open_questions import open_questions
from model.training.samples import Answered, Sample

ENOUGH_FOR_ABSENCE = 3  # captions
_OF_A_GROUP = 2  # questions
_AGREEING = 2  # captions that must say the same, where there are several
_MOST_OBJECT_WORDS = 3  # of what is done: "riding a brown horse"
_ONES_KEPT = 0.1  # of the questions whose answer is one: there would be too many
_IS_THERE = ("Is there {}?", "Can you see {}?", "Is there {} to be seen?", "Does {} appear?")
_BY_WORD = {word: thing for thing in THINGS for word in thing.one | thing.many}
_BY_NAME = {thing.name: thing for thing in THINGS}


@dataclass
class _Said:
    """What the captions say of one thing; the counters count captions."""

    captions: int = 0
    single: int = 0  # captions that name just one
    plural: int = 0
    numbers: Counter[int] = field(default_factory=Counter)
    colours: Counter[str] = field(default_factory=Counter)
    mixed: bool = False  # some caption gives it several colours, or one without a name here
    doing: list[str] = field(default_factory=list)


def with_questions(samples: Sequence[Sample], seed: int = 0, most: int = 4) -> list[Sample]:
    """Each sample with at most `most` generated questions behind its own.

    A thing is asked for as often where it is as where it is not, so that the question alone does not tell the answer.
    """
    asked = _ask_for_things([sample.captions for sample in samples], np.random.default_rng(seed))
    found = []
    for sample, presence in zip(samples, asked, strict=True):
        made = questions_from(sample.captions, zlib.crc32(sample.id.encode()) ^ seed, presence, most)
        found.append(replace(sample, questions=(*sample.questions, *made)))
    return found


def questions_from(
    captions: Sequence[str], seed: int = 0, others: Sequence[Answered] = (), most: int = 4
) -> tuple[Answered, ...]:
    """At most `most` of `others` and of those on colour, number and action that one picture's captions allow."""
    rng = np.random.default_rng(seed)
    said, alone = _read_captions(captions)
    groups = [
        list(_colours(said, captions, alone)),
        list(_counts(said, captions, alone, rng)),
        list(_actions(said, captions, alone)),
        open_questions(captions, rng),
    ]
    made = [group[int(i)] for group in groups for i in rng.permutation(len(group))[:_OF_A_GROUP]]
    made = [*others, *(made[int(i)] for i in rng.permutation(len(made)))][:most]  # first what keeps yes and no even
    return tuple(made[int(i)] for i in rng.permutation(len(made)))


def _ask_for_things(every: Sequence[Sequence[str]], rng: np.random.Generator) -> list[list[Answered]]:
    """Questions with yes and no for the captions of each of many pictures, of each thing as many yes as no."""
    asked: list[list[Answered]] = [[] for _ in every]
    there = [set(_things(_read_captions(captions)[0], captions)) for captions in every]
    missing = [set(_missing(captions)) for captions in every]
    for thing in THINGS:
        if not thing.salient:
            continue
        yes = [i for i, names in enumerate(there) if thing.name in names]
        no = [i for i, names in enumerate(missing) if thing.name in names]
        count = min(len(yes), len(no))
        for places, answer in ((yes, "yes"), (no, "no")):
            for i in rng.permutation(len(places))[:count]:
                template = _IS_THERE[int(rng.integers(len(_IS_THERE)))]
                text = template.format(f"{'an' if thing.name[0] in 'aeiou' else 'a'} {thing.name}")
                asked[places[int(i)]].append(_made(text, (answer,), "presence"))
    return asked


def _colours(said: Mapping[str, _Said], captions: Sequence[str], alone: bool) -> Iterator[Answered]:
    for name, of in said.items():
        one = of.plural == 0 and not of.numbers and (alone or (name in _BY_NAME and name not in PEOPLE and of.single))
        if name in PEOPLE or not one or of.mixed or len(of.colours) != 1 or not _agreed(of.colours.total(), captions):
            continue
        if name in CLOTHES and not alone:
            continue
        yield _made(f"What colour is the {name}?", (next(iter(of.colours)),), "colour")


def _counts(
    said: Mapping[str, _Said], captions: Sequence[str], alone: bool, rng: np.random.Generator
) -> Iterator[Answered]:
    for name, of in said.items():
        thing = _BY_NAME.get(name)
        if thing is None:
            continue
        if len(of.numbers) == 1 and not of.single and _agreed(of.numbers.total(), captions):
            yield _made(f"How many {thing.plural} are there?", (str(next(iter(of.numbers))),), "count")
            continue
        one = not of.plural and not of.numbers and of.single == of.captions >= ENOUGH_FOR_ABSENCE
        if one and (alone or name not in PEOPLE) and rng.random() < _ONES_KEPT:
            yield _made(f"How many {thing.plural} are there?", ("1",), "count")


def _actions(said: Mapping[str, _Said], captions: Sequence[str], alone: bool) -> Iterator[Answered]:
    for name, of in said.items():
        if of.plural or of.numbers or not of.doing or (name in PEOPLE and not alone):
            continue
        verb, support = Counter(doing.split()[0] for doing in of.doing).most_common(1)[0]
        if _agreed(support, captions):
            answers = tuple(doing for doing in of.doing if doing.split()[0] == verb)
            yield _made(f"What is the {name} doing?", answers, "action")


def _made(question: str, answers: tuple[str, ...], kind: str) -> Answered:
    return Answered(question, answers, kind=kind, generated=True)


def _agreed(support: int, captions: Sequence[str]) -> bool:
    return support >= min(_AGREEING, len(captions))


def _things(said: Mapping[str, _Said], captions: Sequence[str]) -> list[str]:
    """What is there for sure."""
    return [name for name, of in said.items() if name in _BY_NAME and _agreed(of.captions, captions)]


def _missing(captions: Sequence[str]) -> list[str]:
    """What is not there for sure."""
    if len(captions) < ENOUGH_FOR_ABSENCE:
        return []
    words = {part for caption in captions for word in words_of(caption) for part in (word, *word.split("-"))}
    return [thing.name for thing in THINGS if thing.salient and not words & (thing.one | thing.many | thing.hints)]


def _read_captions(captions: Sequence[str]) -> tuple[dict[str, _Said], bool]:
    """What is said of each thing, and whether every caption speaks of at most one person and one animal."""
    said: dict[str, _Said] = defaultdict(_Said)
    alone = True
    for caption in captions:
        words = words_of(caption)
        alone = alone and _speaks_of_one(words)
        if UNREAL.isdisjoint(words):
            _read_caption(words, said)
    return dict(said), alone


def _speaks_of_one(words: Sequence[str]) -> bool:
    if not MORE_THAN_ONE.isdisjoint(words) or not NUMBERS.keys().isdisjoint(words):
        return False
    named = [word for word in words if word in _BY_WORD and _BY_WORD[word].name in PEOPLE | ANIMALS]
    return len(named) <= 1 and not any(word in _BY_WORD[word].many for word in named)


def _read_caption(words: Sequence[str], said: dict[str, _Said]) -> None:
    met: dict[str, set[str]] = defaultdict(set)
    for place, word in enumerate(words):
        thing = _BY_WORD.get(word)
        if thing and word in thing.many:
            met[thing.name].add("plural")  # wherever it stands: it shows that there is not just one
        if (thing is None and word not in CLOTHES) or not _stands_for_itself(words, place):
            continue
        name = thing.name if thing else "shirt" if word in ("t-shirt", "tshirt") else word
        met[name].add("there")
        of, before = said[name], _before(words, place)
        number = next((NUMBERS[other] for other in before if other in NUMBERS), None)
        if number:
            met[name].add(f"number {number}")
        elif not thing or word in thing.one:
            met[name].add("single")
        colours = {COLOURS[other] for other in before if other in COLOURS}
        if len(colours) > 1 or "and" in before or not NOT_ONE_COLOUR.isdisjoint(before) or _is_blend(before):
            of.mixed = True
        elif colours:
            met[name].add(f"colour {colours.pop()}")
        if thing and name in PEOPLE | ANIMALS:
            doing = _doing(words, place)
            if doing:
                of.doing.append(doing)
    for name, facts in met.items():
        of = said[name]
        of.captions += "there" in facts
        of.single += "single" in facts
        of.plural += "plural" in facts
        of.numbers.update(int(fact.split()[1]) for fact in facts if fact.startswith("number"))
        of.colours.update(fact.split()[1] for fact in facts if fact.startswith("colour"))


def _before(words: Sequence[str], place: int) -> list[str]:
    """The words that belong to a noun and stand before it, nearest first."""
    found: list[str] = []
    for word in reversed(words[:place]):
        joins = word in ("and", "&", ",") and found and (found[-1] in COLOURS or found[-1] in NOT_ONE_COLOUR)
        if len(found) == 4 or (word in FUNCTION_WORDS and not joins) or word in _BY_WORD or word in DOING:
            break
        if word in DETERMINERS:
            break
        found.append("and" if joins else word)
        if word in NUMBERS:
            break
    return found[:-1] if found and found[-1] == "and" else found


def _is_blend(before: Sequence[str]) -> bool:
    """'black-and-white', 'reddish-brown'"""
    return any("-" in word and not COLOURS.keys().isdisjoint(word.split("-")) for word in before)


def _stands_for_itself(words: Sequence[str], place: int) -> bool:
    """'A dog runs', not 'a dog park'."""
    following = words[place + 1] if place + 1 < len(words) else "."
    return following in FUNCTION_WORDS or following in DOING or following in STEMS


def _doing(words: Sequence[str], place: int) -> str:
    """'riding a bike' where a noun is followed by 'rides a bike' or 'is riding a bike'; "" where that is not plain."""
    at = place + 1
    if at < len(words) and words[at] == "is":
        at += 1
    if at >= len(words) or words[at] not in DOING or (words[at - 1] == "is" and not words[at].endswith("ing")):
        return ""
    verb = DOING[words[at]]
    rest: list[str] = []
    for word in words[at + 1 :]:
        if word in FUNCTION_WORDS or word in DOING:
            break
        rest.append(word)
    has_object = rest and (rest[0] in DETERMINERS or len(rest) == 1) and len(rest) - (rest[0] in DETERMINERS) > 0
    if rest and (not has_object or len(rest) > _MOST_OBJECT_WORDS or rest[-1].endswith("ly")):
        return verb
    return " ".join([verb, *rest])
