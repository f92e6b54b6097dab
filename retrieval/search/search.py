"""Search: visual vectors, text vectors and full text, fused by rank into moments."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.errors import UsageError
from model.loading import Models
from model.timecode import clock, span
from model.vision.encoder import unit
from retrieval.index.timeline import Timeline
from retrieval.index.vectors import VectorIndex
from retrieval.search.confidence import likelihoods, on_scale, stems_of
from retrieval.search.filters import EVERYTHING, Filter
from retrieval.search.fusion import RANK_OFFSET, diversify, factor, merge, weighed
from retrieval.search.hits import Hit, coverage
from retrieval.search.joining import join
from retrieval.search.likeness import Likeness
from retrieval.search.query import Query, Relation
from retrieval.search.relevance import POINTS, Relevance, middles, seen_curve, told_curve
from retrieval.search.words import content_words
from retrieval.store.fulltext import is_latin, match_expression, stem
from retrieval.store.library import Library
from retrieval.store.records import Moment, Passage
from retrieval.store.rows import marks_of

_VISUAL_WEIGHT = 0.6  # against 1 for a passage that has every word of the query
_CANDIDATES = 64
_DEPTH = 4  # moments looked at for one that is returned: near-duplicates fall out
_AWAY_SHARE = 0.5  # of a look that must not be, against the one that must
_PART_DEPTH = 5  # as for so many results, each of two conditions is looked for
_BESIDE_S = 4.0  # on both sides of a moment: what lies there is still the same scene
_KEPT_LINES = 10_000  # 15 MB
_LOOKED_AT = 24  # of the likeliest lines, a tenth of a second the first time
_LEAST_SWAPPED = 3  # letters: shorter words are made of the same ones too often
_MOST_LINES = 10_000  # weighed for a question: some ten hours of speech
_SAME_COSINE = 1e-4  # a video that fits no better anywhere than on the whole shows one thing only
_KEPT_VIDEOS = 16  # frame vectors kept in memory, about 5 MB an hour of video

Hole = tuple[str, float, float]  # a stretch of one video (id, seconds from, seconds to) that a search leaves out


class Searcher:
    """Finds moments. Holds the indexes, so keep one a process; safe to use from several threads."""

    def __init__(self, library: Library, models: Models) -> None:
        self.library = library
        self.models = models
        self.visual = VectorIndex(library, "visual", models.vision.name)
        self.text = VectorIndex(library, "text", models.passages.name)
        self._timelines: OrderedDict[tuple[str, int | None], Timeline] = OrderedDict()
        self._kept_lines: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def save(self) -> None:
        """Write both indexes to disk."""
        self.visual.save()
        self.text.save()

    def search(
        self, query: Query, video_ids: Sequence[str] | None = None, top: int = 10, within: Filter = EVERYTHING
    ) -> list[Moment]:
        """The best moments for a query, best first and none like another; in all videos when none are given.

        Raises UsageError for a filter that leaves nothing to search.
        """
        self._check(video_ids, within)
        found = self._found(query, video_ids, top, within)
        if query.relation:
            found = self._related(query.relation, query.parts, found, video_ids, within)
        return diversify(found, Likeness(self.timeline), top)

    def search_picture(
        self, rgb: np.ndarray, video_ids: Sequence[str] | None = None, top: int = 10, within: Filter = EVERYTHING
    ) -> list[Moment]:
        """The moments that look like a still, best first. rgb: uint8 [H, W, 3]. Raises UsageError as `search` does."""
        self._check(video_ids, within)
        vector = self.models.vision.encode_frames(rgb[None]).pooled[0]
        return self._looking_like(vector, video_ids, top, within)

    def more_like(
        self,
        video_id: str,
        start: float,
        end: float,
        video_ids: Sequence[str] | None = None,
        top: int = 10,
        within: Filter = EVERYTHING,
    ) -> list[Moment]:
        """The moments that look like this one (seconds), best first, but for itself and what lies right beside it.

        Raises UsageError for a moment outside the video or without a picture, and as `search` does.
        """
        self._check(video_ids, within)
        video = self.library.video(video_id)
        if not 0 <= start < end or start >= video.duration:
            raise UsageError(
                f"{span(start, end)} is no moment of {video.title}, which lasts {clock(video.duration)}; "
                "give a start and a later end inside it."
            )
        look = self.timeline(video_id).look(start, end)
        if look is None:
            raise UsageError(f"There is no picture of {video.title} at {span(start, end)}; choose a moment with one.")
        hole = (video_id, start - _BESIDE_S, end + _BESIDE_S)
        return self._looking_like(look, video_ids, top, within, hole)

    def _looking_like(
        self, vector: np.ndarray, video_ids: Sequence[str] | None, top: int, within: Filter, hole: Hole | None = None
    ) -> list[Moment]:
        if not within.admits("visual"):
            raise UsageError("Looks are found in what was seen only; leave the source out, or choose seen.")
        moments = self._seen(vector, video_ids, max(_DEPTH * top, 20), within, 1.0, hole)
        return diversify(moments, Likeness(self.timeline), top)

    def relevance(self, query: Query, video_id: str, points: int = POINTS) -> Relevance:
        """How well each time of a video fits a question, source by source. Raises UsageError as `search` does."""
        video, line = self.library.video(video_id), self.timeline(video_id)
        duration = max(video.duration, 1e-3)
        look = self.look_for(query)
        ceiling = 0.0
        if len(line.times):
            best = line.vectors[int((line.vectors @ look).argmax())]
            ceiling = 1 - self.models.vision.chance(best, look)
        hits = self.text_hits(query, [video_id], _MOST_LINES)
        told = {
            source: told_curve(
                [(h.passage.start, h.passage.end, h.likelihood) for h in hits if h.passage.source == source],
                duration,
                points,
            )
            for source in ("speech", "text")
        }
        if not self.can_look_for(query.text):
            ceiling = 0.0
        seen = seen_curve(line, look, ceiling, duration, points)
        return Relevance(middles(duration, points), seen, told["speech"], told["text"])

    def _check(self, video_ids: Sequence[str] | None, within: Filter) -> None:
        if video_ids is not None and not video_ids:
            raise UsageError("No video is chosen; choose at least one to search in.")
        if within.start:
            chosen = [video for video in self.library.videos() if video_ids is None or video.id in video_ids]
            within.check_inside(video.duration for video in chosen)

    def _related(
        self,
        relation: Relation,
        parts: Sequence[str],
        whole: list[Moment],
        video_ids: Sequence[str] | None,
        within: Filter,
    ) -> list[Moment]:
        """Moments that show both parts as they must lie to each other; then, for half, those that fit the whole."""
        first, second = (self._found(Query.of(part), video_ids, _PART_DEPTH, within) for part in parts)
        joined = join(relation, first, second)
        best = whole[0].score if whole else 1.0
        return merge(
            [replace(m, score=m.score * best) for m in joined] + [replace(m, score=m.score / 2) for m in whole]
        )

    def can_look_for(self, text: str) -> bool:
        """Whether the profile's eye understands a text, as far as its writing tells: to an eye that learned English,
        words in another writing are noise."""
        return self.models.profile.vision.languages == "any" or is_latin(text)

    def look_for(self, query: Query) -> np.ndarray:
        """The vector [D] of what is to be seen: away from what must not be."""
        if not query.without:
            return self.models.vision.encode_text([query.text])[0]
        away = self.models.vision.encode_text([query.without])[0]
        if not query.text:
            return -away
        return unit(self.models.vision.encode_text([query.text])[0] - _AWAY_SHARE * away)

    def _found(self, query: Query, video_ids: Sequence[str] | None, top: int, within: Filter) -> list[Moment]:
        """What each source has, fused; best first."""
        count = max(_DEPTH * top, 20)
        moments = weighed(query, self.text_hits(query, video_ids, within=within), within)
        if within.admits("visual") and self.can_look_for(query.text):
            weight = _VISUAL_WEIGHT * factor(query, "visual")
            moments += self._seen(self.look_for(query), video_ids, count, within, weight)
        return merge(moments)

    def text_hits(
        self, query: Query, video_ids: Sequence[str] | None, count: int = 30, within: Filter = EVERYTHING
    ) -> list[Hit]:
        """What is said and written that fits, the likeliest first."""
        hits = sorted(self.lines(query, video_ids, within), key=lambda hit: (-hit.likelihood, hit.passage.start))
        hits = self._in_other_words(query, hits[:_LOOKED_AT]) + hits[_LOOKED_AT:]
        return sorted(hits, key=lambda hit: (-hit.strength, -hit.likelihood, hit.passage.start))[:count]

    def _in_other_words(self, query: Query, hits: list[Hit]) -> list[Hit]:
        """Hits with how near each is to the phrase by the profile's `text` model, which tells English paraphrases
        better than the one that all languages are found with; of other languages it says nothing."""
        embedder = self.models.text
        if not query.text.isascii() or embedder is self.models.passages or not hits:
            return hits
        vectors = self._text_vectors([hit.passage.text for hit in hits])
        cosines = vectors @ embedder.embed_queries([query.text or query.without])[0]
        near = np.clip((cosines - embedder.floor) / embedder.span, 0, 1)
        return [
            replace(hit, nearness=float(value)) if hit.passage.text.isascii() else hit
            for hit, value in zip(hits, near, strict=True)
        ]

    def lines(self, query: Query, video_ids: Sequence[str] | None = None, within: Filter = EVERYTHING) -> list[Hit]:
        """All that is said, then all that is written, in order of time, video by video, with how likely each line
        answers; of a large library the nearest in meaning and those with the query's words."""
        embedder, unwanted = self.models.passages, content_words(query.without)
        vector = embedder.embed_queries([query.text or query.without])[0]
        near = dict(self.text.search(vector, _MOST_LINES, video_ids, within))
        owners = self._passages_of_vectors(list(near))
        cosines = {owners[vector_id]: cosine for vector_id, cosine in near.items() if vector_id in owners}
        passages = self.library.passages_by_id(cosines)
        if query.terms:  # of a large library the nearest are not all, and what waits to be renewed has no vectors yet
            matches = self.library.match_words(match_expression(list(query.terms)), video_ids, -1)
            inside = [p for p, _ in matches if within.admits(p.source) and within.cut(p.start, p.end)]
            passages |= {passage.id: passage for passage in inside[:_MOST_LINES]}
        listed = sorted(passages.values(), key=lambda p: (p.video_id, p.source, p.start, p.id))
        measured = on_scale([cosines.get(passage.id, embedder.floor) for passage in listed], embedder)
        lines = [passage.text for passage in listed]
        terms = _as_spelt([stem(term) for term in query.terms], [stems_of(line) for line in lines])
        likely = likelihoods(query.text, terms, measured, lines, _languages(listed))
        return [
            Hit(passage, coverage(terms, passage.text), float(chance))
            for passage, chance in zip(listed, likely, strict=True)
            if not coverage(unwanted, passage.text)
        ]

    def kinship(self, kind: str, texts: Sequence[str]) -> list[float]:
        """How like a kind of thing ("state") the likest word of each text is ("Texas"), as a cosine of the profile's
        `text` model; 0 where that knows nothing of the language."""
        embedder, found = self.models.text, [content_words(text, fallback=False) for text in texts]
        every = list(dict.fromkeys(word for own in found for word in own if word.isascii()))
        if not kind.isascii() or not kind or embedder is self.models.passages or not every:
            return [0.0] * len(texts)
        cosines = dict(zip(every, self._text_vectors(every) @ embedder.embed_queries([kind])[0], strict=True))
        return [max((float(cosines.get(word, 0.0)) for word in own), default=0.0) for own in found]

    def _text_vectors(self, texts: list[str]) -> np.ndarray:
        """Vectors of lines by the profile's `text` model, [n, D]; kept, for the next question finds many of them."""
        with self._lock:
            known = {text: self._kept_lines[text] for text in texts if text in self._kept_lines}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known |= zip(missing, self.models.text.embed(missing) if missing else [], strict=True)
        with self._lock:
            self._kept_lines |= {text: known[text] for text in missing}
            while len(self._kept_lines) > _KEPT_LINES:
                self._kept_lines.popitem(last=False)
        return np.stack([known[text] for text in texts])

    def _passages_of_vectors(self, vector_ids: list[int]) -> dict[int, int]:
        marks, values = marks_of(vector_ids)
        rows = self.library.db.rows(f"SELECT id, passage_id FROM vectors WHERE id IN ({marks})", values)
        return {row["id"]: row["passage_id"] for row in rows}

    def visual_moments(
        self, text: str, video_ids: Sequence[str] | None, count: int, within: Filter = EVERYTHING
    ) -> list[Moment]:
        """The best looking windows for a text, best first; the score is a cosine."""
        return self._windows(self.models.vision.encode_text([text])[0], video_ids, count, within)

    def _seen(
        self,
        query: np.ndarray,
        video_ids: Sequence[str] | None,
        count: int,
        within: Filter,
        weight: float,
        hole: Hole | None = None,
    ) -> list[Moment]:
        """The best windows for a vector [D], with scores that fall with the rank and with the cosine.

        What fits no better than the frames of these videos do on the whole is worth half of what its rank says.
        """
        windows = self._windows(query, video_ids, count, within, hole)
        lines = [self.timeline(video_id) for video_id in {window.video_id for window in windows}]
        usual = float(np.mean([line.middle @ query for line in lines])) if lines else 0.0
        most = windows[0].score - usual if windows else 0.0
        scored = []
        for rank, window in enumerate(windows):
            strength = max(0.0, window.score - usual) / most if most > _SAME_COSINE else 1.0
            scored.append(replace(window, score=weight * (1 + strength) / 2 / (RANK_OFFSET + rank)))
        return scored

    def _windows(
        self,
        query: np.ndarray,
        video_ids: Sequence[str] | None,
        count: int,
        within: Filter,
        hole: Hole | None = None,
    ) -> list[Moment]:
        """The best windows for a vector [D] outside the hole, in the videos whose stored segments are nearest to it."""
        candidates = _CANDIDATES if hole is None else 4 * _CANDIDATES  # many are of the moment itself
        found = self.visual.search(query, candidates, video_ids, Filter(within.start, within.end))
        marks, values = marks_of(vector_id for vector_id, _ in found)
        rows = self.library.db.rows(f"SELECT id, video_id FROM vectors WHERE id IN ({marks})", values)
        owners = {row["id"]: row["video_id"] for row in rows}
        nearest = dict.fromkeys(owners[vector_id] for vector_id, _ in found if vector_id in owners)
        moments = []
        for video_id in list(nearest)[:_KEPT_VIDEOS]:
            line = self.timeline(video_id)
            for low, high in _stretches(video_id, within, hole):
                windows = line.windows(low, high).best(query, line.cuts, min(line.end, high), count)
                moments += [Moment(video_id, w.start, w.end, w.score, ["visual"]) for w in windows]
        return sorted(moments, key=lambda moment: -moment.score)[:count]

    def timeline(self, video_id: str) -> Timeline:
        """The frame vectors of a video, kept in memory for the next question; none where another encoder made them."""
        row = self.library.db.row(
            "SELECT max(clips.id) AS newest FROM clips JOIN videos ON videos.id = video_id"
            " WHERE video_id = ? AND vision_model = ?",
            (video_id, self.models.vision.name),
        )
        newest = row["newest"] if row else None
        if newest is None:
            return Timeline.of([])
        key = (video_id, newest)  # another one once more is seen, or all is seen anew
        with self._lock:
            if key not in self._timelines:
                self._timelines[key] = Timeline.of(self.library.video_frames(video_id))
                while len(self._timelines) > _KEPT_VIDEOS:
                    self._timelines.popitem(last=False)
            self._timelines.move_to_end(key)
            return self._timelines[key]


