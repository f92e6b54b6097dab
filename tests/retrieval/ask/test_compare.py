"""Two parts, two things or two videos, side by side."""

from __future__ import annotations

from pathlib import Path

from retrieval.ask.answer import Answerer
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import FakeModels
from tests.retrieval.ask.test_times import answerer, ask, day, places  # noqa: F401
from tests.retrieval.conftest import register
from tests.retrieval.search.test_search import add_shots


def test_two_parts_of_a_video(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "Compare the first half and the second half", day)
    first, second = answer.text.splitlines()
    assert first.startswith("the first half: ") and "⟦1⟧" in first
    assert second.startswith("the second half: ") and "⟦2⟧" in second
    assert "leaves the harbour" in first and "Goodbye" in second and "Goodbye" not in first
    assert places(answer) == [(0.0, 30.0), (30.0, 60.0)]


def test_the_beginning_and_the_end_of_a_video(answerer: Answerer, day: Video) -> None:  # noqa: F811
    for text in ("Compare the beginning and the end", "比较开头和结尾"):
        assert places(ask(answerer, text, day)) == [(0.0, 9.0), (51.0, 60.0)]


def test_two_times_of_a_video(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What is the difference between the first 8 seconds and the last 8 seconds?", day)
    first, second = answer.text.lower().splitlines()
    assert "red" in first and "blue" in second
    assert places(answer) == [(0.0, 8.0), (52.0, 60.0)]


def test_two_things(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "Compare the ferry and the tea", day)
    ferry, tea = answer.text.splitlines()
    assert ferry.startswith("the ferry: ") and "ferry" in ferry.removeprefix("the ferry: ")
    assert "Now we have tea." in tea and len(answer.citations) == 2


def test_a_thing_that_is_not_there_is_not_described(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "Compare the ferry and the giraffe", day)
    assert "the giraffe: nothing that I can tell." in answer.text
    assert len(answer.citations) == 1


def test_two_videos(
    answerer: Answerer,  # noqa: F811
    day: Video,  # noqa: F811
    library: Library,
    models: FakeModels,
    tmp_path: Path,
) -> None:
    other = register(library, tmp_path, "other", duration=20.0)
    add_shots(library, models, other, [("green", 0.0, 20.0)])
    *_, answer = answerer.ask("Compare the two videos and each other", [day.id, other.id])
    assert answer.found and [c.video_id for c in answer.citations] == [day.id, other.id]
    assert answer.text.splitlines()[0].startswith(f"{day.title}: ")
    assert answer.text.splitlines()[1].startswith(f"{other.title}: ")
