"""Evidence for a question: the passages and pictures that may answer it, and whether anything supports an answer.

Times and quotes are those of the index. Thresholds are per source and stand here, beside their reasons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from model.language.chat import Still
from model.language.notes import Note
from retrieval.ask.places import Place, box_of
from retrieval.ask.presence import picture_support, unseen_word
from retrieval.ask.question import Question
from retrieval.search.filters import EVERYTHING, Filter
from retrieval.search.hits import MAX_MOMENT_S, Hit, coverage
from retrieval.search.search import Searcher
from retrieval.store.records import Citation, Moment, Passage, Source
from retrieval.store.words import content_words

MAX_ITEMS = 5  # about 400 tokens of evidence: more does not help a small decoder and delays its first word
_QUOTE_CHARS = 300
_NEAR_S = 2.0  # lines this close to each other belong to one utterance
SPEECH_COVERAGE, SPEECH_COSINE = 0.5, 0.38
_SAME_TOPIC = 0.45  # cosine from which a line without a word of the topic speaks of it: "the artist's first sale"
_GUESSES = 3
_TOUCHING_S, _ALIKE = 0.6, 0.8  # moments this near, whose scores differ by no more than this factor, are one
_COLOURS, _TAGS = 4, 4  # named for a picture
_ASKED = re.compile(r"\b(?:ask(?:s|ed)?|question)\b(?!\s+for\b)|问了?什么", re.IGNORECASE)
_EVERY_TOPIC_WORD = 0.99
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# "⟦⟧" and "“”" are ours: citations and quotes in answers.
_NOT_QUOTED = str.maketrans({"⟦": "[", "⟧": "]", "“": "'", "”": "'"} | dict.fromkeys(_DIRECTIONS, " "))


@dataclass(frozen=True)
class Item:
    """One numbered piece of evidence. `quote` is verbatim for speech and text; for pictures, what was recognised."""

    video_id: str
    start: float
    end: float
    source: Source
    quote: str

    def as_citation(self) -> Citation:
        return Citation(self.video_id, self.start, self.end, self.source, self.quote)

    def as_note(self, stills: Sequence[Still] = ()) -> Note:
        """What a model is given of it."""
        return Note(self.source, self.start, self.end, self.quote, stills)


@dataclass(frozen=True)
class Evidence:
    """What was found. `found` is False when nothing supports an answer; `searched` names the sources looked through,
    of the whole video or only `partly`; `unseen` is the question's word for a thing that no picture shows."""

    items: list[Item]
    found: bool
    searched: list[Source] = field(default_factory=list)
    partly: bool = False
    unseen: str | None = None


