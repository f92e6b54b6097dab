"""What a question asks for: its kind, the source that can answer it, and the words that say what is looked for.

Rules, not a model: they are quick, say why, and fail softly (the kind "visual" with every source allowed).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from model.errors import UsageError
from retrieval.ask.phrasing import Phrasing, Relation, phrasing_of
from retrieval.ask.places import Place, place_of
from retrieval.ask.scope import Scope, scope_of
from retrieval.ask.timing import Timed, timing_of
from retrieval.store.records import Source
from retrieval.store.wellformed import well_formed
from retrieval.store.words import content_words

Kind = Literal["when", "spoken", "screen_text", "count", "colour", "where", "action", "summary", "visual"]

MAX_QUESTION_CHARS = 2000
_SPOKEN_VERBS = (
    r"say|says|said|saying|speak|speaks|spoken|tell|tells|told|mention|mentions|mentioned|talk|talks|talking|asks?(?!\s+for\b)|asked(?!\s+for\b)|"
    r"describe|describes|described|explain|explains|explained|name|names|shout|shouts|sing|sings|sung|call|calls|claim|claims|answer"
)
_HEARD_OF = r"hear(?:s|d)?\s+(?:about|of)\b|(?:what|who)\s+(?:do|can|did|could)\s+(?:we|you|i|one)\s+hear"
_SPEAKER = r"narrator|narration|voice|speaker|speech|presenter|interviewer|commentator|host|announcer"
_RULES: list[tuple[Kind, str]] = [
    (
        "summary",
        r"\b(summar|what (is|was) (this|the) (video|clip|film|movie) about|what happens in (this|the) video|"
        r"main (topic|point)s?)",
    ),
    (
        "when",
        r"^\s*(when\b|at (what|which) (time|moment|point|second|minute)|from when|how (long|far) into|"
        r"what time (in|of) the video)",
    ),
    ("count", r"\bhow (many|often)\b|\bnumber of times\b"),
    ("colour", r"\b(what|which) colou?rs?\b|\bwhat is the colou?r\b"),
    (
        "screen_text",
        r"\b(written|on[- ]screen|on the screen|caption|subtitle|title|headline|logo|label|sign\b|button|spell|spells|"
        r"spelt|credits?|text|phone number|web ?site|url|e-?mail address|price|type[ds]?\b.*\bletters?|"
        r"words? (is|are|appears?|stands?|laid)|(side )?panel|menu|slide|web ?page|"
        r"(which|what) (film|movie|show|app|program|programme) is)",
    ),
    ("spoken", rf"\b({_SPEAKER}|{_HEARD_OF})\b|\b(what|who|which|how|why|does|did|do)\b.*\b({_SPOKEN_VERBS})\b"),
    (
        "where",
        r"^\s*where\b|\b(in|at) (which|what) (room|place|city|country|location)\b|"
        r"\bfrom (what|which) (viewpoint|angle)\b",
    ),
    ("action", r"\bwhat (is|are|was|were) .*\bdoing\b|\bwhat (does|do|did) .*\bdo\b|\bwhat happens\b"),
]  # the first that matches decides
_CHINESE_RULES: list[tuple[Kind, str]] = [
    ("summary", "总结|總結|概括|摘要|概述|主要内容|讲的是什么"),
    ("when", "什么时候|什麼時候|什么时间|何时|哪一刻|第几秒|第几分钟"),
    ("count", "多少|几个|幾個|几只|几辆|几次|几人"),
    ("colour", "什么颜色|什麼顏色|哪种颜色"),
    ("screen_text", "写着|写的是|写了什么|寫著|屏幕上|字幕|标题|文字"),
    ("spoken", "说了|說了|说什么|說什麼|讲了|讲什么|提到|谁说"),
    ("where", "哪里|哪裡|哪儿|什么地方|在哪"),
    ("action", "在做什么|在干什么|发生了什么"),
]
_SOURCE_OF: dict[Kind, Source] = {"spoken": "speech", "screen_text": "text"}
_SPOKEN_HINT = re.compile(rf"\b({_SPEAKER}|{_SPOKEN_VERBS})\b", re.IGNORECASE)
_TEXT_HINT = re.compile(
    r"\b(title|text|written|sign|caption|spell\w*|letters?|logo|label|timecode|subtitle)\b", re.IGNORECASE
)
_LEAD = re.compile(
    r"^\s*(please\s+)?(can you\s+)?((find|show|search for|look for|jump to|go to)\s+(me\s+)?(the\s+)?"
    r"(part|moment|scene|place|point|clip)?s?\s*((where|when|in which|with|of|that)\s+)?|"
    r"when\s+(is|are|was|were|does|do|did|can)\s+|(at )?what time\s+(is|does|do|did)\s+)",
    re.IGNORECASE,
)
_POINTS = " ?!.\uff1f\uff01\u3002"
_LEAD_CHINESE = re.compile("^(?:请|請)?(?:找到|找出|找|搜索|显示)?(?:什么时候|什麼時候|何时)?")
_ABOUT = re.compile(r"\babout\s+(.+?)(?:\s+(?:of|in|on|at|for|to|from|with|when|while)\b.*)?\s*\??$", re.IGNORECASE)
_SPEAKING_SUBJECT = re.compile(
    rf"\b(?:does|did|do|is|are|will)\s+(?:the\s+|a\s+|an\s+)?((?:[\w-]+\s+){{1,3}}?)(?:{_SPOKEN_VERBS})\b",
    re.IGNORECASE,
)
_EXPECTS = [  # what a question asks for by kind -> what such a text looks like
    (r"\b(tele)?phone number\b", r"\b(tel|phone|call|fax)\b|\+?\d[\d ()/-]{6,}\d"),
    (r"\be-?mail\b", r"\S@\S"),
    (r"\b(web ?site|web address|url|link)\b", r"\bwww\.|https?:|\.(com|org|net|io|de|uk|cn)\b"),
    (r"\b(price|cost|how much)\b", r"\d"),
    (r"\b(what|which) (number|year|date|score)\b", r"\d"),
]


# What a question is made of that asks for a thing without naming one: "What passes by?", "What object is being moved?"
_UNNAMED = re.compile(
    r"^(?:what|who)\s+\w+s(?=\s+(?:a|across|along|an|around|at|away|by|down|from|in|into|off|on|out|over|past|the|through|"
    r"to|towards?|under|up)\b)|\bbeing\s+\w+|\b(?:objects?|things?|items?|(?:back|fore)ground)\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\b(?:which|what|the|all)\s+(two|three|four|five|[2-5])\s+\w+s\b", re.IGNORECASE)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}


@dataclass(frozen=True)
class Question:
    """A parsed question. `prefers` is the source that answers it; `subject` says what to look for, in plain words."""

    text: str
    kind: Kind
    prefers: Source | None
    subject: str
    terms: list[str]
    topic: list[str]  # what follows "about", up to a preposition: one of these words an answer must have found
    is_open: bool  # asks for whatever is said or shown: "What does the man ask?"
    names_nothing: bool  # asks for a thing, a colour or what is done without a word for what must be seen
    expects: re.Pattern[str] | None  # what a text that answers looks like, where the question tells
    parts: tuple[str, ...] = ()  # two things to find in the `relation`, each in its own words
    relation: Relation | None = None
    wanted: str = ""  # what must be seen where something must not be: `without`
    without: str = ""
    timed: Timed | None = None  # where a time, a length, a number of times or what comes next is asked for
    scope: Scope | None = None  # the part of the video that is asked about; `text` is without it
    place: Place | None = None  # of the screen, where a text is asked for
    several: int = 1  # how many texts are asked for: "Which two words ...?"
    anchor: tuple[str, float, float] | None = None  # video, start, end: the moment that "and after that?" points at


def parse(text: str) -> Question:
    """Raises UsageError for an empty or over-long question, and one with broken characters."""
    text = " ".join(well_formed(text, "The question").split())
    if not text:
        raise UsageError("The question is empty; type what you want to know about the video.")
    if len(text) > MAX_QUESTION_CHARS:
        raise UsageError(
            f"The question has {len(text):,} characters and {MAX_QUESTION_CHARS:,} are allowed;"
            " ask for one thing at a time."
        )
    scope, text = scope_of(text)
    kind: Kind = next(
        (kind for kind, pattern in _CHINESE_RULES + _RULES if re.search(pattern, text, re.IGNORECASE)), "visual"
    )
    timed = timing_of(text) if kind != "summary" else None
    if timed:
        return replace(_parse_timed(text, kind, timed), scope=scope)
    prefers = _SOURCE_OF.get(kind) or (_hinted(text) if kind in ("when", "visual") else None)
    subject = _LEAD_CHINESE.sub("", _LEAD.sub("", text)).rstrip(_POINTS) or text
    about = _ABOUT.search(text)
    # What is said, in order or denied, is mostly meant to be found word by word
    phrasing = phrasing_of(subject) if prefers is None and kind in ("visual", "when") else Phrasing((subject,))
    wanted = phrasing.parts[0] if phrasing.without and content_words(phrasing.parts[0], fallback=False) else ""
    bare = _without_speaker(text) if prefers == "speech" else text
    return Question(
        text=text,
        kind=kind,
        prefers=prefers,
        subject=subject,
        terms=content_words(wanted or bare),
        topic=content_words(about.group(1)) if about and kind != "summary" else [],
        is_open=not content_words(bare, fallback=False),
        names_nothing=not content_words(_UNNAMED.sub(" ", bare), fallback=False),
        expects=next((re.compile(shape, re.I) for asked, shape in _EXPECTS if re.search(asked, text, re.I)), None),
        parts=phrasing.parts if phrasing.relation else (),
        relation=phrasing.relation,
        wanted=wanted,
        without=phrasing.without,
        scope=scope,
        place=place_of(text) if prefers == "text" else None,
        several=_several(text) if prefers == "text" else 1,
    )


def _parse_timed(text: str, kind: Kind, timed: Timed) -> Question:
    """What is looked for is the thing whose time is asked for, or that something else comes after or before."""
    beside = timed.how in ("after", "before")
    prefers = _hinted(timed.asked) if beside else _SOURCE_OF.get(kind) or _hinted(text)
    subject = timed.subject or text
    bare = _without_speaker(subject) if prefers == "speech" else subject
    return Question(
        text=f"{timed.asked or 'What happens'}?" if beside else text,  # asked of the moment that comes after or before
        kind="visual" if beside else "count" if timed.how == "how_often" else "when",
        prefers=prefers,
        subject=subject,
        terms=content_words(bare),
        topic=[],
        is_open=not content_words(bare, fallback=False),
        names_nothing=False,  # without a thing there is nothing whose time could be found
        expects=None,
        timed=timed,
    )


def _several(text: str) -> int:
    match = _HOW_MANY.search(text)
    return (_NUMBERS.get(match[1].lower()) or int(match[1])) if match else 1


def _hinted(text: str) -> Source | None:
    """The source that a question names in passing."""
    return "speech" if _SPOKEN_HINT.search(text) else "text" if _TEXT_HINT.search(text) else None


def _without_speaker(text: str) -> str:
    """ "What does the tall man say?" without the man: a transcript does not name its speaker."""
    match = _SPEAKING_SUBJECT.search(text)
    return text[: match.start(1)] + text[match.end(1) :] if match else text
