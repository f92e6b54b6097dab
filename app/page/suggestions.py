"""Questions to start with: those that came with the example video, or such as a video's index can answer."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from app.example import EXAMPLE_QUESTIONS, EXAMPLE_VIDEO
from app.i18n import Language
from retrieval.store.library import Library, content_hash
from retrieval.store.records import Video

_MOST = 4


def suggested_questions(library: Library, video: Video, language: Language) -> list[str]:
    """A few questions for the empty chat of a video."""
    if video.content_hash == _example_hash():
        return [question["text"] for question in _example()["questions"][:_MOST]]
    sources = {
        row["source"] for row in library.db.rows("SELECT DISTINCT source FROM passages WHERE video_id = ?", (video.id,))
    }
    questions = [language("ask_about")]
    questions += [
        language(key) for source, key in (("speech", "ask_said"), ("text", "ask_written")) if source in sources
    ]
    tags = next((clip.tags for clip in library.clips(video.id) if clip.tags), [])
    return [*questions, *(language("ask_when", tag=name) for name, _ in tags[:1])][:_MOST]


@lru_cache(maxsize=1)
def _example_hash() -> str | None:
    return content_hash(EXAMPLE_VIDEO) if EXAMPLE_VIDEO.is_file() and EXAMPLE_QUESTIONS.is_file() else None


def example_title() -> str:
    return str(_example().get("title") or EXAMPLE_VIDEO.name)


@lru_cache(maxsize=1)
def _example() -> dict[str, Any]:
    if not EXAMPLE_QUESTIONS.is_file():
        return {}
    described: dict[str, Any] = json.loads(EXAMPLE_QUESTIONS.read_text(encoding="utf-8"))
    return described