class Gatherer:
    """Collects evidence for a question from one or several videos."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self.library = searcher.library

    def gather(self, question: Question, video_ids: Sequence[str]) -> Evidence:
        """Of the part that the question keeps to, if it does and there is one."""
        parts = self.searcher.parts(question, video_ids)
        if not parts:
            after_the_end = bool(question.scope and question.scope.named)
            nothing = Evidence([], False, self.searched(video_ids))
            return nothing if after_the_end else self._gather(question, video_ids, EVERYTHING)
        found = [self._gather(question, [video_id], part) for video_id, part in parts]
        turns = zip_longest(*(evidence.items for evidence in found))
        items = [item for turn in turns for item in turn if item is not None][:MAX_ITEMS]
        searched = list(dict.fromkeys(source for evidence in found for source in evidence.searched))
        return Evidence(items, any(evidence.found for evidence in found), searched, partly=True)

    def _gather(self, question: Question, video_ids: Sequence[str], within: Filter) -> Evidence:
        searched = self.searched(video_ids)
        if question.kind in ("spoken", "screen_text") and question.prefers not in searched:
            return Evidence([], False, searched)  # there is no speech, or no text, that could answer
        hits = self.searcher.text_hits(question, video_ids, within=within)
        spoken = [hit for hit in hits if hit.passage.source == "speech"]
        written = join_screens(question, [hit for hit in hits if hit.passage.source == "text"])
        if question.prefers == "speech" and question.kind != "when":
            return self._from_passages(question, spoken, video_ids, searched, within)
        if question.prefers == "text" and question.kind != "when":
            return self._from_passages(question, written, video_ids, searched, within)
        return self._from_everything(question, spoken, written, video_ids, searched, within)

    def searched(self, video_ids: Sequence[str]) -> list[Source]:
        """The sources that these videos have anything of."""
        marks = ", ".join("?" * len(video_ids))
        rows = self.library.db.rows(
            f"SELECT DISTINCT source FROM passages WHERE video_id IN ({marks})", tuple(video_ids)
        )
        pictures = f"SELECT 1 FROM clips WHERE video_id IN ({marks}) AND length(times) > 0 LIMIT 1"
        sources: list[Source] = ["visual"] if self.library.db.rows(pictures, tuple(video_ids)) else []
        return sources + [source for source in ("speech", "text") if any(row["source"] == source for row in rows)]

    def _from_passages(
        self, question: Question, hits: list[Hit], video_ids: Sequence[str], searched: list[Source], within: Filter
    ) -> Evidence:
        """Speech or on-screen text, when the question asks for it by name."""
        source = question.prefers
        assert source is not None
        if question.topic:
            hits = [hit for hit in hits if coverage(question.topic, hit.passage.text) > 0 or hit.cosine >= _SAME_TOPIC]
        elif question.is_open or source == "text":
            hits = hits + self._others(hits, source, video_ids, within)
        if question.place:
            hits = self._standing_at(question.place, hits)
        if question.is_open and within != EVERYTHING:  # "What is said between 0:10 and 0:30?"
            hits = sorted(hits, key=lambda hit: hit.passage.start)
        if question.expects is not None:
            hits = [hit for hit in hits if question.expects.search(hit.passage.text)]
        if source == "speech" and not question.is_open:
            good = [hit for hit in hits if hit.coverage >= SPEECH_COVERAGE or hit.cosine >= SPEECH_COSINE]
            asked = [hit for hit in hits if hit.coverage > 0 and _is_asked(hit)] if _ASKED.search(question.text) else []
            # "Which city is named?" names a kind of thing, not the thing: the nearest lines are the best guess
            guesses = hits[:_GUESSES] if len(question.terms) <= 1 and not question.topic else []
            hits = asked or good or guesses
        elif source == "speech" and _ASKED.search(question.text):
            hits = [hit for hit in hits if _is_asked(hit)] or hits
        items = [self._item(hit.passage) for hit in hits]
        items = items[: question.several] if question.several > 1 and source == "text" else _distinct(items)
        return Evidence(items[:MAX_ITEMS], bool(hits), searched)

    def _standing_at(self, place: Place, hits: list[Hit]) -> list[Hit]:
        """On-screen texts that stand in a part of the screen, the nearest to its edge first, and of no known place."""
        sightings = {hit.passage.video_id: self.library.sightings(hit.passage.video_id) for hit in hits}
        boxes = [box_of(hit.passage, sightings[hit.passage.video_id]) for hit in hits]
        there = [(hit, place.distance(box)) for hit, box in zip(hits, boxes, strict=True) if box and place.holds(box)]
        unknown = [hit for hit, box in zip(hits, boxes, strict=True) if box is None]
        return [hit for hit, _ in sorted(there, key=lambda pair: pair[1])] + unknown

    def _others(self, hits: list[Hit], source: Source, video_ids: Sequence[str], within: Filter) -> list[Hit]:
        """What else is said or written, in order of time: it may be asked for in words that it does not share."""
        known = {hit.passage.id for hit in hits}
        passages = [p for video_id in video_ids for p in self.library.passages(video_id, source)]
        inside = [passage for passage in passages if within.cut(passage.start, passage.end)]
        return [Hit(passage, 0.0, 0.0) for passage in inside if passage.id not in known][:MAX_ITEMS]

    def _item(self, passage: Passage) -> Item:
        """A passage as evidence, a spoken one together with the rest of its utterance."""
        start, end, quote = passage.start, passage.end, passage.text
        if passage.source == "speech":
            for line in self.library.passages(passage.video_id, "speech"):
                goes_on = 0 <= line.start - end <= _NEAR_S and not quote.rstrip().endswith((".", "?", "!"))
                if line.id != passage.id and goes_on and len(quote) + len(line.text) < _QUOTE_CHARS:
                    end, quote = line.end, f"{quote} {line.text}"
        else:
            end = min(end, start + MAX_MOMENT_S)
        return Item(passage.video_id, start, end, passage.source, quotable(quote)[:_QUOTE_CHARS])

    def _from_everything(
        self,
        question: Question,
        spoken: list[Hit],
        written: list[Hit],
        video_ids: Sequence[str],
        searched: list[Source],
        within: Filter,
    ) -> Evidence:
        items: list[Item] = []
        for hits, source in ((spoken, "speech"), (written, "text")):
            if question.prefers in (None, source):
                items += [self._item(hit.passage) for hit in hits if is_strong(hit)][:2]
        if question.prefers == "speech" and question.kind == "when":
            return Evidence(_distinct(items), bool(items), searched)
        if question.scope and question.scope.scene:  # a ball that fits nothing fits where a dog is playing
            scene = question.scope.scene
            terms = list(dict.fromkeys([*content_words(scene), *question.terms]))
            question = replace(question, subject=f"{scene} {question.subject}", terms=terms)
        pictures = self.searcher.visual_moments(question.subject, video_ids, MAX_ITEMS, within)
        named = bool(question.scope and question.scope.named)  # by its time: whatever it shows is asked about
        if named or picture_support(self.searcher, question, pictures, video_ids):
            pictures = join_neighbours(pictures)
            pictures = pictures[: MAX_ITEMS - len(items)]
            items += [self.picture(question, moment.video_id, moment.start, moment.end) for moment in pictures]
        if not items:  # weaker words are better than nothing
            items = [self._item(hit.passage) for hit in spoken + written if _fair(hit)][:_GUESSES]
        unseen = None if items or question.names_nothing else unseen_word(self.searcher, question, video_ids)
        return Evidence(_distinct(items), bool(items), searched, unseen=unseen)

    def picture(self, question: Question, video_id: str, start: float, end: float) -> Item:
        """What was recognised in a moment: colours if they are asked for, else the tags of the clips it lies in."""
        clips = [clip for clip in self.library.clips(video_id) if clip.start < end and clip.end > start]
        if question.kind == "colour":
            names = dict.fromkeys(name for clip in clips for name, _ in clip.colours)
            quote = f"The picture's main colours are {', '.join(list(names)[:_COLOURS])}" if names else ""
        else:
            names = dict.fromkeys(name for clip in clips for name, _ in clip.tags)
            quote = f"It looks like {', '.join(list(names)[:_TAGS])}" if names else ""
        return Item(video_id, start, end, "visual", quote)


def quotable(text: str) -> str:
    """Words as they may stand in a quote: on one line, without marks that end a quote, stand for a citation, or turn
    the direction of reading."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    return " ".join(plain.translate(_NOT_QUOTED).split())


