"""The planner without a model: phrases of `retrieval/search/lexicons` say how a question is meant.

It is quick and says why. Where it is not sure it restricts nothing, and all sources compete.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace

from model.errors import UsageError
from retrieval.ask.plan import AROUND_S, EVERY_SOURCE, Operation, Place, Plan, Wants, Window
from retrieval.search.lexicon import Lexicon, lexicon_of
from retrieval.search.words import content_words
from retrieval.store.fulltext import simplified
from retrieval.store.records import Source
from retrieval.store.wellformed import well_formed

MAX_QUESTION_CHARS = 2000
_MOST_QUESTIONS = 4  # in one message
_EDGE_SHARE = 0.15  # of a video that is its start or its end
_POINTS = " ?!.,;:\u00bf\u00a1\u3002\uff0c\uff1f\uff01\uff1b\u3001"
_ENDS = re.compile(r"(?<=[?\uff1f])\s*")
_QUOTED = re.compile(r'"([^"]+)"')  # what stands in quotation marks is looked for as it is
_TYPED_LEAST, _TYPED_ALIKE = 5, 0.87  # letters of a word, and likeness to the one that was meant
_STRAIGHT = str.maketrans("\u2019\u2018\u201c\u201d", "''\"\"")


class RulesPlanner:
    """Plans by phrases. Stateless, so safe to share."""

    def plan(self, text: str) -> Plan:
        """Raises UsageError for an empty or over-long question, and one with broken characters."""
        text = checked(text)
        lexicon = lexicon_of(text)
        first, *others = [_plan_one(lexicon, part) for part in questions_in(lexicon, text)]
        return replace(first, others=tuple(others))


def checked(text: str) -> str:
    """The question on one line. Raises UsageError where it cannot be one."""
    text = " ".join(well_formed(text, "The question").split())
    if not text:
        raise UsageError("The question is empty; type what you want to know about the video.")
    if len(text) > MAX_QUESTION_CHARS:
        raise UsageError(
            f"The question has {len(text):,} characters and {MAX_QUESTION_CHARS:,} are allowed;"
            " ask for one thing at a time."
        )
    return text


def plan_search(text: str) -> Plan:
    """What somebody types to find moments: "a dog, then a car", "a street without cars", "a boat at the start".

    Raises UsageError as `RulesPlanner.plan` does.
    """
    lexicon = lexicon_of(text := checked(text))
    window, rest = _window(lexicon, text)
    plan = _plan_one(lexicon, rest or text)
    return _related(lexicon, replace(plan, window=window, operation="when", look_for=plan.look_for or rest or text))


def questions_in(lexicon: Lexicon, text: str) -> list[str]:
    """The questions of a message, each a whole one."""
    parts = [part for part in _ENDS.split(text) if re.search(r"\w", part)]
    found = [piece for part in parts for piece in _coordinated(lexicon, part)]
    asking = [part for part in found if not lexicon.has("talk.greeting", part.strip(_POINTS))]
    return (asking or found or [text])[:_MOST_QUESTIONS]


def _coordinated(lexicon: Lexicon, text: str) -> list[str]:
    """ "Who is it and what does he say" are two questions; "who and what is shown" is one."""
    found = lexicon.match("follow.also", text.strip(_POINTS))
    if found and all(lexicon.has("asked.only", part.strip()) and len(part) > 8 for part in found.groups()):
        return [found["one"], found["other"]]
    return [text]


def _plan_one(lexicon: Lexicon, text: str) -> Plan:
    text = corrected(lexicon, simplified(text.translate(_STRAIGHT)))
    if polite := lexicon.match("follow.polite", text):
        text = _sentence(next(part for part in polite.groups() if part))
    bare = text.strip(_POINTS)
    language = lexicon.code
    if talk := next(lexicon.matches("talk", bare), None):
        return Plan(text, "talk", fact=talk[0], language=language)
    if fact := next(lexicon.matches("file", bare), None):
        return Plan(text, "file", fact=fact[0], language=language)
    if found := lexicon.match("operations.compare", bare):  # its parts may be windows
        parts = (found["one"].strip(_POINTS), found["other"].strip(_POINTS))
        return Plan(text, "compare", parts=parts, language=language)
    window, rest = _window(lexicon, text)
    bare = rest.strip(_POINTS)
    look_for = _without_lead(lexicon, bare)
    sources, leans = _sources(lexicon, look_for)
    plan = Plan(
        _sentence(rest) or text,
        look_for=look_for,
        sources=sources,
        leans=leans,
        window=window,
        wants=_wants(lexicon, bare),
        how_many=_how_many(lexicon, bare),
        choices=_choices(lexicon, bare),
        language=language,
    )
    if plan.choices and all(is_colour(lexicon, choice) for choice in plan.choices):
        plan = replace(plan, wants="colour", leans="visual")
    if window and not content_words(bare, fallback=False) and not bare:
        return replace(plan, operation="summarise", look_for="")
    plan = _operated(lexicon, plan, bare)
    if leans == "speech":
        plan = replace(plan, look_for=_without_speaker(lexicon, plan.look_for))
    if sources == ("text",):
        plan = replace(plan, sought=_without_medium(lexicon, plan))
    if plan.operation == "when":
        plan = _related(lexicon, plan)
    plan = replace(plan, names_nothing=_names_nothing(lexicon, plan), place=_place(lexicon, plan))
    quoted = tuple(word for part in _QUOTED.findall(plan.look_for) for word in content_words(part))
    category = _category(lexicon, plan)
    return replace(plan, category=category, topic=quoted or _topic(plan, category), sought=quoted or plan.sought,
                   says_about=lexicon.has("text.about", plan.look_for))  # fmt: skip


def _operated(lexicon: Lexicon, plan: Plan, bare: str) -> Plan:
    for name, found in lexicon.matches("operations", bare):
        operation: Operation = name  # type: ignore[assignment]
        groups = {key: (value or "").strip(_POINTS) for key, value in found.groupdict().items()}
        if operation in ("after", "before"):
            asked, anchor = groups.get("asked", ""), groups.get("anchor", "")
            if asked and not lexicon.has("asked.only", asked):
                continue
            pointing = not anchor or lexicon.has("asked.pointing", anchor)
            sources, leans = _sources(lexicon, asked)
            if sources == EVERY_SOURCE and leans is None:
                sources = ("visual",)
            return replace(plan, operation=operation, asked=asked, sources=sources, leans=leans,
                           look_for="" if pointing else anchor)  # fmt: skip
        if operation in ("summarise", "transcript"):
            return replace(plan, operation=operation, look_for="")
        if operation == "list" and not _listable(lexicon, groups.get("what", bare)):
            continue
        return replace(plan, operation=operation, look_for=f"{groups.get('what', '')} {groups.get('more', '')}".strip())
    return plan


def _listable(lexicon: Lexicon, what: str) -> bool:
    """Whether all of it can be listed: the texts, what is said, what is seen; not "the main reasons"."""
    return not [word for word in content_words(what, fallback=False) if word not in lexicon.words["listed.things"]]


def corrected(lexicon: Lexicon, text: str) -> str:
    """The question with typing errors made good in the words that decide how it is meant; all others stay."""
    known = lexicon.stop | lexicon.asking | lexicon.typed
    return re.sub(r"[^\W\d_]+", lambda found: _meant(lexicon, known, found[0]), text) if lexicon.typed else text


def _meant(lexicon: Lexicon, known: frozenset[str], word: str) -> str:
    lower = word.lower()
    if lower in lexicon.typos:
        return lexicon.typos[lower]
    if lower in known or len(lower) < 3:
        return word
    swapped = [w for w in lexicon.typed if w[0] == lower[0] and sorted(w) == sorted(lower)]
    if swapped or len(lower) < _TYPED_LEAST:
        return swapped[0] if swapped else word
    close = difflib.get_close_matches(lower, lexicon.typed, 1, _TYPED_ALIKE)
    inflected = (
        not close or close[0][0] != lower[0] or close[0].startswith(lower[:-1]) or lower.startswith(close[0][:-1])
    )
    return word if inflected else close[0]


def _window(lexicon: Lexicon, text: str) -> tuple[Window | None, str]:
    """The part that a question keeps to, and the question without it."""
    if found := lexicon.match("windows.scene", text.strip(_POINTS)):
        scene = found["scene"].strip(_POINTS)
        if content_words(scene, fallback=False):
            return Window(scene=scene), _sentence(found["asked"])
        text = _sentence(found["asked"])  # "in the video"
    for name in ("between", "first", "last", "since", "until", "at", "start", "end", "middle"):
        found = lexicon.match(f"windows.{name}", text)
        if found is None or _is_timetable(lexicon, name, found):
            continue
        window = _stretch(lexicon, name, found)
        rest = re.sub(r"\s+([?.!,])", r"\1", f"{text[: found.start()]} {text[found.end() :]}")
        return window, " ".join(rest.split()).strip(" ,\uff0c")
    return None, text


def _is_timetable(lexicon: Lexicon, name: str, found: re.Match[str]) -> bool:
    before, after = found.string[: found.start()], found.string[found.end() :].strip()
    timed = name in ("at", "since", "until") and ":" in found[0] and lexicon.has("windows.timetable", before)
    return timed or (name in ("at", "start", "end", "middle") and lexicon.has("windows.quantity", after))


def _stretch(lexicon: Lexicon, name: str, found: re.Match[str]) -> Window:
    groups = {key: value for key, value in found.groupdict().items() if value}
    if name == "between":
        return Window(lexicon.seconds(groups["time"]), lexicon.seconds(groups["until"]), named=True)
    if name in ("first", "last"):
        if part := groups.get("part"):
            share = 1 / lexicon.shares[part.lower()]
            return Window(0.0, share, shares=True) if name == "first" else Window(1 - share, 1.0, shares=True)
        seconds = lexicon.seconds(groups["length"])
        return Window(0.0, seconds, named=True) if name == "first" else Window(-seconds, None, named=True)
    if name in ("start", "end", "middle"):
        low, high = {"start": (0.0, _EDGE_SHARE), "end": (1 - _EDGE_SHARE, 1.0), "middle": (0.4, 0.6)}[name]
        return Window(low, high, shares=True)
    seconds = lexicon.seconds(next((groups[key] for key in ("time", "clock", "length") if key in groups), found[0]))
    if name == "since":
        return Window(seconds, None, named=True)
    if name == "until":
        return Window(0.0, seconds, named=True)
    return Window(max(0.0, seconds - AROUND_S), seconds + AROUND_S, named=True)


def _sources(lexicon: Lexicon, text: str) -> tuple[tuple[Source, ...], Source | None]:
    """The sources that may answer, and the one that is likely meant."""
    written, said = lexicon.has("text.only", text), lexicon.has("speech.only", text)
    never = lexicon.has("speech.never", text)
    if written and not (said and not never) and not lexicon.has("speech.leans", text):
        return ("text",), "text"
    if said and not never and not written and not lexicon.has("visual.seen", text):
        return ("speech",), "speech"
    leans = [source for source in EVERY_SOURCE if lexicon.has(f"{source}.leans", text)]
    if leans == ["speech", "text"]:
        return ("speech", "text"), None
    if "visual" in leans and _wants(lexicon, text) in ("colour", "count"):
        return EVERY_SOURCE, "visual"
    return EVERY_SOURCE, leans[0] if len(leans) == 1 else None


def _wants(lexicon: Lexicon, text: str) -> Wants:
    wants: list[Wants] = ["colour", "count", "yes_no", "where", "action"]
    return next((want for want in wants if lexicon.has(f"wants.{want}", text)), "anything")


def _how_many(lexicon: Lexicon, text: str) -> int:
    found = lexicon.match("wants.several", text)
    return max(1, round(lexicon.number(found["count"]))) if found else 1


def _choices(lexicon: Lexicon, text: str) -> tuple[str, ...]:
    """ "Is the boat red or blue?": red, blue."""
    found = lexicon.match("wants.choice", text)
    if not found or not lexicon.has("wants.yes_no", text):
        return ()
    one, other = found["one"].split(), found["other"].split()
    return (one[-1], other[0]) if lexicon.spaced else (found["one"], found["other"])


def is_colour(lexicon: Lexicon, word: str) -> bool:
    return word.strip(_POINTS).lower() in lexicon.words["colours.names"]


def _without_lead(lexicon: Lexicon, text: str) -> str:
    """A question without "please find the part where"."""
    found = lexicon.match("follow.lead", text)
    return text[found.end() :].strip(_POINTS) or text if found and found.start() == 0 else text


def _without_speaker(lexicon: Lexicon, text: str) -> str:
    """ "What does the tall man say?" without the man: a transcript does not name its speaker."""
    found = lexicon.match("follow.speaking", text)
    return " ".join(f"{text[: found.start('who')]} {text[found.end('who') :]}".split()) if found else text


def _without_medium(lexicon: Lexicon, plan: Plan) -> tuple[str, ...]:
    """What to look for in "What does the ticket sign say?": what is written on a sign does not say "sign"."""
    terms = plan.terms
    rest = [term for term in terms if not lexicon.has("text.medium", term)]
    return tuple(rest) if rest and rest != terms else ()


def _names_nothing(lexicon: Lexicon, plan: Plan) -> bool:
    rest = plan.look_for
    for pattern in lexicon.phrases["visual.unnamed"]:
        rest = pattern.sub(" ", rest)
    return plan.operation == "answer" and not content_words(rest, fallback=False)


def _category(lexicon: Lexicon, plan: Plan) -> str:
    found = lexicon.match("wants.kind", plan.look_for)
    return found["kind"] if found else ""


def _topic(plan: Plan, category: str) -> tuple[str, ...]:
    """What the words that answer must speak of: not the kind of thing that is asked for ("which state")."""
    asked = content_words(category, fallback=False)
    return tuple(word for word in content_words(plan.look_for, fallback=False) if word not in asked)


def _place(lexicon: Lexicon, plan: Plan) -> Place | None:
    """The part of the screen that a question for a text names."""
    if "text" not in plan.sources or (plan.sources == EVERY_SOURCE and plan.leans != "text"):
        return None
    named = {name for name, _ in lexicon.matches("places", plan.question.strip(_POINTS))}
    if "centre" in named and len(named) == 1:
        return Place("middle", "middle")
    across = next((side for side in ("left", "right") if side in named), None)
    down = next((side for side in ("top", "bottom") if side in named), None)
    return Place(across, down) if across or down else None


def _related(lexicon: Lexicon, plan: Plan) -> Plan:
    """Of what must be found: two things in an order, or one without another. In quotation marks it is as it is."""
    text = plan.look_for
    if '"' in text or plan.sources != EVERY_SOURCE or plan.leans in ("speech", "text"):
        return plan
    for name, found in lexicon.matches("relations", text):
        groups = {key: (value or "").strip(_POINTS) for key, value in found.groupdict().items()}
        if name == "without":
            wanted = groups.get("a", "")
            return replace(plan, look_for=wanted, exclude=groups["b"])
        parts = (groups.get("a", ""), groups.get("b", ""))
        if name == "nothing" or any(lexicon.has("relations.nothing", part) for part in parts):
            continue  # "what happens after X" asks for what follows: only X can be looked for
        ordered = parts[::-1] if name == "after" else parts
        return replace(plan, relation=name, parts=ordered)  # type: ignore[arg-type]
    return plan


def _sentence(text: str) -> str:
    text = text.strip(" ,\uff0c")
    return text[:1].upper() + text[1:]
