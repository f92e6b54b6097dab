"""Reports of a video or of a chat, as data (JSON) and as Markdown. The HTML form is in `report_html`.

Titles, quotes and answers are other people's words: nothing of them may act as Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from app.chat_json import chat_json
from model.errors import UsageError
from model.loading import Models
from model.timecode import clock, span
from retrieval.ask.summary import summarize
from retrieval.store.library import Library
from retrieval.store.records import Chat, Message, Source, Video
from retrieval.store.transcripts import transcript

MEDIA_TYPES = {"md": "text/markdown", "json": "application/json", "html": "text/html"}
SOURCE_WORDS: dict[Source, str] = {"visual": "seen", "speech": "heard", "text": "read"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$])")


def video_report(library: Library, models: Models, video: Video) -> dict[str, Any]:
    """Summary, chapters, tags, transcript and on-screen text of a video."""
    summary = summarize(library, models, video.id)
    lines = {"speech": transcript(library, video), "text": library.passages(video.id, "text")}
    return {
        "video_id": video.id,
        "title": video.title,
        "duration": round(video.duration, 3),
        "summary": summary.summary,
        "chapters": [{"start": c.start, "end": c.end, "title": c.title} for c in summary.chapters],
        "tags": summary.tags,
        "transcript": [{"start": p.start, "end": p.end, "text": p.text} for p in lines["speech"]],
        "on_screen_text": [{"start": p.start, "end": p.end, "text": p.text} for p in lines["text"]],
    }


def chat_report(library: Library, chat: Chat, messages: Sequence[Message]) -> dict[str, Any]:
    """A chat with its answers' moments, each with the title of its video (None: deleted, or not the owner's)."""
    report = chat_json(chat, messages)
    titles = {video_id: title_of(library, video_id, chat.owner) for video_id in _named(report)}
    report["videos"] = [{"video_id": video_id, "title": titles[video_id]} for video_id in chat.video_ids]
    for message in report["messages"]:
        for citation in message.get("citations", []):
            citation["title"] = titles[citation["video_id"]]
    return report


def _named(report: dict[str, Any]) -> list[str]:
    """Every video that a chat speaks of."""
    cited = [c["video_id"] for message in report["messages"] for c in message.get("citations", [])]
    return list(dict.fromkeys([*report["video_ids"], *cited]))


def title_of(library: Library, video_id: str, owner: str) -> str | None:
    try:
        return library.video(video_id, owner).title
    except UsageError:
        return None


def video_markdown(report: dict[str, Any]) -> str:
    parts = [f"# {plain(report['title'])}", f"{clock(report['duration'])} · {report['video_id']}", "## Summary"]
    parts.append(plain(report["summary"]))
    if report["chapters"]:
        parts.append("## Chapters")
        parts.append(_lines(report["chapters"], "title"))
    if report["tags"]:
        parts += ["## Looks like", plain(", ".join(report["tags"]))]
    for key, heading in (("transcript", "Transcript"), ("on_screen_text", "On-screen text")):
        if report[key]:
            parts += [f"## {heading}", _lines(report[key], "text")]
    return "\n\n".join(parts) + "\n"


def _lines(rows: Sequence[dict[str, Any]], key: str) -> str:
    return "\n".join(f"- **{span(row['start'], row['end'])}** {plain(row[key])}" for row in rows)


def chat_markdown(report: dict[str, Any]) -> str:
    parts = [f"# {plain(report['title'])}"]
    if report["videos"]:
        parts.append("\n".join(f"- {plain(video['title'] or 'a deleted video')}" for video in report["videos"]))
    for message in report["messages"]:
        if message["role"] == "user":
            parts.append(f"## {plain(message['text'])}")
            continue
        parts.append("\n\n".join(plain(block) for block in message["text"].split("\n") if block.strip()))
        if message["citations"]:
            parts.append("\n".join(_citation(c) for c in message["citations"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _citation(citation: dict[str, Any]) -> str:
    times = span(citation["start"], citation["end"])
    source = citation.get("track") or SOURCE_WORDS.get(citation["source"], "seen")
    quote = f": “{plain(citation['quote'])}”" if citation["quote"] else ""
    return f"- **{times}** {source} in {plain(citation['title'] or 'a deleted video')}{quote}"


def plain(text: str) -> str:
    """One line that Markdown shows as it stands, with nothing of it at work."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
