from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.known_things import KnownThing
from model.language.chat import GenerationStats, Still, stills_of
from model.likely import Likely
from retrieval.ask.answer import Answer, Answerer
from retrieval.ask.evidence import Item
from retrieval.ask.look import Looker, share_out
from retrieval.index.ingest import run_job, take_in
from retrieval.search.search import Searcher
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import ColourEncoder, FakeModels, Scripted
from tests.media_factory import Scene, make_video

RED, GREEN, BLUE = ColourEncoder.colours.values()


class Onlooker(Scripted):
    """Names the colour of the first still it is shown."""

    def __init__(self, says: str) -> None:
        super().__init__(says, max_stills=4)

    def stream(self, messages: list[dict[str, Any]], *rest: Any, **more: Any) -> Generator[str, None, None]:
        self.asked.append(messages)
        stills = stills_of(messages)  # type: ignore[arg-type]
        seen = min(ColourEncoder.colours, key=lambda name: distance(stills[0], ColourEncoder.colours[name]))
        yield from (f"{word} " for word in self.says.format(colour=seen).split())


def distance(still: Still, colour: tuple[int, int, int]) -> float:
    return float(np.abs(np.median(still.picture, axis=(0, 1)) - colour).sum())


@pytest.fixture
def video(library: Library, models: FakeModels, tmp_path: Path) -> Video:
    path = make_video(tmp_path / "a.mp4", [Scene(3, RED), Scene(2, GREEN), Scene(4, BLUE)])
    taken = take_in(library, path)
    job = JobQueue(library).claim("here:1", JobQueue(library).add(taken.id, "local").id)
    assert job is not None
    return run_job(library, models, job)  # type: ignore[arg-type]


def ask(library: Library, models: FakeModels, text: str, video: Video) -> Answer:
    *_, answer = Answerer(Searcher(library, models), models).ask(text, [video.id])  # type: ignore[arg-type]
    return answer


def item(video: Video, start: float, end: float) -> Item:
    return Item(video.id, start, end, "visual", "")


def test_stills_show_what_the_video_shows_at_their_times(library: Library, video: Video) -> None:
    green, blue = Looker(library).look([item(video, 3, 5), item(video, 5, 9)], 3)
    assert [still.seconds for still in green] == [3.5, 4.5] and [still.seconds for still in blue] == [7.0]
    assert all(distance(still, GREEN) < 30 for still in green) and distance(blue[0], BLUE) < 30


def test_shares_go_to_the_first_items_first_and_never_exceed_the_number(video: Video) -> None:
    items = [item(video, 0, 3), item(video, 3, 5), item(video, 5, 9)]
    assert [len(times) for times in share_out(items, 2)] == [1, 1, 0]
    assert [len(times) for times in share_out(items, 7)] == [3, 2, 2]
    assert share_out([], 4) == []


def test_a_model_that_sees_says_what_the_frames_show_and_its_sentence_is_cited(library: Library, video: Video) -> None:
    models = FakeModels()
    models.decoder = Onlooker("Everything on it is {colour} now. ")
    answer = ask(library, models, "What is green in the picture?", video)
    assert answer.found and answer.text == "Everything on it is green now ⟦1⟧."
    assert 3 <= answer.citations[0].start < answer.citations[0].end <= 5.01
    stills = stills_of(models.decoder.asked[-1])  # type: ignore[arg-type]
    assert 1 <= len(stills) <= 4 and all(0 <= still.seconds <= 9 for still in stills)


def test_what_nobody_can_read_is_not_said(library: Library, video: Video) -> None:
    models = FakeModels()
    models.decoder = Onlooker("It is gr\ufffdn all \x02 over green. ")
    answer = ask(library, models, "What is green in the picture?", video)
    assert not answer.found and "over green" not in answer.text
    assert answer.text.startswith("I cannot tell.") and answer.citations


def test_a_model_that_looked_and_found_nothing_is_believed(library: Library, video: Video) -> None:
    models = FakeModels()
    models.decoder = Onlooker("Not in this video. ")
    answer = ask(library, models, "What is green in the picture?", video)
    assert not answer.found and "I searched" in answer.text and "Not in this video" not in answer.text


def test_a_file_that_is_gone_only_costs_the_second_look(library: Library, video: Video) -> None:
    Path(video.source_path).unlink()
    Path(str(video.media_path)).unlink()
    assert Looker(library).look([item(video, 3, 5)], 2) == [[]]


def taught(models: FakeModels, says: str, likelihood: float | None = 0.9) -> FakeModels:
    """Models whose decoder sees through an adapter of ours."""
    models.profile = replace(models.profile, decoder=replace(models.profile.decoder, adapter="assets:ours"))
    models.decoder = Onlooker(says)
    models.decoder.last_stats = GenerationStats(10, 2, likelihood=likelihood)
    return models


