"""Scripts of films in other styles than those of `script.py`: pages as videos have them, and questions as people type.

What a film is made of comes from its split's `Material`; the same split, seed and number always give the same film.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import TypeVar

import numpy as np

from benchmarks.answer_quality.facts import accepted
from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX
from benchmarks.answer_quality.photos import draw_photos
from benchmarks.answer_quality.script import Interval, Kind, Moment, Question, Scene, Script, Size, write_script
from benchmarks.answer_quality.sights import Sight
from benchmarks.answer_quality.speech import RATE_HZ, Synthesiser, find_synthesiser
from benchmarks.answer_quality.splits import Material, PageTemplate, SpokenFact, strangers

_Item = TypeVar("_Item")
# Films in the style of script.py, a minute long, for the fitted split.
ONE_MINUTE = Size(5, 2, 1, 2, (3.0, 5.0), 6)
CHINESE_EVERY = 3  # the third film, the sixth and so on have Chinese pages and no speech
_ASKED: tuple[tuple[Kind, int], ...] = (
    ("spoken", 6), ("screen_text", 6), ("when", 6), ("visual", 3), ("file", 1), ("absent", 7),
)  # fmt: skip
_FACTS, _PAGES, _SIGHTS, _PHOTOS = 4, 3, 3, 2
_UNITS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = dict(enumerate(("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"), 13))
_TENS = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}


def write_split(
    material: Material, seed: int, count: int, voice: Synthesiser | None = None, silent: bool = False
) -> list[Script]:
    """The first `count` films of a split. In the fitted one every other English film is in the style of `script.py`.
    `voice` speaks instead of the split's own voices; `silent` leaves speech out."""
    scripts, english = list[Script](), 0
    for number in range(count):
        if number % CHINESE_EVERY == CHINESE_EVERY - 1 and material.chinese_typefaces:
            scripts.append(_Chinese(material, seed, number).write())
            continue
        if material.split == "fitted" and english % 2 == 0:
            scripts.append(write_script(seed, number, None if silent else voice or find_synthesiser(), ONE_MINUTE))
        else:
            voices = () if silent else (voice,) if voice else material.voices
            scripts.append(_Styled(material, seed, number, voices).write())
        english += 1
    return scripts


def number_in_words(number: int) -> str:
    """Of those up to 99 that the slots hold; empty for the others."""
    if number in _TEENS:
        return _TEENS[number]
    tens, units = divmod(number, 10)
    if not tens:
        return _UNITS[units]
    return "[ -]?".join(part for part in (_TENS.get(tens, ""), _UNITS[units]) if part) if tens in _TENS else ""


def pattern_of(value: str) -> str:
    """What an answer must hold: a number in figures or words, a name, or any of the words "a or b" as given."""
    if re.fullmatch(r"\d+", value):
        words = number_in_words(int(value)) or {"0": "nil|no goals?|none"}.get(value, "")
        return accepted(value) + (rf"|\b({words})\b" if words else "")
    if re.fullmatch(r"\d\d:\d\d", value):
        hour, minute = value.split(":")
        return rf"\b0?{int(hour)}[:. ]?{minute}\b"
    if re.fullmatch(r"\d+\.\d\d", value):
        return value.replace(".", r"[.,]")
    return r"\b" + r"\s+".join(re.escape(word) for word in value.split())


def all_of(*patterns: str) -> str:
    return "^" + "".join(f"(?=.*(?:{pattern}))" for pattern in patterns)


class _Writer:
    def __init__(self, material: Material, seed: int, number: int) -> None:
        self.material = material
        self.random = Random(f"{material.split} {seed} {number}")
        self.script = Script(f"{material.split}-{seed}-{number}")
        self.questions: list[Question] = []

    def _pick(self, choices: Sequence[_Item]) -> _Item:
        return self.random.choice(choices)

    def _add(self, scene: Scene) -> Interval:
        start = self.script.seconds
        self.script.scenes.append(scene)
        return start, self.script.seconds

    def _draw(self, asked: Sequence[tuple[Kind, int]]) -> Script:
        """Questions of each kind, no text twice."""
        unlike: dict[str, Question] = {}
        for question in self.random.sample(self.questions, len(self.questions)):
            unlike.setdefault(question.text, question)
        for kind, count in asked:
            self.script.questions += [q for q in unlike.values() if q.kind == kind][:count]
        return self.script


