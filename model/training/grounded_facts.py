"""Facts that a video may tell, each with its wording, a question, a sentence that answers it and the words that matter.

There is one set of names and wordings for training and another for evaluation. Everything is invented.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.training.object_words import PEOPLE, THINGS
from model.training.pseudo_video import phrase
from model.training.readers.questions import questions_from

Part = Literal["train", "test"]
Source = Literal["visual", "speech", "text"]


@dataclass(frozen=True)
class Fact:
    source: Source
    kind: str
    statement: str  # how it stands in the evidence
    question: str
    sentence: str  # the answer, whole
    answer: str  # the words of the sentence that answer
    rivals: frozenset[str] = frozenset()  # words of other captions that might answer as well


@dataclass(frozen=True)
class Kind:
    source: Source
    statements: dict[Part, tuple[str, ...]]
    questions: dict[Part, tuple[str, ...]]
    sentence: str
    answer: str


def _kind(
    source: Source, sentence: str, answer: str, train: Sequence[str], test: Sequence[str], asked: Sequence[str]
) -> Kind:
    """asked: questions; the last one is for evaluation."""
    return Kind(
        source, {"train": tuple(train), "test": tuple(test)},
        {"train": tuple(asked[:-1]), "test": (asked[-1],)}, sentence, answer,
    )  # fmt: skip


KINDS = {
    "opens": _kind(
        "speech", "The {place} opens at {time}.", "{time}",
        ["The {place} opens at {time}.", "You can visit the {place} from {time} on."],
        ["The doors of the {place} open at {time}.", "From {time} on the {place} is open to all."],
        ["When does the {place} open?", "What time does the {place} open?", "At what time can one enter the {place}?"],
    ),
    "meets": _kind(
        "speech", "{name} will meet {other} at the {spot}.", "{spot}",
        ["{name} will meet {other} at the {spot}.", "{name} is going to see {other} at the {spot}."],
        ["{name} and {other} have agreed to meet at the {spot}."],
        ["Where will {name} meet {other}?", "At which place does {name} meet {other}?",
         "Where do {name} and {other} want to meet?"],
    ),
    "costs": _kind(
        "speech", "A {ware} costs {price}.", "{price}",
        ["A {ware} costs {price}.", "You pay {price} for a {ware}."],
        ["The price of a {ware} is {price}.", "They sell each {ware} for {price}."],
        ["How much does a {ware} cost?", "What does a {ware} cost?", "What is the price of a {ware}?"],
    ),
    "works": _kind(
        "speech", "{name} is a {job}.", "{job}",
        ["{name} works as a {job}.", "My friend {name} is a {job}."],
        ["{name} has been a {job} for years.", "By trade {name} is a {job}."],
        ["What is {name}'s job?", "What does {name} work as?", "What does {name} do for a living?"],
    ),
    "comes": _kind(
        "speech", "{name} comes from {city}.", "{city}",
        ["{name} comes from {city}.", "{name} was born in {city}."],
        ["{name} grew up in {city}.", "The home town of {name} is {city}."],
        ["Where does {name} come from?", "Which city is {name} from?", "What is the home town of {name}?"],
    ),
    "adds": _kind(
        "speech", "You need {amount} of {food}.", "{amount}",
        ["Now add {amount} of {food}.", "Put {amount} of {food} into the bowl."],
        ["Next, {amount} of {food} go in.", "We need {amount} of {food} for this."],
        ["How much {food} is added?", "How much {food} goes into the bowl?", "How much {food} does one need?"],
    ),
    "weather": _kind(
        "speech", "It will be {weather} in {city}.", "{weather}",
        ["It will be {weather} in {city} tomorrow.", "In {city} we expect {weather} weather."],
        ["For {city} the forecast is {weather} weather."],
        ["What will the weather be like in {city}?", "How will the weather be in {city}?",
         "What is the forecast for {city}?"],
    ),
    "wins": _kind(
        "speech", "The {team} won the {contest}.", "{team}",
        ["The {team} won the {contest}.", "The winners of the {contest} are the {team}."],
        ["It was the {team} who took first place in the {contest}."],
        ["Who won the {contest}?", "Which team won the {contest}?", "Who took first place in the {contest}?"],
    ),
    "platform": _kind(
        "text", "The train to {city} leaves from platform {digit}.", "platform {digit}",
        ["Train to {city}: platform {digit}", "{city} - platform {digit}"],
        ["Departures: {city}, platform {digit}"],
        ["From which platform does the train to {city} leave?", "Which platform is the train to {city} on?",
         "Where does the train to {city} depart?"],
    ),
    "room": _kind(
        "text", "The {contest} is in room {number}.", "{number}",
        ["{contest}: room {number}", "Room {number} - {contest}"],
        ["To the {contest} -> {number}", "{number} {contest} this way"],
        ["Which room is the {contest} in?", "In which room is the {contest}?",
         "What is the room number of the {contest}?"],
    ),
    "card": _kind(
        "text", "{name} is a {job}.", "{job}",
        ["{name}, {job}", "{name} - {job}"],
        ["{job}: {name}", "{name} ({job})"],
        ["What does the text say that {name} is?", "What is {name} according to the text on screen?",
         "Which profession is given for {name}?"],
    ),
    "reduced": _kind(
        "text", "A {ware} is {percent} percent off.", "{percent}",
        ["{ware}: {percent} percent off", "SALE {ware} -{percent} percent"],
        ["Today only: {percent} percent less for every {ware}"],
        ["How many percent is a {ware} reduced by?", "What is the discount on a {ware}?",
         "By how many percent does a {ware} get cheaper?"],
    ),
    "day": _kind(
        "text", "The {contest} is on {day}.", "{day}",
        ["{contest}, {day} evening", "{day}: {contest}"],
        ["Do not miss the {contest} this {day}"],
        ["On which day is the {contest}?", "When is the {contest}?", "Which day does the {contest} take place?"],
    ),
    "phone": _kind(
        "text", "The phone number of the {place} is {phone}.", "{phone}",
        ["{place}: call {phone}", "Tel. {phone} ({place})"],
        ["Questions? The {place} answers at {phone}"],
        ["What is the phone number of the {place}?", "Which number does one call for the {place}?",
         "How can the {place} be reached by phone?"],
    ),
}  # fmt: skip

_FILLERS: dict[str, dict[Part, str]] = {
    "place": {
        "train": "museum, library, market hall, harbour office, bakery, cinema, theatre, pharmacy, gallery, zoo",
        "test": "town hall, swimming pool, post office, bookshop, castle, clinic, bicycle shop, garden centre",
    },
    "spot": {
        "train": "station, fountain, bridge, old mill, bus stop, lighthouse, church, corner cafe, north gate, pier",
        "test": "clock tower, ferry landing, tea house, west entrance, stone well, boathouse",
    },
    "time": {
        "train": "eight, nine, ten, half past seven, six in the morning, noon, a quarter to nine, two in the afternoon",
        "test": "half past ten, seven in the morning, a quarter past eight, three in the afternoon, eleven",
    },
    "name": {
        "train": "Anna, Tom, Maria, Peter, Lena, Omar, Julia, Victor, Nadia, Henry, Sofia, Karl, Amina, Luis, Grace",
        "test": "Clara, Marek, Yusuf, Ingrid, Paolo, Hanna, Felix, Mei, Oscar, Ruth",
    },
    "ware": {
        "train": "ticket, lamp, blanket, kettle, chair, map, jacket, teapot, basket, notebook, suitcase, bicycle",
        "test": "guidebook, backpack, mirror, pillow, violin, saucepan, raincoat",
    },
    "price": {
        "train": "twelve euros, five dollars, thirty pounds, two dollars, forty euros, nine pounds, sixty dollars",
        "test": "eighteen euros, seven dollars, twenty-five pounds, three euros, fifty dollars",
    },
    "job": {
        "train": "baker, teacher, nurse, carpenter, pilot, farmer, lawyer, singer, plumber, gardener, chemist",
        "test": "sailor, dentist, librarian, potter, journalist, mechanic, violinist",
    },
    "city": {
        "train": "Leeds, Lisbon, Oslo, Krakow, Ghent, Porto, Boston, Kyoto, Lima, Cairo, Vienna, Toronto",
        "test": "Turin, Bergen, Seville, Denver, Osaka, Tallinn, Nairobi",
    },
    "amount": {
        "train": "two cups, three spoons, a pinch, half a litre, 200 grams, one cup, 50 grams, a handful",
        "test": "four cups, 150 grams, five spoons, a quarter of a litre, two handfuls",
    },
    "food": {
        "train": "flour, sugar, milk, butter, rice, salt, cream, oil, cheese, honey",
        "test": "yoghurt, pepper, cocoa, water, oats, lemon juice",
    },
    "weather": {
        "train": "rainy, sunny, cloudy, windy, cold, warm, foggy, dry",
        "test": "stormy, snowy, hot, mild, icy",
    },
    "team": {
        "train": "blue team, young players, home team, red foxes, local students, northern lions, visitors, juniors",
        "test": "green dragons, silver hawks, older girls, guests from the coast, white wolves",
    },
    "contest": {
        "train": "chess final, boat race, quiz, cooking contest, spring concert, dance evening, film night",
        "test": "ski race, book fair, debate, pottery course, choir rehearsal, flower show",
    },
    "day": {"train": "Monday, Tuesday, Friday, Sunday", "test": "Wednesday, Thursday, Saturday"},
}
_CHATTER: dict[Part, tuple[str, ...]] = {
    "train": (
        "Thank you all for being here.", "Let us go on.", "That is really good to know.", "Anyway, back to the story.",
        "I have been waiting for this all week.", "As you can hear, there is some wind.", "So much for that.",
        "And now for something else.",
    ),
    "test": (
        "It is great to see so many of you.", "Give me a second, please.", "We talked about it at breakfast.",
        "I think that says it all.", "Right, moving along.",
    ),
}  # fmt: skip
# Of what is seen: what `questions_from` asks, as it is asked in training and in evaluation, and the answer.
_SEEN = {
    "colour": (re.compile(r"What colour is the (.+)\?"), "Which colour does the {} have?", "The {} is {}."),
    "count": (re.compile(r"How many (.+) are there\?"), "What is the number of {}?", "There are {1} {0}."),
    "action": (re.compile(r"What is the (.+) doing\?"), "What can the {} be seen doing?", "The {} is {}."),
}


def draw_fact(rng: np.random.Generator, part: Part, kind: str = "") -> Fact:
    """Something said or written."""
    kind = kind or list(KINDS)[int(rng.integers(len(KINDS)))]
    of = KINDS[kind]
    names = _pick(rng, _FILLERS["name"][part].split(", "), 2)
    values = {field: _pick(rng, choices[part].split(", "), 1)[0] for field, choices in _FILLERS.items()}
    values |= {"name": names[0], "other": names[1]} | _numbers(rng, part)
    statement, question = (
        _capital(_pick(rng, list(templates[part]), 1)[0].format(**values))
        for templates in (of.statements, of.questions)
    )
    return Fact(
        of.source, kind, statement, question, _capital(of.sentence.format(**values)), of.answer.format(**values)
    )


def caption_fact(captions: Sequence[str], rng: np.random.Generator, part: Part) -> Fact | None:
    """Something that one of a picture's captions tells; None if its rules find nothing safe to ask."""
    caption = captions[int(rng.integers(len(captions)))] if len(captions) else ""
    asked = questions_from((caption,), int(rng.integers(2**31)))
    for question in asked:
        if question.kind not in _SEEN:
            continue
        pattern, otherwise, sentence = _SEEN[question.kind]
        match = pattern.fullmatch(question.question)
        if match:
            text = question.question if part == "train" else otherwise.format(match[1])
            answer = question.answer
            whole = sentence.format(match[1], answer)
            return Fact("visual", question.kind, phrase(caption), text, whole, answer, _rivals(match[1]))
    return None


