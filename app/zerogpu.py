"""Hugging Face's ZeroGPU: a GPU that is lent for the seconds of one answer. Elsewhere nothing of this has an effect.

Importing this module imports `spaces` where that package is, for it must come before anything touches CUDA:
`app.commands.serve` imports this before it builds the engine. Workers never do: outside of a decorated function there
is no GPU, so they index on the processor.

A decorated function runs in a process that is forked at its first call. What it is given and gives back is pickled;
what was loaded before (by the main thread: only there does `spaces` stand in for CUDA) it finds in the module.
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from model.errors import CuepointError
from model.language.chat import Decoder, GenerationStats, Message, OwnStats
from model.loading import Models

try:
    import spaces
except ImportError:  # not a Space
    spaces = None

if TYPE_CHECKING:
    from app.engine import Engine

ANSWER_S = 60  # asked of the user's quota before the answer; what is not used is given back
POLL_S = 0.05  # how long a stop request waits at most

Function = TypeVar("Function", bound=Callable[..., Any])
Step = tuple[str, GenerationStats | None] | CuepointError  # text and the stats so far, or why there is no more

_lent: dict[int, Decoder] = {}  # by number, for the forked process to find them


def gpu(duration_s: int) -> Callable[[Function], Function]:
    """`spaces.GPU` for functions and generator functions of a module: it gives them a GPU for so many seconds at most.

    Where there is no `spaces` the very function comes back.
    """

    def decorate(function: Function) -> Function:
        return function if spaces is None else spaces.GPU(duration=duration_s)(function)

    return decorate


def is_here() -> bool:
    """Whether this process runs on ZeroGPU (the variable is the platform's)."""
    return spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def lend(engine: Engine) -> None:
    """On ZeroGPU: lets the engine's decoder borrow the GPU for each answer. To be called by the main thread."""
    if not is_here():
        return
    engine.models = LentModels(engine.profile)
    _ = engine.models.decoder  # loaded here and now, so that the forked process need not
    spaces.zero.startup()  # as Gradio's launch() would have it; the page is mounted instead


class LentModels(Models):
    """Models whose decoder answers on a GPU that is lent. A server needs none, nor does llama.cpp in its process."""

    @property
    def decoder(self) -> Decoder:
        own = super().decoder
        return own if self.profile.decoder.kind in ("openai", "gguf") else self._once("lent", lambda: LentDecoder(own))


class LentDecoder:
    """Satisfies `chat.Decoder`: the decoder that it is given does the work, in the process that has the GPU."""

    last_stats = OwnStats()

    def __init__(self, decoder: Decoder) -> None:
        self.max_stills = decoder.max_stills
        self._decoder = decoder
        self._number = len(_lent)
        _lent[self._number] = decoder

    def count_tokens(self, text: str) -> int:
        return self._decoder.count_tokens(text)

    def warm_up(self, messages: Sequence[Message] | None = None) -> None:
        """Nothing: there is no GPU yet, and what a process computes is gone with it."""

    def stream(
        self,
        messages: Sequence[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]:
        """See `chat.Decoder`. Raises CuepointError if no GPU is to be had."""
        halted = stop or (lambda: False)
        steps = _answer(self._number, list(messages), max_new_tokens, tuple(stop_strings))
        for step in _until(steps, halted):
            if isinstance(step, CuepointError):
                raise step
            piece, self.last_stats = step
            yield piece


@gpu(ANSWER_S)
def _answer(
    number: int, messages: list[Message], max_new_tokens: int, stop_strings: tuple[str, ...]
) -> Generator[Step, None, None]:
    """Runs where the GPU is. An error goes back as a value: `spaces` passes on nothing but its name."""
    decoder = _lent[number]
    try:
        for piece in decoder.stream(messages, max_new_tokens, stop_strings=stop_strings):
            yield piece, decoder.last_stats
    except CuepointError as error:
        yield error


def _until(steps: Generator[Step, None, None], halted: Callable[[], bool]) -> Generator[Step, None, None]:
    """The steps until `halted()`, even while a GPU is waited for: a thread reads them until nobody listens."""
    arrived: queue.SimpleQueue[Step | BaseException | None] = queue.SimpleQueue()
    left = threading.Event()

    def read() -> None:
        try:
            for step in steps:
                if left.is_set():
                    steps.close()
                    break
                arrived.put(step)
        except Exception as error:
            arrived.put(_in_words(error))
        arrived.put(None)

    # With the context of the page's event, in which `spaces` finds whose quota it is.
    threading.Thread(target=contextvars.copy_context().run, args=(read,), name="lent GPU", daemon=True).start()
    try:
        while not halted():
            try:
                step = arrived.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if step is None:
                return
            if isinstance(step, BaseException) and not isinstance(step, CuepointError):
                raise step
            yield step
    finally:
        left.set()


def _in_words(error: Exception) -> BaseException:
    """What `spaces` raises (no GPU free, quota used up) as an error of ours; others as they are."""
    import gradio as gr

    if isinstance(error, gr.Error):
        return CuepointError(f"ZeroGPU lent no GPU for this answer: {error.message}")
    return error
