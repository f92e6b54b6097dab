"""What every part of the page shows for a session. A part is drawn again only when its key changed.

So polling costs a few small queries, and nothing flickers: least of all the player, whose playback a redraw would stop.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Any

import gradio as gr

from app.engine import Engine
from app.i18n import Language
from app.page.cards import library_cards
from app.page.conversation import chat_history, growing_chat
from app.page.curve import curve_html
from app.page.header import header_html
from app.page.hearing import About, track_buttons, track_of
from app.page.history import history_html
from app.page.html import Shelf, empty_state
from app.page.player import player_html, timeline_html
from app.page.rows import passage_rows, result_rows, summary_html
from app.page.sending import picture_html, upload_html
from app.page.session import Session
from app.page.suggestions import suggested_questions
from model.errors import UsageError
from model.timecode import clock
from retrieval.ask.plan import NOT_SOUGHT
from retrieval.ask.summary import Summary, summarize
from retrieval.store.records import Message, Source, Video
from retrieval.store.spoken import quoted_languages
from retrieval.store.transcripts import transcript

logger = logging.getLogger(__name__)
PARTS = (
    "header", "upload", "picture", "library", "player", "about", "timeline", "curve", "results", "transcript",
    "screen_text", "summary", "history", "scope", "starter", "chat", "question", "timer",
)  # fmt: skip
# While what the page shows is indexed; while another video is; otherwise (videos may come by the command line).
BUSY_TICK_S, BESIDE_TICK_S, CALM_TICK_S = 1.0, 2.0, 4.0
_KEPT_SUMMARIES = 32
_LISTED_CHATS = 60  # searching reaches the rest
_BUSY = ("waiting", "indexing")

Part = tuple[Hashable, Callable[[], Any]]


class Views:
    """Draws the parts of one owner's page."""

    def __init__(self, engine: Engine, with_logout: bool = False) -> None:
        self.engine = engine
        self.library = engine.library
        self.with_logout = with_logout
        self._summaries: OrderedDict[Hashable, Summary] = OrderedDict()
        self._summarizing = threading.Lock()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="summary")

    def redraw(
        self,
        session: Session,
        owner: str,
        language: Language,
        leave: Collection[str] = (),
        only: Collection[str] = PARTS,
    ) -> list[Any]:
        """One update for each of PARTS: the new content, or `gr.skip()` where nothing changed, it is to be left, or is
        not among the `only` ones that may have changed: those are not even looked up."""
        with session.lock:
            parts = self._parts(session, owner, language)
            updates = []
            for name in PARTS:
                if name in leave or name not in only:
                    updates.append(gr.skip())
                    continue
                key, draw = parts[name]()
                if session.drawn.get(name) == (key, language):
                    updates.append(gr.skip())
                else:
                    session.drawn[name] = (key, language)
                    updates.append(draw())
            return updates

    def _parts(self, session: Session, owner: str, language: Language) -> dict[str, Callable[[], Part]]:
        """How each part is looked up; what several need is looked up once."""
        shelf = Shelf(self.library, owner)
        video = shelf.video(session.shown) if session.shown else None
        videos = functools.cache(lambda: self.library.videos(owner))
        return {
            "header": lambda: (None, lambda: header_html(self.engine, language, self.with_logout)),
            "upload": lambda: (None, lambda: upload_html(self.engine.settings.max_upload_bytes, language)),
            "picture": lambda: (None, lambda: picture_html(self.engine.settings.max_upload_bytes, language)),
            "library": lambda: self._cards(videos(), session, shelf, language),
            "player": lambda: self._player(video, language),
            "about": lambda: self._about(video, language),
            "timeline": lambda: self._timeline(session, video, language),
            "curve": lambda: self._curve(session, video, language),
            "results": lambda: self._results(session, shelf, owner, language),
            "transcript": lambda: self._passages(video, "speech", session, language),
            "screen_text": lambda: self._passages(video, "text", session, language),
            "summary": lambda: self._summary(session, video, shelf, language),
            "history": lambda: self._history(session, shelf, owner, language),
            "scope": lambda: self._scope(session, shelf, language),
            "starter": lambda: self._starter(session, video, language),
            "chat": lambda: self._chat(session, shelf, language),
            "question": lambda: self._question(session),
            "timer": lambda: self._timer(session, videos()),
        }

    def _cards(self, videos: Sequence[Video], session: Session, shelf: Shelf, language: Language) -> Part:
        shelf.put(videos)
        html = library_cards(self.library, self.engine.jobs, videos, session, shelf, language)
        return html, lambda: html

    def _timer(self, session: Session, videos: Sequence[Video]) -> Part:
        busy = {video.id for video in videos if video.status in _BUSY}
        own = self.engine.desk.is_busy(session.chat_id) or bool(busy & {session.shown, *session.asked})
        pace_s = BUSY_TICK_S if own else BESIDE_TICK_S if busy else CALM_TICK_S
        return pace_s, lambda: gr.Timer(pace_s)

    def _player(self, video: Video | None, language: Language) -> Part:
        html = player_html(video, language)
        return html, lambda: html

    def _about(self, video: Video | None, language: Language) -> Part:
        if video is None:
            return None, lambda: ""
        about = About.of(self.library, video)
        return about.key, lambda: about.html(language)

    def _timeline(self, session: Session, video: Video | None, language: Language) -> Part:
        if video is None:
            return None, lambda: ""
        moments = [(start, end, source) for whose, start, end, source in session.moments if whose == video.id]
        rows = self.library.db.rows("SELECT start FROM clips WHERE video_id = ? ORDER BY start", (video.id,))
        starts = [row["start"] for row in rows]
        filmstrip = self.library.filmstrip(video.id).exists()
        speaks = self._newest(video, "speech") > 0
        key = (video.id, len(starts), tuple(moments), filmstrip, speaks)
        return key, lambda: timeline_html(video, starts, moments, filmstrip, speaks, language)

    def _curve(self, session: Session, video: Video | None, language: Language) -> Part:
        curve = session.curve
        if video is None or curve is None or curve[0] != (video.id, session.wanted):
            return None, lambda: ""
        return curve[0], lambda: curve_html(curve[1], session.wanted, video.duration, language)

    def trace_shown(self, session: Session, owner: str) -> None:
        """Work out where the shown video fits what was asked for last, if that was not done yet.

        This comes after the answer, which it must not hold up. A summary fits everywhere: it has no curve.
        """
        video = Shelf(self.library, owner).video(session.shown) if session.shown else None
        wanted = session.wanted
        if video is None or not wanted or (session.curve and session.curve[0] == (video.id, wanted)):
            return
        try:
            plan = self.engine.answerer.planner.plan(wanted)
            if plan.operation not in NOT_SOUGHT:
                session.curve = (video.id, wanted), self.engine.searcher.relevance(plan.query(), video.id)
        except UsageError:
            return  # it was told when it was asked
        except Exception:
            logger.exception("No curve of %s", video.id)

    def _results(self, session: Session, shelf: Shelf, owner: str, language: Language) -> Part:
        found = session.results
        if found is None:
            return None, lambda: empty_state(language("find_empty"))
        tongues = functools.partial(quoted_languages, self.library, found.moments, owner)
        return found, lambda: result_rows(found, shelf, language, tongues())

    def _passages(self, video: Video | None, source: Source, session: Session, language: Language) -> Part:
        wanted, track = session.filters.get(source, ""), session.track if source == "speech" else ""
        if video is None:
            return None, lambda: passage_rows(None, [], source, wanted, language)
        key = (video.id, self._newest(video, source), video.status in _BUSY, wanted, track)
        return key, lambda: self._lines(video, source, wanted, track, language)

    def _lines(self, video: Video, source: Source, wanted: str, track: str, language: Language) -> str:
        passages = self.library.passages(video.id, source)
        buttons = ""
        if source == "speech":
            track = track if track in map(track_of, passages) else ""  # it was heard again meanwhile
            buttons = track_buttons(passages, track, language)
            chosen = [passage for passage in passages if track_of(passage) == track]
            passages = chosen if track else transcript(self.library, video)
        return passage_rows(video, passages, source, wanted, language, buttons)

    def _newest(self, video: Video, source: Source) -> int:
        """Changes with the passages: the number of the newest (merged text may change without a new count); or 0."""
        row = self.library.db.row(
            "SELECT max(id) AS newest FROM passages WHERE video_id = ? AND source = ?", (video.id, source)
        )
        return row["newest"] or 0 if row else 0

    def _summary(self, session: Session, video: Video | None, shelf: Shelf, language: Language) -> Part:
        if video is None:
            return None, lambda: empty_state(language("no_video"))
        summary = session.summary
        if summary is None or summary[0][0] != video.id:
            return (video.id, None), lambda: empty_state(language("summary_later"), "busy")
        return summary, lambda: summary_html(video, summary[1], shelf, language)

    def summarize_shown(self, session: Session, owner: str, language: Language) -> None:
        """Make the summary of the video in the player once it is indexed, if that was not done since."""
        video = self._unsummarized(session, owner)
        if video is None:
            return
        try:
            summary = self._summary_of(video)
        except Exception as error:
            logger.exception("No summary of %s", video.id)
            summary = Summary(language("unexpected", kind=type(error).__name__), [], [])
        session.summary = (video.id, video.index_seconds), summary

    def summarize_soon(self, session: Session, owner: str, language: Language) -> None:
        """The same beside what asks for it: a later tick shows it."""
        with session.lock:
            if session.summarizing or self._unsummarized(session, owner) is None:
                return
            session.summarizing = True
        self._aside.submit(self._summarize, session, owner, language)

    def _summarize(self, session: Session, owner: str, language: Language) -> None:
        try:
            self.summarize_shown(session, owner, language)
        finally:
            session.summarizing = False
            self.library.db.close()  # this thread's connection

    def _unsummarized(self, session: Session, owner: str) -> Video | None:
        """The video in the player, if it is indexed and was not summed up since."""
        video = Shelf(self.library, owner).video(session.shown) if session.shown else None
        if video is None or video.status != "ready":
            return None
        known = session.summary[0] if session.summary else None
        return video if known != (video.id, video.index_seconds) else None

    def _summary_of(self, video: Video) -> Summary:
        """The same for all pages that show the video: made once, and again when its index has changed."""
        key = (video.id, self._newest(video, "speech"), self._newest(video, "text"), video.index_seconds)
        with self._summarizing:
            if key not in self._summaries:
                self._summaries[key] = summarize(self.library, self.engine.models, video.id)
                while len(self._summaries) > _KEPT_SUMMARIES:
                    self._summaries.popitem(last=False)
            self._summaries.move_to_end(key)
            return self._summaries[key]

    def _history(self, session: Session, shelf: Shelf, owner: str, language: Language) -> Part:
        html = history_html(
            self.engine.chats.search(owner, session.chat_search, _LISTED_CHATS, session.visitor),
            session,
            shelf,
            language,
        )
        return html, lambda: html

    def _scope(self, session: Session, shelf: Shelf, language: Language) -> Part:
        videos = [video for video_id in session.asked if (video := shelf.video(video_id))]
        if not videos:
            html = f'<span class="scope-title">{language("asking_none")}</span>'
        elif len(videos) == 1:
            html = f'<span class="scope-title">{escape(language("asking_one", title=videos[0].title))}</span>'
        else:
            named = "".join(_named(video, language) for video in videos)
            title = language("asking_many", count=len(videos))
            html = f'<span class="scope-title">{title}</span><span class="scope">{named}</span>'
        for video in videos:
            if video.status != "ready":
                note = self._how_far(video, language)
                html += f'<span class="scope-note">{escape(note)}</span>'
                break
        return html, lambda: f'<div class="scope-line">{html}</div>'

    def _how_far(self, video: Video, language: Language) -> str:
        """What answers can know of a video that is being indexed."""
        if self.library.lane_done(video.id, "see") and not self.library.lane_done(video.id, "hear"):
            return language("asking_hearing")
        until = min(self.library.lane_until(video.id, lane) for lane in ("see", "hear"))
        return language("asking_partial", time=clock(until)) if until >= 1 else language("asking_nothing")

    def _starter(self, session: Session, video: Video | None, language: Language) -> Part:
        started = bool(session.chat_id and self.engine.chats.messages(session.chat_id))
        if started or video is None:
            return None, lambda: ""
        buttons = "".join(
            f'<button class="suggestion" data-ask="{escape(question)}">{escape(question)}</button>'
            for question in suggested_questions(self.library, video, language)
        )
        html = f'<div class="starter"><span class="starter-title">{language("suggestions")}</span>{buttons}</div>'
        return html, lambda: html

    def _chat(self, session: Session, shelf: Shelf, language: Language) -> Part:
        growing = self.engine.desk.growing(session.chat_id)
        if growing is not None:
            return (session.chat_id, growing.version), lambda: growing_chat(growing, shelf, language)
        messages = self.engine.chats.messages(session.chat_id) if session.chat_id else []
        if messages and messages[-1].role == "user" and not self.engine.desk.is_busy(session.chat_id):
            messages.append(Message("assistant", language("interrupted"), {"error": True}))  # the server was stopped
        said = tuple(message.text for message in messages)
        return (session.chat_id, said), lambda: chat_history(messages, shelf, language)

    def _question(self, session: Session) -> Part:
        """The box is emptied when its question was taken; while an answer grows it can be stopped."""
        grows = self.engine.desk.is_busy(session.chat_id)

        def draw() -> Any:
            emptied: dict[str, Any] = {"value": ""} if session.emptied != session.taken else {}
            session.emptied = session.taken
            return gr.update(stop_btn=grows, **emptied)

        return (session.taken, grows), draw


def _named(video: Video, language: Language) -> str:
    label = escape(language("forget", title=video.title))
    return (
        f'<span class="scope-video">{escape(video.title)}<button class="icon act-forget" data-act="toggle"'
        f' data-id="{video.id}" aria-label="{label}" title="{label}"></button></span>'
    )
