"""What one open page is looking at. Lives on the server, one for every browser tab."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.owner import NOBODY
from retrieval.ask.summary import Summary
from retrieval.search.relevance import Relevance
from retrieval.store.records import Moment


@dataclass(frozen=True)
class Found:
    """The last search: in the shown video, or `everywhere`; `like` says what the moments look like, if they must."""

    query: str
    everywhere: bool
    moments: tuple[Moment, ...]
    like: str = ""
    search: Callable[..., list[Moment]] | None = field(default=None, compare=False)  # it once more, with another scope
    fits: bool = True  # whether any of them is likely what is looked for; else they are only the nearest
    home: str | None = None  # the video of the moment that the others look like


class Session:
    """Changed in place by handlers of one page, which may run side by side.

    No dataclass: Gradio would take one apart.
    """

    def __init__(self) -> None:
        self.visitor: str | None = None  # the browser, whose chats are its own; None: chats belong to the owner
        self.shown: str | None = None  # the video in the player
        self.asked: list[str] = []  # the videos that questions are about
        self.chat_id: str | None = None
        self.following: str | None = None  # the chat whose answer this page shows as it grows
        self.taken = self.emptied = 0  # questions that were asked, and how many of them have left the question box
        self.moments: list[tuple[str, float, float, str]] = []  # (video, start, end, source) marked on the timeline
        self.wanted = ""  # the last question or search: what the curve under the timeline is of
        self.curve: tuple[tuple[str, str], Relevance] | None = None  # of (video, what was wanted)
        self.results: Found | None = None
        self.chat_search = ""  # words that the listed chats must hold
        self.filters: dict[str, str] = {}  # source -> words that its lines must hold
        self.track = ""  # of the transcript (see hearing.track_of); "": all
        # of a video by its id, as it was indexed: the seconds that took in all change with each job
        self.summary: tuple[tuple[str, float | None], Summary] | None = None
        self.summarizing = False
        self.notices: list[str] = []  # of the files that were sent last
        self.drawn: dict[str, Any] = {}  # part of the page -> key of what it shows now
        self.lock = threading.RLock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Session:
        """Gradio copies a state's first value for every new page: each gets a fresh one."""
        return Session()

    @property
    def streamed(self) -> tuple[str, ...]:
        """The parts that one event of the page draws as an answer grows: the others must leave them alone."""
        return ("chat",) if self.following and self.following == self.chat_id else ()

    def recognise(self, visitor: str | None) -> None:
        """Note whose chats this page shows; a browser that keeps no cookies has those of this very page."""
        if visitor != NOBODY:
            self.visitor = visitor
        elif self.visitor is None:
            self.visitor = secrets.token_hex(8)

    def forget_drawn(self) -> None:
        """Draw everything anew next time."""
        self.drawn.clear()
