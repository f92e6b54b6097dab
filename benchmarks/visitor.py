"""A browser as the server sees one: opens the page, follows its events over Gradio's queue, polls and asks.

What a real browser does by script is done here in the same order: an event's `then` follows it, the timer ticks at the
pace the server set, and one stream of server-sent events is open for as long as something is pending.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from gradio_client.utils import apply_diff

API = "gradio_api"
_CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});</script>", re.DOTALL)
_FIRST_TICK_S = 1.0
_LEAST_TICK_S = 0.2
_EVIDENCE = re.compile(r'<details class="evidence".*', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")

Update = Callable[[list[Any]], None]  # is given the outputs of an event, whole


@dataclass
class Asked:
    """Seconds from the click to each step of an answer; None for what never came."""

    question: str
    moments_s: float | None = None  # the first update with evidence
    words_s: float | None = None  # the first update with words of the answer
    whole_s: float = 0.0
    text: str = ""  # without tags and evidence


@dataclass
class _Pending:
    fn: int
    on_update: Update
    outputs: list[Any] | None = None
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class EventFailed(Exception):
    """The server said that an event failed."""


class Visitor:
    """One open tab. Use as a context: leaving it closes the tab."""

    def __init__(self, url: str, video_id: str = "") -> None:
        """`video_id`: the video that the address names, as in a link that somebody was sent."""
        self.video_id = video_id
        self.session = secrets.token_hex(6)
        self.client = httpx.AsyncClient(
            base_url=url, headers={"Origin": url.rstrip("/"), "Accept-Language": "en-US"}, timeout=None
        )
        self.config: dict[str, Any] = {}
        self.tick_s = _FIRST_TICK_S
        self.failures: list[str] = []
        self._pending: dict[str, _Pending] = {}
        self._early: list[dict[str, Any]] = []  # messages of events whose number is not known yet
        self._wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.aclose()

    # -- what a person does -------------------------------------------------------------------------

    async def open(self) -> float:
        """Load the page. Returns the seconds until it shows the library."""
        began = time.monotonic()
        page = await self.client.get("/")
        page.raise_for_status()
        found = _CONFIG.search(page.text)
        self.config = json.loads(found[1]) if found else (await self.client.get("/config")).json()
        self._start(self._listen())
        self._start(self._heartbeat())
        loaded = await self._event(self._named("open_page"), [self.video_id, None])
        seconds = time.monotonic() - began
        self._start(self._follow(loaded))
        self._start(self._tick())
        return seconds

    async def ask(self, question: str) -> Asked:
        """Ask in the chat and wait for the whole answer. Raises EventFailed."""
        asked, began = Asked(question), time.monotonic()
        place = self._output("ask", "chatbot")

        def seen(outputs: list[Any]) -> None:
            said = last_message(outputs[place])
            if said is None:
                return
            if asked.moments_s is None and 'class="evidence"' in said:
                asked.moments_s = time.monotonic() - began
            words = "" if "answer waiting" in said else " ".join(_TAG.sub(" ", _EVIDENCE.sub("", said)).split())
            if asked.words_s is None and words:
                asked.words_s = time.monotonic() - began
            asked.text = words or asked.text

        fn = self._named("ask")
        await self._event(fn, [question, None], seen)
        asked.whole_s = time.monotonic() - began
        self._start(self._follow(fn))
        return asked

    async def upload(self, file: Path) -> None:
        """Put a file into the library, as the page's button does."""
        content = await asyncio.to_thread(file.read_bytes)
        reply = await self.client.post("/uploads", params={"name": file.name}, content=content)
        reply.raise_for_status()
        await self._event(self._named("upload"), [None], extra={"token": reply.json()["token"], "first": True})

    # -- what a browser does by itself ---------------------------------------------------------------

    async def _follow(self, fn: int) -> None:
        """The events that the page has wired to come after this one."""
        for number, dependency in enumerate(self.config["dependencies"]):
            if dependency.get("trigger_after") == fn:
                await self._event(number, [None] * len(dependency["inputs"]))
                await self._follow(number)

    async def _tick(self) -> None:
        place = self._output("tick", "timer")

        def seen(outputs: list[Any]) -> None:
            if isinstance(outputs[place], dict) and outputs[place].get("value"):
                self.tick_s = max(float(outputs[place]["value"]), _LEAST_TICK_S)

        while True:
            await asyncio.sleep(self.tick_s)
            await self._event(self._named("tick"), [self.video_id, None], seen)

    async def _heartbeat(self) -> None:
        async with self.client.stream("GET", f"/{API}/heartbeat/{self.session}") as reply:
            async for _ in reply.aiter_lines():
                pass

    async def _event(
        self, fn: int, data: list[Any], on_update: Update = lambda outputs: None, extra: dict[str, Any] | None = None
    ) -> int:
        """Run an event to its end. `extra` comes with it. Returns its number. Raises EventFailed."""
        body = {"data": data, "event_data": extra, "fn_index": fn, "trigger_id": None, "session_hash": self.session}
        reply = await self.client.post(f"/{API}/queue/join", json=body)
        if reply.status_code != 200:
            raise EventFailed(f"{fn}: {reply.status_code} {reply.text[:200]}")
        pending = self._pending[reply.json()["event_id"]] = _Pending(fn, on_update)
        early, self._early = self._early, []
        for message in early:
            self._take(message)
        self._wanted.set()
        await pending.done
        return fn

    async def _listen(self) -> None:
        while True:
            await self._wanted.wait()
            async for message in self._messages():
                self._take(message)
            if not self._pending:
                self._wanted.clear()

    async def _messages(self) -> AsyncIterator[dict[str, Any]]:
        with contextlib.suppress(httpx.RemoteProtocolError):
            async with self.client.stream("GET", f"/{API}/queue/data?session_hash={self.session}") as reply:
                async for line in reply.aiter_lines():
                    if line.startswith("data: "):
                        message = json.loads(line[6:])
                        if message["msg"] == "close_stream":
                            return
                        yield message

    def _take(self, message: dict[str, Any]) -> None:
        kind, number = message["msg"], str(message.get("event_id"))
        if kind not in ("process_generating", "process_completed"):
            return
        pending = self._pending.get(number)
        if pending is None:
            self._early.append(message)
            return
        output = message.get("output") or {}
        if message.get("success", True) and output.get("data"):
            self._show(pending, output["data"], kind == "process_generating")
        if kind == "process_completed":
            del self._pending[number]
            if message.get("success", True):
                pending.done.set_result(None)
            else:
                pending.done.set_exception(EventFailed(f"{pending.fn}: {output.get('error')}"))

    def _show(self, pending: _Pending, data: list[Any], generating: bool) -> None:
        """Of an event that goes on, every update after the first is a difference to the one before."""
        if generating and pending.outputs is not None:
            data = [apply_diff(old, new) for old, new in zip(pending.outputs, data, strict=True)]
        if generating:
            pending.outputs = data
        pending.on_update(data)

    def _start(self, work: Any) -> None:
        async def run() -> None:
            try:
                await work
            except (EventFailed, httpx.HTTPError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- finding things in the page's description -----------------------------------------------------

    def _named(self, name: str) -> int:
        """The number of an event by its handler's name: the page's events are private and have no address."""
        names = [dependency.get("api_name") for dependency in self.config["dependencies"]]
        return names.index(name)

    def _output(self, name: str, kind: str) -> int:
        """The place of a component of that kind among the outputs of an event."""
        kinds = {component["id"]: component["type"] for component in self.config["components"]}
        outputs = self.config["dependencies"][self._named(name)]["outputs"]
        return [kinds[number] for number in outputs].index(kind)


def last_message(chat: Any) -> str | None:
    """The HTML of what the assistant said last; None where the update says nothing of it."""
    if not isinstance(chat, list) or not chat or chat[-1].get("role") != "assistant":
        return None
    content = chat[-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