def test_our_own_model_is_asked_as_it_was_taught_and_looks_at_the_best_moment(
    library: Library, video: Video, models: FakeModels
) -> None:
    answer = ask(library, taught(models, "a {colour} wall"), "What is blue here?", video)
    assert answer.plain_text == "a blue wall [0:05–0:09]."
    (messages,) = models.decoder.asked
    assert messages[0]["content"][-1] == "What is blue here?\nAnswer in a few words."
    assert all(5 <= still.seconds <= 9 for still in stills_of(messages))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("likelihood", "begins"),
    [(0.95, "a wall"), (0.8, "Probably: a wall"), (0.4, "I cannot tell."), (0.1, "I cannot tell."), (None, "a wall")],
)
def test_how_sure_our_own_model_is_is_said_in_words(
    library: Library, video: Video, models: FakeModels, likelihood: float | None, begins: str
) -> None:
    assert ask(library, taught(models, "a wall", likelihood), "What is blue here?", video).text.startswith(begins)


def test_our_own_model_may_say_that_it_is_not_there(library: Library, video: Video, models: FakeModels) -> None:
    answer = ask(library, taught(models, "Not in this video."), "What is blue here?", video)
    assert not answer.found
    assert answer.text.startswith("I cannot tell.")


@pytest.mark.parametrize("says", ["", "\x00\ufffd"])
def test_where_our_own_model_says_nothing_the_moments_are_shown(
    library: Library, video: Video, models: FakeModels, says: str
) -> None:
    answer = ask(library, taught(models, says), "What is blue here?", video)
    assert not answer.found
    assert answer.text.startswith("I cannot tell.") and answer.citations[0].start == 5


class Knowing:
    """An answer head with answers of its own, whatever it is asked."""

    def __init__(self, *answers: tuple[str, float]) -> None:
        self.answers, self.asked = [Likely(*answer) for answer in answers], list[tuple[str, int]]()

    def to(self, question: str, pictures: Sequence[np.ndarray], kind: str = "any") -> list[Likely]:
        self.asked.append((question, len(pictures)))
        return self.answers


def test_of_the_decoders_words_and_the_answer_heads_the_likelier_are_said(
    library: Library, video: Video, models: FakeModels
) -> None:
    taught(models, "a wall", 0.8).short_answers = Knowing(("sky", 0.95), ("sea", 0.2))
    assert ask(library, models, "What is blue here?", video).text.startswith("sky")
    ((question, pictures),) = models.short_answers.asked
    assert question == "What is blue here?" and pictures > 0
    models.short_answers = Knowing(("sky", 0.4))
    assert ask(library, models, "What is blue here?", video).text.startswith("Probably: a wall")


def test_what_the_moment_does_not_show_is_not_said(library: Library, video: Video, models: FakeModels) -> None:
    taught(models, "a wall", 0.5).short_answers = Knowing(("dog", 0.9))
    assert ask(library, models, "What is blue here?", video).text.startswith("dog")
    models.known_things = [KnownThing("dog", least=2.0, elsewhere=0.1)]
    answer = ask(library, models, "What is blue here?", video)
    assert not answer.found and "dog" not in answer.text and answer.text.startswith("I cannot tell.")


def test_a_colour_that_was_not_measured_there_is_not_said(library: Library, video: Video, models: FakeModels) -> None:
    taught(models, "green", 0.9).short_answers = Knowing(("yellow", 0.8), ("blue", 0.4))
    answer = ask(library, models, "What colour is the blue sheet?", video)
    assert not answer.found and answer.text.startswith("I cannot tell.") and "yellow" not in answer.text
    models.short_answers = Knowing(("blue", 0.95))
    assert ask(library, models, "What colour is the blue sheet?", video).plain_text == "blue [0:05–0:09]."


def test_a_colour_head_says_the_colours_alone_and_needs_no_measuring(
    library: Library, video: Video, models: FakeModels
) -> None:
    taught(models, "green", 0.9).colour_answers = Knowing(("red", 0.95), ("blue", 0.2))
    assert ask(library, models, "What colour is the blue sheet?", video).plain_text == "red [0:05–0:09]."
    assert models.decoder.asked == []
    models.colour_answers = Knowing(("red", 0.2), ("blue", 0.15))
    in_doubt = ask(library, models, "What colour is the blue sheet?", video)
    assert not in_doubt.found and in_doubt.text.startswith("I cannot tell.")


def test_words_of_the_question_are_no_answer_to_it(library: Library, video: Video, models: FakeModels) -> None:
    taught(models, "blue sheet", 0.9).short_answers = Knowing(("cotton", 0.5))
    assert ask(library, models, "What kind of blue sheet is it?", video).text.startswith("I cannot tell.")
    assert ask(library, models, "Is it a blue sheet or a red one?", video).text.startswith("blue sheet")


def test_the_answer_head_stands_in_for_a_decoder_that_says_nothing(
    library: Library, video: Video, models: FakeModels
) -> None:
    taught(models, "").short_answers = Knowing(("sky", 0.8))
    assert ask(library, models, "What is blue here?", video).text.startswith("Probably: sky")
