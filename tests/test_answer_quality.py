"""The answer-quality benchmark: its films and questions are sound, its judge is just, and a small run of it with the
embedded pack stays above floors that lie a little under what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import pytest

from app.engine import Engine
from app.settings import Settings
from benchmarks.answer_quality import facts
from benchmarks.answer_quality.ablations import SOURCES, Remembering, ablate, keep_only, unchecked
from benchmarks.answer_quality.drawing import THINGS, available_things, picture_of
from benchmarks.answer_quality.film import FPS, make_film, soundtrack
from benchmarks.answer_quality.judging import Verdict, counts, figures, judge_answer, judge_search
from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX
from benchmarks.answer_quality.running import Film, ask_everything, digest, index_films
from benchmarks.answer_quality.script import SHORT, Question, Script, Size, write_script
from benchmarks.answer_quality.speech import RATE_HZ, Synthesiser, find_synthesiser
from benchmarks.answer_quality.table import ablated, by_kind, total
from retrieval.ask.answer import Answer
from retrieval.ask.readers import embedded as reading
from retrieval.store.records import Citation, Moment
from tests.fakes import Scripted


class Humming(Synthesiser):
    """Speaks as fast as it can: a tone as long as the sentence."""

    def speak(self, sentence: str, voice: int = 0) -> np.ndarray:
        return np.sin(np.arange(len(sentence) * RATE_HZ // 16) / 5).astype(np.float32) / 4


HUMMING = Humming("hum", ("low", "high"))


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return [write_script(3, number, HUMMING) for number in range(12)]


def test_the_same_seed_writes_the_same_film_and_another_one_another() -> None:
    one, same, other = (write_script(seed, 1, HUMMING) for seed in (3, 3, 4))
    assert (one.moments, one.questions, digest(one)) == (same.moments, same.questions, digest(same))
    assert one.questions != other.questions and digest(one) != digest(other)


def test_every_kind_of_question_is_asked_and_lies_in_the_film(scripts: list[Script]) -> None:
    kinds = [question.kind for script in scripts for question in script.questions]
    assert {kind for kind, _ in Size().questions} == set(kinds)
    for script in scripts:
        for item in [*script.moments, *script.questions]:
            if item.interval is not None:
                assert 0 <= item.interval[0] < item.interval[1] <= script.seconds + 0.01
        assert len(script.questions) == len({question.text for question in script.questions})


def test_what_is_absent_has_no_place_and_is_not_told(scripts: list[Script]) -> None:
    for script in scripts:
        shown = {scene.show[1] for scene in script.scenes if scene.show[0] == "thing"}
        absent = [question for question in script.questions if question.kind == "absent"]
        assert len(absent) == 5 and all(question.interval is None for question in absent)
        for question in absent:
            named = [thing.name for thing in THINGS if any(says in question.text for says in thing.says)]
            assert not shown & set(named), question


@pytest.mark.parametrize("fact", [*facts.SPOKEN, *facts.WRITTEN], ids=lambda fact: fact.told)
def test_a_fact_holds_its_answer_and_no_other(fact: facts.Fact) -> None:
    for value in facts.SLOTS[fact.slot]:
        told = fact.tell(value)
        assert re.search(facts.accepted(value), told, re.IGNORECASE), told
        for other in set(facts.SLOTS[fact.slot]) - {value}:
            assert not re.search(facts.accepted(other), told, re.IGNORECASE), (other, told)
    assert not any(re.search(facts.accepted(value), ask) for value in facts.SLOTS[fact.slot] for ask in fact.asks)


@pytest.mark.parametrize(
    ("value", "right", "wrong"),
    [
        ("9", "It opens at 9 [0:12–0:19].", "It opens at 10 [0:09–0:19]."),
        ("12", "Twelve weeks.", "It is said [0:12–0:15]."),
        ("5", "after five hours", "at 5:30, or 15 of them"),
        ("555 0142", "Call 5550142", "Call 555 0124"),
        ("12.60", "12,60 euros", "1260"),
        ("14 March", "On 14 MARCH", "In March"),
    ],
)
def test_numbers_are_accepted_in_words_and_not_as_times(value: str, right: str, wrong: str) -> None:
    assert re.search(facts.accepted(value), right, re.IGNORECASE)
    assert not re.search(facts.accepted(value), wrong.replace("1260", "12 euros"), re.IGNORECASE)


def test_all_things_can_be_drawn() -> None:
    pictures = [picture_of(thing.name, 1, "red") for thing in available_things()]
    assert len(pictures) >= 16
    assert all(picture is not None and picture.size == (WIDTH_PX, HEIGHT_PX) for picture in pictures)
    assert all(np.asarray(picture).std() > 20 for picture in pictures)


def test_a_film_is_as_long_as_its_script(tmp_path: Path) -> None:
    script = write_script(3, 0, HUMMING, SHORT)
    path = make_film(script, tmp_path / "film.mp4")
    with av.open(str(path)) as film:
        assert film.streams.video[0].frames == round(script.seconds * FPS)
        assert film.duration is not None and abs(film.duration / av.time_base - script.seconds) < 0.2
    assert len(soundtrack(script)) == round(script.seconds * RATE_HZ)


def test_without_a_synthesiser_nothing_is_spoken_and_nothing_spoken_is_asked() -> None:
    script = write_script(3, 0, None)
    assert all(isinstance(scene.sound, str) for scene in script.scenes)
    told = {ask for fact in facts.SPOKEN for ask in fact.asks}
    assert not [question for question in script.questions if question.kind == "spoken" or question.text in told]


def moment(start: float, end: float) -> Moment:
    return Moment("v", start, end, 1.0, ["visual"])


@pytest.mark.parametrize(
    ("found", "hits"),
    [
        ([moment(10, 14)], (1, 1)),
        ([moment(14, 18)], (1, 1)),  # its middle is a second behind the end
        ([moment(15, 18)], (0, 0)),
        ([moment(5, 20)], (0, 0)),  # too long to be of help
        ([moment(30, 32), moment(11, 12)], (0, 1)),
        ([moment(30, 32)] * 5 + [moment(11, 12)], (0, 0)),
        ([], (0, 0)),
    ],
)
def test_a_search_is_judged_by_where_its_results_point(found: list[Moment], hits: tuple[int, int]) -> None:
    assert tuple(verdict.value for verdict in judge_search(0, found, (10, 15))) == hits


def answer(text: str, *spans: tuple[float, float]) -> Answer:
    return Answer("?", text, bool(spans), True, [Citation("v", *span, "speech", "") for span in spans])


@pytest.mark.parametrize(
    ("question", "given", "right"),
    [
        (Question("spoken", "?", r"\bAnna", (10, 15)), answer("It is ANNA.", (11, 12)), {"qa": 1, "citations": 1}),
        (Question("spoken", "?", r"\bAnna", (10, 15)), answer("It is Anna.", (40, 42)), {"qa": 1, "citations": 0}),
        (Question("spoken", "?", r"\bAnna", (10, 15)), answer("Not found."), {"qa": 0, "refused": 1}),
        (Question("when", "?", "", (10, 15)), answer("There.", (30, 31), (11, 12)), {"qa": 1, "citations": 0}),
        (Question("when", "?", "", (10, 15)), answer("There.", (30, 31), (40, 42), (11, 12)), {"when": 0}),
        (Question("colour", "?", "red", (10, 15)), answer("Red, grey ⟦1⟧. Blue ⟦2⟧.", (11, 12), (1, 2)), {"colour": 1}),
        (Question("colour", "?", "red", (10, 15)), answer("Blue ⟦1⟧. Red ⟦2⟧.", (1, 2), (11, 12)), {"colour": 0}),
        (Question("absent", "?"), answer("Not found."), {"absent": 1}),
        (Question("absent", "?"), answer("Here!", (1, 2)), {"absent": 0}),
    ],
)
def test_an_answer_is_judged_by_its_words_and_its_citations(
    question: Question, given: Answer, right: dict[str, int]
) -> None:
    verdicts = {verdict.metric: verdict.value for verdict in judge_answer(0, question, given)}
    assert {name: verdicts[name] for name in right} == right
    assert "qa" not in verdicts if question.kind == "absent" else "absent" not in verdicts


def test_figures_come_with_intervals_over_films_and_fill_the_tables() -> None:
    verdicts = [Verdict(film, "qa", film % 2) for film in range(10) for _ in range(3)] + [Verdict(0, "absent", 1.0)]
    found = figures(verdicts)
    assert found["qa"].value == 0.5 and 0.1 < found["qa"].low < 0.5 < found["qa"].high < 0.9
    table = list(by_kind(found, counts(verdicts)))
    assert table[2].startswith("| questions that have an answer | 30 | 0.500 | 0.")
    assert total(found).startswith("TOTAL moments_hit1=- moments_hit5=- qa=0.500 when=-")
    assert list(ablated([("all", found)]))[-1].count("|") == next(ablated([("all", found)])).count("|")


def test_a_remembering_decoder_asks_once() -> None:
    inner = Scripted("Yes it is.")
    decoder = Remembering(inner)
    prompts = [{"role": "user", "content": text} for text in ("a", "b", "a")]
    assert ["".join(decoder.stream([prompt])) for prompt in prompts] == ["Yes it is. "] * 3
    assert len(inner.asked) == 2


def test_the_check_of_few_words_is_left_out_only_for_a_while() -> None:
    before = (reading.depicted, reading.denies, reading.BELIEVED)
    with unchecked():
        assert reading.depicted(None, None, "Anything", None) is True  # type: ignore[arg-type]
        assert not reading.denies("Not in this video.") and not reading.BELIEVED
    assert (reading.depicted, reading.denies, reading.BELIEVED) == before


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, list[Film]]:
    folder = tmp_path_factory.mktemp("quality")
    engine = Engine(Settings(folder))
    scripts = [write_script(7, number, find_synthesiser(), SHORT) for number in range(2)]
    return engine, index_films(engine, scripts, folder / "films")


# One question under what was measured, by what there is to speak with: other films are written without it, and without
# any they are silent. With espeak-ng nothing was measured: there the test only sees that all goes through.
FLOORS: dict[str | None, dict[str, float]] = {
    "flite": {
        "hit@1": 0.4,
        "hit@5": 0.8,
        "qa": 0.5,
        "spoken": 0.6,
        "screen_text": 0.5,
        "when": 0.33,
        "absent": 0.75,
        "citations": 0.75,
        "precision": 0.8,
    },
    None: {"hit@1": 0.33, "hit@5": 0.66, "qa": 0.5, "screen_text": 0.66, "when": 0.33, "absent": 0.5, "citations": 0.8},
}
# A small eye says nothing where it is not sure, so what only pictures tell is mostly refused; what is said is true.
MOST_REFUSED = 0.55


@pytest.mark.models
@pytest.mark.timeout(900)  # half a minute of work, which a busy machine may take long for
def test_answers_are_no_worse_than_they_were(indexed: tuple[Engine, list[Film]]) -> None:
    engine, films = indexed
    verdicts, _ = ask_everything(engine.answerer, films)
    found = figures(verdicts)
    rates = {name: figure.value for name, figure in found.items()}
    assert {"hit@1", "qa", "absent"} <= rates.keys()
    synthesiser = find_synthesiser()
    floors = FLOORS.get(synthesiser and synthesiser.program)
    if floors is None:
        pytest.skip(f"there are no floors for films with this voice; measured: {rates}")
    short = {name: (rates[name], floor) for name, floor in floors.items() if rates[name] < floor}
    assert not short, f"below their floors: {short}; all of them: {rates}"
    assert rates["refused"] <= MOST_REFUSED, rates


@pytest.mark.models
def test_a_source_alone_is_an_index_without_the_others(indexed: tuple[Engine, list[Film]], tmp_path: Path) -> None:
    engine, films = indexed
    for source in SOURCES:
        library = keep_only(source, engine.library.data_dir, tmp_path / source)
        video = films[0].video_id
        assert {passage.source for passage in library.passages(video)} <= {source}
        assert bool(library.clips(video)) == (source == "visual")
    assert engine.library.passages(films[0].video_id, "text"), "the index itself is untouched"


@pytest.mark.models
def test_ablations_measure_each_part(indexed: tuple[Engine, list[Film]], tmp_path: Path) -> None:
    engine, films = indexed
    engine.models._built["decoder"], real = Scripted("Anna."), engine.models.decoder
    try:
        rows = {name: figures(verdicts) for name, verdicts in ablate(engine, films[:1], tmp_path)}
    finally:
        engine.models._built["decoder"] = real
    assert list(rows) == [*SOURCES.values(), "no fusion: the best single list", "no check of sentences"]
    assert rows["the on-screen text alone"]["screen_text"].value > rows["the pictures alone"]["screen_text"].value
