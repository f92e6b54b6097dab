"""What happens on the page's events. Plain functions of Gradio's signature; Gradio runs them in threads."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from app.engine import Engine
from app.example import EXAMPLE_VIDEO
from app.i18n import Language, language_of
from app.owner import owner_of, visitor_of
from app.page.session import Session
from app.page.suggestions import example_title
from app.page.views import PARTS, Views
from app.uploads import Uploads
from model.errors import CuepointError, UsageError
from model.media.subtitle_files import belongs_to, is_subtitle_file
from retrieval.ask.translated import told
from retrieval.index.choose import Choice, heard_sound
from retrieval.store.records import Message

logger = logging.getLogger(__name__)
_TOAST_S = 12.0
_STREAM_DIGITS = 6


class Handlers:
    """`redraw`-ing handlers return one update for each of PARTS."""

    def __init__(self, engine: Engine, views: Views, uploads: Uploads) -> None:
        self.engine = engine
        self.library = engine.library
        self.views = views
        self.uploads = uploads

    # -- looking ---------------------------------------------------------------------------------------------------

    def open_page(self, address: str, session: Session, request: gr.Request) -> list[Any]:
        """A page was loaded: show the video of its address, else that of the last talk, else the newest."""
        session.forget_drawn()
        owner = owner_of(request)
        session.recognise(visitor_of(request))
        if not self._known(address, owner):
            latest = self.engine.chats.latest(owner, visitor=session.visitor)
            talked_about = [v for v in latest.video_ids if self._known(v, owner)] if latest else []
            address = next(iter(talked_about or [video.id for video in self.library.videos(owner)]), "")
        if address:
            self._show(session, owner, address)
        return self._redraw(session, request)

    def tick(self, address: str, session: Session, request: gr.Request) -> list[Any]:
        """The clock. `address` is what the browser shows: it wins when the server was started anew in between."""
        owner = owner_of(request)
        session.recognise(visitor_of(request))
        if (session.shown or "") != (address or ""):
            if session.shown is None and self._known(address, owner):
                self._show(session, owner, address)
            session.forget_drawn()
        drawn = self._redraw(session, request, leave=session.streamed)
        self.views.summarize_soon(session, owner, language_of(request))
        return drawn

    def summarize(self, session: Session, request: gr.Request) -> list[Any]:
        self.views.summarize_shown(session, owner_of(request), language_of(request))
        return self._redraw(session, request, leave=session.streamed)

    def trace(self, session: Session, request: gr.Request) -> list[Any]:
        """What was asked for is known, and its moments are shown: draw the curve of it."""
        self.views.trace_shown(session, owner_of(request))
        return self._redraw(session, request, leave=session.streamed)

    def act(self, session: Session, request: gr.Request, event: gr.EventData) -> list[Any]:
        """A button of the library: its name and the video's id come with the event."""
        owner, language = owner_of(request), language_of(request)
        act, video_id = str(event._data.get("act")), str(event._data.get("id"))
        if act == "example":
            if sentence := self._take_in(EXAMPLE_VIDEO, owner, session, language):
                self._warn(sentence)
            return self._redraw(session, request)
        try:
            self.library.video(video_id, owner)  # theirs, and still there?
            if act == "show":
                self._show(session, owner, video_id)
            elif act == "play":
                session.shown = video_id
            elif act == "toggle":
                others = [other for other in session.asked if other != video_id]
                session.asked = others if video_id in session.asked else [*others, video_id]
            elif act == "cancel":
                self.engine.jobs.cancel(video_id)
            elif act == "retry":
                self.engine.jobs.add(video_id, owner)
            elif act == "delete":
                self._delete(session, video_id)
        except CuepointError as error:
            self._warn(told(str(error), language.code))
        return self._redraw(session, request, leave=session.streamed)

    def _show(self, session: Session, owner: str, video_id: str) -> None:
        """Put a video into the player; its last chat comes with it, unless the chat is about it already."""
        session.shown = video_id
        if session.results and not session.results.everywhere:
            session.results = None
        if video_id in session.asked and session.chat_id:
            return
        latest = self.engine.chats.latest(owner, video_id, session.visitor)
        session.chat_id = latest.id if latest else None
        session.asked = latest.video_ids if latest else [video_id]
        messages = self.engine.chats.messages(latest.id) if latest else []
        answer = messages[-1].answer if messages else None
        session.moments, session.wanted = marked_moments(answer or {}), last_question(messages)

    def _delete(self, session: Session, video_id: str) -> None:
        self.library.delete_video(video_id)
        session.asked = [other for other in session.asked if other != video_id]
        session.moments = [moment for moment in session.moments if moment[0] != video_id]
        if session.shown == video_id:
            session.shown, session.chat_id, session.results, session.wanted = None, None, None, ""

    def new_chat(self, session: Session, request: gr.Request) -> list[Any]:
        session.chat_id, session.moments, session.wanted = None, [], ""
        session.asked = session.asked or ([session.shown] if session.shown else [])
        return self._redraw(session, request)

    # -- adding ------------------------------------------------------------------------------------------------------

    def upload(self, session: Session, request: gr.Request, event: gr.EventData) -> Iterator[list[Any]]:
        """Take in a file that was sent: its token comes with the event. A bad one is named with its reason.

        The notices of the files that were chosen together stay until others are chosen.
        """
        owner, language, token = owner_of(request), language_of(request), str(event._data.get("token"))
        if event._data.get("first"):
            session.notices = []
        yield [_notice([language("uploading")], "busy"), *([gr.skip()] * len(PARTS))]
        try:
            with self.uploads.taken(token, owner) as path:
                take = self._take_subtitles if is_subtitle_file(path.name) else self._take_in
                sentence = take(path, owner, session, language, upload=path.name)
        except UsageError as error:
            sentence = told(str(error), language.code)
        if sentence:
            session.notices = [*session.notices, sentence]
        yield [_notice(session.notices, "bad"), *self._redraw(session, request)]

    def _take_in(
        self, path: Path, owner: str, session: Session, language: Language, upload: str | None = None
    ) -> str | None:
        """Add a file and show it; returns a sentence when that failed or the video was there already."""
        try:
            video, job = self.engine.add(path, owner, upload)
        except CuepointError as error:
            return told(str(error), language.code)
        except Exception as error:
            logger.exception("Taking in %s failed", path.name)
            return f"{path.name}: {language('unexpected', kind=type(error).__name__)}"
        if not upload:
            self.library.update_video(video.id, title=example_title())
        if not self.engine.desk.is_busy(session.chat_id):
            self._show(session, owner, video.id)
        return None if job else language("added_known", title=video.title)

    def _take_subtitles(
        self, path: Path, owner: str, session: Session, language: Language, upload: str | None = None
    ) -> str | None:
        """Give a subtitle file to the video it is named after, the newest of them; returns a sentence that says so."""
        named = [video for video in self.library.videos(owner) if belongs_to(path.name, video.title)]
        if not named:
            return language("subtitles_alone", name=path.name)
        video = named[0]
        told = len(self.library.video(video.id).warnings)
        if self.engine.add_subtitles(video, path):
            return None if video.status != "ready" else language("subtitles_added", name=path.name, title=video.title)
        said = self.library.video(video.id).warnings[told:]
        return said[-1] if said else language("subtitles_added", name=path.name, title=video.title)

    # -- filtering ----------------------------------------------------------------------------------------------------

    def filter_transcript(self, wanted: str, session: Session, request: gr.Request) -> list[Any]:
        session.filters["speech"] = wanted.strip()
        return self._redraw(session, request, leave=session.streamed)

    def filter_track(self, session: Session, request: gr.Request, event: gr.EventData) -> list[Any]:
        session.track = str(event._data.get("track", ""))
        return self._redraw(session, request, leave=session.streamed)

    def filter_text(self, wanted: str, session: Session, request: gr.Request) -> list[Any]:
        session.filters["text"] = wanted.strip()
        return self._redraw(session, request, leave=session.streamed)

    # -- hearing again ------------------------------------------------------------------------------------------------

    def hear(self, session: Session, request: gr.Request, event: gr.EventData) -> list[Any]:
        """The form beneath the player: the video, its sound and the language come with the event."""
        sound, language = str(event._data.get("sound", "")), str(event._data.get("language", ""))
        try:
            video = self.library.video(str(event._data.get("id")), owner_of(request))
            wanted = int(sound) if sound.isascii() and sound.isdecimal() and len(sound) < _STREAM_DIGITS else None
            as_before = wanted is None or wanted == heard_sound(video)
            self.engine.hear_again(video, Choice(None if as_before else wanted, language or None))
        except CuepointError as error:
            self._warn(told(str(error), language_of(request).code))
        else:
            session.track = ""
            if session.summary and session.summary[0][0] == video.id:
                session.summary = None
        return self._redraw(session, request, leave=session.streamed)

    # -- shared ------------------------------------------------------------------------------------------------------

    def _redraw(self, session: Session, request: gr.Request, leave: tuple[str, ...] = ()) -> list[Any]:
        return self.views.redraw(session, owner_of(request), language_of(request), leave)

    def _known(self, video_id: str | None, owner: str) -> bool:
        return (
            bool(video_id)
            and self.library.db.row("SELECT 1 FROM videos WHERE id = ? AND owner = ?", (video_id, owner)) is not None
        )

    @staticmethod
    def _warn(sentence: str) -> None:
        gr.Warning(escape(sentence), duration=_TOAST_S, title="Cuepoint")  # it would be read as HTML


def last_question(messages: Sequence[Message]) -> str:
    """What was asked last in a chat."""
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def marked_moments(answer: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    """The citations of an answer, as the timeline marks them."""
    return [(c["video_id"], c["start"], c["end"], c["source"]) for c in answer.get("citations", [])]


def _notice(sentences: list[str], kind: str) -> str:
    return "".join(f'<p class="notice {kind}" role="status">{escape(sentence)}</p>' for sentence in sentences)
