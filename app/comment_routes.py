"""Routes of the comments on a video: list, add, delete. Only the video's owner finds them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from app.engine import Engine
from app.owner import owner_of
from model.errors import UsageError
from retrieval.store.comments import Comments


class NewComment(BaseModel):
    seconds: float
    text: str


def comments_router(engine: Engine) -> APIRouter:
    """Routes under /media/ID/comments; every one answers 404 for a video that is not the caller's."""
    router = APIRouter(prefix="/media", include_in_schema=False)
    comments = Comments(engine.library)

    def checked(request: Request, video_id: str) -> str:
        try:
            return engine.library.video(video_id, owner_of(request)).id
        except UsageError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/{video_id}/comments")
    def listed(request: Request, video_id: str) -> dict[str, Any]:
        return {"comments": [comment.as_json() for comment in comments.of(checked(request, video_id))]}

    @router.post("/{video_id}/comments", status_code=201)
    def added(request: Request, video_id: str, new: NewComment) -> dict[str, Any]:
        video_id = checked(request, video_id)
        try:
            return comments.add(video_id, new.seconds, new.text).as_json()
        except UsageError as error:
            raise HTTPException(422, str(error)) from None

    @router.delete("/{video_id}/comments/{comment_id}", status_code=204)
    def deleted(request: Request, video_id: str, comment_id: int) -> None:
        video_id = checked(request, video_id)
        try:
            comments.delete(video_id, comment_id)
        except UsageError as error:
            raise HTTPException(404, str(error)) from None

    return router