def _rivals(name: str) -> frozenset[str]:
    """Words for what is called so; a boy is a person, and so may be anybody else."""
    people = any(name in thing.one | thing.many for thing in THINGS if thing.name in PEOPLE)
    meant = [t for t in THINGS if (t.name in PEOPLE if people else name in t.one | t.many)]
    return frozenset({name, *name.split()}).union(*(thing.one | thing.many | thing.hints for thing in meant))


def chatter(rng: np.random.Generator, part: Part) -> str:
    """Something said that tells nothing."""
    return _pick(rng, list(_CHATTER[part]), 1)[0]


def _numbers(rng: np.random.Generator, part: Part) -> dict[str, str]:
    """Odd ones in training, even ones in evaluation."""
    odd = part == "train"
    return {
        "digit": str(2 * int(rng.integers(1, 7)) + odd),
        "number": str(2 * int(rng.integers(50, 450)) + odd),
        "percent": str(10 * int(rng.integers(1, 9)) + 5 * odd),
        "phone": "555 " + "".join(string.digits[i] for i in rng.integers(10, size=3)) + str(4 + odd),
    }


def _pick(rng: np.random.Generator, choices: Sequence[str], count: int) -> list[str]:
    return [choices[int(i)] for i in rng.choice(len(choices), count, replace=False)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
