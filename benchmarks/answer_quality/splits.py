"""Two splits of the films. `fitted` is what thresholds and rules may be fitted on; nobody may fit on `unseen`.

They share no layout, no text, no topic, no value of a slot, no phrasing, no typeface, no voice and no seed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from benchmarks.answer_quality.drawing import THINGS, Thing, available_things
from benchmarks.answer_quality.pen import PLAIN, has_font
from benchmarks.answer_quality.photos import Photo, read_photos
from benchmarks.answer_quality.sights import SIGHTS, Sight
from benchmarks.answer_quality.speech import Synthesiser, find_synthesiser, unseen_synthesisers

Split = Literal["fitted", "unseen"]
SPLITS: tuple[Split, ...] = get_args(Split)
FOLDER = Path(__file__).parent

_TYPEFACES: dict[Split, tuple[str, ...]] = {
    "fitted": (PLAIN, "DejaVuSans.ttf"),
    "unseen": ("DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSansCondensed-Bold.ttf", "DejaVuSerif-Italic.ttf",
               "DejaVuSans-Bold.ttf"),
}  # fmt: skip
_CHINESE_TYPEFACES: dict[Split, tuple[str, ...]] = {
    "fitted": ("NotoSansCJK-Regular.ttc",),
    "unseen": ("NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"),
}


@dataclass(frozen=True)
class SpokenFact:
    """A sentence with one {slot}; `asks` are questions whose answer the slot's value is, `about` names its subject."""

    told: str
    asks: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class PageTemplate:
    """Text of one layout. Slots are {pool} or {pool1}, {pool2}; `asks` are (question, what its answer holds)."""

    layout: str
    about: tuple[str, ...]
    lines: tuple[str, ...]
    asks: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class ChinesePage:
    lines: tuple[str, ...]
    asks: tuple[tuple[str, str], ...]  # (question, pattern of right answers)
    when: str
    absent: str


@dataclass(frozen=True)
class Material:
    """All that a split's films may be made of."""

    split: Split
    topics: dict[str, tuple[SpokenFact, ...]]
    slots: dict[str, tuple[str, ...]]  # of the topics
    pages: tuple[PageTemplate, ...]
    pools: dict[str, tuple[str, ...]]  # of the pages
    phrasings: dict[str, tuple[str, ...]]
    typo_share: float
    typefaces: tuple[str, ...]  # those that the machine has
    voices: tuple[Synthesiser, ...]
    chinese: tuple[ChinesePage, ...]
    chinese_typefaces: tuple[str, ...]
    sights: tuple[Sight | Thing, ...]
    photos: tuple[Photo, ...] = field(default=(), repr=False)


def material_of(split: Split, photos: str | None = None) -> Material:
    """`photos` is tsv:FOLDER; its val split goes to the fitted films and its test split to the unseen ones."""
    topics, pages, phrasings = _read("topics.json"), _read("pages.json"), dict(_read("phrasings.json")[split])
    share, half = phrasings.pop("typos"), SPLITS.index(split)
    fitted_voice = find_synthesiser()
    voices = unseen_synthesisers() if split == "unseen" else [fitted_voice] if fitted_voice else []
    return Material(
        split,
        {
            name: tuple(SpokenFact(told, tuple(asks), about) for told, *asks, about in topic["facts"])
            for name, topic in topics["topics"].items()
            if topic["split"] == split
        },
        _halves(topics["slots"], half),
        tuple(
            PageTemplate(
                layout,
                tuple(known["about"]),
                tuple(known["lines"]),
                tuple((asked, answer) for asked, answer in known["asks"]),
                tuple(known["absent"]),
            )
            for layout, known in pages["layouts"].items()
            if known["split"] == split
        ),
        _halves(pages["pools"], half),
        {name: tuple(texts) for name, texts in phrasings.items()},
        share,
        tuple(name for name in _TYPEFACES[split] if name == PLAIN or has_font(name)) or (PLAIN,),
        tuple(voices),
        tuple(
            ChinesePage(tuple(p["lines"]), tuple((a, b) for a, b in p["asks"]), p["when"], p["absent"])
            for p in pages["chinese"][split]
        ),
        tuple(name for name in _CHINESE_TYPEFACES[split] if has_font(name)),
        tuple(SIGHTS) if split == "unseen" else tuple(thing for thing in available_things() if thing in THINGS),
        tuple(read_photos(photos, split)) if photos else (),
    )


def _halves(pools: dict[str, list[str]], half: int) -> dict[str, tuple[str, ...]]:
    """Every other value, so that no value is in both splits."""
    return {name: tuple(values[half::2]) for name, values in pools.items()}


@cache
def _read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def strangers(material: Material, told: Sequence[str]) -> list[SpokenFact]:
    """Facts of the split's topics other than those named: plausible, and never said."""
    return [fact for name, facts in material.topics.items() if name not in told for fact in facts]
