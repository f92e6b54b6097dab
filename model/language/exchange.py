"""One request to an OpenAI-compatible server, streamed: repeated while nothing has come, adapted to what it refuses.

It runs in an event loop and a thread of its own, so that whoever listens can leave at any moment: waiting for a
connection, for a busy server and for the next token all end at once, and the server sees the connection closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from model.errors import CuepointError
from model.language.endpoint import MODEL_VARIABLE, SILENCE_S, Endpoint, Failure
from model.language.openai_messages import Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

POLL_S = 0.05  # how long a stop request waits at most
BACKOFF_S = (0.25, 1.0)  # before the second and the third try: a restart of the server is not waited for
LONGEST_WAIT_S = 10.0  # a server that asks for more patience is not asked again
_PICTURE_WORDS = ("image", "vision", "multimodal", "mmproj", "content")  # in a refusal that is about stills

Item = TypeVar("Item")


@dataclass(frozen=True)
class Heard:
    """A step of the answer: text, or thinking (not for show), or at last what the server counted."""

    text: str = ""
    thinking: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0
    at: float = field(default_factory=time.perf_counter)  # when it came, however late it is listened to


class Exchange:
    """`model` may be empty: the first one that the server names. `options` are what it can do without."""

    def __init__(
        self, endpoint: Endpoint, model: str, prompt: Prompt, most_tokens: int, options: dict[str, Any]
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.options = dict(options)  # those that were accepted, once something was heard
        self.stills = prompt.stills  # those that were accepted
        self._prompt = prompt
        self._most_tokens = most_tokens
        self._heard = False
        self._finished = False

    async def run(self, emit: Callable[[Heard | CuepointError], None]) -> None:
        """Emits what is heard, or an error as the last item; raises nothing."""
        waits = list(BACKOFF_S)
        async with self.endpoint.client() as client:
            while failure := await self._attempt(client, emit):
                if self._heard:
                    break
                if failure.status and self._give_in(failure):
                    continue
                wait = waits[0] if waits and failure.wait_s is None else failure.wait_s or 0.0
                if not failure.passing or not waits or wait > LONGEST_WAIT_S:
                    break
                waits.pop(0)
                await asyncio.sleep(wait * random.uniform(1.0, 1.25))  # several pages do not come back at once
            if failure:
                if failure.status == 404 or failure.status >= 500:  # some fail over a model that they do not have
                    failure = await explain_missing(self.endpoint, client, self.model, failure)
                emit(failure.error())

    async def _attempt(self, client: AsyncOpenAI, emit: Callable[[Heard], None]) -> Failure | None:
        """Returns what went wrong instead of raising it: an exception would carry others that hold the headers."""
        if not self.model:
            models = await list_models(self.endpoint, client)
            if isinstance(models, Failure):
                return models
            if not models:
                return Failure(f"The model server at {self.endpoint.host} names no model: set {MODEL_VARIABLE}.")
            self.model = models[0]
        began = False
        try:
            async with asyncio.timeout(SILENCE_S):
                stream = await client.chat.completions.create(**self._body())
            async with stream:
                chunks = aiter(stream)
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    began = True
                    for heard in self._read(chunk):
                        self._heard = self._heard or bool(heard.text and not heard.thinking)
                        emit(heard)
        except Exception as error:
            if not self._finished:
                return self.endpoint.failure(error, self.model)
        server = f"The model server at {self.endpoint.host}"
        if not began:
            return Failure(f"{server} sends no answer as OpenAI-compatible servers do: check its URL.")
        if not self._finished:
            return Failure(f"{server} broke off in the middle of the answer: ask again.", passing=True)
        return None

    def _body(self) -> dict[str, Any]:
        body = {
            "model": self.model,
            "messages": self._prompt.messages if self.stills else self._prompt.blind,
            "stream": True,
            "max_tokens": self._most_tokens,
        } | self.options
        if "max_completion_tokens" in body:
            del body["max_tokens"]
            body["max_completion_tokens"] = self._most_tokens
        return body

    def _read(self, chunk: Any) -> Generator[Heard, None, None]:
        """What is in a chunk. Servers differ in which fields they leave out, so nothing is taken for granted."""
        for choice in (chunk.choices or [])[:1]:
            self._finished = self._finished or bool(choice.finish_reason)
            delta = choice.delta
            for name in ("reasoning_content", "reasoning", "content"):
                if isinstance(text := getattr(delta, name, None), str) and text:
                    yield Heard(text, thinking=name != "content")
        if usage := getattr(chunk, "usage", None):
            details = getattr(usage, "prompt_tokens_details", None)
            cached = getattr(details, "cached_tokens", None)
            yield Heard(
                prompt_tokens=usage.prompt_tokens or 0,
                cached_tokens=cached or 0,
                new_tokens=usage.completion_tokens or 0,
            )

    def _give_in(self, failure: Failure) -> bool:
        """Whether the request has something left to do without, now left out: first what the refusal names."""
        said = failure.said.lower()
        about_pictures = bool(self.stills) and any(word in said for word in _PICTURE_WORDS)
        if not (failure.status in (400, 415, 422) or (about_pictures and failure.status in (404, 500, 501))):
            return False
        if "max_tokens" in said and "max_completion_tokens" in said and "max_completion_tokens" not in self.options:
            self.options["max_completion_tokens"] = self._most_tokens  # its newer name, which some insist on
        elif named := [name for name in _flat(self.options) if name in said]:
            self._leave_out(named)
        elif about_pictures or (self.stills and not _flat(self.options)):
            self.stills = 0
        elif _flat(self.options):
            self._leave_out(_flat(self.options))
        else:
            return False
        return True

    def _leave_out(self, named: list[str]) -> None:
        if "chat_template_kwargs" in named:
            del self.options["extra_body"]
        for name in named:
            self.options.pop(name, None)


def _flat(options: dict[str, Any]) -> list[str]:
    """Names of options as they go into the request."""
    named = [name for name in options if name not in ("extra_body", "max_completion_tokens")]
    return [*named, *options.get("extra_body", {})]


async def list_models(endpoint: Endpoint, client: AsyncOpenAI) -> list[str] | Failure:
    """Tried once more if the line is bad: servers close a kept connection when they please."""
    listed = await _list_models(endpoint, client)
    if isinstance(listed, Failure) and listed.passing and not listed.status:
        await asyncio.sleep(BACKOFF_S[0])
        listed = await _list_models(endpoint, client)
    return listed


async def _list_models(endpoint: Endpoint, client: AsyncOpenAI) -> list[str] | Failure:
    try:
        page = await client.models.list()
        return [str(model.id) for model in page.data]
    except Exception as error:
        return endpoint.failure(error, "")


async def explain_missing(endpoint: Endpoint, client: AsyncOpenAI, model: str, failure: Failure) -> Failure:
    """The failure, or a better one if the server names its models and `model` is none of them."""
    models = await list_models(endpoint, client)
    if isinstance(models, Failure):
        if failure.status == models.status == 404:
            return Failure(
                f"No OpenAI-compatible server is under {endpoint.url}: check the URL, which often ends in /v1."
            )
        return failure
    if not models or model in models:
        return failure
    named = ", ".join(models[:5]) + (", …" if len(models) > 5 else "")
    server = f"The model server at {endpoint.host}"
    return Failure(f"{server} does not know the model {model!r}: set {MODEL_VARIABLE} to one of {named}.")


def listen(
    work: Callable[[Callable[[Item | CuepointError], None]], Coroutine[Any, Any, None]], halted: Callable[[], bool]
) -> Generator[Item, None, None]:
    """What `work(emit)` emits, until it ends, `halted()` is true or the listener leaves; then it is cancelled.

    An error that it emits is raised here.
    """
    arrived: queue.SimpleQueue[Item | CuepointError | None] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(work(arrived.put))
    threading.Thread(target=_work, args=(loop, task, arrived), name="model server", daemon=True).start()
    try:
        while not halted():
            try:
                item = arrived.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, CuepointError):
                raise item
            yield item
    finally:
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(task.cancel)


def _work(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], arrived: queue.SimpleQueue[Any]) -> None:
    try:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
    finally:
        arrived.put(None)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
