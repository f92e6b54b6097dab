"""The process in which llama.cpp runs: started, asked over a socket that nobody else can open, and ended with us.

Its library has no way to stop while it reads a prompt and takes signals for itself, a damaged file can crash it, and
alone it would listen on a port without a password: so it gets a process of its own, a Unix socket in a folder that only
this user may enter, and a random key. Closing the connection of an answer ends it at its next batch.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import logging
import os
import queue
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from model.errors import CheckpointError, CuepointError

logger = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("llama_child.py")
POLL_S = 0.05  # how often a waiting reader asks whether to stop
ASK_LIMIT_S = 60  # for what is answered at once: counting tokens, though a prompt of pictures may take seconds
LAST_WORDS_S = 1.0  # how long they are waited for once it has ended
LAST_LINES = 60  # of what the library says, kept for the reason of a failure
# Threads that wait for each other sleep instead of spinning: beside other work a spinning one costs a hundredfold.
QUIET_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "OMP_DYNAMIC": "false"}
# In what the library says about a failure, the part that tells why, best first.
_TELLING = (
    re.compile(r"ImportError: (.+)"),
    re.compile(r"(unable to allocate .+|failed to allocate .+)"),
    re.compile(r"(chat template parsing error: .+)"),
    re.compile(r"error loading model: (?!error loading model)(.+)"),
    re.compile(r"clip_init: failed to load model '.*': (?:\w+: )?(.+)"),
    re.compile(r"mtmd_init_from_file: error: (.+)"),
    re.compile(r" E (.+)"),
    re.compile(r"(.+)"),
)
OUT_OF_MEMORY = (
    "The language model does not fit into memory: in the profile, lower its context_tokens or slots, or name a smaller "
    "file."
)


class Refused(Exception):
    """llama.cpp answered with an error."""

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class LlamaProcess:
    """Ready to be asked once made. Safe to use from several threads."""

    def __init__(self, settings: dict[str, Any], file: Path) -> None:
        """`settings`: names and values of xllamacpp's CommonParams; `file` is the model's, for errors.

        Raises CheckpointError with llama.cpp's reason if it cannot load the model, CuepointError if memory is short.
        """
        folder = Path(tempfile.mkdtemp(prefix="cuepoint-"))  # for this user alone
        self.socket = folder / "llama.sock"
        self._key = secrets.token_urlsafe(32)
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(CHILD)],  # -P: modules beside it must not stand for others of the same name
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,  # Ctrl+C is for us; it ends when its stdin does
        )
        self.close = weakref.finalize(self, end, self.process, folder)
        log = (self.process.stderr, self._said)
        self._drain = threading.Thread(target=drain, args=log, name="llama log", daemon=True)
        self._drain.start()
        own = {"hostnames": [str(self.socket)], "port": 0, "api_keys": [self._key], "ui": False}
        self._wait_until_ready(settings | own, file)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request, one answer. Raises Refused, or CuepointError if the process has ended."""
        try:
            with contextlib.closing(_Connection(self.socket, ASK_LIMIT_S)) as connection:
                return self._open(connection, path, body, json.load)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._ended() from error

    def stream(
        self, path: str, body: dict[str, Any], halted: Callable[[], bool]
    ) -> Generator[dict[str, Any], None, None]:
        """The events of a streamed answer, until it ends, `halted()` or the reader leaves; then it is broken off.

        Raises Refused, or CuepointError if the process has ended.
        """
        arrived: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()
        connection = _Connection(self.socket, None)
        arguments = (connection, path, body, arrived)
        threading.Thread(target=self._listen, args=arguments, name="llama answer", daemon=True).start()
        try:
            while not halted():
                try:
                    event = arrived.get(timeout=POLL_S)
                except queue.Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, Refused):
                    raise event
                if isinstance(event, Exception):
                    raise self._ended() from event
                yield event
        finally:
            connection.hang_up()

    def _listen(
        self,
        connection: _Connection,
        path: str,
        body: dict[str, Any],
        arrived: queue.SimpleQueue[dict[str, Any] | Exception | None],
    ) -> None:
        """In a thread of its own: waiting for a token must not keep anybody from leaving."""

        def read(response: http.client.HTTPResponse) -> None:
            for line in response:
                data = line.removeprefix(b"data: ").strip()
                if data == b"[DONE]":
                    return
                if data.startswith(b"{"):
                    event = json.loads(data)
                    arrived.put(refusal(response.status, event) if "error" in event else event)
            raise ConnectionResetError  # the answer was not ended but broken off

        try:
            self._open(connection, path, body, read)
            arrived.put(None)
        except Exception as error:  # to be raised where the answer is read
            arrived.put(error)
        finally:
            connection.close()

    def _open(
        self,
        connection: _Connection,
        path: str,
        body: dict[str, Any],
        read: Callable[[http.client.HTTPResponse], Any],
    ) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        connection.request("POST", path, json.dumps(body).encode(), headers)
        with connection.getresponse() as response:
            if response.status != http.client.OK:
                raise refusal(response.status, json.load(response))
            return read(response)

    def _wait_until_ready(self, settings: dict[str, Any], file: Path) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(settings).encode() + b"\n")
            self.process.stdin.flush()
        if self.process.stdout.readline() == b"ready\n":
            return
        code = self.process.wait()
        reason = self._reason()
        self.close()
        if code == -9 or "allocate" in reason:  # killed: by the kernel, for memory
            raise CuepointError(OUT_OF_MEMORY)
        raise CheckpointError(f"{file} cannot be loaded by llama.cpp: {reason}.")

    def _reason(self) -> str:
        """Why it ended, by its last words."""
        self._drain.join(LAST_WORDS_S)
        return telling(list(self._said))

    def _ended(self) -> CuepointError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=1)
            logger.error("llama.cpp ended with %s: %s", code, self._reason())
            if code == -9:
                return CuepointError(OUT_OF_MEMORY)
        return CuepointError("The language model's process broke off: ask again, and it is started anew.")


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, limit_s: float | None) -> None:
        super().__init__("localhost", timeout=limit_s)
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = path
        self._left = threading.Event()

    def connect(self) -> None:
        self._line.settimeout(self.timeout)
        self._line.connect(str(self._path))
        self.sock = self._line
        if self._left.is_set():
            raise ConnectionAbortedError

    def hang_up(self) -> None:
        """From another thread: whoever waits for the other side waits no longer, and the other side sees it."""
        self._left.set()
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)


