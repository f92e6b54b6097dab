"""Search: visual vectors, text vectors and full text, fused by rank into moments."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.loading import Models
from retrieval.index import VectorIndex
from retrieval.library import Library
from retrieval.question import Question, parse
from retrieval.records import ClipFrames, Moment, Passage, Source
from retrieval.windows import best_windows
from retrieval.words import match_expression, stem, words

MAX_MOMENT_S = 12.0  # of a text that stays for long, the moment is where it begins
_RANK_OFFSET = 10  # reciprocal rank fusion (Cormack et al., SIGIR 2009), smaller than 60 because the lists are short
_VISUAL_WEIGHT = 0.6  # against 1 for a passage that has every word of the query
_PREFERRED, _OTHERS = 2.0, 0.4  # factors when the question names its source
_COSINE_FLOOR, _COSINE_SPAN = 0.25, 0.40  # MiniLM: unrelated sentences lie below the floor, paraphrases above the sum
_CANDIDATES = 64
_SEEN_NOWHERE = 0.005  # probability below which a thing was not seen, not even from afar
_RANDOM_FIT = 0.20  # share of random single things that may fit better than what was found
_KEPT_VIDEOS = 16  # frame vectors kept in memory, about 5 MB an hour of video


@dataclass(frozen=True)
class Hit:
    """A passage with how well it fits: share of the query's words it has, and cosine of its text vector."""

    passage: Passage
    coverage: float
    cosine: float

    @property
    def strength(self) -> float:
        """0 (unrelated) to 1."""
        return max(self.coverage, min(1.0, max(0.0, (self.cosine - _COSINE_FLOOR) / _COSINE_SPAN)))


