"""A small HTTP server that answers as a test writes down: what no real model server can be made to do on request."""

from __future__ import annotations

import json
import selectors
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import numpy as np

from model.language.chat import Message, Still
from model.language.server import ServerDecoder
from model.profile import DecoderChoice

Reply = Callable[["Handler"], None]
QUESTION: list[Message] = [{"role": "user", "content": "What is said?"}]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        self._reply(self.server.next_reply())

    def do_GET(self) -> None:
        self._reply(self.server.models)

    def _reply(self, reply: Reply) -> None:
        self.server.authorizations.append(self.headers["Authorization"] or "")
        reply(self)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def send_delta(self, finish: str | None = None, usage: dict[str, Any] | None = None, **delta: str) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.send_event(json.dumps(chunk | ({"usage": usage} if usage else {})))


class ScriptedServer(ThreadingHTTPServer):
    """Gives one reply a request, the last one again and again. `requests` are the bodies that came."""

    daemon_threads = True

    def __init__(self, *replies: Reply, models: Reply | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models = models or name_models("m")
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.left = threading.Event()  # set when a client has closed its connection while `fall_silent` went on
        self.closing = threading.Event()
        self._replies = list(replies)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.host}/v1"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def next_reply(self) -> Reply:
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


def name_models(*names: str) -> Reply:
    return lambda handler: handler.send(200, {"object": "list", "data": [{"id": n, "object": "model"} for n in names]})


def refuse(status: int, message: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.send(status, {"error": {"message": message}}, named)


def say(*pieces: str, usage: dict[str, Any] | None = None, thinking: str = "") -> Reply:
    def reply(handler: Handler) -> None:
        handler.begin_stream()
        handler.send_delta(role="assistant", content="")
        if thinking:
            handler.send_delta(reasoning_content=thinking)
        for piece in pieces:
            handler.send_delta(content=piece)
        handler.send_delta(finish="stop", usage=usage)
        handler.send_event("[DONE]")
        handler.wfile.write(b"0\r\n\r\n")

    return reply


def break_off(*pieces: str) -> Reply:
    """Closes the connection in the middle of the stream."""

    def reply(handler: Handler) -> None:
        handler.begin_stream()
        for piece in pieces:
            handler.send_delta(content=piece)

    return reply


def fall_silent(*pieces: str, headers: bool = True) -> Reply:
    """Says no more, until the client leaves or the test ends; not even that it is listening, without `headers`."""

    def reply(handler: Handler) -> None:
        try:
            if headers:
                handler.begin_stream()
            for piece in pieces:
                handler.send_delta(content=piece)
            left = _wait_until_left(handler)
        except OSError:  # it left while it was spoken to: the connection is reset
            left = True
        if left:
            handler.server.left.set()

    return reply


def _wait_until_left(handler: Handler) -> bool:
    """Whether the client closed its connection before the test ended."""
    with selectors.DefaultSelector() as waiting:  # select() itself takes no descriptor above 1,023
        waiting.register(handler.connection, selectors.EVENT_READ)
        while not handler.server.closing.is_set():
            if waiting.select(0.02) and not handler.connection.recv(1):
                return True
    return False


def decoder(url: str, model: str = "m", **choice: int) -> ServerDecoder:
    return ServerDecoder(url, DecoderChoice("openai", f"server:{url}", model=model, **choice))  # type: ignore[arg-type]


def answer(decoder: ServerDecoder, messages: list[Message] | None = None, **options: object) -> str:
    return "".join(decoder.stream(messages or QUESTION, **options))  # type: ignore[arg-type]


def still(seconds: float, height: int = 90, width: int = 160, grey: int = 128) -> Still:
    return Still(seconds, np.full((height, width, 3), grey, np.uint8))


def pause(first: str, seconds: float, second: str) -> Reply:
    """Says the one, and after a while the other."""

    def reply(handler: Handler) -> None:
        handler.begin_stream()
        handler.send_delta(content=first)
        handler.server.closing.wait(seconds)
        handler.send_delta(content=second)
        handler.send_delta(finish="stop")
        handler.send_event("[DONE]")
        handler.wfile.write(b"0\r\n\r\n")

    return reply


def send_nonsense() -> Reply:
    """A stream whose JSON is broken."""

    def reply(handler: Handler) -> None:
        handler.begin_stream()
        handler.send_event('{"choices": [{"delta": {"con')
        handler.wfile.write(b"0\r\n\r\n")

    return reply