def refusal(status: int, answer: dict[str, Any]) -> Refused:
    error = answer.get("error", {})
    return Refused(int(error.get("code", status)), str(error.get("message", answer)), str(error.get("type", "")))


def environment() -> dict[str, str]:
    """Of the child: quiet threads, and OpenMP's library where the system has none: torch brings one."""
    found = {**os.environ, **QUIET_THREADS}
    torch = importlib.util.find_spec("torch")
    if sys.platform == "linux" and torch is not None and torch.origin is not None:
        own = str(Path(torch.origin).parent / "lib")
        found["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [found.get("LD_LIBRARY_PATH"), own]))
    return found


def drain(log: Any, said: deque[str]) -> None:
    """Keeps the last lines of what the child says, and keeps it from waiting for a reader."""
    with contextlib.suppress(ValueError, OSError):  # closed under our hands
        for line in log:
            text = line.decode("utf-8", "replace").strip()
            if text:
                said.append(text)
                logger.debug("llama.cpp: %s", text)


def telling(lines: list[str]) -> str:
    """Of what was said, why it failed."""
    for pattern in _TELLING:
        if found := [match[1] for line in lines if (match := pattern.search(line))]:
            return found[0].strip().rstrip(".:")
    return "it said nothing"


def end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Ends the child, in the middle of an answer too, and removes its socket."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    shutil.rmtree(folder, ignore_errors=True)
