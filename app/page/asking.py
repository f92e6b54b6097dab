"""Asking from the page: one generator that shows the moments first, then the words, and keeps both."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from html import escape
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from app.engine import Engine
from app.owner import owner_of
from app.page.conversation import answer_html, chat_history, waiting_html
from app.page.handlers import marked_moments
from app.page.html import Shelf
from app.page.i18n import Language, language_of
from app.page.session import Session
from app.page.views import PARTS, Views
from model.errors import CuepointError
from retrieval.answer import Answer
from retrieval.question import parse
from retrieval.records import Message

logger = logging.getLogger(__name__)
_CHAT = PARTS.index("chat")
_TOAST_S = 12.0


class Asking:
    """Its handlers give an update of the question box and one for each of PARTS."""

    def __init__(self, engine: Engine, views: Views) -> None:
        self.engine = engine
        self.views = views
        self._open: WeakValueDictionary[str, Session] = WeakValueDictionary()  # by Gradio's name of the page

    def ask(self, question: str, session: Session, request: gr.Request) -> Iterator[list[Any]]:
        """Answer a question about the session's videos. Stops soon after `stop`; what was said by then is kept."""
        owner, language = owner_of(request), language_of(request)
        shelf = Shelf(self.engine.library, owner)
        video_ids = [video_id for video_id in session.asked if shelf.video(video_id)]
        problem = self._problem(question, video_ids, language)
        if problem:
            gr.Warning(escape(problem), duration=_TOAST_S, title="Cuepoint")
            yield [gr.skip()] * (1 + len(PARTS))
            return
        chat_id, history = self._begin(session, owner, video_ids, question.strip())
        session.asking, session.stopping = chat_id, False
        self._open[str(getattr(request, "session_hash", ""))] = session
        said = chat_history([*history, Message("user", question.strip())], shelf, language)
        answer: dict[str, Any] = {}
        try:
            yield [_busy_box(), *self._update(session, request, chat_id, said, waiting_html(language))]
            for answer in self._answers(question, video_ids, history, session, language):
                session.moments = marked_moments(answer) if session.chat_id == chat_id else session.moments
                words = answer_html("", answer, shelf, language)
                yield [gr.skip(), *self._update(session, request, chat_id, said, words)]
        finally:  # also when the page was closed in the middle
            session.asking = None
            text = answer.get("answer") or language("stopped")
            self.engine.chats.add(chat_id, Message("assistant", text, answer))
        yield [_calm_box(), *self.views.redraw(session, owner, language)]

    def suggested(self, session: Session, request: gr.Request, event: gr.EventData) -> Iterator[list[Any]]:
        """Ask the question of a suggestion's button."""
        yield from self.ask(str(event._data.get("text", "")), session, request)

    @staticmethod
    def stop(session: Session) -> None:
        session.stopping = True

    def close_page(self, request: gr.Request) -> None:
        """The page is gone: an answer that nobody reads must not hold up those of others."""
        session = self._open.get(str(request.session_hash))
        if session is not None:
            session.stopping = True

    @staticmethod
    def _problem(question: str, video_ids: list[str], language: Language) -> str | None:
        if not question.strip():
            return language("ask_empty")
        if not video_ids:
            return language("ask_no_video")
        try:
            parse(question)
        except CuepointError as error:
            return str(error)
        return None

    def _begin(self, session: Session, owner: str, video_ids: list[str], question: str) -> tuple[str, list[Message]]:
        chats = self.engine.chats
        if session.chat_id is None:
            session.chat_id = chats.start(owner, video_ids).id
        else:
            chats.set_videos(session.chat_id, video_ids)
        history = chats.messages(session.chat_id)
        chats.add(session.chat_id, Message("user", question))
        return session.chat_id, history

    def _answers(
        self, question: str, video_ids: list[str], history: list[Message], session: Session, language: Language
    ) -> Iterator[dict[str, Any]]:
        """The answer as JSON with its marked text, again and again as it grows; errors become the answer's words."""
        answer = Answer(question)
        try:
            for answer in self.engine.answerer.ask(question, video_ids, history, stop=lambda: session.stopping):
                yield answer.as_json() | {"marked": answer.text}
                if session.stopping:
                    break
        except CuepointError as error:
            yield _failed(answer, str(error))
        except Exception as error:
            logger.exception("Answering failed")
            yield _failed(answer, language("unexpected", kind=type(error).__name__))

    def _update(
        self, session: Session, request: gr.Request, chat_id: str, said: list[dict[str, str]], words: str
    ) -> list[Any]:
        """All parts, with the chat as it stands; left alone when another chat was opened meanwhile."""
        updates = self.views.redraw(session, owner_of(request), language_of(request), leave=("chat",))
        if session.chat_id == chat_id:
            updates[_CHAT] = [*said, {"role": "assistant", "content": words}]
        return updates


def _failed(answer: Answer, sentence: str) -> dict[str, Any]:
    return answer.as_json() | {"answer": sentence, "marked": sentence, "error": True}


def _busy_box() -> dict[str, Any]:
    return gr.update(value="", submit_btn=False, stop_btn=True)


def _calm_box() -> dict[str, Any]:
    return gr.update(submit_btn=True, stop_btn=False)
