"""Sentences that the lower layers make in English (notices, refusals, profiles), told in the language that is wanted.

`translated_chinese.py` lists them with `{places}`. What stands in a place stays as it is, unless its name is one of
_PLACES: a reason is told the same way, languages are named. Where no sentence fits, the English stays.
"""

from __future__ import annotations

import functools
import re

from model.speech.languages import name_of, names
from retrieval.ask.translated_chinese import SENTENCES

_PLACE = re.compile(r"{(\w+)}")
_TRACK_EXPRESSION = r"\d+(?: \(.+?\))?"
_TRACK = re.compile(r"(\d+) \((.+)\)")  # as a stream is named: 2 (English, “Stereo”)


def told(sentence: str, language: str) -> str:
    """The sentence in a language (ISO 639-1), or as it is where that one is not here."""
    if language != "zh":
        return sentence
    for pattern, chinese in _patterns():
        if found := pattern.fullmatch(sentence):
            places = {
                name: _PLACES[name](value, language) if name in _PLACES else value
                for name, value in found.groupdict().items()
            }
            return chinese.format(**places)
    return sentence


def _reason(text: str, language: str) -> str:
    return told(text, language)


def _languages(text: str, language: str) -> str:
    """ "Spanish, French and 3 more" """
    listed, _, more = text.partition(" and ")
    names = "、".join(_language(name, language) for name in listed.split(", "))
    return f"{names}以及另外 {more.removesuffix(' more')} 种" if more else names


def _language(name: str, language: str) -> str:
    code = _codes().get(name)
    return name_of(code, language) if code else name


def _tracks(text: str, language: str) -> str:
    return "、".join(_track(track, language) for track in re.split(r"(?<=\)), ", text))


def _track(text: str, language: str) -> str:
    if not (found := _TRACK.fullmatch(text)):
        return text
    name, comma, title = found[2].partition(", ")
    return f"{found[1]}（{_language(name, language)}{'，' if comma else ''}{title}）"


def _times(text: str, language: str) -> str:
    """ "0:10–0:40, 1:20–1:30 and 3 more times" """
    text = re.sub(r" and (\d+) more times?$", r"以及另外 \1 处", text)
    return text.replace(", ", "、").replace(" and ", "、")


def _subtitles(text: str, language: str) -> str:
    """A file's name, or "Subtitle track 3 “Signs”" """
    return re.sub(r"^Subtitle track (\d+) ?", r"字幕轨道 \1 ", text).strip()


_PLACES = {
    "reason": _reason, "language": _language, "languages": _languages, "track": _track, "tracks": _tracks,
    "times": _times, "subtitles": _subtitles,
}  # fmt: skip


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
