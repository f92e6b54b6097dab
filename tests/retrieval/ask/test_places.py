"""Questions about texts that stand in a part of the screen."""

from __future__ import annotations

import pytest

from model.reading.screen_text import Sighting, TextBox
from retrieval.ask.find import Finder
from retrieval.ask.places import box_of
from retrieval.ask.rules import RulesPlanner
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import FakeModels

LINES = [
    TextBox("Menu of", 0.9, (0.10, 0.05, 0.30, 0.10)),
    TextBox("the day", 0.9, (0.10, 0.11, 0.30, 0.16)),
    TextBox("Order here", 0.9, (0.05, 0.60, 0.25, 0.65)),
    TextBox("Close", 0.9, (0.10, 0.93, 0.20, 0.98)),
    TextBox("Coffee 3.50", 0.9, (0.70, 0.40, 0.90, 0.45)),
]
TEXTS = ["Menu of the day", "Order here", "Close", "Coffee 3.50"]


@pytest.fixture
def finder(library: Library, models: FakeModels, video: Video) -> Finder:
    library.add_sightings(video.id, [Sighting(1.0, LINES[1:2]), Sighting(4.0, LINES)], 10.0)
    pieces = [(1.0, 9.0, text) for text in TEXTS]
    library.add_passages(video.id, "text", pieces, models.passages.embed(TEXTS))
    return Finder(Searcher(library, models))


def test_the_box_of_a_text_is_that_of_its_lines_where_most_were_read(finder: Finder, video: Video) -> None:
    passages = {passage.text: passage for passage in finder.library.passages(video.id, "text")}
    sightings = finder.library.sightings(video.id)
    assert box_of(passages["Menu of the day"], sightings) == (0.10, 0.05, 0.30, 0.16)
    assert box_of(passages["Close"], sightings[:1]) is None


def test_a_text_that_moved_was_in_both_places(finder: Finder, library: Library, video: Video) -> None:
    above, below = TextBox("SALE ENDS", 0.9, (0.1, 0.02, 0.4, 0.06)), TextBox("SALE ENDS", 0.9, (0.1, 0.95, 0.4, 0.99))
    library.add_sightings(video.id, [Sighting(12.0, [above]), Sighting(14.0, [below])], 16.0)
    library.add_passages(video.id, "text", [(12.0, 16.0, "SALE ENDS")], finder.searcher.models.passages.embed(["sale"]))
    for question in ("What is written at the very top?", "What does the text at the bottom say?"):
        evidence = finder.find(RulesPlanner().plan(question), [video.id])
        assert "SALE ENDS" in [item.quote for item in evidence.items]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What does the button at the bottom say?", ["Close"]),
        ("What does the sign on the right say?", ["Coffee 3.50"]),
        ("What is written in the upper left corner?", ["Menu of the day"]),
        ("What is written in the bottom right corner?", []),
    ],
)
def test_what_stands_elsewhere_does_not_answer(finder: Finder, video: Video, question: str, texts: list[str]) -> None:
    evidence = finder.find(RulesPlanner().plan(question), [video.id])
    assert [item.quote for item in evidence.items] == texts and evidence.found == bool(texts)


def test_as_many_texts_are_quoted_as_are_asked_for(finder: Finder, video: Video) -> None:
    evidence = finder.find(RulesPlanner().plan("Which two words are written on the left side?"), [video.id])
    assert len(evidence.items) == 2 and {item.quote for item in evidence.items} <= set(TEXTS[:3])
