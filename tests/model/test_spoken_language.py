from __future__ import annotations

import pytest

from model.speech.spoken_language import Verdict, tell_languages

CODES = ("en", "zh", "fr", "de", "no", "nn", "cy")


def shares(**known: float) -> dict[str, float]:
    """Probabilities of languages; what is left is spread over the others."""
    rest = (1 - sum(known.values())) / (len(CODES) - len(known))
    return {code: known.get(code, rest) for code in CODES}


def told(*rated: tuple[float, dict[str, float]], **options: object) -> list[str | None]:
    return [verdict.language for verdict in tell_languages(rated, **options)]  # type: ignore[arg-type]


def test_a_sure_stretch_speaks_for_itself_whatever_is_around_it() -> None:
    assert told((5, shares(en=0.97)), (5, shares(zh=0.98)), (5, shares(en=0.97))) == ["en", "zh", "en"]
    assert told((5, shares(fr=0.95)), before=Verdict("en", 0.99)) == ["fr"]


def test_a_short_or_doubtful_stretch_borrows_from_its_neighbours() -> None:
    doubtful = shares(cy=0.4, en=0.2)
    assert told((5, shares(en=0.97)), (0.9, doubtful), (5, shares(en=0.95))) == ["en"] * 3
    assert told((0.9, shares(de=0.9)), before=Verdict("en", 0.98)) == ["en"]
    assert told((0.9, doubtful), (4, shares(zh=0.99))) == ["zh", "zh"]
    assert told((4, shares(en=0.45, cy=0.2)), before=Verdict("en", 0.98)) == ["en"]


def test_what_cannot_be_told_is_left_open() -> None:
    assert told((9, shares(en=0.4, zh=0.35))) == [None]
    assert told((0.9, shares(en=0.6))) == [None]
    assert told((9, shares(fr=0.4, en=0.1)), before=Verdict("en", 0.9)) == [None]
    assert told() == []
    assert told((3, {})) == [None]


def test_a_change_must_be_plain() -> None:
    assert told((3, shares(de=0.55, en=0.4)), before=Verdict("en", 0.98)) == ["en"]
    assert told((3, shares(de=0.55, en=0.4))) == ["de"]


@pytest.mark.parametrize(("hint", "language"), [("de", "de"), ("zh", None), (None, None), ("xx", None)])
def test_a_hint_decides_a_doubt(hint: str | None, language: str | None) -> None:
    assert told((7, shares(de=0.35, cy=0.25)), hint=hint) == [language]


def test_a_hint_that_lies_is_not_believed() -> None:
    assert told((7, shares(en=0.97)), (2, shares(en=0.9)), hint="zh") == ["en", "en"]


def test_kinds_of_one_language_stand_together() -> None:
    assert told((4, shares(no=0.3, nn=0.4, en=0.2))) == ["nn"]


def test_the_likelihood_is_that_of_the_language() -> None:
    (verdict,) = tell_languages([(5, shares(zh=0.98))])
    assert verdict.likelihood == pytest.approx(0.98, abs=0.001)
