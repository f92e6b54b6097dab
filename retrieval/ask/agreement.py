"""Whether a sentence agrees with the lines that it rests on: numbers, names, negation, who did what, and in what order.

General means and no model: words are brought to one form (stems, irregular verbs, synonyms, number words), what
excludes each other is told by lists, a clause is compared with the one that it shares most words with. All words are
data, in `retrieval/search/lexicons` (`[check]`). When in doubt a sentence agrees; see benchmarks/paraphrases.py.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.search.lexicon import Lexicon, lexicon_of, lexicons
from retrieval.store.fulltext import stem

_TOKEN = re.compile(r"[£€$¥%°]|\d+(?:[.,:]\d+)*|km/h|[^\W\d_](?:\.[^\W\d_])+|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_WIDE = "\u3002\uff01\uff1f\uff0c\uff1b\uff1a\u3001"  # the points of languages without spaces
_CLAUSES = re.compile(
    rf"[,;:.!?](?:\s+|$|(?=[\u3400-\u9fff]))|[\u00b7\u2014{_WIDE}]+|\s+[-\u2013]\s+|\s+(?=(?:and|but|while|whereas|because|since|so|if|when|although|though)\s)"
)
_SCORE = re.compile(r"([^\W\d_][\w.'’ -]*?)\s+(\d+)\s*[:–-]\s*(\d+)\s+([^\W\d_][\w'’]*)")
_WIDE_LETTER = re.compile(r"[\u3400-\u9fff]")
_PRONOUNS = re.compile(
    "[\u6211\u4f60\u60a8\u4ed6\u5979\u5b83\u4eec\u54b1]"
)  # of Chinese: I, you, he, she, it, and their plural
_HUNDRED_AND = re.compile(r"\b(hundred|thousand|million) and ", re.IGNORECASE)
_REASON = re.compile(r"\b(because|since|as|if|when|while|although|though)\b", re.IGNORECASE)
_THEN = re.compile(r"\bafter (?:that|this|which)\b", re.IGNORECASE)
_PAST = re.compile(r"\b(?:an? )?([a-z]+|\d{1,2})(?: minutes)? (past|to) ([a-z]+|\d{1,2})\b", re.IGNORECASE)
_PM = re.compile(r"\b(\d{1,2})(?:[:.](\d\d))?\s*([ap])\.?m\b\.?", re.IGNORECASE)
_AND_A_HALF = re.compile(r"\b([a-z]+|\d+)( hours?| minutes?| years?| days?| weeks?)? and a half\b", re.IGNORECASE)
_ROUND = re.compile(r"\b(\d+(?:\.\d+)?) (hundred|thousand|million|billion)\b", re.IGNORECASE)
_HALF_AN_HOUR = re.compile(r"\bhalf an hour\b", re.IGNORECASE)
_LASTS = re.compile(
    r"\b(\d+(?:\.\d+)?|[a-z]+(?:-[a-z]+)?)[ -](hours?|hrs?|minutes?|mins?|seconds?|secs?)\b", re.IGNORECASE
)
_HOUR_PM = re.compile(r"\b([a-z]+) ([ap])\.?m\b", re.IGNORECASE)
_BEFORE_AFTER = re.compile(r"\b(before|after|once|until|prior to|following)\b", re.IGNORECASE)
_BE = frozenset(["is", "are", "was", "were", "be", "been", "being", "am", "gets", "got", "get"])
_PRO_VERB = frozenset(["did", "does", "do", "had", "has"])
_YEAR_DIGITS = 4  # the 1990s are no seconds
_ALONE = frozenset(["m", "s", "l", "g", "h", "t"])  # units that are so only behind a number
_ZH_ALIKE, _ZH_SAME = 0.5, 0.8  # likeness of two clauses, of which one repeats the other but for what is exchanged
_SHARED = 0.3  # of a clause's words that another must have to be about the same
_MUCH_MORE = 1.5  # when in doubt the order agrees
_LONGEST_NAME = 3  # characters of what is exchanged in Chinese
_ADDED_NOTHING = ("exclusive.weekday", "exclusive.month", "exclusive.money")  # nothing of these may be added


@dataclass(frozen=True)
class Token:
    word: str  # lower case
    form: str  # the same for all words that mean the same
    content: bool
    capital: bool = False  # and not the first of a sentence


def agrees(sentence: str, quotes: Sequence[str], given: str = "") -> bool:
    """Whether a paraphrase says nothing else than what it cites.

    `given`: what the model knew besides the quotes, the question say, whose words and numbers it may use again.
    """
    lexicon = language_of(sentence)
    if lexicon.spaced:
        sentence, given, *quotes = (_in_digits(lexicon, text) for text in (sentence, given, *quotes))
    evidence = " \n ".join(quotes)
    if not numbers_agree(lexicon, sentence, evidence, given):
        return False
    if not lexicon.spaced:
        return (
            _same_polarity(lexicon, sentence, quotes)
            and _nothing_exchanged(lexicon, sentence, evidence)
            and _same_order(lexicon, sentence, quotes)
        )
    return (
        _names_agree(lexicon, sentence, f"{evidence} {given}")
        and _same_polarity(lexicon, sentence, quotes)
        and _same_actors(lexicon, sentence, quotes)
        and _same_order(lexicon, sentence, quotes)
    )


def language_of(text: str) -> Lexicon:
    """The language of a line, however short: two characters of its writing are enough."""
    wide = len(_WIDE_LETTER.findall(text))
    if wide > len(re.findall(r"[^\W\d_]", text)) / 3:
        return next((lexicon for lexicon in lexicons().values() if not lexicon.spaced), lexicon_of(text))
    return lexicon_of(text)


def _in_digits(lexicon: Lexicon, text: str) -> str:
    """English with the numbers that take several words in digits: half past five, 3 p.m., two and a half, 1.2
    million; and lengths of time in seconds."""
    small = {"half": 30.0, "quarter": 15.0}

    def number(word: str) -> float | None:
        return float(word) if word.isdigit() else lexicon.numerals.get(word.lower())

    def past(found: re.Match[str]) -> str:
        minutes, hour = small.get(found[1].lower(), number(found[1])), number(found[3])
        if minutes is None or hour is None or not 0 < minutes < 60 or not 0 < hour < 24:
            return found[0]
        if found[2].lower() == "to":
            if found[1].lower() != "quarter" and "minute" not in found[0].lower():
                return found[0]  # three to one
            hour, minutes = hour - 1, 60 - minutes
        return f"{hour:.0f}:{minutes:02.0f}"

    def daytime(found: re.Match[str]) -> str:
        hour = int(found[1]) % 12 + (12 if found[3].lower() == "p" else 0)
        return f"{hour}:{found[2] or '00'} {found[3].lower()}m"

    def half(found: re.Match[str]) -> str:
        value = 1.0 if found[1].lower() in ("a", "an") else number(found[1])
        return found[0] if value is None else f"{value + 0.5:g}{found[2] or ''}"

    def seconds(found: re.Match[str]) -> str:
        parts = [number(part) for part in found[1].split("-")]
        if any(part is None for part in parts) or parts == [1]:
            return found[0]  # a minute later, 60 kilometres an hour
        return f"{sum(part or 0.0 for part in parts) * lexicon.units[found[2].lower()]:g} seconds"

    text = _HUNDRED_AND.sub(r"\1 ", re.sub(r"(?<=\d) (?=\d{3}\b)", "", text))
    hour_words = _HOUR_PM.sub(lambda f: f[0] if number(f[1]) is None else f"{number(f[1]):g} {f[2]}.m.", text)
    text = _PM.sub(daytime, _PAST.sub(past, hour_words))
    text = _AND_A_HALF.sub(half, _HALF_AN_HOUR.sub("0.5 hours", text))
    text = _ROUND.sub(lambda found: f"{float(found[1]) * lexicon.numerals[found[2].lower()]:.0f}", text)
    return _LASTS.sub(seconds, text)


def numbers_agree(lexicon: Lexicon, sentence: str, evidence: str, given: str = "") -> bool:
    """Numbers, with the units that they have; and nothing that excludes what the evidence says, as another weekday."""
    if not numbers_in(lexicon, sentence) <= _with_parts(numbers_in(lexicon, f"{evidence} \n {given}")):
        return False
    said, known, also = (_members(lexicon, text) for text in (sentence, evidence, given))
    for kind, members in said.items():
        new = members - known.get(kind, set())
        instead = known.get(kind, set()) - members  # what the evidence says in its place
        if new and (instead or kind in _ADDED_NOTHING) and (instead or not new <= also.get(kind, set())):
            return False
    pairs, told = _measured(lexicon, sentence), _measured(lexicon, evidence)
    return all(
        unit == other
        for value, unit in pairs
        for number, other in told
        if value == number and (value, unit) not in told
    )


def numbers_in(lexicon: Lexicon, text: str) -> set[float | str]:
    """The numbers of a text, in digits or words; times of day and scores as they stand. "One" says little: left out."""
    found: set[float | str] = set()
    if not lexicon.spaced:
        digits = re.findall(r"\d+(?:[.,:]\d+)*", text)
        found |= {_value(number) for number in digits}
        said = re.findall("|".join(sorted(map(re.escape, lexicon.numbers), key=len, reverse=True)) or "(?!)", text)
        runs = re.findall(f"(?:{'|'.join(map(re.escape, lexicon.numbers))})+", text) if said else []
        return found | {value for run in runs if (value := lexicon.number(run)) > 1}
    for token in tokens(lexicon, text):
        if token.form.startswith("#"):
            found.add(_value(token.form[1:]))
    return {number for number in found if number != 1.0 or re.search(r"\b1\b", text)}


def negated(lexicon: Lexicon, text: str) -> bool:
    """Whether a text denies something: an odd number of words that turn it round. What is not until nine is then."""
    for phrase in lexicon.words["check.unnegated"]:
        text = text.replace(phrase, " ")
    turning = lexicon.words["negation.words"] | lexicon.words["check.negative"]
    if not lexicon.spaced:
        longest = sorted(turning, key=len, reverse=True)
        return len(re.findall("|".join(map(re.escape, longest)), text)) % 2 == 1
    every = [token.word for token in tokens(lexicon, text)]
    count = sum(word in turning or word.endswith("n't") for word in every)
    return (count - bool(count and set(every) & {"until", "till"})) % 2 == 1


def tokens(lexicon: Lexicon, text: str) -> list[Token]:
    """The words of a text in one form; a number is "#240", whether in digits or in words."""
    found: list[Token] = []
    spoken: list[str] = []
    at_start = True
    last_end = 0
    for match in _TOKEN.finditer(text):
        raw, gap = match[0], text[last_end : match.start()]
        at_start = last_end == 0 or bool(re.search(r"[.!?\n:]", gap)) or (at_start and not found)
        last_end = match.end()
        word = raw.lower().replace("’", "'").removesuffix("'s")
        parts = [part for part in re.split(r"[-\s]", word) if part in lexicon.numerals or (part == "and" and spoken)]
        if (word in lexicon.numerals and word not in ("a", "an", "both", "couple")) or len(parts) > 1:
            spoken += parts or [word]
            continue
        if spoken and word == "and":
            spoken.append(word)
            continue
        found += _spoken(lexicon, spoken)
        spoken = []
        if raw[0].isdigit():
            found.append(Token(word, f"#{raw}", True))
            continue
        content = word not in lexicon.stop
        found.append(Token(word, _form(lexicon.code, word), content, raw[0].isupper() and not at_start))
    return found + _spoken(lexicon, spoken)


def _spoken(lexicon: Lexicon, parts: list[str]) -> list[Token]:
    if not parts:
        return []
    ends_with_and = parts[-1] == "and"
    numbers = parts[:-1] if ends_with_and else parts
    found: list[Token] = []
    total, group = 0.0, 0.0
    said = [lexicon.numerals[part] for part in numbers if part != "and"]
    if any(one < 10 and other < 10 for one, other in itertools.pairwise(said)):  # "three, two": no one number
        found = [Token(f"{value:g}", f"#{value:g}", True) for value in said]
    else:
        for value in said:
            if value >= 100:
                group = max(group, 1) * value
                if value >= 1000:
                    total, group = total + group, 0.0
            else:
                group += value
        found = [Token(f"{total + group:g}", f"#{total + group:g}", True)]
    return found + ([Token("and", "and", False)] if ends_with_and else [])


@functools.lru_cache(maxsize=20_000)
def _form(code: str, word: str) -> str:
    lexicon = lexicons()[code]
    base = _bases(code).get(word, word)
    return _synonyms(code).get(stem(base), stem(base)) if lexicon.spaced else word


@functools.cache
def _bases(code: str) -> dict[str, str]:
    """Irregular form -> the verb."""
    return {form: entry[0] for entry in lexicons()[code].groups["verbs.irregular"] for form in entry}


@functools.cache
def _synonyms(code: str) -> dict[str, str]:
    return {stem(word): stem(entry[0]) for entry in lexicons()[code].groups["same.words"] for word in entry}


@functools.cache
def _verbs(code: str) -> dict[str, tuple[str, bool]]:
    """Form of a verb -> the one that says the same of the same two, and whether these change places with it."""
    lexicon = lexicons()[code]
    every = [entry[0] for name in ("irregular", "regular") for entry in lexicon.groups[f"verbs.{name}"]]
    known = {_form(code, verb): (_form(code, verb), False) for verb in every}
    for first, *others in lexicon.groups["converse.verbs"]:
        known[_form(code, first)] = (_form(code, first), False)
        known |= {_form(code, other): (_form(code, first), True) for other in others}
    return known


@functools.cache
def _exclusive(code: str) -> dict[str, tuple[str, int]]:
    """Word -> its list and the entry there."""
    groups = lexicons()[code].groups
    kinds = [kind for kind in groups if kind.startswith("exclusive.")]
    return {word: (kind, number) for kind in kinds for number, entry in enumerate(groups[kind]) for word in entry}


def _members(lexicon: Lexicon, text: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    table = _exclusive(lexicon.code)
    if lexicon.spaced:
        words = [token.word for token in tokens(lexicon, text)]
        every = [
            word
            for i, word in enumerate(words)
            if word not in _ALONE or (i and words[i - 1][:1].isdigit() and len(words[i - 1]) < _YEAR_DIGITS)
        ]  # fmt: skip
        every += ["km", "hour"] if "km/h" in words else []
    else:
        every = re.findall("|".join(sorted(map(re.escape, table), key=len, reverse=True)), text)
    for word in every:
        if word in table:
            kind, number = table[word]
            found.setdefault(kind, set()).add(number)
    return found


def _measured(lexicon: Lexicon, text: str) -> set[tuple[float | str, tuple[str, int]]]:
    """Numbers with the unit beside them."""
    if not lexicon.spaced:
        return set()
    table, every = _exclusive(lexicon.code), tokens(lexicon, text)
    found: set[tuple[float | str, tuple[str, int]]] = set()
    for i, token in enumerate(every):
        if not token.form.startswith("#"):
            continue
        unit = every[i + 1].word if i + 1 < len(every) else ""
        sign = every[i - 1].word if i else ""
        for word in (unit, sign if sign in "£€$¥" else ""):
            if word in table:
                found.add((_value(token.form[1:]), table[word]))
    return found


def _value(number: str) -> float | str:
    plain = re.sub(r",(?=\d{3})", "", number)
    plain = plain.replace(",", ".")
    return plain if ":" in plain or plain.count(".") > 1 else float(plain)


def _with_parts(numbers: set[float | str]) -> set[float | str]:
    """A score of 3:1 is three to one as well, and the other way round."""
    clocks = [n.split(":") for n in numbers if isinstance(n, str) and re.fullmatch(r"\d{1,2}:\d\d", n)]
    twice = {(int(hour) + more) % 24: minute for hour, minute in clocks for more in (0, 12)}
    also: set[float | str] = {f"{hour}:{minute}" for hour, minute in twice.items()}
    also |= {float(hour) for hour, minute in twice.items() if minute == "00"}
    also |= {f"{(n + more) % 24:g}:00" for n in numbers if isinstance(n, float) and n <= 24 for more in (0, 12)}
    numbers = numbers | also
    parts = {float(part) for number in numbers if isinstance(number, str) for part in re.findall(r"\d+", number)}
    whole = {float(n) for n in numbers if isinstance(n, float)} | parts | {1.0}
    scores = {f"{a:g}:{b:g}" for a in whole for b in whole} if len(whole) < 12 else set()
    return numbers | parts | scores | {1.0}


def _names_agree(lexicon: Lexicon, sentence: str, known: str) -> bool:
    """Names, which are written with a capital, inside a sentence or beside each other at its start."""
    has = {token.form for token in tokens(lexicon, known)} | {
        stem(part) for part in re.findall(r"[^\W_]+", known.lower())
    }
    every = tokens(lexicon, sentence)
    units = _exclusive(lexicon.code)
    names = [t for t in every if t.capital and t.content and len(t.word) > 1 and t.word not in units]
    if len(every) > 1 and every[1].capital and every[1].content and sentence[:1].isupper() and every[0].content:
        names.append(every[0])
    return all(token.form in has or _in_parts(token.word, has) for token in names)


def _in_parts(word: str, has: set[str]) -> bool:
    parts = re.findall(r"[^\W_]+", word)
    return len(parts) > 1 and all(stem(part) in has for part in parts)


def _clauses(text: str) -> list[str]:
    parts = [part.strip() for part in _CLAUSES.split(text)]
    return [part for part in parts if part]


def _forms(lexicon: Lexicon, text: str) -> set[str]:
    if lexicon.spaced:
        return {token.form for token in tokens(lexicon, text) if token.content}
    plain = re.sub(r"\W", "", text)
    return {plain[i : i + 2] for i in range(len(plain) - 1)}


def _same_polarity(lexicon: Lexicon, sentence: str, quotes: Sequence[str]) -> bool:
    """A clause denies exactly where the clause of the evidence denies that shares most with it."""
    known = [clause for quote in quotes for clause in _clauses(quote)]
    if not known:
        return True
    for clause in _clauses(sentence):
        has = _forms(lexicon, clause)
        best = max(known, key=lambda other: (len(has & _forms(lexicon, other)), -len(other)))
        shared = has & _forms(lexicon, best)
        if not shared or len(shared) < _SHARED * len(has):
            continue
        if negated(lexicon, clause) != negated(lexicon, best):
            return False
    return True


@dataclass(frozen=True)
class Deed:
    verb: str
    by: frozenset[str]
    to: frozenset[str]


def _deeds(lexicon: Lexicon, text: str) -> list[Deed]:
    """Who does what to whom, as far as the order of words and the passive tell."""
    found: list[Deed] = []
    verbs = _verbs(lexicon.code)
    for clause in re.split(r"[,;.!?·]\s|\s(?:and|but|while|before|after|when|because|that|who|which)\s", text):
        every = tokens(lexicon, clause)
        places = [i for i, t in enumerate(every) if t.form in verbs]
        if not places and found and every and every[-1].word in _PRO_VERB:  # "before the cook did"
            found.append(Deed(found[-1].verb, _content(every[:-1]), found[-1].to))
            continue
        if not places:
            continue
        at = next((i for i in places if i and every[i].word.endswith(("ed", "en", "t"))), places[0])
        if not at:
            continue
        verb, turned = verbs[every[at].form]
        left, right = _content(every[:at]), every[at + 1 :]
        passive = any(token.word in _BE for token in every[max(0, at - 2) : at])
        doer, source, rest = _after(right, "by"), _after(right, "from"), _content(right)
        if passive and turned:  # the kayak was borrowed from Ingrid by Ravi
            found.append(Deed(verb, source, doer))
        elif passive:
            found.append(Deed(verb, doer, left))
        elif turned:  # Jonas learned clock repair from Marta
            found.append(Deed(verb, source or (rest if verb == "beat" else frozenset()), left))
        else:
            found.append(Deed(verb, left, rest))
    found += _comparisons(lexicon, text)
    for one, goals, against, other in _SCORE.findall(text):  # Rovers 3 : 1 Comets
        if goals != against:
            names = [_content(tokens(lexicon, f"the {name}")) for name in (one.split()[-1], other)]
            winner, loser = names if int(goals) > int(against) else names[::-1]
            found += [Deed(verb, winner, loser) for verb in ("beat", "win")]
    return found


def _comparisons(lexicon: Lexicon, text: str) -> list[Deed]:
    """Of "Maria is taller than Tom but younger": taller and younger, Maria than Tom."""
    pairs = lexicon.groups["converse.comparatives"]
    turned = {word: (pair[0], number > 0) for pair in reversed(pairs) for number, word in enumerate(pair)}
    found = []
    for whole in re.split(r"[.!?;]\s", text):
        every = tokens(lexicon, whole)
        said = [token.word for token in every]
        if "than" not in said:
            continue
        than = said.index("than")
        one = _content([token for token in every[:than] if token.word not in turned])
        other = _content([token for token in every[than + 1 :] if token.word not in turned][:3])
        for word in said:
            if word in turned:
                form, back = turned[word]
                found.append(Deed(f"than {form}", other if back else one, one if back else other))
    return found


def _after(every: Sequence[Token], sign: str) -> frozenset[str]:
    """The first few words behind "by" or "from"."""
    words = [token.word for token in every]
    if sign not in words:
        return frozenset()
    own = [token for token in every[words.index(sign) + 1 :] if token.content]
    return _content(own[:3])


def _content(every: Sequence[Token]) -> frozenset[str]:
    return frozenset(token.form for token in every if token.content)


def _same_actors(lexicon: Lexicon, sentence: str, quotes: Sequence[str]) -> bool:
    """Nobody does what in the evidence is done to them, or what another does there."""
    text = " . ".join(quotes)
    told, known = _deeds(lexicon, text), {token.form for token in tokens(lexicon, text) if token.content}
    for deed in _deeds(lexicon, sentence):
        same = [other for other in told if other.verb == deed.verb]
        if not same or not deed.by:
            continue
        if not any(_fits(deed, other, known) for other in same):
            return False
    return True


def _fits(deed: Deed, other: Deed, known: set[str]) -> bool:
    counted, told = ({form for form in d.by | d.to if form.startswith("#")} for d in (deed, other))
    if counted and told and not counted & told:
        return False  # lost two and won seven, not the other way round
    if deed.by & other.by or not other.by:
        return True
    if deed.by & other.to or deed.to & other.by:
        return False
    return not deed.by & known  # by somebody that the evidence names with something else


def _same_order(lexicon: Lexicon, sentence: str, quotes: Sequence[str]) -> bool:
    """What comes first in the sentence, where it says so, comes first in the evidence."""
    told = [pair for quote in quotes for pair in _sequence(lexicon, quote)]
    # A line without such words tells things in their order, unless it gives a reason or a condition.
    text = [_forms(lexicon, part) for quote in quotes if not _REASON.search(quote) for part in _clauses(quote)]
    for first, second, said in _sequence(lexicon, sentence):
        if not said:
            continue
        explicit = [(a, b) for a, b, sure in told if sure]
        pairs = explicit or [(a, b) for i, a in enumerate(text) for b in text[i + 1 :]]
        first, second = first - second, second - first
        right = sum(len(first & a) * len(second & b) for a, b in pairs)
        wrong = sum(len(first & b) * len(second & a) for a, b in pairs)
        if wrong > _MUCH_MORE * right:
            return False
    return True


def _sequence(lexicon: Lexicon, text: str) -> list[tuple[set[str], set[str], bool]]:
    """Pairs of what comes first and what comes after, each as forms, and whether words say so."""
    found: list[tuple[set[str], set[str], bool]] = []
    for whole in re.split(r"(?<=[.!?])\s+", _THEN.sub("then", text)):
        if sign := _BEFORE_AFTER.search(whole):
            before = sign[1].lower() in ("before", "until", "prior to")
            left, right = whole[: sign.start()], whole[sign.end() :]
            if not _forms(lexicon, left) or (
                re.fullmatch(r"(?i).{0,12}|.*,\s*", left) and "," in right and (len(_forms(lexicon, left)) < 2)
            ):  # "After the rain, the sun": up to the comma is what it is after
                right, _, left = right.partition(",")
            one, other = _forms(lexicon, left), _forms(lexicon, right)
            if one and other:
                found.append((one, other, True) if before else (other, one, True))
            continue
        parts = _clauses(whole)
        ranks = [_rank(lexicon, part) for part in parts]
        for i, part in enumerate(parts):
            for j in range(i + 1, len(parts)):
                one, other = _forms(lexicon, part), _forms(lexicon, parts[j])
                if ranks[i] == ranks[j]:
                    found.append((one, other, False))
                elif ranks[i] < ranks[j]:
                    found.append((one, other, True))
                else:
                    found.append((other, one, True))
    return found


def _rank(lexicon: Lexicon, clause: str) -> int:
    def has(name: str) -> bool:
        if lexicon.spaced:
            return bool({token.word for token in tokens(lexicon, clause)} & lexicon.words[name])
        return any(word in clause for word in lexicon.words[name])

    return has("check.later") - has("check.earlier")


def _nothing_exchanged(lexicon: Lexicon, sentence: str, evidence: str) -> bool:
    """Of Chinese: no clause repeats one of the evidence with something put in the place of something else."""
    known = [_PRONOUNS.sub("", re.sub(r"\W", "", clause)) for clause in _clauses(evidence)]
    for clause in (_PRONOUNS.sub("", re.sub(r"\W", "", clause)) for clause in _clauses(sentence)):
        if not clause or not known or any(clause in other for other in known):
            continue
        best = max(known, key=lambda other: difflib.SequenceMatcher(None, other, clause, False).ratio())
        others = " ".join(other for other in known if other != best)
        match = difflib.SequenceMatcher(None, best, clause, False)
        changes = [(best[a:b], clause[c:d]) for kind, a, b, c, d in match.get_opcodes() if kind == "replace"]
        for old, new in changes:
            names = all(text and not set(text) & lexicon.words["check.particles"] for text in (old, new))
            if not names or max(len(old), len(new)) > _LONGEST_NAME:
                continue
            swapped = (new in others and old not in sentence.replace(clause, "")) or (new in best and old in clause)
            if match.ratio() >= _ZH_SAME or (swapped and match.ratio() >= _ZH_ALIKE):
                return False
    return True
