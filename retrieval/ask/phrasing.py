"""How a search is worded: two conditions in order, and what must not be there. Rules for English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Relation = Literal["then", "after", "before", "while"]

_THEN = re.compile(
    r"^(?:first,?\s+)?(?P<a>.+?)(?:\s*[,;]?\s+(?:and\s+)?(?:then|afterwards|after that|followed by|next)\s+|"
    r"\s*[,\uff0c]?\s*(?:然后|接着|随后|之后又)\s*)(?P<b>.+)$",
    re.IGNORECASE,
)
_SIMULTANEOUS = re.compile(
    r"^(?P<a>.+?)\s+(?:while|whilst|during|at the same time as)\s+(?P<b>.+)$|"
    r"^(?P<c>.+?)\s+and\s+(?P<d>.+?)\s+at the same time$|^(?P<e>.+?)(?:的同时|的时候)\s*[,\uff0c]?\s*(?P<f>.+)$",
    re.IGNORECASE,
)
_ORDER = re.compile(r"^(?P<a>.+?)\s+(?:(?:right|just|shortly)\s+)?(?P<how>after|before)\s+(?P<b>.+)$", re.IGNORECASE)
_ORDER_FIRST = re.compile(r"^(?P<how>after|before)\s+(?P<b>[^,]+),\s*(?P<a>.+)$", re.IGNORECASE)
_ORDER_CHINESE = re.compile(r"^在?(?P<b>.+?)(?P<how>之后|以后|之前|以前)\s*[,\uff0c的]?\s*(?P<a>.+)$")
_WITHOUT = re.compile(
    r"(?:^|[\s,]+)(?:but\s+|and\s+|with\s+)?"
    r"(?:without|except(?: for)?|other than|excluding|instead of|rather than|not|no)\s+(?:an?\s+|the\s+|any\s+)?"
    r"(?P<b>[^,]+?)"
    r"(?:\s+(?:in (?:view|sight|the (?:picture|frame|shot))|visible|anywhere|at all))?\s*$",
    re.IGNORECASE,
)
_WITHOUT_CHINESE = re.compile(r"(?:没有|沒有|不是|不含|除了)(?P<b>[^的,\uff0c]+)(?:的|以外|之外)*\s*")
_QUOTED = re.compile(r"[\"“”]")
_POINTS = " ,;.\u3002\uff0c"
_NOTHING = frozenset({"", "what", "what happens", "what is", "anything", "something", "the part", "it", "scene"})


@dataclass(frozen=True)
class Phrasing:
    """What is looked for. `parts` are two where there is a relation, in order of time but for "while", else one."""

    parts: tuple[str, ...]
    relation: Relation | None = None
    without: str = ""  # what must not be seen


def phrasing_of(subject: str) -> Phrasing:
    """Of a search without its lead ("find the part where"). What stands in quotation marks is taken as it is."""
    if _QUOTED.search(subject):
        return Phrasing((subject,))
    for relation, first, second in _splits(subject):
        parts = first.strip(_POINTS), second.strip(_POINTS)
        # "what happens after X" asks for what follows: only X can be looked for
        if parts[0].lower() not in _NOTHING and parts[1].lower() not in _NOTHING:
            return Phrasing(parts, relation)
    for pattern in (_WITHOUT, _WITHOUT_CHINESE):
        if match := pattern.search(subject):
            rest = (subject[: match.start()] + " " + subject[match.end() :]).strip(_POINTS + "的")
            return Phrasing((rest,), None, match["b"].strip())
    return Phrasing((subject,))


def _splits(subject: str) -> list[tuple[Relation, str, str]]:
    """Ways to take a search apart, as (relation, what comes first, what comes second)."""
    found: list[tuple[Relation, str, str]] = []
    if match := _THEN.match(subject):
        found.append(("then", match["a"], match["b"]))
    if match := _SIMULTANEOUS.match(subject):
        first, second = (group for group in match.groups() if group is not None)
        found.append(("while", first, second))
    for pattern in (_ORDER_FIRST, _ORDER_CHINESE, _ORDER):
        if match := pattern.match(subject):
            if match["how"].lower() in ("after", "之后", "以后"):
                found.append(("after", match["b"], match["a"]))
            else:
                found.append(("before", match["a"], match["b"]))
    return found
