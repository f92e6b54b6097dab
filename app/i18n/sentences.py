"""Sentences that are made in English below the page (notices, refusals, profiles), told in the page's language.

`sentences_chinese.py` lists them with `{places}`. What stands in a place stays as it is, but for `{reason...}`, which
is told the same way, `{language...}` and `{track...}`, in which languages are named. Where no sentence fits, the
English stays.
"""

from __future__ import annotations

import functools
import re

from app.i18n import Language
from app.i18n.sentences_chinese import SENTENCES
from model.speech.languages import name_of, names

_PLACE = re.compile(r"{(\w+)}")
_TRACK_EXPRESSION = r"\d+(?: \(.+?\))?"
_TRACK = re.compile(r"(\d+) \((.+)\)")  # as a stream is named: 2 (English, “Stereo”)


def told(sentence: str, language: Language) -> str:
    """The sentence in the page's language, or as it is."""
    if language.code == "en":
        return sentence
    for pattern, chinese in _patterns():
        if found := pattern.fullmatch(sentence):
            return chinese.format(**{name: _place(name, value, language) for name, value in found.groupdict().items()})
    return sentence


def _place(name: str, value: str, language: Language) -> str:
    if name.startswith("reason"):
        return told(value, language)
    if name.startswith("language"):
        return "、".join(_language(part, language) for part in value.split(", "))
    if name.startswith("track"):
        return "、".join(_track(track, language) for track in re.split(r"(?<=\)), ", value))
    return value


def _language(name: str, language: Language) -> str:
    code = _codes().get(name)
    return name_of(code, language.code) if code else name


def _track(text: str, language: Language) -> str:
    if not (found := _TRACK.fullmatch(text)):
        return text
    name, comma, title = found[2].partition(", ")
    return f"{found[1]}（{_language(name, language)}{'，' if comma else ''}{title}）"


@functools.cache
def _codes() -> dict[str, str]:
    return {name: code for code, name in names("en").items()}


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Those with the most words of their own first: they say what is meant most closely."""
    ranked = sorted(SENTENCES.items(), key=lambda pair: -len(_PLACE.sub("", pair[0])))
    return [(re.compile(_expression(english), re.DOTALL), chinese) for english, chinese in ranked]


def _expression(english: str) -> str:
    parts = _PLACE.split(english)
    return "".join(
        f"(?P<{part}>{_TRACK_EXPRESSION if part == 'track' else '.+?'})" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
