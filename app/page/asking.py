"""Asking from the page: one generator that shows the moments first, then the words, and keeps both."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from app.engine import Engine
from app.i18n import Language, language_of
from app.i18n.sentences import told
from app.owner import owner_of
from app.page.conversation import answer_html, chat_history, waiting_html
from app.page.handlers import marked_moments
from app.page.html import Shelf
from app.page.session import Session
from app.page.views import PARTS, Views
from model.errors import CuepointError, UsageError
from retrieval.ask.answer import Answer
from retrieval.ask.rules import checked
from retrieval.store.records import Message

logger = logging.getLogger(__name__)
_CHAT = PARTS.index("chat")
_GROWING = ("timeline",)  # what else changes while an answer grows: polling draws the rest
_TOAST_S = 12.0


@dataclass(frozen=True)
class Turn:
    """A question with what was said before it. `instead`: where it stands, if its answer is to be replaced."""

    chat_id: str
    history: list[Message]
    question: str
    video_ids: list[str]
    instead: int | None = None


class Asking:
    """Its handlers give an update of the question box and one for each of PARTS."""

    def __init__(self, engine: Engine, views: Views) -> None:
        self.engine = engine
        self.views = views
        self._open: WeakValueDictionary[str, Session] = WeakValueDictionary()  # by Gradio's name of the page

    def ask(self, question: str, session: Session, request: gr.Request) -> Iterator[list[Any]]:
        """Answer a question about the session's videos. Stops soon after `stop`; what was said by then is kept."""
        owner, question = owner_of(request), question.strip()
        video_ids = self._videos(session, owner)
        if self._refused(self._problem(question, video_ids, language_of(request))):
            yield _unchanged()
            return
        chat_id, history = self._begin(session, owner, video_ids, question)
        yield from self._answer(Turn(chat_id, history, question, video_ids), session, request)

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
            self._refused(told(str(error), language))
            yield _unchanged()
            return
        *history, _ = chats.messages(session.chat_id)
        yield from self._answer(Turn(session.chat_id, history, question, video_ids), session, request)

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
        turn = Turn(session.chat_id, messages[: asked[-1]], question, video_ids, instead=asked[-1])
        yield from self._answer(turn, session, request)

    def _answer(self, turn: Turn, session: Session, request: gr.Request) -> Iterator[list[Any]]:
        """Show the question at once, then the answer as it grows, and keep it."""
        language, chat_id = language_of(request), turn.chat_id
        shelf = Shelf(self.engine.library, owner_of(request))
        session.asking, session.stopping, session.wanted = chat_id, False, turn.question
        self._open[str(getattr(request, "session_hash", ""))] = session
        said = chat_history([*turn.history, Message("user", turn.question)], shelf, language, tools=False)
        answer: dict[str, Any] = {}
        words = waiting_html(language)
        try:
            opened = self.views.redraw(session, owner_of(request), language, leave=("chat",))
            yield [_busy_box(), *self._with_chat(opened, session, chat_id, said, words)]
            for answer in self._answers(turn, session, language):
                session.moments = marked_moments(answer) if session.chat_id == chat_id else session.moments
                words, before = answer_html("", answer, shelf, language), words
                if words == before:  # it only ended: all is drawn below
                    continue
                grown = self.views.redraw(session, owner_of(request), language, only=_GROWING)
                yield [gr.skip(), *self._with_chat(grown, session, chat_id, said, words)]
        finally:  # also when the page was closed in the middle
            session.asking = None
            self._keep(turn, answer, language)
        session.drawn.pop("chat", None)
        yield [_calm_box(), *self.views.redraw(session, owner_of(request), language)]

    def _keep(self, turn: Turn, answer: dict[str, Any], language: Language) -> None:
        """Write the answer down. In the place of an earlier one only if there is something to put there."""
        message = Message("assistant", answer.get("answer") or language("stopped"), answer)
        if turn.instead is None:
            self.engine.chats.add(turn.chat_id, message)
        elif answer.get("answer") and not answer.get("error"):
            with contextlib.suppress(UsageError):  # the chat was changed or deleted meanwhile
                self.engine.chats.answer_again(turn.chat_id, turn.instead, message)

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
            checked(question)
        except CuepointError as error:
            return told(str(error), language)
        return None

    @staticmethod
    def _not_now(session: Session, language: Language) -> str | None:
        return language("answer_running") if session.asking is not None else None

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

    def _begin(self, session: Session, owner: str, video_ids: list[str], question: str) -> tuple[str, list[Message]]:
        chats = self.engine.chats
        if session.chat_id is None:
            session.chat_id = chats.start(owner, video_ids).id
        else:
            chats.set_videos(session.chat_id, video_ids)
        history = chats.messages(session.chat_id)
        chats.add(session.chat_id, Message("user", question))
        return session.chat_id, history

    def _answers(self, turn: Turn, session: Session, language: Language) -> Iterator[dict[str, Any]]:
        """The answer as JSON with its marked text, again and again as it grows; errors become the answer's words."""
        answer = Answer(turn.question)
        stop = lambda: session.stopping  # noqa: E731
        try:
            for answer in self.engine.answerer.ask(turn.question, turn.video_ids, turn.history, stop=stop):
                yield answer.as_json() | {"marked": answer.text}
                if session.stopping:
                    break
        except CuepointError as error:
            yield _failed(answer, told(str(error), language))
        except Exception as error:
            logger.exception("Answering failed")
            yield _failed(answer, language("unexpected", kind=type(error).__name__))

    @staticmethod
    def _with_chat(
        updates: list[Any], session: Session, chat_id: str, said: list[dict[str, str]], words: str
    ) -> list[Any]:
        """The updates with the chat as it stands; left alone when another chat was opened meanwhile."""
        if session.chat_id == chat_id:
            updates[_CHAT] = [*said, {"role": "assistant", "content": words}]
        return updates


def _failed(answer: Answer, sentence: str) -> dict[str, Any]:
    return answer.as_json() | {"answer": sentence, "marked": sentence, "error": True}


def _unchanged() -> list[Any]:
    return [gr.skip()] * (1 + len(PARTS))


def _busy_box() -> dict[str, Any]:
    return gr.update(value="", submit_btn=False, stop_btn=True)


def _calm_box() -> dict[str, Any]:
    return gr.update(submit_btn=True, stop_btn=False)
