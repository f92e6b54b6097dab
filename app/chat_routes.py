"""Routes of the chats: list, search, read, export, rename and delete. Only their owner finds them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from pydantic import BaseModel

from app.chat_json import chat_json, entry_json, head_json
from app.downloads import report_reply
from app.engine import Engine
from app.exporting import REPORTS, render_chat
from app.owner import NOBODY, owner_of, visitor_of
from model.errors import UsageError
from retrieval.store.records import Chat


class NewTitle(BaseModel):
    title: str


def chats_router(engine: Engine) -> APIRouter:
    """Routes under /chats; every one answers 404 for a chat that is not the caller's."""
    router = APIRouter(prefix="/chats", include_in_schema=False)
    chats = engine.chats

    def chat_of(request: Request, chat_id: str) -> Chat:
        try:
            return chats.chat(chat_id, owner_of(request))
        except UsageError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("")
    def listed(request: Request, search: str = "") -> dict[str, Any]:
        own = visitor_of(request)
        own = None if own == NOBODY else own  # a program that sends no cookie sees all chats, as the command line does
        return {"chats": [entry_json(entry) for entry in chats.search(owner_of(request), search, visitor=own)]}

    @router.get("/{chat_id}")
    def shown(request: Request, chat_id: str) -> dict[str, Any]:
        chat = chat_of(request, chat_id)
        return chat_json(chat, chats.messages(chat.id))

    @router.get("/{chat_id}/export.{kind}")
    def exported(request: Request, chat_id: str, kind: str) -> Response:
        chat = chat_of(request, chat_id)
        if kind not in REPORTS:
            raise HTTPException(404, "Chats come as md, json or html.")
        return report_reply(render_chat(engine, chat, kind), chat.title, kind)

    @router.patch("/{chat_id}")
    def renamed(request: Request, chat_id: str, new: NewTitle) -> dict[str, Any]:
        chat = chat_of(request, chat_id)
        try:
            return head_json(chats.rename(chat.id, chat.owner, new.title))
        except UsageError as error:
            raise HTTPException(422, str(error)) from None

    @router.delete("/{chat_id}", status_code=204)
    def deleted(request: Request, chat_id: str) -> None:
        chat = chat_of(request, chat_id)
        chats.delete(chat.id, chat.owner)

    return router
