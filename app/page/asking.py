"""Asking from the page: a question goes to the desk, and the page follows the answer as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from app.answering import Turn
from app.engine import Engine
from app.i18n import Language, language_of
from app.owner import owner_of
from app.page.handlers import marked_moments
from app.page.html import Shelf
from app.page.session import Session
from app.page.views import PARTS, Views
from model.errors import CuepointError, UsageError
from retrieval.ask.rules import checked
from retrieval.ask.translated import told

_GROWING = ("chat", "timeline")  # what changes while an answer grows: polling draws the rest
_TOAST_S = 12.0


class Asking:
    """Its handlers give one update for each of PARTS."""

    def __init__(self, engine: Engine, views: Views) -> None:
        self.engine = engine
        self.views = views

    def ask(self, question: str, session: Session, request: gr.Request) -> Iterator[list[Any]]:
        """Ask a question about the session's videos; where its chat is being answered, it waits for its turn."""
        owner, language, question = owner_of(request), language_of(request), question.strip()
        video_ids = self._videos(session, owner)
        if self._refused(self._problem(question, video_ids, language)):
            yield _unchanged()
            return
        chat_id = self._chat(session, owner, video_ids)
        self.engine.desk.ask(Turn(chat_id, question, video_ids, language))
        session.wanted, session.taken = question, session.taken + 1
        yield from self._follow(session, request)

    def edited(self, session: Session, request: gr.Request, event: gr.EventData) -> Iterator[list[Any]]:
        """Ask another question in the place of an earlier one; the messages after that are dropped."""
        owner, language, chats = owner_of(request), language_of(request), self.engine.chats
        question, video_ids = str(event._data.get("text", "")).strip(), self._videos(session, owner)
        problem = self._problem(question, video_ids, language) or self._not_now(session, language)
        if self._refused(problem) or session.chat_id is None:
            yield _unchanged()
            return
        try:
            chats.edit(session.chat_id, owner, int(event._data.get("position", -1)), question)
        except (UsageError, ValueError) as error:
            self._refused(told(str(error), language.code))
            yield _unchanged()
            return
        *history, _ = chats.messages(session.chat_id)
        self.engine.desk.ask(Turn(session.chat_id, question, video_ids, language, history))
        session.wanted = question
        yield from self._follow(session, request)

    def again(self, session: Session, request: gr.Request) -> Iterator[list[Any]]:
        """Answer the chat's last question anew; its answer stays until there is another."""
        language, video_ids = language_of(request), self._videos(session, owner_of(request))
        messages = self.engine.chats.messages(session.chat_id) if session.chat_id else []
        asked = [position for position, message in enumerate(messages) if message.role == "user"]
        question = messages[asked[-1]].text if asked else ""
        problem = self._problem(question, video_ids, language) or self._not_now(session, language)
        if self._refused(problem) or session.chat_id is None:
            yield _unchanged()
            return
        history = messages[: asked[-1]]
        self.engine.desk.ask(Turn(session.chat_id, question, video_ids, language, history, instead=asked[-1]))
        session.wanted = question
        yield from self._follow(session, request)

    def suggested(self, session: Session, request: gr.Request, event: gr.EventData) -> Iterator[list[Any]]:
        """Ask the question of a suggestion's button."""
        yield from self.ask(str(event._data.get("text", "")), session, request)

    def stop(self, session: Session) -> None:
        """End the answer of the chat that the page shows; what was said by then is kept."""
        self.engine.desk.stop(session.chat_id)

    def _follow(self, session: Session, request: gr.Request) -> Iterator[list[Any]]:
        """Show the chat's answers as they grow, for as long as the page shows that chat. Stopping ends nothing else."""
        owner, language, chat_id = owner_of(request), language_of(request), session.chat_id
        assert chat_id is not None
        if session.following == chat_id:  # an earlier question of this page does
            yield self.views.redraw(session, owner, language, leave=("chat",))
            return
        session.following = chat_id
        try:
            yield self.views.redraw(session, owner, language)
            for growing in self.engine.desk.follow(chat_id):
                if session.chat_id != chat_id:  # another was opened; polling draws that one
                    break
                session.moments = marked_moments(growing.answer)
                grown = self.views.redraw(session, owner, language, only=_GROWING)
                if grown != _unchanged():
                    yield grown
        finally:  # also when the page was closed in the middle
            if session.following == chat_id:
                session.following = None
        if session.chat_id == chat_id:  # the last of it may have come too fast to be seen growing
            messages = self.engine.chats.messages(chat_id)
            session.moments = marked_moments((messages[-1].answer if messages else None) or {})
        session.drawn.pop("chat", None)
        yield self.views.redraw(session, owner, language)

    @staticmethod
    def _problem(question: str, video_ids: list[str], language: Language) -> str | None:
        if not question.strip():
            return language("ask_empty")
        if not video_ids:
            return language("ask_no_video")
        try:
            checked(question)
        except CuepointError as error:
            return told(str(error), language.code)
        return None

    def _not_now(self, session: Session, language: Language) -> str | None:
        return language("answer_running") if self.engine.desk.is_busy(session.chat_id) else None

    @staticmethod
    def _refused(problem: str | None) -> bool:
        """Whether there is a problem, which is then told."""
        if problem:
            gr.Warning(escape(problem), duration=_TOAST_S, title="Cuepoint")
        return bool(problem)

    def _videos(self, session: Session, owner: str) -> list[str]:
        """Those of the session's videos that are still there."""
        shelf = Shelf(self.engine.library, owner)
        return [video_id for video_id in session.asked if shelf.video(video_id)]

    def _chat(self, session: Session, owner: str, video_ids: list[str]) -> str:
        """The session's chat, or a new one."""
        if session.chat_id is None:
            session.chat_id = self.engine.chats.start(owner, video_ids, session.visitor).id
        else:
            self.engine.chats.set_videos(session.chat_id, video_ids)
        return session.chat_id


def _unchanged() -> list[Any]:
    return [gr.skip()] * len(PARTS)
