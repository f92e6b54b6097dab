"""Files on their way in: a route that takes them, and the folder where they wait until the page takes them up.

DATA/uploads/TOKEN/NAME, one folder for each: two people who send the same file do not meet. A file is known by its
token alone, which only its sender has; paths never come from outside.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.access.login import address_of
from app.owner import owner_of
from app.settings import Settings
from model.errors import CuepointError, UsageError
from retrieval.store.library import Library

logger = logging.getLogger(__name__)
KEPT_S = 3000.0  # a file that nobody took up in this time is deleted: with the pause between sweeps within the hour
SWEEP_S = 300.0
SPARE_BYTES = 1 << 30  # never filled: the database and the indexes must be able to grow
AT_ONCE, AT_ONCE_FROM_ONE = 24, 6  # uploads that are running
WAITING_FROM_ONE = 32  # files that wait to be taken up
A_MINUTE_FROM_ONE = 240  # uploads begun
STALLED_S = 60.0  # without a byte: the sender is gone
_LONGEST_NAME_BYTES = 200
_GONE = "This upload is not here any more; send the file again."
_LONGEST_LENGTH = 15  # digits of a length in bytes
_BLOCK_BYTES = 1 << 20


class Refused(CuepointError):
    """An upload that is not taken: `status` is HTTP's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class Upload:
    token: str
    owner: str
    sender: str  # the address that it came from
    path: Path
    expected: int  # bytes
    begun: float = field(default_factory=time.monotonic)
    written: int = 0
    whole: bool = False


class Uploads:
    """All that is on its way in. `settings` says how large a file and the library may be."""

    def __init__(self, library: Library, settings: Settings, free_bytes: Callable[[], int] | None = None) -> None:
        self.library = library
        self.settings = settings
        self.folder = settings.data_dir / "uploads"
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(settings.data_dir).free)
        self._known: dict[str, Upload] = {}
        self._begun: dict[str, list[float]] = {}  # sender -> when its last uploads began
        self._lock = threading.Lock()

    # -- coming in ---------------------------------------------------------------------------------

    async def receive(self, owner: str, sender: str, name: str, length: int, body: AsyncIterator[bytes]) -> str:
        """Write a file of `length` bytes; returns its token. Raises Refused; then nothing of it is kept."""
        upload = await run_in_threadpool(self._begin, owner, sender, name, length)
        try:
            with upload.path.open("xb") as file:
                async for block in _blocks(body):
                    upload.written += len(block)
                    if upload.written > length:
                        raise Refused(400, f"{upload.path.name} is longer than was said.")
                    await run_in_threadpool(file.write, block)
            if upload.written < length:
                raise Refused(400, f"{upload.path.name} did not arrive whole; send it again.")
        except BaseException as error:
            self.discard(upload.token)
            if isinstance(error, OSError):
                raise Refused(507, f"{upload.path.name} could not be written ({error.strerror or error}).") from error
            raise
        upload.whole, upload.begun = True, time.monotonic()
        return upload.token

    def check(self, sender: str, name: str, length: int) -> None:
        """Whether such a file would be taken now. Raises Refused if not.

        A browser asks first: one that is refused while it sends may never read why.
        """
        self._check_file(_safe_name(name), length)
        library_bytes = self.library.bytes_of_all()
        with self._lock:
            self._check_sender(sender)
            self._check_room(_safe_name(name), length, library_bytes)

    def _begin(self, owner: str, sender: str, name: str, length: int) -> Upload:
        shown = _safe_name(name)
        self._check_file(shown, length)
        library_bytes = self.library.bytes_of_all()
        with self._lock:
            self._check_sender(sender)
            self._check_room(shown, length, library_bytes)
            self._begun.setdefault(sender, []).append(time.monotonic())
            token = secrets.token_urlsafe(16)
            upload = Upload(token, owner, sender, self.folder / token / shown, length)
            upload.path.parent.mkdir(parents=True)
            self._known[token] = upload
        return upload

    def _check_file(self, name: str, length: int) -> None:
        limit = self.settings.max_upload_bytes
        if length <= 0:
            raise Refused(422, f"{name} is empty.")
        if length > limit:
            raise Refused(
                413,
                f"{name} has {_gb(length)} and uploads may have {_gb(limit)}; index it on the command line,"
                " or set CUEPOINT_MAX_UPLOAD_GB.",
            )

    def _check_sender(self, sender: str) -> None:
        running = [upload for upload in self._known.values() if not upload.whole]
        theirs = [upload for upload in self._known.values() if upload.sender == sender]
        minute_ago = time.monotonic() - 60.0
        self._begun = {who: late for who, at in self._begun.items() if (late := [t for t in at if t > minute_ago])}
        begun = self._begun.get(sender, [])
        if len(running) >= AT_ONCE or sum(not upload.whole for upload in theirs) >= AT_ONCE_FROM_ONE:
            raise Refused(429, "Too many uploads at once; wait until one of them is through.")
        if len(theirs) >= WAITING_FROM_ONE or len(begun) >= A_MINUTE_FROM_ONE:
            raise Refused(429, "Too many uploads from here; wait a minute.")

    def _check_room(self, name: str, length: int, library_bytes: int) -> None:
        """What other uploads are still to bring counts as filled."""
        coming = sum(upload.expected - upload.written for upload in self._known.values() if not upload.whole)
        free = self._free_bytes() - coming - SPARE_BYTES
        if 2 * length > free:  # the file, and the copy for the player
            raise Refused(
                507,
                f"Not enough disk space for {name}: {_gb(2 * length)} are needed and {_gb(max(0, free))} can be used;"
                " delete a video first.",
            )
        limit = self.settings.max_library_bytes
        if limit is not None and library_bytes + coming + length > limit:
            raise Refused(
                507,
                f"The library is full: {_gb(library_bytes)} of {_gb(limit)} are used and {name} has {_gb(length)};"
                " delete a video first, or set CUEPOINT_MAX_LIBRARY_GB.",
            )

    # -- taking up ---------------------------------------------------------------------------------

    @contextmanager
    def taken(self, token: str, owner: str) -> Iterator[Path]:
        """The file of a token: a regular file of this owner, whole, inside our folder. Afterwards it is gone.

        Raises UsageError if there is none.
        """
        with self._lock:
            upload = self._known.get(token)
            if upload is None or upload.owner != owner or not upload.whole:
                raise UsageError(_GONE)
            del self._known[token]  # nobody takes it twice
        try:
            os.utime(upload.path.parent)  # it is not to be swept while it is taken in
            if not _is_regular(upload.path):
                raise UsageError(_GONE)
            yield upload.path
        finally:
            shutil.rmtree(upload.path.parent, ignore_errors=True)

    def discard(self, token: str) -> None:
        """Forget an upload and delete what is left of it."""
        with self._lock:
            upload = self._known.pop(token, None)
        if upload is not None:
            shutil.rmtree(upload.path.parent, ignore_errors=True)

    def sweep(self) -> None:
        """Delete what nobody took up, and what an earlier run of the server left behind."""
        now = time.monotonic()
        with self._lock:
            late = [upload.token for upload in self._known.values() if upload.whole and upload.begun < now - KEPT_S]
        for token in late:
            self.discard(token)
        known = set(self._known)
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.name not in known and time.time() - entry.lstat().st_mtime > KEPT_S:
                _delete(entry)

    async def sweep_for_ever(self) -> None:
        while True:
            try:
                await run_in_threadpool(self.sweep)
            except OSError as error:
                logger.warning("Old uploads could not be swept: %s", error)
            await asyncio.sleep(SWEEP_S)


