"""Scripts of the films: which scenes follow each other, what is said when, and what is asked about it, by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeVar

import numpy as np

from benchmarks.answer_quality import facts
from benchmarks.answer_quality.drawing import SHAPES, Thing, available_things, place_of
from benchmarks.answer_quality.facts import Fact
from benchmarks.answer_quality.pen import COLOURS
from benchmarks.answer_quality.speech import RATE_HZ, Synthesiser

Kind = Literal["when", "spoken", "screen_text", "visual", "colour", "count", "where", "file", "absent"]
Interval = tuple[float, float]  # seconds from the start of the film
_Item = TypeVar("_Item")

_WHEN = ("When is {} shown?", "At what time can {} be seen?", "When does {} appear?", "When do we see {}?")
_COUNT = ("How many {} are there?", "How many {} can be seen?", "How many {} do you see at once?")
_COLOUR = ("What colour is the {}?", "Which colour does the {} have?")
_BACKGROUND = ("What colour is the background while the {} is shown?", "What is the colour behind the {}?",
               "Which colour is the page that the {} is on?")  # fmt: skip
_WHERE = ("Where is the {}?", "In which place can the {} be seen?", "Where does the scene with the {} take place?")
_WHILE = ("What can be seen while the narrator talks about {}?", "What is in the picture when {} is mentioned?")
_COLOUR_WORDS = {"red": "red|crimson|scarlet|maroon", "blue": "blue|navy|azure", "purple": "purple|violet",
                 "yellow": "yellow|gold", "orange": "orange", "green": "green", "white": "white",
                 "black": "black"}  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """Something to search for."""

    query: str
    interval: Interval


@dataclass(frozen=True)
class Question:
    """`accept` is a pattern that right answers match, and `reject` one that they do not; an absent one has neither
    that nor an interval. `after` is asked first, where this one is a follow-up."""

    kind: Kind
    text: str
    accept: str = ""
    interval: Interval | None = None
    reject: str = ""
    after: str = ""


@dataclass(frozen=True)
class Scene:
    """One shot. `show` says what: ("thing", name, count, colour), ("shape", kind, colour, background), ("card", words,
    colour), ("page", layout, typeface, line, ...), ("sight", name), ("photo", path) or ("pause", colour). `sound` is
    speech, float32 [n] at RATE_HZ from the start of the scene, or what to play instead."""

    seconds: float
    show: tuple[str, ...]
    sound: np.ndarray | Literal["silence", "music", "noise"] = "silence"


@dataclass
class Script:
    """A whole film and what is asked about it."""

    name: str
    scenes: list[Scene] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  # questions that what is spoken answers, and those it does not
    untold: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return round(sum(scene.seconds for scene in self.scenes), 1)


@dataclass(frozen=True)
class Size:
    """How many scenes of each sort a film has, and how many questions of each kind are drawn from all possible ones."""

    things: int = 6  # of which `narrated` have two sentences spoken over them
    narrated: int = 3
    shapes: int = 2
    cards: int = 3
    pause_s: tuple[float, float] = (7.0, 14.0)
    moments: int = 7
    questions: tuple[tuple[Kind, int], ...] = (
        ("when", 3), ("spoken", 4), ("screen_text", 3), ("visual", 2), ("colour", 2), ("count", 1), ("where", 1),
        ("absent", 5),
    )  # fmt: skip


SHORT = Size(4, 2, 1, 2, (3.0, 5.0), 6, (
    ("when", 3), ("spoken", 4), ("screen_text", 3), ("visual", 1), ("colour", 1), ("absent", 4),
))  # fmt: skip


def write_script(seed: int, number: int, synthesiser: Synthesiser | None, size: Size = Size()) -> Script:
    """The film with this number; the same for the same seed. Without a synthesiser nothing in it is spoken."""
    return _Writer(Random(f"{seed} {number}"), synthesiser, size).write(f"film-{seed}-{number}")


class _Writer:
    def __init__(self, random: Random, synthesiser: Synthesiser | None, size: Size) -> None:
        self.random, self.synthesiser, self.size = random, synthesiser, size
        self.voice = random.randrange(2)
        self.moments: list[Moment] = []
        self.questions: list[Question] = []
        self.spoken = random.sample(facts.SPOKEN, len(facts.SPOKEN))  # the first ones are told, the last are absent
        self.written = random.sample(facts.WRITTEN, len(facts.WRITTEN))
        self.things = self._things()

    def write(self, name: str) -> Script:
        size, script = self.size, Script(name)
        plan = ["narrated"] * size.narrated + ["thing"] * (size.things - size.narrated)
        plan += ["shape"] * size.shapes + ["card"] * size.cards + ["pause"]
        self.random.shuffle(plan)
        shapes = self.random.sample(SHAPES, size.shapes)
        for kind in plan:
            start = script.seconds
            if kind == "pause":
                scene = Scene(self._seconds(*size.pause_s), ("pause", "black"), self._quiet())
            elif kind == "shape":
                scene = self._shape(shapes.pop(), start)
            elif kind == "card":
                scene = self._card(self.written.pop(0), start)
            else:
                scene = self._thing(self.things.pop(0), start, narrated=kind == "narrated")
            script.scenes.append(scene)
        self.questions += self._absent()
        script.moments = self._sample(self.moments, size.moments)
        if self.synthesiser:
            script.told = [asked for fact in facts.SPOKEN if fact not in self.spoken for asked in fact.asks]
            script.untold = [asked for fact in self.spoken for asked in fact.asks]
        for asked, count in size.questions:
            script.questions += self._sample([q for q in self.questions if q.kind == asked], count)
        return script

    def _things(self) -> list[Thing]:
        """All in a drawn order, those first that have a place of their own: "on the road" is then one thing."""
        drawn, others, places = list[Thing](), list[Thing](), set[str]()
        for thing in self.random.sample(found := available_things(), len(found)):
            own = place_of(thing.name)
            (others if own in places else drawn).append(thing)
            places.add(own)
        assert len(drawn) > self.size.things
        return drawn + others

    def _sample(self, items: list[_Item], count: int) -> list[_Item]:
        return self.random.sample(items, min(count, len(items)))

    def _seconds(self, least: float, most: float) -> float:
        return round(self.random.uniform(least, most), 1)

    def _quiet(self) -> Literal["silence", "music", "noise"]:
        return self.random.choice(("silence", "music", "noise"))

    def _thing(self, thing: Thing, start: float, narrated: bool) -> Scene:
        colour = self.random.choice(thing.colours) if thing.colours else ""
        count = self.random.randint(2, 4) if thing.plural and self.random.random() < 0.5 else 1
        show = ("thing", thing.name, str(count), colour)
        if narrated and self.synthesiser:
            told = [self.spoken.pop(0), self.spoken.pop(0)]
            sound, intervals = self._speech(told, start)
            scene = Scene(round(len(sound) / RATE_HZ, 1), show, sound)
            about = self._pick(self._pick(told).about)
            self.questions.append(
                Question(
                    "visual", self._pick(_WHILE).format(about), thing.accept, (start, round(start + scene.seconds, 1))
                )
            )
            assert len(intervals) == len(told)
        else:
            scene = Scene(self._seconds(4, 7), show, self._quiet())
        place = (start, round(start + scene.seconds, 1))
        says = self.random.sample(thing.says, 2)
        self.moments.append(Moment(says[0], place))
        self.questions += [
            Question("when", self._pick(_WHEN).format(says[1]), "", place),
            Question("visual", thing.what, thing.accept, place),
            Question("where", self._pick(_WHERE).format(thing.plural if count > 1 else thing.name), thing.where, place),
        ]
        if colour and count == 1:
            self.questions.append(
                Question("colour", self._pick(_COLOUR).format(thing.name), rf"\b({_COLOUR_WORDS[colour]})\b", place)
            )
        if count > 1:
            asked = self._pick(_COUNT).format(thing.plural)
            self.questions.append(Question("count", asked, facts.accepted(str(count)), place))
        return scene

    def _speech(self, told: Sequence[Fact], start: float) -> tuple[np.ndarray, list[Interval]]:
        """The sound of a scene and where in the film each sentence lies; asks about each."""
        assert self.synthesiser is not None
        pieces, intervals = [_silence(self._seconds(0.6, 1.4))], list[Interval]()
        for fact in told:
            value = self._pick(facts.SLOTS[fact.slot])
            sentence = self.synthesiser.speak(fact.tell(facts.spoken_value(fact.slot, value)), self.voice)
            begin = start + sum(map(len, pieces)) / RATE_HZ
            interval = (round(begin, 2), round(begin + len(sentence) / RATE_HZ, 2))
            self._ask("spoken", fact, value, interval, facts.ABOUT_SPOKEN, facts.WHEN_SPOKEN)
            intervals.append(interval)
            pieces += [sentence, _silence(self._seconds(0.9, 2.2))]
        sound = np.concatenate(pieces)
        return np.pad(sound, (0, -len(sound) % (RATE_HZ // 10))), intervals

    def _card(self, fact: Fact, start: float) -> Scene:
        value = self._pick(facts.SLOTS[fact.slot])
        scene = Scene(self._seconds(3.5, 6), ("card", fact.tell(value), self._pick(tuple(COLOURS))), self._quiet())
        place = (start, round(start + scene.seconds, 1))
        self._ask("screen_text", fact, value, place, facts.ABOUT_WRITTEN, facts.WHEN_WRITTEN)
        return scene

    def _ask(
        self, kind: Kind, fact: Fact, value: str, place: Interval, about: Sequence[str], when: Sequence[str]
    ) -> None:
        accept = facts.accepted(value)
        self.moments.append(Moment(self._pick(fact.about), place))
        self.questions += [
            Question(kind, self._pick(fact.asks), accept, place),
            Question(kind, self._pick(about).format(self._pick(fact.about)), accept, place),
            Question("when", self._pick(when).format(self._pick(fact.about)), "", place),
        ]

    def _shape(self, kind: str, start: float) -> Scene:
        colour, background = self.random.sample(tuple(COLOURS), 2)
        scene = Scene(self._seconds(3.5, 6), ("shape", kind, colour, background), self._quiet())
        place = (start, round(start + scene.seconds, 1))
        self.moments.append(Moment(f"a {colour} {kind} on a {background} background", place))
        self.questions += [
            Question("when", self._pick(_WHEN).format(f"a {colour} {kind}"), "", place),
            Question("colour", self._pick(_BACKGROUND).format(f"{colour} {kind}"),
                     rf"\b({_COLOUR_WORDS[background]})\b", place),
        ]  # fmt: skip
        return scene

    def _absent(self) -> Iterator[Question]:
        """The same sorts of questions about things and facts that are not in this film."""
        for thing in self.things:
            yield Question("absent", self._pick(_WHEN).format(self._pick(thing.says)))
            if thing.colours:
                yield Question("absent", self._pick(_COLOUR).format(thing.name))
            if thing.plural:
                yield Question("absent", self._pick(_COUNT).format(thing.plural))
        for fact in self.written[: len(self.things)]:
            yield Question("absent", self._pick(fact.asks))
            yield Question("absent", self._pick(facts.ABOUT_WRITTEN).format(self._pick(fact.about)))
        for fact in self.spoken[: len(self.things)] if self.synthesiser else ():
            yield Question("absent", self._pick(fact.asks))
            yield Question("absent", self._pick(facts.ABOUT_SPOKEN).format(self._pick(fact.about)))

    def _pick(self, choices: Sequence[_Item]) -> _Item:
        return self.random.choice(choices)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE_HZ), np.float32)