class Searcher:
    """Finds moments. Holds the indexes, so keep one a process; safe to use from several threads."""

    def __init__(self, library: Library, models: Models) -> None:
        self.library = library
        self.models = models
        self.visual = VectorIndex(library, "visual", models.vision.name)
        self.text = VectorIndex(library, "text", models.text.name)
        self._frames: OrderedDict[tuple[str, int | None], list[ClipFrames]] = OrderedDict()

    def save(self) -> None:
        """Write both indexes to disk."""
        self.visual.save()
        self.text.save()

    def search(self, query: str, video_ids: Sequence[str] | None = None, top: int = 10) -> list[Moment]:
        """The best moments for a query, best first; in all videos when none are given.

        Raises UsageError for an empty or over-long query.
        """
        question = parse(query)
        moments = self._weighed(question, self.text_hits(question, video_ids))
        for rank, moment in enumerate(self.visual_moments(question.subject, video_ids, count=max(top, 10))):
            factor = _factor(question, "visual")
            moments.append(replace(moment, score=_VISUAL_WEIGHT * factor / (_RANK_OFFSET + rank)))
        return _merge(moments)[:top]

    def text_hits(self, question: Question, video_ids: Sequence[str] | None, count: int = 30) -> list[Hit]:
        """Passages that fit by meaning or by words, the strongest first."""
        vector = self.models.text.embed([question.subject])[0]
        near = dict(self.text.search(vector, count, video_ids))
        owners = self._passages_of_vectors(list(near))
        cosines = {owners[vector_id]: cosine for vector_id, cosine in near.items() if vector_id in owners}
        lexical = self.library.match_words(match_expression(question.terms), video_ids, count) if question.terms else []
        passages = self.library.passages_by_id(cosines) | {passage.id: passage for passage, _ in lexical}
        hits = [
            Hit(passage, coverage(question.terms, passage.text), cosines.get(passage.id, 0.0))
            for passage in passages.values()
        ]
        return sorted(hits, key=lambda hit: (-hit.strength, -hit.cosine, hit.passage.start))

    def _passages_of_vectors(self, vector_ids: list[int]) -> dict[int, int]:
        marks = ", ".join("?" * len(vector_ids))
        rows = self.library.db.rows(f"SELECT id, passage_id FROM vectors WHERE id IN ({marks})", tuple(vector_ids))
        return {row["id"]: row["passage_id"] for row in rows}

    def visual_moments(self, text: str, video_ids: Sequence[str] | None, count: int) -> list[Moment]:
        """The best looking windows, best first; the score is a cosine."""
        query = self.models.vision.encode_text([text])[0]
        found = self.visual.search(query, _CANDIDATES, video_ids)
        marks = ", ".join("?" * len(found))
        rows = self.library.db.rows(
            f"SELECT DISTINCT video_id FROM vectors WHERE id IN ({marks})", tuple(vector_id for vector_id, _ in found)
        )
        moments = []
        for row in rows:
            clips = self.frames(row["video_id"])
            times = np.concatenate([clip.times for clip in clips if len(clip.times)])
            vectors = np.concatenate([clip.vectors for clip in clips if len(clip.times)])
            bounds = np.array([clip.clip.start for clip in clips[1:]])
            windows = best_windows(times, vectors, query, bounds, clips[-1].clip.end, count)
            moments += [Moment(row["video_id"], w.start, w.end, w.score, ["visual"]) for w in windows]
        return sorted(moments, key=lambda moment: -moment.score)[:count]

    def picture_support(self, question: Question, moments: Sequence[Moment], video_ids: Sequence[str]) -> bool:
        """Whether the best looking moments may answer at all.

        No, when the question names a thing that the encoder knows by name and sees nowhere; and no, when a frame of one
        thing picked at random fits the question about as well as the best moment does.
        """
        if not moments:
            return False
        concepts = self.library.concepts(video_ids, self.models.vision.name)
        for term in question.terms:
            named = [index for index, names in enumerate(self.models.vision.concepts) if _is_called(names, term)]
            if named and float(concepts[:, named].sum(axis=1).max(initial=0.0)) < _SEEN_NOWHERE:
                return False
        text = " ".join(question.terms) or question.subject
        return max(self.fit(m.video_id, m.start, m.end, text) for m in moments[:3])[1] <= _RANDOM_FIT

    def fit(self, video_id: str, start: float, end: float, text: str) -> tuple[float, float]:
        """How well the best frame of a moment fits a text: the cosine, and the chance that a random thing fits as well.

        (-1, 1) where there is no frame.
        """
        inside = [clip.vectors[(clip.times >= start) & (clip.times < end)] for clip in self.frames(video_id)]
        frames = [vectors for vectors in inside if len(vectors)]
        if not frames:
            return -1.0, 1.0
        query = self.models.vision.encode_text([text])[0]
        best = max(np.concatenate(frames), key=lambda frame: float(frame @ query))
        return float(best @ query), self.models.vision.chance(best, query)

    def frames(self, video_id: str) -> list[ClipFrames]:
        """The frame vectors of a video, kept in memory for the next question."""
        row = self.library.db.row("SELECT max(id) AS newest FROM clips WHERE video_id = ?", (video_id,))
        key = (video_id, row["newest"] if row else None)  # another one once more is seen, or all is seen anew
        if key not in self._frames:
            self._frames[key] = self.library.video_frames(video_id)
            while len(self._frames) > _KEPT_VIDEOS:
                self._frames.popitem(last=False)
        return self._frames[key]

    def _weighed(self, question: Question, hits: list[Hit]) -> list[Moment]:
        moments = []
        ranks: dict[Source, int] = {}
        for hit in hits:
            passage = hit.passage
            rank = ranks[passage.source] = ranks.get(passage.source, -1) + 1
            score = _factor(question, passage.source) * hit.strength / (_RANK_OFFSET + rank)
            if score > 0:
                end = min(passage.end, passage.start + MAX_MOMENT_S)
                moments.append(
                    Moment(passage.video_id, passage.start, end, score, [passage.source], passage.text, passage.id)
                )
        return moments


def _is_called(names: Sequence[str], term: str) -> bool:
    """Whether a thing is called `term`: its kind, or the last word of its name ("tiger cat" is a cat, no tiger)."""
    return any(stem(words(name)[-1]) == stem(term) for name in names)


def coverage(terms: Sequence[str], text: str) -> float:
    """The share of the terms that a text has, compared by stem."""
    if not terms:
        return 0.0
    present = {stem(word) for word in words(text)}
    return sum(stem(term) in present for term in terms) / len(terms)


def _factor(question: Question, source: Source) -> float:
    if question.prefers is None:
        return 1.0
    return _PREFERRED if source == question.prefers else _OTHERS


def _merge(moments: list[Moment]) -> list[Moment]:
    """Join moments of different sources that show the same time; their scores add up, the strongest gives the times."""
    kept: list[Moment] = []
    for moment in sorted(moments, key=lambda m: -m.score):
        for index, other in enumerate(kept):
            shared = min(moment.end, other.end) - max(moment.start, other.start)
            same = moment.video_id == other.video_id and shared > 0.5 * max(
                min(moment.end - moment.start, other.end - other.start), 0.1
            )
            if same:
                if set(moment.sources) <= set(other.sources):
                    break  # the same source once more: nothing new
                kept[index] = replace(
                    other,
                    score=other.score + moment.score,
                    sources=[*other.sources, *(s for s in moment.sources if s not in other.sources)],
                    quote=other.quote or moment.quote,
                    passage_id=other.passage_id or moment.passage_id,
                )
                break
        else:
            kept.append(moment)
    return sorted(kept, key=lambda m: -m.score)
