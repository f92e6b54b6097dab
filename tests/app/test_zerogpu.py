"""ZeroGPU: without the `spaces` package, and with a stand-in for it, as it exists on the platform alone.

The stand-in does what `spaces` does to a generator function there: it pickles the arguments, runs the function in a
forked process and pickles what it yields. It has no GPU and no quota.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from app import zerogpu
from app.commands import serve as serve_command
from app.engine import Engine
from app.settings import Settings
from model.errors import CuepointError, UsageError
from model.language.chat import GenerationStats, Message, Still, stills_of
from model.profile import read_profile

QUESTION: list[Message] = [{"role": "user", "content": ["Look:", Still(1.0, np.ones((4, 4, 3), np.uint8)), "What?"]}]


class Decoder:
    """Says which process it runs in, and what it was given."""

    max_stills = 3
    last_stats: GenerationStats | None = None

    def __init__(self, slow_s: float = 0.0, fails: bool = False) -> None:
        self.slow_s, self.fails = slow_s, fails

    def count_tokens(self, text: str) -> int:
        return len(text)

    def warm_up(self, messages: Any = None) -> None:
        raise AssertionError("there is no GPU to warm up")

    def stream(
        self, messages: Any, max_new_tokens: int = 96, stop: Any = None, stop_strings: Any = ()
    ) -> Iterator[str]:
        if self.fails:
            raise UsageError("Too many messages.")
        for count, piece in enumerate((f"{os.getpid()}", f" {len(stills_of(messages))}", f" {max_new_tokens}"), 1):
            self.last_stats = GenerationStats(7, count)
            yield piece
            time.sleep(self.slow_s)


class Spaces(ModuleType):
    """The stand-in. `refusal` is raised instead of lending, as for a quota that is used up."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.durations: list[int] = []
        self.started = 0
        self.refusal: Exception | None = None
        self.zero = SimpleNamespace(startup=self._start)

    def _start(self) -> None:
        self.started += 1

    def GPU(self, duration: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        self.durations.append(duration)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            def lent(*arguments: Any) -> Iterator[Any]:
                if self.refusal:
                    raise self.refusal
                context = multiprocessing.get_context("fork")
                given, made = context.SimpleQueue(), context.SimpleQueue()
                process = context.Process(target=_work, args=(function, given, made), daemon=True)
                process.start()
                given.put(arguments)
                try:
                    while (item := made.get()) is not None:
                        yield item[0]
                finally:
                    process.kill()
                    process.join()

            return lent

        return decorate


def _work(function: Callable[..., Any], given: Any, made: Any) -> None:
    for item in function(*given.get()):
        made.put((item,))
    made.put(None)


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spaces]:
    """As on ZeroGPU, for the time of a test."""
    module = Spaces()
    monkeypatch.setitem(sys.modules, "spaces", module)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    importlib.reload(zerogpu)
    yield module
    monkeypatch.undo()
    importlib.reload(zerogpu)


def engine_with(decoder: Decoder, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("model.loading.Models._build_decoder", lambda models: decoder)
    return Engine(Settings(folder, profile="embedded"))


def test_without_spaces_a_decorated_function_is_the_function_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)  # importing it fails, installed or not
    importlib.reload(zerogpu)

    def answer(question: str) -> str:
        return question * 2

    def pieces(question: str) -> Iterator[str]:
        yield from question

    assert zerogpu.gpu(30)(answer) is answer
    assert zerogpu.gpu(30)(pieces) is pieces
    assert list(zerogpu.gpu(30)(pieces)("ab")) == ["a", "b"]


def test_without_spaces_an_engine_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")  # a variable alone makes no ZeroGPU
    decoder = Decoder()
    engine = engine_with(decoder, tmp_path, monkeypatch)
    models = engine.models
    zerogpu.lend(engine)
    assert engine.models is models and engine.models.decoder is decoder


def test_serving_lends_before_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spaces: Spaces) -> None:
    engine, served = engine_with(Decoder(), tmp_path, monkeypatch), list[Any]()
    monkeypatch.setattr(serve_command, "engine_of", lambda arguments: engine)
    monkeypatch.setattr(serve_command, "serve", lambda *given: served.append((given, spaces.started)))
    serve_command.run(SimpleNamespace(host="127.0.0.1", port=7860))  # type: ignore[arg-type]
    assert served == [((engine, "127.0.0.1", 7860), 1)]
    assert type(engine.models.decoder).__name__ == "LentDecoder"


def test_a_lent_answer_comes_from_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spaces: Spaces
) -> None:
    engine = engine_with(Decoder(), tmp_path, monkeypatch)
    zerogpu.lend(engine)
    decoder = engine.models.decoder
    decoder.warm_up(QUESTION)
    process, stills, most = "".join(decoder.stream(QUESTION, 17)).split()
    assert int(process) != os.getpid() and (stills, most) == ("1", "17")
    assert decoder.last_stats == GenerationStats(7, 3)
    assert decoder.max_stills == 3 and decoder.count_tokens("abc") == 3
    assert spaces.durations == [zerogpu.ANSWER_S]


def test_an_error_of_a_lent_answer_keeps_its_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spaces: Spaces
) -> None:
    engine = engine_with(Decoder(fails=True), tmp_path, monkeypatch)
    zerogpu.lend(engine)
    with pytest.raises(UsageError, match="Too many messages"):
        list(engine.models.decoder.stream(QUESTION))
    spaces.refusal = gr.Error("You have exceeded your GPU quota")
    with pytest.raises(CuepointError, match="no GPU for this answer: You have exceeded your GPU quota"):
        list(engine.models.decoder.stream(QUESTION))


def test_a_lent_answer_stops_while_the_gpu_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spaces: Spaces
) -> None:
    engine = engine_with(Decoder(slow_s=1.0), tmp_path, monkeypatch)
    zerogpu.lend(engine)
    heard: list[str] = []
    stopped = 0.0

    def stop() -> bool:
        return bool(stopped) and time.monotonic() > stopped

    for piece in engine.models.decoder.stream(QUESTION, stop=stop):
        heard.append(piece)
        stopped = stopped or time.monotonic() + 0.1
    assert len(heard) == 1 and time.monotonic() - stopped < 0.2


def test_a_model_server_borrows_no_gpu(monkeypatch: pytest.MonkeyPatch, spaces: Spaces) -> None:
    monkeypatch.setenv("CUEPOINT_SERVER_URL", "http://127.0.0.1:1")
    assert type(zerogpu.LentModels(read_profile("server")).decoder).__name__ == "ServerDecoder"
