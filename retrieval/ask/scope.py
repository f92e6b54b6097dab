"""Which part of a video a question keeps to: "at 0:20", "at the start", "in the scene where a dog plays, ...".

Rules for English and Chinese. What is left of the question is asked of that part alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.search.filters import Filter

AROUND_S = 2.0  # on both sides of a time that is named
EDGE_SHARE, EDGE_LEAST_S = 0.15, 4.0  # of a video that is its start or its end
SCENE_S = 15.0  # on both sides of the best moment of a scene that is only described
_UNITS = {"s": 1, "sec": 1, "second": 1, "秒": 1, "m": 60, "min": 60, "minute": 60, "分": 60, "h": 3600, "hour": 3600}
_NUMBERS = "zero one two three four five six seven eight nine ten"
_COUNTS = {word: number for number, word in enumerate(_NUMBERS.split())}
_PARTS = {"half": 2, "third": 3, "quarter": 4}

_WORKS = r"(?:video|clip|film|movie|recording|footage)"
_OF_IT = rf"(?:\s+of\s+(?:the|this)\s+{_WORKS}\b)?(?!\s+of\b)"  # "at the end of the street" is a place
_COUNT = rf"(?:\d+(?:\.\d+)?|{'|'.join(_COUNTS)}|an?)"
_UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|h)"
_LENGTH = rf"{_COUNT}[\s-]*{_UNIT}\b(?:\s*(?:and\s+)?{_COUNT}[\s-]*{_UNIT}\b)?"
_CLOCK = r"\d{1,2}(?::\d{2}){1,2}(?:\.\d+)?"
_TIME = rf"(?:{_CLOCK}|{_LENGTH}|(?:second|minute)\s+\d+)"
_NEAR = r"(?:(?:exactly|about|around|roughly|the)\s+)*"
# "that the ferry leaves at 23:59" is no time of a video.
_TIME_OF_DAY = re.compile(r"\b(?:that|leaves?|departs?|arrives?|opens?|closes?)\b", re.IGNORECASE)
_EACH_LENGTH = re.compile(rf"({_COUNT})[\s-]*({_UNIT})\b", re.IGNORECASE)
_EACH_CHINESE = re.compile(r"(\d+)\s*(秒|分)")
_SCENE_LEAD = r"(?:in|during|from|within)\s+the\s+"
_SCENES = r"(?:scene|part|shot|clip|segment|section|sequence|moment)s?"
_SHOWING = r"(?:where|when|in which|with|of|that shows|showing|about)\s+"
_ASKING = (
    r"(?:(?:under|on|in|at|to|with|from|of)\s+)?"
    r"(?:what|which|who|whose|where|when|how|is|are|does|do|did|was|were|can)\b"
)


@dataclass(frozen=True)
class Scope:
    """`within` a video of that many seconds; or, where only `scene` is given, around the best moment of that."""

    within: Callable[[float], Filter] | None = None
    scene: str = ""
    named: bool = False  # by its time: then it is what is asked about, whatever it shows


def scope_of(text: str) -> tuple[Scope | None, str]:
    """The part that a question keeps to, and the question without it; None and the same text where it keeps to none."""
    for pattern in _SCENE_RULES:
        if match := pattern.match(text):
            asked = match["asked"].strip(" ,")
            return Scope(scene=match["scene"].strip()), asked[:1].upper() + asked[1:]
    for pattern, make in _RULES:
        if match := pattern.search(text):
            rest = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split())
            rest = re.sub(r"\s+([?.!,])", r"\1", rest).strip(" ,")
            scope = make(match)
            if scope and re.search(r"\w", rest):
                return scope, rest[:1].upper() + rest[1:]
    return None, text


def seconds_in(text: str) -> float:
    """Of 1:23, "1 minute and 23 seconds", "second 83", "1分23秒"."""
    if clock := re.search(_CLOCK, text):
        return math.fsum(float(part) * 60**i for i, part in enumerate(reversed(clock[0].split(":"))))
    if numbered := re.search(r"(second|minute)\s+(\d+)", text, re.IGNORECASE):
        return float(numbered[2]) * _UNITS[numbered[1].lower()]
    found = _EACH_CHINESE.findall(text) or _EACH_LENGTH.findall(text) or [("a", text)]
    return math.fsum(_number(count) * _UNITS[unit.lower().rstrip("s") or "s"] for count, unit in found)


def _number(word: str) -> float:
    word = word.lower()
    return 1.0 if word in ("a", "an") else float(_COUNTS.get(word, 0)) if word in _COUNTS else float(word)


def _at(match: re.Match[str]) -> Scope | None:
    if _TIME_OF_DAY.search(match.string[: match.start()]):
        return None
    seconds = seconds_in(match["time"])
    return Scope(lambda _: Filter(max(0.0, seconds - AROUND_S), seconds + AROUND_S), named=True)


def _between(match: re.Match[str]) -> Scope | None:
    first, last = seconds_in(match["time"]), seconds_in(match["until"])
    return Scope(lambda _: Filter(first, last), named=True) if last > first else None


def _edge(match: re.Match[str]) -> Scope:
    at_end = bool(re.search(r"end|finish|close|结|末|最后", match["edge"], re.IGNORECASE))

    def within(duration: float) -> Filter:
        length = min(duration, max(EDGE_LEAST_S, EDGE_SHARE * duration))
        return Filter(duration - length, duration) if at_end else Filter(0.0, length)

    return Scope(within)


def _outer(match: re.Match[str]) -> Scope:
    """The first or last so many seconds, or half, third or quarter."""
    last, part, numbered = match["which"].lower() != "first", match["part"], match["time"]

    def within(duration: float) -> Filter:
        length = min(duration, seconds_in(numbered) if numbered else duration / _PARTS[part.lower()])
        return Filter(duration - length, duration) if last else Filter(0.0, length)

    return Scope(within, named=bool(numbered))


_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Scope | None]]] = [
    (re.compile(pattern, re.IGNORECASE), make)
    for pattern, make in (
        (rf"\b(?:between|from)\s+(?P<time>{_TIME})\s+(?:and|to|until)\s+(?P<until>{_TIME}){_OF_IT}", _between),
        (rf"\b(?:in|during|within)\s+the\s+(?:very\s+)?(?P<which>first|last|final)\s+"
         rf"(?:(?P<time>{_LENGTH}|{_UNIT})\b|(?P<part>half|third|quarter)\b){_OF_IT}", _outer),
        (rf"\b(?:in|during|within)\s+the\s+(?P<which>second)\s+(?P<part>half)\b(?P<time>){_OF_IT}", _outer),
        (rf"\b(?:at|around|about|near)\s+{_NEAR}(?P<time>{_TIME})(?:\s+mark)?(?:\s+in(?:to)?\s+the\s+{_WORKS})?"
         rf"{_OF_IT}", _at),
        (rf"\bafter\s+{_NEAR}(?P<time>{_LENGTH})(?!\s+of\b)", _at),
        (rf"\b(?:right\s+)?(?:at|in)\s+the\s+(?:very\s+)?(?P<edge>start|beginning|end|finish){_OF_IT}(?!\s+\w)", _edge),
        (r"(?:在|到)?(?:视频的?)?第?(?P<time>(?:\d+\s*分(?:钟)?)?\s*\d+\s*秒|\d+\s*分钟?)(?:的?时候|时|左右|处)", _at),
        (r"在?(?:视频的?|影片的?)?(?P<edge>开头|一开始|开场|结尾|末尾)(?:的?时候|时|处)?", _edge),
    )
]  # fmt: skip
_SCENE = r"(?P<scene>[^,?]{3,120})"
_SCENE_RULES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^{_SCENE_LEAD}(?!{_WORKS},)(?:{_SCENES}\s+(?:{_SHOWING})?)?{_SCENE},\s*(?P<asked>{_ASKING}.+)$",
        rf"^(?P<asked>{_ASKING}.+?)\s+{_SCENE_LEAD}{_SCENES}\s+{_SHOWING}{_SCENE}\??$",
    )
]
