"""Pieces of HTML that several parts of the page share. All text of videos, files and models is escaped here.

A moment is always the link `#cue=VIDEO,START,END`; one listener in page.js plays it, wherever it stands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

from app.i18n import Language
from model.errors import UsageError
from model.timecode import span
from retrieval.store.library import Library
from retrieval.store.records import Source, Video
from retrieval.store.transcripts import is_written

_LEAST_CLIP_S = 2.0  # less than that nobody can follow
SOURCE_NAMES: dict[Source, str] = {"visual": "seen", "speech": "heard", "text": "read"}


def cue_link(video_id: str, start: float, end: float) -> str:
    return f"#cue={video_id},{start:.3f},{end:.3f}"


def chip(video: Video | None, video_id: str, start: float, end: float, language: Language) -> str:
    """A moment to click, such as 0:42–0:51."""
    times = span(start, end)
    title = language("play", span=times, title=video.title if video else language("gone"))
    return f'<a class="cue" href="{cue_link(video_id, start, end)}" title="{escape(title)}">{times}</a>'


def clip_link(video: Video, start: float, end: float, language: Language) -> str:
    """A control that saves a moment as a file; page.js fetches it, for cutting may take a while."""
    last = min(max(end, start + _LEAST_CLIP_S), video.duration)
    label = escape(language("save_clip", span=span(start, end), title=video.title))
    return (
        f'<a class="save save-clip" href="media/{video.id}/clip.mp4?start={start:.3f}&amp;end={last:.3f}"'
        f' title="{label}"><span class="unseen">{label}</span></a>'
    )


def like_link(video: Video, start: float, end: float, language: Language) -> str:
    """A control that finds moments that look like this one; finding.js takes it up."""
    label = escape(language("more_like", span=span(start, end), title=video.title))
    return (
        f'<a class="more-like" href="#like={video.id},{start:.3f},{end:.3f}" title="{label}">'
        f'<span class="unseen">{label}</span></a>'
    )


def where_link(video: Video, start: float, end: float, text: str, language: Language) -> str:
    """A control that shows which part of the picture fits a text; finding.js takes it up."""
    label = escape(language("where_in_picture", span=span(start, end)))
    asked = urlencode({"start": f"{start:.3f}", "end": f"{end:.3f}", "text": text})
    return (
        f'<a class="where" href="media/{video.id}/regions.jpg?{escape(asked)}" title="{label}">'
        f'<span class="unseen">{label}</span></a>'
    )


def report_links(address: str, language: Language) -> str:
    """Links that save a report: the address with each of the three endings."""
    kinds = (("html", "HTML"), ("md", "Markdown"), ("json", "JSON"))
    return " ".join(
        f'<a class="save save-report" href="{address}.{kind}" aria-label="{language("save_report")} {name}">{name}</a>'
        for kind, name in kinds
    )


def source_badge(source: Source, language: Language, written: bool = False) -> str:
    """An icon (drawn by the style sheet) and the word: seen, heard or read; `written`: subtitles, not heard."""
    name = SOURCE_NAMES[source]
    word = "subtitled" if written and source == "speech" else name
    return f'<span class="source source-{name}">{language(word)}</span>'


def empty_state(text: str, kind: str = "") -> str:
    return f'<p class="empty {kind}">{escape(text)}</p>'


class Shelf:
    """Videos and their thumbnails by time, read once while one piece of the page is rendered."""

    def __init__(self, library: Library, owner: str) -> None:
        self._library = library
        self._owner = owner
        self._videos: dict[str, Video | None] = {}
        self._clips: dict[str, list[tuple[float, int]]] = {}

    def put(self, videos: Iterable[Video]) -> None:
        """Videos of the owner that somebody has read already."""
        self._videos |= {video.id: video for video in videos}

    def video(self, video_id: str) -> Video | None:
        """None for a video that was deleted or is not the owner's."""
        if video_id not in self._videos:
            try:
                self._videos[video_id] = self._library.video(video_id, self._owner)
            except UsageError:
                self._videos[video_id] = None
        return self._videos[video_id]

    def written(self, passage_ids: Iterable[int]) -> set[int]:
        """Those of some passages that come from subtitles."""
        return {number for number, line in self._library.passages_by_id(passage_ids).items() if is_written(line.origin)}

    def thumbnail(self, video_id: str, time: float) -> str:
        """An <img> of the clip at that time, or a blank in its place; decorative, for its text stands beside it."""
        video = self.video(video_id)
        if video is None:
            return '<span class="thumb"></span>'
        if not video.info.get("width"):
            return '<span class="thumb thumb-sound source-heard"></span>'
        if video_id not in self._clips:
            rows = self._library.db.rows(
                "SELECT start, number FROM clips WHERE video_id = ? AND length(times) > 0 ORDER BY start", (video_id,)
            )
            self._clips[video_id] = [(row["start"], row["number"]) for row in rows]
        clips = self._clips[video_id]
        if not clips:
            return '<span class="thumb"></span>'
        number = clips[max(0, bisect_right(clips, (time, float("inf"))) - 1)][1]
        return f'<img class="thumb" src="media/{video_id}/thumbnail/{number}.jpg" alt="" loading="lazy">'


def moment_row(
    shelf: Shelf,
    video_id: str,
    times: tuple[float, float],
    sources: Iterable[Source],
    quote: str | None,
    language: Language,
    with_title: bool = False,
    text: str = "",
    tongue: str = "",
    written: bool = False,
) -> str:
    """A moment as a row to click: thumbnail, source, words, time; beside it, how to find its like and to save it, and
    for a moment that was seen, which part of the picture fits `text`. `tongue` names the language that is quoted."""
    start, end = times
    video = shelf.video(video_id)
    title = video.title if video else language("gone")
    badges = "".join(source_badge(source, language, written) for source in sources)
    words = f'<span class="quote">{escape(" ".join(quote.split()))}</span>' if quote else ""
    spoken = f'<span class="tongue">{escape(tongue)}</span>' if tongue else ""
    whose = f'<span class="whose">{escape(title)}</span>' if with_title else ""
    label = escape(language("play", span=span(start, end), title=title))
    save = clip_link(video, start, end, language) if video else ""
    like = like_link(video, start, end, language) if video and video.info.get("width") else ""
    where = where_link(video, start, end, text, language) if video and text and "visual" in sources else ""
    return (
        f'<div class="moment-line"><a class="moment" href="{cue_link(video_id, start, end)}" title="{label}">'
        f'{shelf.thumbnail(video_id, (start + end) / 2)}<span class="moment-words"><span class="moment-head">{badges}'
        f'<span class="when">{span(start, end)}</span>{spoken}</span>{words}{whose}</span></a>{where}{like}{save}</div>'
    )
