"""The language files and their mini-language of phrases."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.ask.rules import RulesPlanner
from retrieval.search import lexicon, words
from retrieval.search.lexicon import FOLDER, compile_phrase, lexicon_of, lexicons

FILES = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))}


def fits(phrase: str, text: str, spaced: bool = True) -> bool:
    return compile_phrase(phrase, spaced, {"number": r"\d+"}).search(text) is not None


@pytest.mark.parametrize(
    ("phrase", "fitting", "other"),
    [
        ("frame rate", "What is the frame rate?", "What is the framerate?"),
        ("frame rate", "the FRAME  RATE", "a frame rated high"),
        ("colo[u]r[s]", "Which colors?", "colored"),
        ("(red|blue) car", "a blue car", "a green car"),
        ("[the] red car", "red car", "red scar"),
        ("^hello$", "hello", "hello there"),
        ("^what is {what}$", "what is love", "so what is love"),
        ("how … dogs", "how many brown dogs", "how many dogsleds"),
        ("minute {number}", "at minute 12", "at minute twelve"),
        ("t[-]shirt", "a t-shirt", "a t shirty"),
        ("what is it [about|for]", "what is it", "what is its"),
    ],
)
def test_a_phrase_fits_what_it_says(phrase: str, fitting: str, other: str) -> None:
    assert fits(phrase, fitting) and not fits(phrase, other)


def test_signs_of_patterns_are_plain_letters_in_a_phrase() -> None:
    assert fits("1.5 x", "1.5 x", False) and not fits("1.5", "125", False)
    assert fits("a+b*", "a+b*", False) and not fits("a+b*", "aab", False)


def test_what_is_between_braces_is_taken_out() -> None:
    found = compile_phrase("^compare {one} (and|with) {other}$", True, {}).search("Compare the dog with a cat")
    assert found is not None and (found["one"].strip(), found["other"].strip()) == ("the dog", "a cat")


def test_without_spaces_words_stand_side_by_side() -> None:
    assert fits("什么颜色", "汽车是什么颜色的", spaced=False)
    assert not fits("色", "颜色", spaced=True)


def phrases(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for table, entries in data.items():
        if isinstance(entries, dict) and table != "say":
            for name, listed in entries.items():
                if isinstance(listed, list) and (table, name) not in lexicon._LISTS:
                    yield from ((f"{table}.{name}", phrase) for phrase in listed)


@pytest.mark.parametrize("code", FILES)
def test_every_phrase_compiles_and_does_not_fit_everything(code: str) -> None:
    known = lexicons()[code]
    for name, phrase in phrases(FILES[code]):
        if "\\" in phrase:
            pytest.fail(f"{name}: {phrase} is a regular expression, not a phrase")
        pattern = compile_phrase(phrase, known.spaced, {})
        may_be_empty = name in ("relations.nothing", "follow.lead")
        assert may_be_empty or not pattern.search(""), f"{name}: {phrase} fits an empty question"
    assert {name for name, _ in phrases(FILES[code])} <= known.phrases.keys()


@pytest.mark.parametrize("code", FILES)
def test_brackets_of_phrases_are_closed(code: str) -> None:
    for name, phrase in phrases(FILES[code]):
        assert phrase.count("[") == phrase.count("]") and phrase.count("(") == phrase.count(")"), f"{name}: {phrase}"


def keys(data: dict[str, Any]) -> set[str]:
    """Tables and their keys; of numbers, units, shares and typos, which are words, the tables alone."""
    return {
        f"{table}.{name}"
        for table, entries in data.items()
        if isinstance(entries, dict) and table not in ("numbers", "units", "shares", "typos")
        for name in entries
    } | set(data)


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("code", [code for code in FILES if code != "en"])
def test_all_languages_have_the_same_keys_and_say_the_same_things(code: str) -> None:
    english, other = FILES["en"], FILES[code]
    assert keys(english) == keys(other)
    differing = {name for name, said in english["say"].items() if fields(said) != fields(other["say"][name])}
    assert not differing


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What is said?", "en"),
        ("dog", "en"),
        ("???", "en"),
        ("她说了什么?", "zh"),
        ("狐狸出现多久?", "zh"),
        ("红色汽车", "zh"),
        ("the 红色 car", "en"),
        ("iPhone多少钱?", "zh"),
    ],
)
def test_the_language_of_a_question(text: str, code: str) -> None:
    assert lexicon_of(text).code == code


SPANISH = {
    'name = "English"': 'name = "Español"',
    'code = "en"': 'code = "es"',
    'stop = """': 'stop = """\ncuándo cuando el la los las un una de que qué en es',
    '"^[and] when [exactly] {what}$"': '"^cuándo (aparece|sale) {what}$"',
    'unknown_fact = "The file does not say"': 'unknown_fact = "El archivo no lo dice"',
}


@pytest.fixture
def with_spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """English, Chinese and a little Spanish: a file more, and no code."""
    for path in FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    text = (FOLDER / "en.toml").read_text("utf-8")
    for english, spanish in SPANISH.items():
        assert english in text, english
        text = text.replace(english, spanish, 1)
    text = re.sub(r'(?m)^typed = """[^"]*"""', 'typed = ""', text)
    (tmp_path / "es.toml").write_text(text, "utf-8")
    monkeypatch.setattr(lexicon, "FOLDER", tmp_path)
    lexicons.cache_clear()
    words._pattern.cache_clear()
    yield
    lexicons.cache_clear()
    words._pattern.cache_clear()


def test_a_third_language_needs_no_code(with_spanish: None) -> None:
    plan = RulesPlanner().plan("¿Cuándo aparece el perro?")
    assert (plan.language, plan.operation, plan.terms) == ("es", "when", ["perro"])
    assert RulesPlanner().plan("When does the dog appear?").language == "en"
    assert RulesPlanner().plan("什么时候下雨?").language == "zh"


def test_the_folder_is_as_it_was_after_a_third_language() -> None:
    assert set(lexicons()) == set(FILES)
