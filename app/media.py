"""Routes that serve what belongs to a video: its playable copy (with HTTP Range), pictures, subtitles, a report.

Nothing outside a video's own folder can be asked for, and only by its owner.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from app.downloads import attachment, report_reply
from app.engine import Engine
from app.exporting import REPORTS, render_video
from app.owner import owner_of
from app.subtitles import MEDIA_TYPES
from model.errors import CuepointError, UsageError
from model.timecode import seconds_of
from retrieval.store.records import Video

_PICTURE_CACHE = "private, max-age=3600"
_FRESH = "private, no-cache"  # may still change while the video is being indexed
_TYPES = {".mp4": "video/mp4", ".m4a": "audio/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg"}


def media_router(engine: Engine) -> APIRouter:
    """Routes under /media; every one answers 404 for a video that is not the caller's."""
    router = APIRouter(prefix="/media", include_in_schema=False)
    library = engine.library

    def video_of(request: Request, video_id: str) -> Video:
        try:
            return library.video(video_id, owner_of(request))
        except UsageError as error:
            raise HTTPException(404, str(error)) from None

    @router.api_route("/{video_id}", methods=["GET", "HEAD"])
    def playable(request: Request, video_id: str) -> Response:
        video = video_of(request, video_id)
        if not video.media_path:
            raise HTTPException(404, "This video has no copy for the browser yet.")
        path = Path(video.media_path)
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return _file(path, kind, _PICTURE_CACHE)

    @router.get("/{video_id}/thumbnail/{number}.jpg")
    def thumbnail(request: Request, video_id: str, number: int) -> Response:
        video = video_of(request, video_id)
        return _file(library.folder(video.id) / "thumbnails" / f"{number:05d}.jpg", "image/jpeg", _PICTURE_CACHE)

    @router.get("/{video_id}/filmstrip.jpg")
    def filmstrip(request: Request, video_id: str) -> Response:
        return _file(library.filmstrip(video_of(request, video_id).id), "image/jpeg", _PICTURE_CACHE)

    @router.get("/{video_id}/regions.{kind}")
    def regions(request: Request, video_id: str, kind: str, start: str = "", end: str = "", text: str = "") -> Response:
        """Where in the picture a moment's fit to a text comes from: seen (jpg) or told (json)."""
        video = video_of(request, video_id)
        if kind not in ("jpg", "json"):
            raise HTTPException(404, "Regions come as jpg or json.")
        try:
            found = engine.finder.regions(video, seconds_of(start), seconds_of(end), text)
        except CuepointError as error:
            raise HTTPException(422, str(error)) from None
        if kind == "json":
            return JSONResponse(found.as_json(), headers={"Cache-Control": _PICTURE_CACHE})
        return Response(found.as_jpeg(), media_type="image/jpeg", headers={"Cache-Control": _PICTURE_CACHE})

    @router.get("/{video_id}/transcript.{kind}")
    def transcript(request: Request, video_id: str, kind: str) -> Response:
        video = video_of(request, video_id)
        if kind not in MEDIA_TYPES:
            raise HTTPException(404, "Subtitles come as srt or vtt.")
        try:
            text = render_video(engine, video, kind, request.query_params.get("language") or None)
        except UsageError as error:
            raise HTTPException(404, str(error)) from None
        name = f"{Path(video.title).stem or video.id}.{kind}"
        response = Response(text, media_type=f"{MEDIA_TYPES[kind]}; charset=utf-8", headers={"Cache-Control": _FRESH})
        if request.query_params.get("download"):
            response.headers["Content-Disposition"] = attachment(name)
        return response

    @router.get("/{video_id}/report.{kind}")
    def report(request: Request, video_id: str, kind: str) -> Response:
        video = video_of(request, video_id)
        if kind not in REPORTS:
            raise HTTPException(404, "Reports come as md, json or html.")
        return report_reply(render_video(engine, video, kind), Path(video.title).stem, kind)

    return router


def _file(path: Path, media_type: str, cache: str) -> Response:
    try:
        is_there = path.is_file()
    except OSError:  # a name longer than any file has
        is_there = False
    if not is_there:
        raise HTTPException(404, "There is no such picture or video.")
    headers = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=media_type, headers=headers)