def uploads_router(uploads: Uploads) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/uploads", status_code=204)
    def check(request: Request, length: int, name: str = "") -> None:
        """Whether a file of so many bytes would be taken."""
        try:
            uploads.check(address_of(request), name, length)
        except Refused as refused:
            raise HTTPException(refused.status, str(refused)) from None

    @router.post("/uploads", status_code=201)
    async def upload(request: Request, name: str = "") -> dict[str, Any]:
        """The body is the file itself; the reply has the token by which an event of the page names it."""
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > _LONGEST_LENGTH:
            raise HTTPException(411, "Say how long the file is (Content-Length).")
        try:
            token = await uploads.receive(owner_of(request), address_of(request), name, int(length), request.stream())
        except Refused as refused:
            raise HTTPException(refused.status, str(refused)) from None
        except ClientDisconnect:
            raise HTTPException(400, "The connection broke.") from None
        return {"token": token}

    return router


async def _blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body in larger pieces: each costs a change of threads."""
    held = bytearray()
    while True:
        try:
            piece = await asyncio.wait_for(anext(body, None), STALLED_S)
        except TimeoutError:
            raise Refused(408, "The upload came to a halt; send the file again.") from None
        held += piece or b""
        if held and (piece is None or len(held) >= _BLOCK_BYTES):
            yield bytes(held)
            held.clear()
        if piece is None:
            return


def _safe_name(name: str) -> str:
    """A file name out of what a browser said: no path, nothing that cannot be written or shown, not too long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(c for c in last if c.isprintable()).encode("utf-8", "ignore").decode().strip().strip(".")
    stem, dot, suffix = clean.rpartition(".")
    if not stem:
        stem, dot, suffix = clean or "video", "", ""
    room = _LONGEST_NAME_BYTES - len((dot + suffix).encode())
    return stem.encode()[: max(room, 1)].decode("utf-8", "ignore") + (dot + suffix if room > 0 else "")


def _is_regular(path: Path) -> bool:
    """Whether a real file lies there: no link, no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode) and path.parent.resolve() == path.resolve().parent
    except OSError:
        return False


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)


def _gb(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**29 else f"{count / 2**20:.0f} MB"
