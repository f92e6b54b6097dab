"""The best moments of a video as stretches to cut: one of every chapter, or those that fit a query."""

from __future__ import annotations

import math
from collections.abc import Sequence

from model.errors import UsageError
from model.loading import Models
from model.media.cut import LONGEST_S, Stretch
from retrieval.ask.find import Finder
from retrieval.ask.summary import Chapter, summarize
from retrieval.search.search import Searcher
from retrieval.store.records import Passage, Video
from retrieval.store.transcripts import transcript

SECONDS = 30.0  # of a reel, unless somebody wants another length
_LEAST_S, _MOST_S = 2.0, 8.0  # of one moment: shorter is a flicker, longer is no highlight
_CANDIDATES = 40
_LEAD_S = 0.3  # a word's time is that of its sound: begin a little before it


def highlights(
    searcher: Searcher, models: Models, video: Video, query: str = "", seconds: float = SECONDS
) -> list[Stretch]:
    """Stretches in order of time, without overlaps, together no longer than `seconds`.

    Raises UsageError for an impossible length, a video without anything indexed, or a query that nothing fits.
    """
    if not math.isfinite(seconds) or not _LEAST_S <= seconds <= LONGEST_S:
        raise UsageError(f"Highlights must be {_LEAST_S:g} to {LONGEST_S:g} seconds long.")
    if query.strip():
        found = [(m.start, m.end) for m in Finder(searcher).search(query, [video.id], top=_CANDIDATES)]
        if not found:
            raise UsageError(f"No moment of this video fits {query.strip()[:80]!r}; try other words.")
        chosen = _best_first(found, video.duration, seconds)
    else:
        chapters = summarize(searcher.library, models, video.id).chapters
        if not chapters:
            raise UsageError("Nothing of this video is indexed yet: highlights can be cut when it is.")
        chosen = _of_chapters(chapters, transcript(searcher.library, video), video.duration, seconds)
    return _joined(sorted(chosen))


def _best_first(found: Sequence[Stretch], duration: float, seconds: float) -> list[Stretch]:
    """As many as there is time for, each as long as it is but neither a flicker nor a film."""
    chosen: list[Stretch] = []
    left = seconds
    for start, end in found:
        length = min(max(end - start, _LEAST_S), _MOST_S, left)
        stretch = _inside(start, length, duration)
        if length < min(_LEAST_S, seconds):
            break
        if not any(stretch[0] < other[1] and other[0] < stretch[1] for other in chosen):
            chosen.append(stretch)
            left -= stretch[1] - stretch[0]
    return chosen


def _of_chapters(
    chapters: Sequence[Chapter], speech: Sequence[Passage], duration: float, seconds: float
) -> list[Stretch]:
    """The same time of each chapter, from its first words on, else from its start; of too many, each second, third…"""
    room = max(1, int(seconds / _LEAST_S))
    shown = chapters[:: -(-len(chapters) // room)]
    length = min(_MOST_S, seconds / len(shown))
    return [
        _inside(_begin(chapter, speech, length), min(length, chapter.end - chapter.start), duration)
        for chapter in shown
    ]


def _begin(chapter: Chapter, speech: Sequence[Passage], length: float) -> float:
    first = next((p.start - _LEAD_S for p in speech if chapter.start <= p.start < chapter.end - length), chapter.start)
    return max(chapter.start, first)


def _inside(start: float, length: float, duration: float) -> Stretch:
    """A stretch of that length that does not run over the video's end."""
    begin = max(0.0, min(start, duration - length))
    return begin, min(begin + length, duration)


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours that touch become one: a cut from a picture to the next one would only be a flicker."""
    joined: list[Stretch] = []
    for start, end in stretches:
        if joined and start <= joined[-1][1] + 1e-6:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif end > start:
            joined.append((start, end))
    return joined
