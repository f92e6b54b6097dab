"""Reports as one HTML file that needs nothing else: pictures inside, no script, nothing fetched, all words escaped."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Sequence
from html import escape
from typing import Any

from app.reports import SOURCE_WORDS
from model.errors import UsageError
from model.timecode import clock, span
from retrieval.store.library import Library
from retrieval.store.records import Clip

_MOST_PICTURES = 120  # some 10 kB each: the file stays one that can be sent by mail

_STYLE = """
:root { color-scheme: light dark; --text: #1c1e26; --muted: #5d6170; --line: #e3e4ea; --soft: #f4f5f9; --accent: #4a5fd0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #eceef4; --muted: #a3a8b8; --line: #2f323c; --soft: #1f2129; --accent: #98a6f2; }
}
body { font: 16px/1.6 system-ui, sans-serif; color: var(--text); max-width: 46rem; margin: 2.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; overflow-wrap: anywhere; }
p { margin: .6rem 0; overflow-wrap: anywhere; }
.facts { color: var(--muted); font-size: .9rem; }
ul { list-style: none; padding: 0; margin: .6rem 0; }
li { display: flex; gap: .8rem; padding: .35rem 0; align-items: baseline; }
li.moment { align-items: center; border: 1px solid var(--line); border-radius: 10px; padding: .5rem; margin: .4rem 0; background: var(--soft); }
.when { color: var(--accent); font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; font-size: .9rem; }
.words { min-width: 0; overflow-wrap: anywhere; }
.words small { color: var(--muted); display: block; }
img { width: 112px; height: 64px; object-fit: cover; border-radius: 7px; flex: none; }
.asked { background: var(--soft); border-radius: 12px; padding: .6rem .9rem; font-weight: 600; margin-top: 2rem; }
.tags span { display: inline-block; background: var(--soft); border-radius: 99px; padding: .1rem .7rem; margin: .15rem .3rem .15rem 0; font-size: .9rem; }
@media print { li { break-inside: avoid; } }
"""  # noqa: E501


class Pictures:
    """Thumbnails of moments as <img> with the picture inside; each is drawn as long as there are not too many."""

    def __init__(self, library: Library, owner: str) -> None:
        self._library = library
        self._owner = owner
        self._clips: dict[str, list[Clip]] = {}
        self._left = _MOST_PICTURES

    def at(self, video_id: str, time: float) -> str:
        """Empty where there is none: a deleted video, sound alone, one too many."""
        if video_id not in self._clips:
            self._clips[video_id] = self._clips_of(video_id)
        clips = self._clips[video_id]
        if not clips or self._left <= 0:
            return ""
        clip = clips[max(0, bisect_right([c.start for c in clips], time) - 1)]
        try:
            data = self._library.thumbnail(clip).read_bytes()
        except OSError:
            return ""
        self._left -= 1
        return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'

    def _clips_of(self, video_id: str) -> list[Clip]:
        try:
            return self._library.clips(self._library.video(video_id, self._owner).id)
        except UsageError:
            return []


def video_html(report: dict[str, Any], pictures: Pictures) -> str:
    """`report` is that of `video_report`."""
    video_id = report["video_id"]
    parts = [
        f'<h1>{escape(report["title"])}</h1><p class="facts">{clock(report["duration"])} · {escape(video_id)}</p>',
        f"<h2>Summary</h2><p>{escape(report['summary'])}</p>",
    ]
    if report["chapters"]:
        rows = "".join(
            f'<li class="moment">{pictures.at(video_id, (c["start"] + c["end"]) / 2)}{_when(c)}'
            f'<span class="words">{escape(c["title"])}</span></li>'
            for c in report["chapters"]
        )
        parts.append(f"<h2>Chapters</h2><ul>{rows}</ul>")
    if report["tags"]:
        tags = "".join(f"<span>{escape(tag)}</span>" for tag in report["tags"])
        parts.append(f'<h2>Looks like</h2><p class="tags">{tags}</p>')
    for key, heading in (("transcript", "Transcript"), ("on_screen_text", "On-screen text")):
        if report[key]:
            rows = "".join(f'<li>{_when(p)}<span class="words">{escape(p["text"])}</span></li>' for p in report[key])
            parts.append(f"<h2>{heading}</h2><ul>{rows}</ul>")
    return _document(report["title"], parts)


def chat_html(report: dict[str, Any], pictures: Pictures) -> str:
    """`report` is that of `chat_report`."""
    titles = ", ".join(video["title"] or "a deleted video" for video in report["videos"])
    parts = [f'<h1>{escape(report["title"])}</h1><p class="facts">{escape(titles)}</p>']
    for message in report["messages"]:
        if message["role"] == "user":
            parts.append(f'<p class="asked">{_broken(message["text"])}</p>')
            continue
        parts.append(f"<p>{_broken(message['text'])}</p>")
        rows = "".join(_citation(citation, pictures) for citation in message["citations"])
        parts.append(f"<ul>{rows}</ul>" if rows else "")
    return _document(report["title"], parts)


def _citation(citation: dict[str, Any], pictures: Pictures) -> str:
    source = citation.get("track") or SOURCE_WORDS.get(citation["source"], "seen")
    where = escape(f"{source} in {citation['title'] or 'a deleted video'}")
    picture = pictures.at(citation["video_id"], (citation["start"] + citation["end"]) / 2)
    return (
        f'<li class="moment">{picture}{_when(citation)}<span class="words">{escape(citation["quote"] or "")}'
        f"<small>{where}</small></span></li>"
    )


def _when(row: dict[str, Any]) -> str:
    return f'<span class="when">{span(row["start"], row["end"])}</span>'


def _broken(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _document(title: str, parts: Sequence[str]) -> str:
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
