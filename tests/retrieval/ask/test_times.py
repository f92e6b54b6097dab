"""The first and last time, how long, how often, before and after: counted in an index of known content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.ask.answer import Answer, Answerer
from retrieval.ask.times import stretches
from retrieval.index.timeline import Timeline
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Clip, Message, Video
from tests.fakes import FakeModels
from tests.retrieval.conftest import register

LINES = [
    (2.0, 5.0, "The ferry leaves the harbour."),
    (8.0, 10.0, "Now we have tea."),
    (12.0, 15.0, "A ferry is faster than a second ferry."),
    (40.0, 43.0, "Goodbye from the ferry."),
]
SIGNS = [(20.0, 24.0, "TICKETS"), (24.5, 26.0, "TICKETS"), (50.0, 52.0, "TICKETS")]
SHOTS = [("red", 0.0), ("blue", 10.0), ("red", 20.0), ("green", 30.0), ("blue", 50.0)]  # till 60 s


@pytest.fixture
def answerer(library: Library, models: FakeModels) -> Answerer:
    return Answerer(Searcher(library, models), models)  # type: ignore[arg-type]


@pytest.fixture
def day(library: Library, models: FakeModels, tmp_path: Path) -> Video:
    """A minute with three colours, speech and a sign."""
    video = register(library, tmp_path, "day", duration=60.0)
    for source, passages in (("speech", LINES), ("text", SIGNS)):
        library.add_passages(video.id, source, passages, models.passages.embed([text for *_, text in passages]))  # type: ignore[arg-type]
    ends = [start for _, start in SHOTS[1:]] + [60.0]
    for number, ((colour, start), end) in enumerate(zip(SHOTS, ends, strict=True)):
        times = np.arange(start, end, 0.5, dtype=np.float32)
        vectors = np.repeat(models.text.embed([colour]), len(times), axis=0)
        concepts = np.array([name == colour for name in models.vision.colours], np.float32)
        clip = Clip(0, video.id, number, start, end, [(colour, 0.9)], [])
        library.add_clip(clip, times, vectors, vectors[:1], concepts)
    return video


def ask(answerer: Answerer, text: str, video: Video, history: tuple[Message, ...] = ()) -> Answer:
    *_, answer = answerer.ask(text, [video.id], history)
    for citation in answer.citations:
        assert 0 <= citation.start < citation.end <= video.duration
    return answer


def places(answer: Answer) -> list[tuple[float, float]]:
    return [(round(c.start, 1), round(c.end, 1)) for c in answer.citations]


@pytest.mark.parametrize(
    ("text", "start", "source"),
    [
        ("When does blue first appear?", 10.0, "visual"),
        ("When is blue seen for the last time?", 50.0, "visual"),
        ("When does the narrator first mention the ferry?", 2.0, "speech"),
        ("When is the last time that the narrator mentions the ferry?", 40.0, "speech"),
        ("What is the last thing that is said?", 40.0, "speech"),
        ("What is said first?", 2.0, "speech"),
        ("What is the first sign with text?", 20.0, "text"),
    ],
)
def test_first_and_last(answerer: Answerer, day: Video, text: str, start: float, source: str) -> None:
    answer = ask(answerer, text, day)
    assert answer.found and len(answer.citations) == 1
    assert (answer.citations[0].start, answer.citations[0].source) == (start, source)
    assert ("last" if "last" in text else "first") in answer.text


def test_how_often_counts_words_and_places(answerer: Answerer, day: Video) -> None:
    said = ask(answerer, "How often is the ferry mentioned?", day)
    assert said.text.startswith("4 times it is said")  # in three lines, in one of them twice
    assert places(said) == [(2.0, 5.0), (12.0, 15.0), (40.0, 43.0)]
    written = ask(answerer, "How many times is the word tickets shown on the screen as text?", day)
    assert written.text.startswith("Twice (2 times) it is shown as text")
    assert places(written) == [(20.0, 26.0), (50.0, 52.0)]  # read twice in a row, it stood there once
    seen = ask(answerer, "How many times is red visible?", day)
    assert "2 times" in seen.text and places(seen) == [(0.0, 10.0), (20.0, 30.0)]
    done = ask(answerer, "How many times does it turn red?", day)
    assert "2 times" in done.text and places(done) == [(0.0, 10.0), (20.0, 30.0)]


def test_how_long_adds_up(answerer: Answerer, day: Video) -> None:
    answer = ask(answerer, "How long is blue visible?", day)
    assert answer.text.startswith("For about 20 seconds, in 2 stretches: ⟦1⟧ ⟦2⟧")
    assert places(answer) == [(10.0, 20.0), (50.0, 60.0)]
    assert ask(answerer, "How long is the video?", day).text == "The video lasts 1 minute ⟦1⟧."


def test_when_something_is_gone_starts_with_what_follows_its_sight(answerer: Answerer, day: Video) -> None:
    answer = ask(answerer, "When is red out of the picture?", day)
    assert answer.found and places(answer) == [(10.0, 20.0), (30.0, 60.0)]
    assert places(ask(answerer, "When does blue disappear?", day)) == [(20.0, 50.0), (0.0, 10.0)]
    assert not ask(answerer, "When is yellow not visible?", day).found  # it never is


@pytest.mark.parametrize(
    "text", ["How often is the elephant mentioned?", "How long is yellow visible?", "When does yellow first appear?"]
)
def test_what_is_never_there_is_not_counted(answerer: Answerer, day: Video, text: str) -> None:
    answer = ask(answerer, text, day)
    assert not answer.found and answer.text.startswith("I cannot tell.") and "times" not in answer.text


def test_what_comes_after_and_before(answerer: Answerer, day: Video) -> None:
    after = ask(answerer, "What is said after the narrator mentions the harbour?", day)
    assert "Now we have tea." in after.text and places(after)[0] == (8.0, 10.0)
    before = ask(answerer, "What is said before the narrator mentions tea?", day)
    assert "The ferry leaves the harbour." in before.text and places(before)[0] == (2.0, 5.0)
    seen = ask(answerer, "What happens after green?", day)
    assert seen.found and seen.citations[0].source == "visual" and 30 < seen.citations[0].start < 55


def test_and_after_that_goes_on_from_what_was_cited(answerer: Answerer, day: Video) -> None:
    cited = {"citations": [{"video_id": day.id, "start": 2.0, "end": 5.0}]}
    history = (Message("user", "What is said about the harbour?"), Message("assistant", "...", cited))
    answer = ask(answerer, "And after that?", day, history)
    assert answer.found and "Now we have tea." in answer.text  # what is said was asked for, and still is
    shown = ask(answerer, "What is shown after that?", day, (Message("user", "What is red?"), *history[1:]))
    assert shown.found and places(shown) == [(5.0, 13.0)]
    said = ask(answerer, "What is said after that?", day, history)
    assert "Now we have tea." in said.text
    start = (history[0], Message("assistant", "...", {"citations": [{"video_id": day.id, "start": 0.0, "end": 2.0}]}))
    assert not ask(answerer, "And before that?", day, start).found  # nothing comes before the beginning
    cited["citations"][0]["video_id"] = "deleted"
    assert not ask(answerer, "And after that?", day, history).found


def test_what_is_counted_is_what_the_question_names_and_else_what_the_one_before_did(
    answerer: Answerer, day: Video
) -> None:
    history = (Message("user", "How often is tea mentioned?"), Message("assistant", "..."))
    assert ask(answerer, "How often is the ferry mentioned?", day, history).text.startswith("4 times")
    assert ask(answerer, "When is it first mentioned?", day, history).citations[0].start == 8.0
    assert ask(answerer, "What is the last thing that is said?", day, history).citations[0].start == 40.0


def test_stretches_of_frames_that_fit() -> None:
    times = np.arange(0, 20, 1.0, dtype=np.float32)
    shown = np.isin(times, [3, 4, 6, 12])  # out of sight at 5 s for a moment
    vectors = np.where(shown[:, None], [[1.0, 0.0]], [[0.0, 1.0]]).astype(np.float32)
    line = Timeline(times, vectors, np.zeros(0), 20.0)
    query, unclear = np.array([1.0, 0.0], np.float32), np.zeros(20, bool)
    assert stretches(line, query, unclear) == [(3.0, 7.0), (12.0, 13.0)]
    assert stretches(line, query, ~unclear) == [(0.0, 20.0)]  # what is there all the time fits no frame better
    halved = Timeline(times / 2, vectors, np.zeros(0), 10.0)
    assert stretches(halved, query, unclear) == [(1.5, 3.5)]  # half a second, later, is a blink
