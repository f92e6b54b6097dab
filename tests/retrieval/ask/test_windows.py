"""Answers that keep to a part of the video: a time that is named, its start or end, a scene that is described."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.ask.answer import Answerer
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import FakeModels
from tests.retrieval.ask.test_times import answerer, ask, day, places  # noqa: F401
from tests.retrieval.conftest import register


def test_what_is_shown_at_a_named_time_is_looked_at_there_whatever_it_is(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What is to be seen at 0:35?", day)
    assert answer.found and all(33 <= start < end <= 37 for start, end in places(answer))
    assert "green" in answer.text


def test_what_happens_in_a_part_is_a_summary_of_it(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What happens in the last 15 seconds?", day)
    assert answer.found and "TICKETS" in answer.text and "blue" in answer.text.lower()
    assert "ferry" not in answer.text and all(start >= 45 for start, _ in places(answer))


def test_what_is_said_in_a_stretch_is_all_that_is_quoted(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "What is said between 0:07 and 0:20?", day)
    assert places(answer) == [(8.0, 10.0), (12.0, 15.0)]
    assert "Goodbye" in ask(answerer, "What does the man say in the last 30 seconds?", day).text
    assert "TICKETS" in ask(answerer, "What is written at the end?", day).text


def test_times_are_counted_in_the_part_that_is_asked_about(answerer: Answerer, day: Video) -> None:  # noqa: F811
    assert ask(answerer, "How often is the ferry mentioned in the first half?", day).text.startswith("3 times")
    later = ask(answerer, "When is the ferry mentioned for the first time after 40 seconds?", day)
    assert later.found and places(later)[0][0] == 40.0


@pytest.mark.parametrize(
    "text",
    ["What is to be seen at 2:00?", "What is said at 2:00?", "What happens at 2:00?", "List all texts from 2:00 on"],
)
def test_a_time_after_the_end_is_said_to_be_after_the_end(answerer: Answerer, day: Video, text: str) -> None:  # noqa: F811
    answer = ask(answerer, text, day)
    assert not answer.found and not answer.citations
    assert answer.text.strip().startswith("The video ends at 1:00, so there is nothing at 2:00.")


def test_the_same_in_chinese(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "2分钟的时候说了什么?", day)
    assert not answer.found and answer.text.startswith("视频到1:00就结束了")


@pytest.mark.parametrize("text", ["What is said from 0:30 to 0:10?", "What happens between 0:30 and 0:10?"])
def test_a_stretch_that_ends_before_it_begins_is_no_stretch(answerer: Answerer, day: Video, text: str) -> None:  # noqa: F811
    answer = ask(answerer, text, day)
    assert not answer.found and not answer.citations
    assert answer.text.strip() == "0:30 to 0:10 is no stretch of a video: the second time must come after the first."


@pytest.mark.parametrize(
    "text", ["What does the man say about the tea in the last 20 seconds?", "How often is tea mentioned at the end?"]
)
def test_what_is_not_in_the_part_is_said_to_be_not_there(answerer: Answerer, day: Video, text: str) -> None:  # noqa: F811
    answer = ask(answerer, text, day)
    assert not answer.found and "of the video" in answer.text and "whole video" not in answer.text
    assert all(start >= 40 for start, _ in places(answer))


def test_a_scene_that_is_described_keeps_the_answer_near_it(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "In the scene where green is seen, what is said?", day)
    assert (40.0, 43.0) in places(answer) and all(start >= 12 for start, _ in places(answer))


def test_a_search_keeps_to_the_part_too(answerer: Answerer, day: Video) -> None:  # noqa: F811
    found = answerer.finder.search("something blue in the last 20 seconds", [day.id], 5)
    assert found and all(moment.start >= 40 for moment in found)


def test_of_several_videos_the_part_of_each_is_searched(
    answerer: Answerer,  # noqa: F811
    day: Video,  # noqa: F811
    library: Library,
    models: FakeModels,
    tmp_path: Path,
) -> None:
    other = register(library, tmp_path, "other", duration=100.0)
    lines = [(5.0, 8.0, "Good morning."), (92.0, 95.0, "Good night.")]
    library.add_passages(other.id, "speech", lines, models.passages.embed([text for *_, text in lines]))
    *_, answer = answerer.ask("What is said in the last 30 seconds?", [day.id, other.id])
    assert answer.found and [(c.video_id, c.start) for c in answer.citations] == [(day.id, 40.0), (other.id, 92.0)]