def is_strong(hit: Hit) -> bool:
    """Whether a passage is about what is asked beyond doubt: it has all the words, or says the same in others."""
    return hit.coverage >= _EVERY_TOPIC_WORD or hit.cosine >= SPEECH_COSINE + 0.1


def _is_asked(hit: Hit) -> bool:
    """Whether a line is a question."""
    return "?" in hit.passage.text or "\uff1f" in hit.passage.text


def _fair(hit: Hit) -> bool:
    return hit.coverage >= SPEECH_COVERAGE and hit.cosine >= SPEECH_COSINE - 0.05


def join_screens(question: Question, hits: Sequence[Hit]) -> list[Hit]:
    """Texts that stand on the screen together and share words with the question become one hit: a shop's name and its
    opening hours answer only together."""
    joined: list[Hit] = []
    for hit in hits:
        index = next((i for i, other in enumerate(joined) if _together(other, hit)), None)
        if index is None:
            joined.append(hit)
            continue
        other = joined[index].passage
        text = f"{other.text} · {hit.passage.text}"
        if len(text) <= _QUOTE_CHARS:
            start, end = max(other.start, hit.passage.start), min(other.end, hit.passage.end)
            passage = replace(other, start=start, end=end, text=text)
            joined[index] = Hit(passage, coverage(question.terms, text), max(joined[index].cosine, hit.cosine))
    return sorted(joined, key=lambda hit: -hit.strength)


def join_neighbours(moments: Sequence[Moment]) -> list[Moment]:
    """Moments that follow each other and fit about equally well are one, as long as it stays short enough to watch."""
    joined: list[Moment] = []
    for moment in moments:
        for index, other in enumerate(joined):
            start, end = min(moment.start, other.start), max(moment.end, other.end)
            touches = max(moment.start, other.start) - min(moment.end, other.end) <= _TOUCHING_S
            alike = moment.score >= _ALIKE * other.score
            if touches and alike and moment.video_id == other.video_id and end - start <= MAX_MOMENT_S:
                joined[index] = replace(other, start=start, end=end)
                break
        else:
            joined.append(moment)
    return joined


def _together(one: Hit, other: Hit) -> bool:
    a, b = one.passage, other.passage
    shared = min(a.end, b.end) - max(a.start, b.start)
    at_once = a.video_id == b.video_id and shared >= 0.5 * min(a.end - a.start, b.end - b.start)
    return at_once and one.coverage > 0 and other.coverage > 0


def _distinct(items: list[Item]) -> list[Item]:
    kept: list[Item] = []
    for item in items:
        if not any(
            o.video_id == item.video_id and o.source == item.source and o.start <= item.start < o.end for o in kept
        ):
            kept.append(item)
    return kept