def _languages(passages: Sequence[Passage]) -> list[str | None]:
    """Of each passage; what is written is taken to be in the language that is spoken most in its video."""
    spoken: dict[str, Counter[str]] = {}
    for passage in passages:
        if passage.language:
            spoken.setdefault(passage.video_id, Counter())[passage.language] += len(passage.text)
    main = {video_id: counted.most_common(1)[0][0] for video_id, counted in spoken.items()}
    return [passage.language or main.get(passage.video_id) for passage in passages]


def _as_spelt(terms: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """The terms, those that are in no line spelt as a word there that has the same letters: "bulit" is "built"."""
    known = {word for line in lines for word in line}
    return [term if term in known else _swapped(term, known) for term in terms]


def _swapped(term: str, known: set[str]) -> str:
    letters = sorted(term)
    alike = (w for w in known if len(w) == len(term) > _LEAST_SWAPPED and w[0] == term[0] and sorted(w) == letters)
    return next(alike, term)


def _stretches(video_id: str, within: Filter, hole: Hole | None) -> list[tuple[float, float]]:
    """What may be searched of a video, in seconds."""
    if hole is None or hole[0] != video_id:
        return [(within.low, within.high)]
    return [(within.low, min(within.high, hole[1])), (max(within.low, hole[2]), within.high)]
