"""Several people ask at once: each gets an answer of their own, and nobody's moments wait for another's words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from model.errors import CuepointError
from model.language.chat import GenerationStats, OwnStats
from retrieval.ask.answer import Answer, Answerer
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import FakeModels, Scripted

NAMES = ("Ada", "Bela", "Cleo", "Dora", "Egon", "Finn", "Greta", "Hugo")
LINES = [(3.0 * n, 3.0 * n + 2, f"Captain {name} has {n + 2} parrots.") for n, name in enumerate(NAMES)]


class Echo(Scripted):
    """Says the name that it was asked about, word by word; fails for some; waits while it is held."""

    last_stats = OwnStats()

    def __init__(self) -> None:
        super().__init__()
        self.held = threading.Event()
        self.held.set()
        self.fails_for = ""

    def stream(
        self, messages: list[dict[str, str]], max_new_tokens: int = 96, stop: Callable[[], bool] | None = None
    ) -> Generator[str, None, None]:
        asked = str(messages[-1]["content"]).split("Question:")[-1]
        name = next(name for name in NAMES if name in asked)
        while not self.held.wait(0.01):
            if stop and stop():
                return
        if name == self.fails_for:
            raise CuepointError(f"No words for {name}.")
        for count, word in enumerate(f"It is Captain {name} who keeps the parrots.".split(), start=1):
            time.sleep(0.001)
            self.last_stats = GenerationStats(NAMES.index(name), count)
            yield word + " "


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def answerer(library: Library, video: Video, models: FakeModels, echo: Echo) -> Answerer:
    models.decoder = echo
    models.profile = replace(models.profile, decoder=replace(models.profile.decoder, reader="strong"))
    library.add_passages(video.id, "speech", LINES, models.passages.embed([text for *_, text in LINES]))
    return Answerer(Searcher(library, models), models)  # type: ignore[arg-type]


def question(name: str) -> str:
    return f"What is said about Captain {name}?"


def whole(answerer: Answerer, video: Video, name: str, **options: Any) -> Answer:
    *_, answer = answerer.ask(question(name), [video.id], **options)
    return answer


def test_eight_answers_at_once_are_those_given_one_by_one(answerer: Answerer, video: Video) -> None:
    alone = {name: whole(answerer, video, name).as_json()["answer"] for name in NAMES}
    assert len(set(alone.values())) == len(NAMES)
    with ThreadPoolExecutor(len(NAMES)) as pool:
        for _ in range(3):
            together = dict(zip(NAMES, pool.map(lambda name: whole(answerer, video, name), NAMES), strict=True))
            for name, answer in together.items():
                assert answer.as_json()["answer"] == alone[name] and name in answer.text
                assert answer.stats is not None and answer.stats.prompt_tokens == NAMES.index(name)


def test_an_error_is_told_to_the_one_who_asked(answerer: Answerer, video: Video, echo: Echo) -> None:
    echo.fails_for = "Cleo"
    with ThreadPoolExecutor(len(NAMES)) as pool:
        answers = dict(zip(NAMES, pool.map(lambda name: whole(answerer, video, name), NAMES), strict=True))
    assert [name for name, answer in answers.items() if "No words for Cleo" in answer.text] == ["Cleo"]


def test_moments_come_while_the_model_words_others(answerer: Answerer, video: Video, echo: Echo) -> None:
    echo.held.clear()
    busy = [answerer.ask(question(name), [video.id]) for name in NAMES]
    listeners = [threading.Thread(target=lambda answer=answer: list(answer), daemon=True) for answer in busy]
    for listener in listeners:
        listener.start()
    began = time.monotonic()
    first = next(answerer.ask(question("Ada"), [video.id]))
    assert first.citations and not first.text and time.monotonic() - began < 1.0
    echo.held.set()
    for listener in listeners:
        listener.join(5)
        assert not listener.is_alive()


def test_who_waits_for_words_can_stop(answerer: Answerer, video: Video, echo: Echo) -> None:
    echo.held.clear()
    others = [threading.Thread(target=whole, args=(answerer, video, name), daemon=True) for name in NAMES]
    for other in others:
        other.start()
    stopped_s: list[float] = []
    answer = answerer.ask(question("Ada"), [video.id], stop=lambda: bool(stopped_s))
    assert next(answer).citations
    stopped_s.append(time.monotonic())
    last = list(answer)[-1]
    assert last.final and time.monotonic() - stopped_s[0] < 0.4
    echo.held.set()
    for other in others:
        other.join(5)


def test_stems_are_the_same_whoever_else_asks() -> None:
    """Snowball's stemmer keeps the word that it is at in itself."""
    from retrieval.store import fulltext

    many = [f"{name.lower()}{ending}" for name in NAMES for ending in ("ing", "ed", "ation", "ness", "fulness", "ies")]
    fulltext.stem.cache_clear()
    alone = [fulltext.stem(word) for word in many]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            fulltext.stem.cache_clear()
            assert list(pool.map(fulltext.stem, many)) == alone
