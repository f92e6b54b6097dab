"""A video or a chat in the form that somebody asked for: srt, vtt, md, json or html."""

from __future__ import annotations

import json
from typing import Any

from app.engine import Engine
from app.report_html import Pictures, chat_html, video_html
from app.reports import chat_markdown, chat_report, video_markdown, video_report
from app.subtitles import render
from retrieval.store.records import Chat, Video
from retrieval.store.transcripts import transcript

SUBTITLES = ("srt", "vtt")
REPORTS = ("md", "json", "html")


def render_video(engine: Engine, video: Video, kind: str, language: str | None = None) -> str:
    """Subtitles, or a report with summary, chapters, tags, transcript and on-screen text.

    `language`: that of the subtitles, ISO 639-1; None: the spoken one. Raises UsageError when there are none in it.
    """
    if kind in SUBTITLES:
        return render(transcript(engine.library, video, language), kind)
    report = video_report(engine.library, engine.models, video)
    if kind == "html":
        return video_html(report, Pictures(engine.library, video.owner))
    return _json(report) if kind == "json" else video_markdown(report)


def render_chat(engine: Engine, chat: Chat, kind: str) -> str:
    """Questions and answers with the moments that these cite."""
    report = chat_report(engine.library, chat, engine.chats.messages(chat.id))
    if kind == "html":
        return chat_html(report, Pictures(engine.library, chat.owner))
    return _json(report) if kind == "json" else chat_markdown(report)


def _json(report: dict[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False, indent=1)
