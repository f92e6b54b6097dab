"""Questions about texts that stand in a part of the screen."""

from __future__ import annotations

import pytest
from retrieval.ask.question import parse

from model.reading.screen_text import Sighting, TextBox
from retrieval.ask.evidence import Gatherer
from retrieval.ask.places import Place, box_of, place_of
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
def gatherer(library: Library, models: FakeModels, video: Video) -> Gatherer:
    library.add_sightings(video.id, [Sighting(1.0, LINES[1:2]), Sighting(4.0, LINES)], 10.0)
    pieces = [(1.0, 9.0, text) for text in TEXTS]
    library.add_passages(video.id, "text", pieces, models.passages.embed(TEXTS))
    return Gatherer(Searcher(library, models))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("What does the button at the bottom of the app say?", Place(None, "bottom")),
        ("What kind of text is in the bottom right corner?", Place("right", "bottom")),
        ("Which word is on the left side?", Place("left", None)),
        ("What does the sign at the top say?", Place(None, "top")),
        ("What do the blocks in the middle spell?", Place("middle", "middle")),
        ("左下角写着什么?", Place("left", "bottom")),
        ("屏幕右边写着什么?", Place("right", None)),
        ("What is written at the top of the mountain?", None),
        ("What is written on the top shelf?", None),
        ("What is the right answer on the slide?", None),
    ],
)
def test_a_part_of_the_screen_is_understood(text: str, place: Place | None) -> None:
    assert place_of(text) == place


def test_the_box_of_a_text_is_that_of_its_lines_where_most_were_read(gatherer: Gatherer, video: Video) -> None:
    passages = {passage.text: passage for passage in gatherer.library.passages(video.id, "text")}
    sightings = gatherer.library.sightings(video.id)
    assert box_of(passages["Menu of the day"], sightings) == (0.10, 0.05, 0.30, 0.16)
    assert box_of(passages["Close"], sightings[:1]) is None


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What does the button at the bottom say?", ["Close"]),
        ("What does the sign on the right say?", ["Coffee 3.50"]),
        ("What is written in the upper left corner?", ["Menu of the day"]),
        ("What is written in the bottom right corner?", []),
    ],
)
def test_what_stands_elsewhere_does_not_answer(
    gatherer: Gatherer, video: Video, question: str, texts: list[str]
) -> None:
    evidence = gatherer.gather(parse(question), [video.id])
    assert [item.quote for item in evidence.items] == texts and evidence.found == bool(texts)


def test_as_many_texts_are_quoted_as_are_asked_for(gatherer: Gatherer, video: Video) -> None:
    evidence = gatherer.gather(parse("Which two words are written on the left side?"), [video.id])
    assert len(evidence.items) == 2 and {item.quote for item in evidence.items} <= set(TEXTS[:3])
    assert len(gatherer.gather(parse("Which word is written on the left side?"), [video.id]).items) == 1
