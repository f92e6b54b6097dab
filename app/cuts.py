"""Routes that cut: a moment of a video, or its best moments, as a file to keep.

The file is made for one reply and deleted after it.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response, StreamingResponse

from app.downloads import attachment
from app.engine import Engine
from app.owner import owner_of
from model.errors import Cancelled, CuepointError, UsageError
from model.media.cut import Stretch, checked
from model.timecode import seconds_of
from retrieval.export.highlights import SECONDS, highlights
from retrieval.export.reels import cut_video, file_name
from retrieval.store.records import Video

_AT_ONCE = 2  # more would only slow each other down
_LOOK_EVERY_S = 0.25  # whether the browser still waits
_BLOCK_BYTES = 1 << 18
_GONE = 499  # what servers note for a client that left


def cuts_router(engine: Engine) -> APIRouter:
    """Routes under /media that answer with a new file; 404 for a video that is not the caller's."""
    router = APIRouter(prefix="/media", include_in_schema=False)
    library = engine.library
    free = asyncio.Semaphore(_AT_ONCE)

    def video_of(request: Request, video_id: str) -> Video:
        try:
            return library.video(video_id, owner_of(request))
        except UsageError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/{video_id}/clip.mp4")
    async def clip(request: Request, video_id: str, start: str = "", end: str = "") -> Response:
        video = await asyncio.to_thread(video_of, request, video_id)
        try:
            stretches = [(seconds_of(start), seconds_of(end))]
            checked(stretches, video.duration)
        except UsageError as error:
            raise HTTPException(422, str(error)) from None
        return await reply(request, video, stretches, file_name(video, stretches))

    @router.get("/{video_id}/highlights.mp4")
    async def reel(request: Request, video_id: str, query: str = "", seconds: float = SECONDS) -> Response:
        video = await asyncio.to_thread(video_of, request, video_id)
        try:
            stretches = await asyncio.to_thread(_chosen, engine, video, query, seconds)
        except CuepointError as error:
            raise HTTPException(422 if isinstance(error, UsageError) else 500, str(error)) from None
        return await reply(request, video, stretches, file_name(video, []))

    async def reply(request: Request, video: Video, stretches: Sequence[Stretch], name: str) -> Response:
        """The file, cut now, or an error as JSON; a browser that goes away stops the cutting."""
        target = library.folder(video.id) / "clips" / f"{uuid.uuid4().hex}.mp4"
        try:
            async with free, _watching(request) as gone:
                await asyncio.to_thread(cut_video, video, stretches, target, gone.is_set)
        except Cancelled:
            raise HTTPException(_GONE, "Nobody waits for this clip any more.") from None
        except CuepointError as error:
            raise HTTPException(422 if isinstance(error, UsageError) else 500, str(error)) from None
        return _sent_and_deleted(target, name)

    return router


def _chosen(engine: Engine, video: Video, query: str, seconds: float) -> list[Stretch]:
    return highlights(engine.searcher, engine.models, video, query, seconds)


@asynccontextmanager
async def _watching(request: Request) -> AsyncIterator[threading.Event]:
    """An event that is set once the browser has left."""
    gone = threading.Event()

    async def watch() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(_LOOK_EVERY_S)
        gone.set()

    watcher = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        gone.set()  # also when this task is cancelled: the thread must not cut on
        watcher.cancel()


def _sent_and_deleted(path: Path, name: str) -> Response:
    async def blocks() -> AsyncIterator[bytes]:
        try:
            with path.open("rb") as file:
                while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
                    yield block
        finally:
            path.unlink(missing_ok=True)

    headers = {
        "Content-Length": str(path.stat().st_size),
        "Content-Disposition": attachment(name),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(
        blocks(), media_type="video/mp4" if name.endswith(".mp4") else "audio/mp4", headers=headers
    )
