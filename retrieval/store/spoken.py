"""What is spoken when in a video, and which transcripts of it there are: one for each origin and language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.store.library import Library
from retrieval.store.records import Moment


@dataclass(frozen=True)
class Spoken:
    """A stretch of speech in one language (ISO 639-1; None: it could not be told), times in seconds."""

    start: float
    end: float
    language: str | None
    likelihood: float


@dataclass(frozen=True)
class TrackLines:
    """How many lines a transcript has, of one origin ("heard", "heard:2", "subtitles:3", "file:talk.srt"; "" of older
    versions) in one language."""

    origin: str
    language: str | None
    lines: int


def spoken(library: Library, video_id: str) -> list[Spoken]:
    """In order of time."""
    rows = library.db.rows(
        "SELECT start, end, language, likelihood FROM spoken WHERE video_id = ? ORDER BY start", (video_id,)
    )
    return [Spoken(**dict(row)) for row in rows]


def first_heard(stretches: Sequence[Spoken]) -> list[tuple[str, float]]:
    """Each language with the second in which it is spoken first, in that order."""
    first: dict[str, float] = {}
    for stretch in stretches:
        if stretch.language:
            first.setdefault(stretch.language, stretch.start)
    return list(first.items())


def joined(stretches: Sequence[Spoken]) -> list[Spoken]:
    """Neighbours of one language as one stretch, as likely as the least likely of them."""
    result: list[Spoken] = []
    for stretch in stretches:
        if result and result[-1].language == stretch.language:
            last = result.pop()
            likelihood = min(last.likelihood, stretch.likelihood)
            stretch = Spoken(last.start, stretch.end, stretch.language, likelihood)
        result.append(stretch)
    return result


def track_lines(library: Library, video_id: str) -> list[TrackLines]:
    """Those with the most lines first."""
    rows = library.db.rows(
        "SELECT origin, language, count(*) AS lines FROM passages WHERE video_id = ? AND source = 'speech'"
        " GROUP BY origin, language ORDER BY lines DESC, origin, language",
        (video_id,),
    )
    return [TrackLines(**dict(row)) for row in rows]


def quoted_languages(library: Library, moments: Sequence[Moment], owner: str) -> dict[int, str]:
    """The languages of the speech that is quoted, by the passage's id; none unless the owner's videos have several."""
    rows = library.db.rows(
        "SELECT DISTINCT language FROM passages JOIN videos ON videos.id = video_id"
        " WHERE source = 'speech' AND language IS NOT NULL AND owner = ? LIMIT 2",
        (owner,),
    )
    if len(rows) < 2:
        return {}
    passages = library.passages_by_id(moment.passage_id for moment in moments if moment.passage_id is not None)
    return {p.id: p.language for p in passages.values() if p.source == "speech" and p.language}
