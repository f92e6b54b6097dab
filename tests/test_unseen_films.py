"""The films of unseen styles and the question sets beside them: sound, told by their seed, and sharing nothing with
what may be fitted on."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from benchmarks import routing
from benchmarks.answer_quality import layouts
from benchmarks.answer_quality.drawing import THINGS
from benchmarks.answer_quality.film import FPS, frames, picture
from benchmarks.answer_quality.judging import judge_answer
from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX
from benchmarks.answer_quality.photos import framed, read_photos
from benchmarks.answer_quality.running import digest
from benchmarks.answer_quality.script import Question, Scene, Script
from benchmarks.answer_quality.sights import SIGHTS
from benchmarks.answer_quality.speech import RATE_HZ, Synthesiser, fitted_voices, unseen_synthesisers
from benchmarks.answer_quality.splits import SPLITS, Material, Split, material_of
from benchmarks.answer_quality.styled import number_in_words, pattern_of, with_typo, write_split
from benchmarks.answer_quality.table import side_by_side
from model.evaluation.bootstrap import Figure
from retrieval.ask.answer import Answer
from retrieval.store.records import Citation

BENCHMARKS = Path(routing.__file__).parent


class Humming(Synthesiser):
    def speak(self, sentence: str, voice: int = 0) -> np.ndarray:
        return np.sin(np.arange(len(sentence) * RATE_HZ // 16) / 5).astype(np.float32) / 4


HUMMING = Humming("hum", ("low",))


@pytest.fixture(scope="module")
def materials() -> dict[Split, Material]:
    return {split: material_of(split) for split in SPLITS}


@pytest.fixture(scope="module")
def scripts(materials: dict[Split, Material]) -> list[Script]:
    return [script for known in materials.values() for script in write_split(known, 5, 9, HUMMING)]


@pytest.mark.parametrize("split", SPLITS)
def test_the_seed_tells_the_film(materials: dict[Split, Material], split: Split) -> None:
    one, same, other = (write_split(materials[split], seed, 2, HUMMING) for seed in (1, 1, 2))
    assert [digest(script) for script in one] == [digest(script) for script in same]
    assert [script.questions for script in one] == [script.questions for script in same]
    assert [digest(script) for script in one] != [digest(script) for script in other]


def test_every_interval_lies_in_its_film_and_films_are_short(scripts: list[Script]) -> None:
    for script in scripts:
        assert 30 <= script.seconds <= 100, script.name
        assert len({q.text for q in script.questions if not q.after}) == len(
            [q for q in script.questions if not q.after]
        )
        for item in [*script.moments, *script.questions]:
            if item.interval is not None:
                assert 0 <= item.interval[0] < item.interval[1] <= script.seconds + 0.01, item
        for question in script.questions:
            assert (question.kind == "absent") == (question.interval is None)
            assert not re.search(r"[{}]", question.text), question
            if question.kind not in ("when", "absent"):
                re.compile(question.accept)


def test_all_kinds_are_asked(scripts: list[Script]) -> None:
    kinds = {question.kind for script in scripts for question in script.questions}
    assert kinds >= {"spoken", "screen_text", "when", "visual", "file", "absent"}
    assert any(question.after for script in scripts for question in script.questions)


def test_nothing_is_spoken_or_asked_about_it_in_silence(materials: dict[Split, Material]) -> None:
    for known in materials.values():
        for script in write_split(known, 5, 2, silent=True):
            assert all(isinstance(scene.sound, str) for scene in script.scenes)
            assert not [question for question in script.questions if question.kind == "spoken"]


def test_every_page_template_and_every_sight_renders(materials: dict[Split, Material]) -> None:
    drawn = set()
    for known in materials.values():
        for page in known.pages:
            values = {name: pool[0] for name, pool in known.pools.items()}
            values |= {f"{name}{n}": pool[n % len(pool)] for name, pool in known.pools.items() for n in range(1, 4)}
            for typeface in known.typefaces:
                image = layouts.page(page.layout, typeface, [line.format(**values) for line in page.lines])
                assert image.width == WIDTH_PX and image.height >= HEIGHT_PX and np.asarray(image).std() > 5
            drawn.add(page.layout)
        for chinese in known.chinese:
            for typeface in known.chinese_typefaces:
                assert np.asarray(layouts.page("notice", typeface, chinese.lines)).std() > 5
    assert drawn | {"notice"} == set(layouts.LAYOUTS)
    for sight in SIGHTS:
        assert np.asarray(picture(Scene(4, ("sight", sight.name)))).std() > 20


def test_credits_scroll() -> None:
    lines = ("Directed by", "Maya Lindqvist", "Music by", "Tom Baxter", "Camera", "Irene Kovacs", "Thank you")
    shown = list(frames(Script("credits", [Scene(2, ("page", "credits", "", *lines))])))
    assert len(shown) == 2 * FPS and all(frame.shape == (HEIGHT_PX, WIDTH_PX, 3) for frame in shown)
    assert not np.array_equal(shown[0], shown[10]) and np.array_equal(shown[-1], shown[-2])


def test_the_splits_share_nothing(materials: dict[Split, Material]) -> None:
    fitted, unseen = materials["fitted"], materials["unseen"]
    parts = {
        "topics": [set(m.topics) for m in (fitted, unseen)],
        "sentences": [{f.told for facts in m.topics.values() for f in facts} for m in (fitted, unseen)],
        "layouts": [{page.layout for page in m.pages} for m in (fitted, unseen)],
        "phrasings": [{t for n, ts in m.phrasings.items() for t in ts if n != "manners"} for m in (fitted, unseen)],
        "Chinese": [{page.lines for page in m.chinese} for m in (fitted, unseen)],
        "Chinese typefaces": [set(m.chinese_typefaces) for m in (fitted, unseen)],
        "sights": [{sight.name for sight in m.sights} for m in (fitted, unseen)],
        **{f"slot {n}": [set(m.slots[n]) for m in (fitted, unseen)] for n in fitted.slots},
        **{f"pool {n}": [set(m.pools[n]) for m in (fitted, unseen)] for n in fitted.pools},
    }
    for name, (one, other) in parts.items():
        assert not one & other, name
    if len(unseen.typefaces) > 1:
        assert not set(fitted.typefaces) & set(unseen.typefaces)
    assert not fitted_voices() & {(voice.program, name) for voice in unseen_synthesisers() for name in voice.voices}
    assert not {thing.name for thing in THINGS} & {sight.name for sight in SIGHTS}
    names = [{script.name for script in write_split(known, 0, 4, HUMMING)} for known in materials.values()]
    assert not names[0] & names[1]


def test_there_are_twelve_topics_with_eight_facts(materials: dict[Split, Material]) -> None:
    topics = [facts for known in materials.values() for facts in known.topics.values()]
    assert len(topics) >= 12 and all(len(facts) >= 8 for facts in topics)
    for known in materials.values():
        for fact in (fact for facts in known.topics.values() for fact in facts):
            (slot,) = [name for _, name, _, _ in string.Formatter().parse(fact.told) if name]
            assert len(known.slots[slot]) >= 2
            for value in known.slots[slot]:
                assert re.search(pattern_of(value), fact.told.format(**{slot: value}), re.IGNORECASE)
                assert not any(re.search(pattern_of(value), asked, re.IGNORECASE) for asked in fact.asks), fact


@pytest.mark.parametrize(
    ("value", "right", "wrong"),
    [
        ("26", "After twenty-six days", "After 2 days and 6 hours"),
        ("14", "fourteen", "at 0:14"),
        ("0", "The Rovers have 0 goals", "They have 3 goals"),
        ("08:42", "It leaves at 8.42", "It leaves at 8.24"),
        ("4.60", "4,60 euros", "460"),
        ("Maya Lindqvist", "by maya lindqvist", "by Maya"),
    ],
)
def test_values_are_known_in_an_answer(value: str, right: str, wrong: str) -> None:
    assert re.search(pattern_of(value), right, re.IGNORECASE)
    assert not re.search(pattern_of(value), wrong, re.IGNORECASE)


def test_number_words() -> None:
    assert [number_in_words(n) for n in (7, 14, 30, 65)] == ["seven", "fourteen", "thirty", "sixty[ -]?five"]


def test_a_typo_keeps_the_letters() -> None:
    typed = with_typo("how long does the soup simmer", Random(1))
    assert typed != "how long does the soup simmer"
    assert Counter(typed) == Counter("how long does the soup simmer")


def answer(text: str, found: bool = True) -> Answer:
    return Answer("?", text, found, True, [Citation("v", 11, 12, "speech", "")] if found else [])


def test_precision_counts_what_is_not_refused() -> None:
    there, absent = Question("spoken", "?", r"\byes", (10, 15), r"\bno\b"), Question("absent", "?")

    def precision(question: Question, given: Answer) -> list[float]:
        return [verdict.value for verdict in judge_answer(0, question, given) if verdict.metric == "precision"]

    assert precision(there, answer("Yes.")) == [1] and precision(there, answer("yes and no")) == [0]
    assert precision(there, answer("Not found.", found=False)) == []
    assert precision(absent, answer("It is red.")) == [0] and precision(absent, answer("-", found=False)) == []


def test_a_gap_is_flagged_where_the_second_split_is_worse() -> None:
    def rates(qa: float, refused: float) -> dict[str, Figure]:
        return {"qa": Figure(qa, 0, 1), "refused": Figure(refused, 0, 1)}

    counted = {"qa": 10, "refused": 10}
    rows = {line.split(" | ")[0]: line for line in side_by_side({
        "fitted": (rates(0.8, 0.1), counted), "unseen": (rates(0.7, 0.3), counted)})}  # fmt: skip
    assert "over 0.08" in rows["| qa"] and "over 0.08" in rows["| false refusals"]
    better = "\n".join(side_by_side({"fitted": (rates(0.7, 0.3), counted), "unseen": (rates(0.8, 0.1), counted)}))
    assert "over 0.08" not in better


def test_photos_are_those_whose_captions_agree(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (224, 224), "#cc2222").save(tmp_path / "images" / "a.jpg")
    rows = ["image\tsplit\tcaption"]
    rows += [f"a.jpg\ttest\tA dog number {n} runs ." for n in range(5)]
    rows += [f"b.jpg\ttest\t{what}" for what in ("A dog .", "A cat .", "A hat .", "A dog .", "A man .")]
    rows += [f"c.jpg\tval\tA horse {n} ." for n in range(5)]
    (tmp_path / "captions.tsv").write_text("\n".join(rows) + "\n")
    assert [(p.path.name, p.name) for p in read_photos(f"tsv:{tmp_path}", "unseen")] == [("a.jpg", "dog")]
    assert [(p.path.name, p.name) for p in read_photos(f"tsv:{tmp_path}", "fitted")] == [("c.jpg", "horse")]
    assert framed(tmp_path / "images" / "a.jpg").size == (WIDTH_PX, HEIGHT_PX)
    with pytest.raises(ValueError, match="must begin with tsv:"):
        read_photos(str(tmp_path), "unseen")


@dataclass(frozen=True)
class Planned:
    sources: tuple[str, ...]


def test_routing_counts_the_questions_whose_source_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco" / "vqa.tsv").write_text("image\tsplit\tquestion\tanswer\na\ttest\tWhat is red?\tcar\n")
    questions = [*routing.own_questions("speech"), *routing.own_questions("text")]
    assert len(questions) == 600 == len({question.text for question in questions})
    assert questions[:300] == routing.own_questions("speech") != routing.own_questions("speech", seed=1)
    questions += routing.picture_questions(tmp_path)

    def plan(text: str) -> Planned:
        return Planned(("text", "visual") if "screen" in text else ("visual",))

    shares = {share.source: share for share in routing.measure(plan, questions)}
    assert (shares["visual"].reached, shares["visual"].alone, shares["speech"].reached) == (1, 1, 0)
    assert 0 < shares["text"].reached < 300 and len(shares["text"].misses) == 300 - shares["text"].reached
    assert any(line.startswith("missed (own, speech)") for line in routing.lines(shares.values(), 1))
    with pytest.raises(ValueError, match="not 5000"):
        routing.own_questions("speech", 5000)


class Planning:
    def plan(self, text: str) -> Planned:
        return Planned(("speech",))


def test_a_planner_is_a_function_or_a_class() -> None:
    assert routing.planner_named(f"{__name__}:Planning")("?").sources == ("speech",)
    assert routing.planner_named("benchmarks.routing:own_questions") is routing.own_questions
    with pytest.raises(ImportError):
        routing.planner_named("nowhere.at_all:plan")


def test_paraphrases_are_balanced() -> None:
    items = json.loads((BENCHMARKS / "paraphrases.json").read_text(encoding="utf-8"))
    assert len({item["sentence"] for item in items}) == len(items)
    assert min(Counter(item["faithful"] for item in items).values()) >= 70
    kinds = Counter(item["kind"] for item in items if not item["faithful"])
    assert set(kinds) == {"number", "name", "negation", "actor", "order", "unit"}
    assert max(kinds.values()) - min(kinds.values()) <= 1
    assert sum(item["language"] == "zh" for item in items) >= 20
    halves: dict[str, set[str]] = {"fit": set(), "test": set()}
    for item in items:
        halves[item["split"]].update(item["quotes"])
    assert not halves["fit"] & halves["test"]


def test_the_newcomers_questions_can_be_judged() -> None:
    known = json.loads((BENCHMARKS / "newcomer.json").read_text(encoding="utf-8"))
    assert (BENCHMARKS.parent / known["video"]).exists() and len(known["questions"]) >= 18
    for item in known["questions"]:
        assert item["why"] and ("accept" in item) != item.get("decline", False)
        for pattern in [*item.get("accept", []), *item.get("reject", [])]:
            re.compile(pattern)
