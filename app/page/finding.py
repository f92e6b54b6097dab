"""What happens in the tab that finds moments: by words, by a still, by a moment that looks alike; with filters."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from app.engine import Engine
from app.i18n import Language, language_of
from app.owner import owner_of
from app.page.html import SOURCE_NAMES, Shelf
from app.page.session import Found, Session
from app.page.views import Views
from app.uploads import Uploads
from model.errors import CuepointError, UsageError
from model.evaluation.pictures import read_picture
from model.timecode import span
from retrieval.ask.translated import told
from retrieval.search.filters import Filter, make_filter
from retrieval.store.records import Moment

logger = logging.getLogger(__name__)
_RESULTS = 12
_TOAST_S = 12.0
_LOOK_PX = 480  # longest side of a still: frames are seen at this size when they are indexed


@dataclass(frozen=True)
class Scope:
    """Where to search, as the form says it."""

    everywhere: bool
    start: str
    end: str
    sources: tuple[str, ...]  # of seen, heard and read

    @classmethod
    def of(cls, everywhere: bool, start: str | None, end: str | None, *wanted: bool) -> Scope:
        names = tuple(name for name, chosen in zip(SOURCE_NAMES.values(), wanted, strict=True) if chosen)
        return cls(everywhere, (start or "").strip(), (end or "").strip(), names)

    def filter(self) -> Filter:
        """Raises UsageError for what cannot be."""
        everything = len(self.sources) == len(SOURCE_NAMES)
        return make_filter(self.start or None, self.end or None, None if everything else self.sources)


class Finding:
    """Every handler returns one update for each of PARTS; `scope` is the fields of the form, as Scope.of takes them."""

    def __init__(self, engine: Engine, views: Views, uploads: Uploads) -> None:
        self.engine = engine
        self.views = views
        self.uploads = uploads

    def find(self, request: gr.Request, session: Session, query: str, *scope: Any) -> list[Any]:
        """Search for words in the shown video, or in all of the owner's."""
        return self._run(self._by_words(query), Scope.of(*scope), session, request)

    def refine(self, request: gr.Request, session: Session, query: str, *scope: Any) -> list[Any]:
        """The scope was changed: what was searched last is searched again; nothing happens before the first search."""
        found = session.results
        if found is not None and found.like:
            return self._run(found, Scope.of(*scope), session, request)
        if not query.strip():
            return self._redraw(session, request)
        return self._run(self._by_words(query), Scope.of(*scope), session, request)

    def by_picture(self, request: gr.Request, event: gr.EventData, session: Session, *scope: Any) -> list[Any]:
        """Search for what looks like a still that was sent, which is not kept; its token comes with the event."""
        try:
            with self.uploads.taken(str(event._data.get("token")), owner_of(request)) as path:
                rgb = read_picture(path, _LOOK_PX)
        except CuepointError as error:
            return self._refused(str(error), session, request)
        like = language_of(request)("like_picture", name=path.name)
        found = Found(path.name, False, (), like, partial(self.engine.searcher.search_picture, rgb))
        return self._run(found, Scope.of(*scope), session, request)

    def more_like(self, request: gr.Request, event: gr.EventData, session: Session, *scope: Any) -> list[Any]:
        """Search for what looks like a moment, whose video and times come with the event."""
        try:
            video_id, start, end = str(event._data["id"]), float(event._data["start"]), float(event._data["end"])
            video = self.engine.library.video(video_id, owner_of(request))
        except CuepointError as error:
            return self._refused(str(error), session, request)
        like = language_of(request)("like_moment", span=span(start, end), title=video.title)
        search = partial(self.engine.searcher.more_like, video_id, start, end)
        found = Found(span(start, end), False, (), like, search, home=video_id)
        return self._run(found, Scope.of(*scope), session, request)

    def _by_words(self, query: str) -> Found:
        return Found(query, False, (), "", partial(self.engine.finder.search, query))

    def _run(self, wanted: Found, scope: Scope, session: Session, request: gr.Request) -> list[Any]:
        """Search, and keep what was found; what cannot be searched is told, and the last results stay."""
        owner, language = owner_of(request), language_of(request)
        try:
            within = scope.filter()
            videos = self._videos(wanted, scope, session, owner, language)
            assert wanted.search is not None
            moments: list[Moment] = wanted.search(video_ids=videos, top=_RESULTS, within=within)
        except CuepointError as error:
            return self._refused(str(error), session, request)
        except Exception as error:
            logger.exception("Searching failed")
            return self._refused(language("unexpected", kind=type(error).__name__), session, request)
        fits = bool(wanted.like) or not moments or self.engine.finder.fits(wanted.query, videos)
        with_titles = scope.everywhere or videos != [session.shown]
        session.results = replace(wanted, everywhere=with_titles, moments=tuple(moments), fits=fits)
        session.moments = [(m.video_id, m.start, m.end, m.sources[0]) for m in moments] if fits else []
        session.wanted = wanted.query.strip() if fits and not wanted.like else ""
        return self._redraw(session, request)

    def _videos(self, wanted: Found, scope: Scope, session: Session, owner: str, language: Language) -> list[str]:
        """Those to search in: a moment is at home in its own video."""
        shelf, home = Shelf(self.engine.library, owner), wanted.home or session.shown
        if scope.everywhere:
            videos = [video.id for video in self.engine.library.videos(owner)]
        else:
            videos = [home] if home and shelf.video(home) else []
        if not videos:
            raise UsageError(language("ask_no_video"))
        return videos

    def _refused(self, sentence: str, session: Session, request: gr.Request) -> list[Any]:
        sentence = told(sentence, language_of(request).code)
        gr.Warning(escape(sentence), duration=_TOAST_S, title="Cuepoint")  # it would be read as HTML
        return self._redraw(session, request)

    def _redraw(self, session: Session, request: gr.Request) -> list[Any]:
        return self.views.redraw(session, owner_of(request), language_of(request), session.streamed)
