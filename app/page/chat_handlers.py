"""What happens in the chat history: searching, opening, renaming and deleting chats."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from app.engine import Engine
from app.i18n import language_of
from app.owner import owner_of
from app.page.handlers import last_question, marked_moments
from app.page.html import Shelf
from app.page.session import Session
from app.page.views import Views
from model.errors import CuepointError
from retrieval.ask.translated import told

_TOAST_S = 12.0


class ChatHandlers:
    """Every handler returns one update for each of PARTS."""

    def __init__(self, engine: Engine, views: Views) -> None:
        self.engine = engine
        self.views = views

    def search(self, words: str, session: Session, request: gr.Request) -> list[Any]:
        session.chat_search = words.strip()
        return self._redraw(session, request)

    def act(self, session: Session, request: gr.Request, event: gr.EventData) -> list[Any]:
        """A button of the history: its name and the chat's id come with the event."""
        owner, chats = owner_of(request), self.engine.chats
        act, chat_id = str(event._data.get("act")), str(event._data.get("id"))
        try:
            if act == "open":
                self._open(session, owner, chat_id)
            elif act == "rename":
                chats.rename(chat_id, owner, str(event._data.get("title", "")))
            elif act == "delete":
                chats.delete(chat_id, owner)
                self.engine.desk.forget(chat_id)
                if session.chat_id == chat_id:
                    session.chat_id, session.moments, session.wanted = None, [], ""
        except CuepointError as error:
            sentence = escape(told(str(error), language_of(request).code))  # it would be read as HTML
            gr.Warning(sentence, duration=_TOAST_S, title="Cuepoint")
        return self._redraw(session, request)

    def _open(self, session: Session, owner: str, chat_id: str) -> None:
        """Show a chat with its videos: the one in the player stays if the chat is about it."""
        chat = self.engine.chats.chat(chat_id, owner)
        shelf = Shelf(self.engine.library, owner)
        session.chat_id = chat.id
        session.asked = [video_id for video_id in chat.video_ids if shelf.video(video_id)]
        if session.asked and session.shown not in session.asked:
            session.shown = session.asked[0]
        messages = self.engine.chats.messages(chat.id)
        session.moments = marked_moments((messages[-1].answer if messages else None) or {})
        session.wanted = last_question(messages)

    def _redraw(self, session: Session, request: gr.Request) -> list[Any]:
        return self.views.redraw(session, owner_of(request), language_of(request), session.streamed)
