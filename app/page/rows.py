"""Lists that follow the video: transcript, on-screen text, search results, summary and chapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from app.i18n import Language
from app.page.html import Shelf, clip_link, cue_link, empty_state, moment_row, report_links
from app.page.session import Found
from model.speech.languages import name_of
from model.timecode import clock
from retrieval.ask.summary import Summary
from retrieval.store.records import Passage, Source, Video

MOST_ROWS = 500  # a browser stays quick with that many; the filter reaches the rest


def passage_rows(
    video: Video | None, passages: Sequence[Passage], source: Source, wanted: str, language: Language, tracks: str = ""
) -> str:
    """Lines with their times, those that hold all words of `wanted`; only the first MOST_ROWS. `tracks`: buttons."""
    if video is None:
        return empty_state(language("no_video"))
    kind = "transcript" if source == "speech" else "text"
    if not passages:
        busy = video.status in ("waiting", "indexing")
        return empty_state(language(f"{kind}_{'later' if busy else 'none'}"), "busy" if busy else "")
    words = wanted.lower().split()
    head = _downloads(video, language) + tracks if source == "speech" else ""
    fitting = [passage for passage in passages if all(word in passage.text.lower() for word in words)]
    if not fitting:
        return head + empty_state(language("filter_nothing", filter=wanted))
    cut = ""
    if len(fitting) > MOST_ROWS:
        cut = f'<p class="cut">{language("rows_cut", shown=MOST_ROWS, total=len(fitting))}</p>'
    rows = "".join(_row(passage, words) for passage in fitting[:MOST_ROWS])
    return f'{head}{cut}<div class="lines lines-{kind}">{rows}</div>'


def _row(passage: Passage, words: list[str]) -> str:
    return (
        f'<a class="line" {_when(passage.video_id, passage.start, passage.end)}>'
        f'<span class="when">{clock(passage.start)}</span>'
        f'<span class="line-text">{_marked(passage.text, words)}</span></a>'
    )


def _when(video_id: str, start: float, end: float) -> str:
    """Attributes of a line: the moment it plays, and the stretch in which page.js marks it."""
    return f'href="{cue_link(video_id, start, end)}" data-start="{start:.3f}" data-end="{end:.3f}"'


def _marked(text: str, words: list[str]) -> str:
    """The escaped text, with the words that were filtered for marked."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters change their length: then the places would be wrong
        return escape(text)
    hit = [False] * len(text)
    for word in words:
        at = lowered.find(word)
        while at >= 0:
            hit[at : at + len(word)] = [True] * len(word)
            at = lowered.find(word, at + len(word))
    pieces, start = [], 0
    for end in range(1, len(text) + 1):
        if end == len(text) or hit[end] != hit[start]:
            piece = escape(text[start:end])
            pieces.append(f"<mark>{piece}</mark>" if hit[start] else piece)
            start = end
    return "".join(pieces)


def _downloads(video: Video, language: Language) -> str:
    links = "".join(
        f'<a class="download" href="media/{video.id}/transcript.{kind}?download=1" download>'
        f"{language(f'download_{kind}')}</a>"
        for kind in ("srt", "vtt")
    )
    return f'<div class="downloads">{links}</div>'


def result_rows(found: Found, shelf: Shelf, language: Language, tongues: Mapping[int, str] | None = None) -> str:
    """Search results, best first; above them what they look like, if that was searched for. `tongues`: the languages
    that are to be named, by the passage that is quoted."""
    head = f'<p class="like">{escape(found.like)}</p>' if found.like else ""
    if not found.moments:
        return head + empty_state(language("find_nothing", query=found.query))
    if not found.fits:
        head += f'<p class="like nearest">{escape(language("find_nearest", query=found.query))}</p>'
    words = "" if found.like else found.query
    written = shelf.written([m.passage_id for m in found.moments if m.passage_id])
    named = {passage: name_of(code, language.code) for passage, code in (tongues or {}).items()}
    rows = "".join(
        moment_row(
            shelf, m.video_id, (m.start, m.end), m.sources, m.quote, language, found.everywhere, words,
            named.get(m.passage_id or 0, ""), m.passage_id in written,
        )
        for m in found.moments
    )  # fmt: skip
    return f'{head}<div class="moments results{"" if found.fits else " faint"}">{rows}</div>'


def summary_html(video: Video, summary: Summary, shelf: Shelf, language: Language) -> str:
    """Summary, chapters to click and to save, and tags."""
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in summary.tags)
    chapters = "".join(
        f'<div class="moment-line"><a class="line chapter" {_when(video.id, chapter.start, chapter.end)}>'
        f"{shelf.thumbnail(video.id, (chapter.start + chapter.end) / 2)}"
        f'<span class="when">{clock(chapter.start)}</span><span class="line-text">{escape(chapter.title)}</span></a>'
        f"{clip_link(video, chapter.start, chapter.end, language)}</div>"
        for chapter in summary.chapters
    )
    parts = [f'<p class="summary">{escape(summary.summary)}</p>', _savings(video, language)]
    if chapters:
        parts.append(f'<h3>{language("chapters")}</h3><div class="lines lines-chapters">{chapters}</div>')
    if tags:
        parts.append(f'<h3>{language("tags")}</h3><div class="tags">{tags}</div>')
    return "".join(parts)


def _savings(video: Video, language: Language) -> str:
    """What can be saved of the whole video: its highlights, and a report in three forms."""
    reel = f'<a class="save save-reel" href="media/{video.id}/highlights.mp4">{language("save_highlights")}</a>'
    forms = report_links(f"media/{video.id}/report", language)
    return f'<div class="savings">{reel}<span class="forms">{language("save_report")} {forms}</span></div>'
