"""The door before Gradio: only what our page needs of it can be reached, and no event carries a file.

Gradio takes any dictionary with a `path` in an event for a file that it may copy and serve. Our page sends files by a
route of its own (`app/uploads.py`) and events carry words and numbers alone, so anything else is refused here, before
Gradio sees it: whatever component or event is added to the page, and whatever Gradio would do with it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGE = re.compile(
    r"/|/config/?|/theme\.css|/robots\.txt|/manifest\.json|/(assets|static|svelte)/.+"
    r"|/gradio_api/(startup-events|theme\.css|queue/data|heartbeat/[\w-]+)"
)
_EVENTS = ("/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/reset/")
_LONGEST_EVENT_BYTES = 1 << 20  # the longest question has 10,000 characters
_FIELDS = {"session_hash", "event_id", "data", "event_data", "fn_index", "trigger_id", "simple_format", "batched"}
_NOT_HERE = "There is no such page."
_NO_WORDS = "An event of the page carries words and numbers only; send files to /uploads."
_TOO_LONG = "This is too long for an event of the page."


class PageDoor:
    """ASGI middleware around Gradio's app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
        if method in ("GET", "HEAD") and _PAGE.fullmatch(path):
            await self.app(scope, receive, send)
        elif method == "POST" and path in _EVENTS:
            await self._event(scope, receive, send)
        else:
            await _refused(404, _NOT_HERE)(scope, receive, send)

    async def _event(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            await _refused(413, _TOO_LONG)(scope, receive, send)
        elif not is_plain(body):
            await _refused(422, _NO_WORDS)(scope, receive, send)
        else:
            await self.app(scope, _again(body, receive), send)


def is_plain(body: bytes) -> bool:
    """Whether this is the JSON of an event that carries words and numbers, and lists of these, and nothing else."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(event, dict) or not event.keys() <= _FIELDS:
        return False
    extra = event.pop("event_data", None)
    values = [*event.values(), *(extra.values() if isinstance(extra, dict) else [extra])]
    return all(_plain(item) for value in values for item in (value if isinstance(value, list) else [value]))


def _plain(value: Any) -> bool:
    if isinstance(value, list):  # one level more: the value of a component that holds several
        return all(not isinstance(item, list) and _plain(item) for item in value)
    if isinstance(value, str):
        return value.isascii() or _is_text(value)
    return value is None or isinstance(value, (int, float))


def _is_text(value: str) -> bool:
    """Whether a string can be written down: half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _read(receive: Receive) -> bytes | None:
    """The body of a request; None if it is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # the browser went away
            break
        body += message.get("body", b"")
        if len(body) > _LONGEST_EVENT_BYTES:
            return None
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what else comes."""
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


def _refused(status: int, sentence: str) -> Response:
    return JSONResponse({"detail": sentence}, status)
