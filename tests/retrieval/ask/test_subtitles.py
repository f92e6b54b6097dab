from __future__ import annotations

import numpy as np

from retrieval.ask.answer import Answerer
from retrieval.ask.find import Finder
from retrieval.ask.summary import summarize
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Clip, Video
from tests.fakes import FakeModels

LINES = [(1.0, 3.0, "the reactor is overheating"), (3.2, 5.0, "and the captain is asleep")]
TRANSLATED = [(1.0, 3.0, "der Reaktor wird zu heiß"), (3.2, 5.0, "und der Kapitän schläft")]


def subtitled(library: Library, models: FakeModels, video: Video) -> Answerer:
    for origin, language, pieces in (("subtitles:2", "en", LINES), ("subtitles:3", "de", TRANSLATED)):
        vectors = models.passages.embed([text for _, _, text in pieces])
        library.add_passages(video.id, "speech", pieces, vectors, language=language, origin=origin)
    library.add_clip(Clip(0, video.id, 0, 0, 30, [], []), *(np.zeros((0, 64), np.float32),) * 3, np.zeros(0))  # type: ignore[arg-type]
    return Answerer(Searcher(library, models), models)  # type: ignore[arg-type]


def test_a_quote_from_subtitles_says_so(library: Library, models: FakeModels, video: Video) -> None:
    *_, answer = subtitled(library, models, video).ask("what is said about the reactor?", [video.id])
    assert answer.found and answer.text.startswith("Subtitles: “the reactor is overheating")
    assert answer.as_json()["citations"][0]["track"] == "subtitles"


def test_an_utterance_goes_on_in_its_own_track(library: Library, models: FakeModels, video: Video) -> None:
    finder = Finder(subtitled(library, models, video).searcher)
    english, german, *_ = library.passages(video.id, "speech")
    assert finder.item(english).quote == "the reactor is overheating and the captain is asleep"
    assert finder.item(german).quote == "der Reaktor wird zu heiß und der Kapitän schläft"


def test_what_is_said_is_told_once(library: Library, models: FakeModels, video: Video) -> None:
    *_, answer = subtitled(library, models, video).ask("show me the transcript", [video.id])
    assert "reactor" in answer.text and "Reaktor" not in answer.text
    told = summarize(library, models, video.id).summary  # type: ignore[arg-type]
    assert "reactor" in told and "Reaktor" not in told
