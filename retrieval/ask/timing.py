"""How a question asks about time: first or last, how long, how often, when it is gone, what comes after or before.

Rules for English and Chinese; what they answer is computed from the index, never asked of a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Timing = Literal["first", "last", "how_long", "how_often", "gone", "after", "before"]

_SHOWN = r"(?:thing|words?|sentences?|lines?|texts?|titles?|signs?|captions?)"
_TOLD = r"\b(?:said|shown|seen|written|spoken|heard)"
_PERCEIVED = (
    r"(?:visible|seen|see|shown?|shows|on (?:the )?screen|in (?:view|sight|(?:the )?(?:frame|picture))|appears?|"
    r"said|says?|mention(?:s|ed)?|heard|hear|talk(?:s|ing)?|speak(?:s|ing)?|spoken|written)"
)
_GONE = (
    r"(?:(?:go(?:es)? |get(?:s)? )?out of (?:the )?(?:picture|view|sight|frame|shot)|gone|disappears?|"
    r"(?:not|no longer|never) (?:visible|there|seen|shown|on (?:the )?screen|"
    r"in (?:the )?(?:picture|view|sight|frame|shot)))"
)
# "How long does the egg cook?" asks for what somebody says: only what is perceived can be counted in the index.
_RULES: list[tuple[Timing, str]] = [
    (
        "how_often",
        r"^(?:and\s+)?how many times\s+(?:is|are|was|were|does|do|did|can)\b|"
        rf"^(?:and\s+)?how often\b.*\b{_PERCEIVED}\b|(?:几次|多少次)",
    ),
    (
        "how_long",
        rf"^(?:and\s+)?(?:for\s+)?how long\b(?!\s+(?:into|after|before|until|ago)\b).*\b{_PERCEIVED}\b|多久|多长时间",
    ),
    ("gone", rf"^(?:and )?when\b.*\b{_GONE}\b|(?:什么时候|何时).*(?:不见|消失)"),
    (
        "first",
        rf"\bfor the first time\b|\bfirst time\b|^when\b.*\bfirst\b|\bfirst {_SHOWN}\b|{_TOLD} first\b|第一次|首次",
    ),
    (
        "last",
        rf"\bfor the last time\b|\blast time\b|^when\b.*\blast\b|\blast {_SHOWN}\b|{_TOLD} last\b|最后一次|最後一次",
    ),
]
_HOW_LONG = re.compile(r"^(?:and\s+)?how long\b", re.IGNORECASE)
_BESIDE = re.compile(
    r"^(?P<asked>(?:and\s+|so\s+)?what(?:'s| is| was| are| do| does| did| happens?| happened| comes?| came| follows?)\b"
    r"(?:(?!\b(?:after|before)\b).)*?)(?:\s+(?:right|just|shortly|directly|immediately))?\s+"
    r"(?P<how>after|before)\s+(?P<anchor>.+)$|"
    r"^(?:and\s+)?(?:what\s+)?(?P<how2>after|before)\s+(?P<anchor2>that|this|it)\b\W*$",
    re.IGNORECASE,
)
_BESIDE_CHINESE = re.compile(
    r"^在?(?P<anchor>.+?)(?P<how>之后|以后|之前|以前)\s*[,\uff0c]?\s*(?P<asked>.*(?:什么|什麼|谁|誰|哪|怎).*)$"
)
_LEAD = re.compile(
    r"^(?:and\s+)?(?:(?:for\s+)?how (?:long|often|many times)|when)\s+(?:is|are|was|were|does|do|did|has|have|can)\s+|"
    rf"\b{_GONE}\b|不见|消失|\b(?:for )?the (?:first|last) time\b|\b(?:first|last)\b(?: time| {_SHOWN}\b)?|"
    r"第一次|最后一次|最後一次|首次|多久|多长时间|几次|多少次",
    re.IGNORECASE,
)
_SIGHT = re.compile(
    r"\b(?:(?:can |do )?(?:we|you|i|one) (?:can )?see|(?:be )?(?:visible|seen|shown)|appears?|"
    r"(?:be )?on (?:the )?screen|in (?:view|sight|(?:the )?(?:frame|picture)))\b",
    re.IGNORECASE,
)  # a picture shows the thing, not that it is seen
_POINTS = " ?!.,;\u3002\uff0c\uff1f\uff01"
_WHOLE_VIDEO = re.compile(
    r"^(?:the |this )?(?:whole )?(?:video|film|movie|clip|recording)(?: last| take| go on)?$|^(?:这个|本)?视频有?$"
)
_POINTING = re.compile(r"^(?:that|this|it|then|那|这)$", re.IGNORECASE)


@dataclass(frozen=True)
class Timed:
    """`subject`: whose time is asked for, or what it is that something comes after or before; empty where the question
    points at the answer before ("and after that?"). `asked`: what to ask about what comes after or before."""

    how: Timing
    subject: str
    asked: str = ""

    @property
    def counted(self) -> bool:
        """Whether it is answered by counting places, not by what is found at one."""
        return self.how not in ("after", "before")

    @property
    def of_whole_video(self) -> bool:
        """Whether the length of the video itself is asked for."""
        return self.how == "how_long" and bool(_WHOLE_VIDEO.match(self.subject.lower()))


def timing_of(text: str) -> Timed | None:
    """None where a question does not ask so."""
    text = text.strip(_POINTS)
    for pattern in (_BESIDE, _BESIDE_CHINESE):
        if match := pattern.match(text):
            groups = match.groupdict()
            how = (groups["how"] or groups.get("how2", "")).lower()
            anchor = (groups["anchor"] or groups.get("anchor2", "")).strip(_POINTS)
            asked = (groups["asked"] or "").strip(_POINTS)
            pointing = bool(_POINTING.match(anchor))
            return Timed("after" if how in ("after", "之后", "以后") else "before", "" if pointing else anchor, asked)
    whole = Timed("how_long", _subject_of(text))
    if _HOW_LONG.match(text) and whole.of_whole_video:
        return whole
    for timing, rule in _RULES:
        if re.search(rule, text, re.IGNORECASE):
            return Timed(timing, _subject_of(text))
    return None


def _subject_of(text: str) -> str:
    whole = " ".join(_LEAD.sub(" ", text).split()).strip(_POINTS)
    return " ".join(_SIGHT.sub(" ", whole).split()) or whole