class _Chinese(_Writer):
    def write(self) -> Script:
        pages = self.random.sample(self.material.chinese, len(self.material.chinese))
        for page in pages[:-1]:
            typeface = self._pick(self.material.chinese_typefaces)
            place = self._add(Scene(self.random.randint(14, 18), ("page", "notice", typeface, *page.lines), "music"))
            self.questions += [Question("screen_text", asked, accept, place) for asked, accept in page.asks]
            self.questions.append(Question("when", page.when, "", place))
            self.questions.append(Question("absent", page.absent))
            self.script.moments.append(Moment(page.lines[0], place))
        self.questions += [Question("absent", asked) for asked, _ in pages[-1].asks]
        return self._draw((("screen_text", 4), ("when", 2), ("absent", 3)))


class _Styled(_Writer):
    def __init__(self, material: Material, seed: int, number: int, voices: Sequence[Synthesiser]) -> None:
        super().__init__(material, seed, number)
        self.voice = self._pick(voices) if voices else None
        self.typefaces = self.random.sample(material.typefaces, len(material.typefaces))
        self.topic = self._pick(sorted(material.topics))
        self.facts = self.random.sample(material.topics[self.topic], len(material.topics[self.topic]))
        self.pages = self.random.sample(material.pages, min(_PAGES, len(material.pages)))
        self.sights = self.random.sample(material.sights, len(material.sights))
        self.told: list[tuple[SpokenFact, str, Interval]] = []  # each with its value and its place in time
        self.read: list[tuple[str, str, Interval]] = []  # what a page is called, its title, its place

    def write(self) -> Script:
        shots = ["sight"] * _SIGHTS + ["page"] * (_PAGES - 1)
        photos = draw_photos(list(self.material.photos), self.random, _PHOTOS)
        shots += ["photo"] * len(photos)
        self.random.shuffle(shots)
        spoken = {n for n, shot in enumerate(shots) if shot != "page"}
        facts, seen = self.facts[:_FACTS], self.sights[:_SIGHTS]
        pages = sorted(self.pages, key=lambda page: page.layout == "credits")  # credits come last
        per_shot = -(-_FACTS // len(spoken))
        for number, shot in enumerate(shots):
            mine = [facts.pop(0) for _ in range(per_shot) if facts] if self.voice and number in spoken else []
            if shot == "page":
                self._page(pages.pop(0))
            elif shot == "photo":
                photo = photos.pop()
                place = self._shot(("photo", str(photo.path)), mine)
                self._seen(f'"{photo.caption}"', (photo.asks,), photo.accept, place)
            else:
                self._sight(seen.pop(0), mine)
        self._page(pages.pop(0))
        self._about_speech()
        self._about_pages()
        self._about_file()
        self._absent()
        return self._draw(_ASKED)

    def _shot(self, show: tuple[str, ...], facts: Sequence[SpokenFact]) -> Interval:
        """A picture with facts spoken over it, or with music."""
        if not self.voice or not facts:
            return self._add(
                Scene(round(self.random.uniform(5, 8), 1), show, self._pick(("music", "noise", "silence")))
            )
        pieces, start = [np.zeros(RATE_HZ, np.float32)], self.script.seconds
        for fact in facts:
            slot = re.findall(r"\{(\w+)\}", fact.told)[0]
            value = self._pick(self.material.slots[slot])
            sentence = self.voice.speak(fact.told.format(**{slot: value}))
            begin = start + sum(map(len, pieces)) / RATE_HZ
            self.told.append((fact, value, (round(begin, 2), round(begin + len(sentence) / RATE_HZ, 2))))
            pieces += [sentence, np.zeros(round(self.random.uniform(1.2, 2.2) * RATE_HZ), np.float32)]
        sound = np.concatenate(pieces)
        sound = np.pad(sound, (0, -len(sound) % (RATE_HZ // 10)))
        return self._add(Scene(round(len(sound) / RATE_HZ, 1), show, sound))

    def _sight(self, sight: object, facts: Sequence[SpokenFact]) -> None:
        if isinstance(sight, Sight):
            self._seen(sight.called, sight.asks, sight.accept, self._shot(("sight", sight.name), facts))
            return
        thing = sight
        name, what, accept = thing.name, thing.what, thing.accept  # type: ignore[attr-defined]
        colour = self._pick(thing.colours) if thing.colours else ""  # type: ignore[attr-defined]
        place = self._shot(("thing", name, "1", colour), facts)
        self._seen(thing.says[0], (what,), accept, place)  # type: ignore[attr-defined]

    def _seen(self, called: str, asks: Sequence[str], accept: str, place: Interval) -> None:
        self.script.moments.append(Moment(called.strip('"'), place))
        self.questions += [Question("visual", self._manner(asked), accept, place) for asked in asks]
        self.questions += [
            Question("when", self._say("when_seen", about=called), "", place),
            Question("visual", self._say("shown", about=called), rf"\byes\b|{accept}", place, r"^(\w+: )?no\b"),
            Question("visual", self._at("seen_at", place), accept, place),
        ]

    def _page(self, page: PageTemplate) -> None:
        filled = self._filled(page)
        lines, typeface = [line.format(**filled) for line in page.lines], self.typefaces[0]
        self.typefaces.append(self.typefaces.pop(0))
        seconds = round(self.random.uniform(5.5, 8), 1) + (3 if page.layout == "credits" else 0)
        place = self._add(Scene(seconds, ("page", page.layout, typeface, *lines), self._pick(("music", "silence"))))
        about = self._pick(page.about).format(**filled)
        self.read.append((about, lines[0], place))
        self.script.moments.append(Moment(about, place))
        asked = [(text.format(**filled), self._accept(answer, filled)) for text, answer in page.asks]
        self.questions += [Question("screen_text", self._manner(text), accept, place) for text, accept in asked]
        (one, first), (two, second) = self.random.sample(asked, 2)
        both = self._say("several", one=one, two=two, one_lower=_lower(one), two_lower=_lower(two))
        values = [filled[key.strip("{}")] for _, key in page.asks if key.strip("{}") in filled]
        shown = "|".join(pattern_of(value) for value in values)
        self.questions += [
            Question("screen_text", both, all_of(first, second), place),
            Question("screen_text", self._at("read_at", place), shown, place),
            Question("when", self._say("when_read", about=about), "", place),
            Question("when", self._say("follow_read"), "", place, after=one),
        ]
        if page.layout != "credits":
            length = place[1] - place[0]
            near = "|".join(rf"\b{n}(\.\d+)?\b" for n in (int(length) - 1, int(length), int(length) + 1))
            said = self._say("how_long", about=about)
            self.questions.append(Question("screen_text", said, rf"({near})\s*(s\b|sec)", place))
        self.last_shown = shown

    def _filled(self, page: PageTemplate) -> dict[str, str]:
        """A value for each slot, no value twice on a page."""
        filled: dict[str, str] = {}
        for slot in dict.fromkeys(re.findall(r"\{(\w+)\}", " ".join(page.lines))):
            free = [value for value in self.material.pools[slot.rstrip("0123456789")] if value not in filled.values()]
            filled[slot] = self._pick(free)
        return filled

    def _accept(self, answer: str, filled: dict[str, str]) -> str:
        parts = [pattern_of(part.format(**filled)) for part in answer.split("&")]
        return parts[0] if len(parts) == 1 else all_of(*parts)

    def _about_speech(self) -> None:
        for fact, value, place in self.told:
            accept = pattern_of(value)
            self.script.moments.append(Moment(fact.about, place))
            self.questions += [Question("spoken", self._manner(asked), accept, place) for asked in fact.asks]
            others = [v for v in self.material.slots[re.findall(r"\{(\w+)\}", fact.told)[0]] if v != value]
            choice = self.random.sample([value, self._pick(others)], 2)
            either = f"{fact.asks[0].rstrip('?')}, {choice[0]} or {choice[1]}?"
            follow = self._say("follow_when")
            self.questions += [
                Question("spoken", either, accept, place, rf"{re.escape(choice[0])} or {re.escape(choice[1])}"),
                Question("spoken", self._say("mentioned", about=fact.about), rf"\byes\b|{accept}", place, r"^\W*no\b"),
                Question("spoken", self._at("said_at", place), accept, place),
                Question("spoken", self._say("how_often", about=fact.about), r"\bonce\b|\bone\b|\b1\b", place),
                Question("when", self._say("when_said", about=fact.about), "", place),
                Question("when", follow, "", place, after=fact.asks[0]),
            ]
        if len(self.told) > 1:
            (first, value, place), (last, final, end) = self.told[0], self.told[-1]
            self.questions += [
                Question("spoken", self._say("first"), f"{pattern_of(value)}|{_noun(first)}", place),
                Question("spoken", self._say("last"), f"{pattern_of(final)}|{_noun(last)}", end),
            ]
            number = self.random.randrange(len(self.told) - 1)
            (before, earlier, then), (after, later, there) = self.told[number : number + 2]
            self.questions += [
                Question("spoken", self._say("next", about=before.about), pattern_of(later), there),
                Question("spoken", self._say("previous", about=after.about), pattern_of(earlier), then),
            ]

    def _about_pages(self) -> None:
        titles = [pattern_of(title) for _, title, _ in self.read]
        self.questions += [
            Question("screen_text", self._say("list"), all_of(*titles), self.read[0][2]),
            Question("screen_text", self._say("last_seconds"), self.last_shown, self.read[-1][2]),
        ]

    def _about_file(self) -> None:
        whole, seconds = (0.0, self.script.seconds), round(self.script.seconds)
        near = range(seconds - 1, seconds + 2)
        lengths = "|".join(rf"\b{s}(\.\d+)?\s*s|0?{s // 60}:{s % 60:02}|{s // 60} min\D*\b{s % 60}\b" for s in near)
        rounded = r"|\b(about|around) (one|a|1) minute" if abs(seconds - 60) < 10 else ""
        rounded += r"|\b(less than|under|below) (one|a|1) minute" if seconds < 60 else ""
        self.questions += [
            Question("file", self._say("duration"), lengths + rounded, whole),
            Question("file", self._say("size"), rf"{WIDTH_PX}\W*(x|×|by)?\W*{HEIGHT_PX}|\b{HEIGHT_PX}p", whole),
            Question("file", self._say("sound"), r"^\W*yes|\b(sound|audio|speech|music)\b", whole, r"^\W*no\b"),
        ]

    def _absent(self) -> None:
        """Questions of the same kinds on what could be in such a film, and is not."""
        untold = [*self.facts[_FACTS:], *self.random.sample(strangers(self.material, [self.topic]), 4)]
        for fact in untold if self.voice else ():
            self.questions.append(Question("absent", self._manner(self._pick(fact.asks))))
            self.questions.append(Question("absent", self._say("when_said", about=fact.about)))
        for page in self.material.pages:
            self.questions += [Question("absent", self._manner(text)) for text in page.absent]
            if page not in self.pages and not any("{" in about for about in page.about):
                self.questions.append(Question("absent", self._say("when_read", about=self._pick(page.about))))
        for sight in self.sights[_SIGHTS:]:
            called = sight.called if isinstance(sight, Sight) else sight.says[0]
            self.questions.append(Question("absent", self._say("when_seen", about=called)))

    def _say(self, name: str, **filled: str) -> str:
        return self._pick(self.material.phrasings[name]).format(**filled)

    def _at(self, name: str, place: Interval) -> str:
        second = round((place[0] + place[1]) / 2)
        return self._say(name, stamp=f"{second // 60}:{second % 60:02}", seconds=str(second))

    def _manner(self, asked: str) -> str:
        """The question as somebody might type it."""
        bare = _lower(asked).rstrip("?.!")
        said = self._say("manners", asked=asked, lower=_lower(asked), bare=bare)
        return with_typo(said, self.random) if self.random.random() < self.material.typo_share else said


def with_typo(text: str, random: Random) -> str:
    """Two neighbouring letters of one longer word in lower case change places."""
    words = text.split(" ")
    long = [n for n, word in enumerate(words) if re.fullmatch(r"[a-z]{5,}\W?", word)]
    if long:
        number = random.choice(long)
        word, at = words[number], random.randint(1, 2)
        words[number] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def _lower(asked: str) -> str:
    return asked[:1].lower() + asked[1:] if not asked.startswith("I ") else asked


def _noun(fact: SpokenFact) -> str:
    return rf"\b{re.escape(fact.about.split()[-1])}"
