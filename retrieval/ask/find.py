"""From a plan to evidence: what is said, written and seen that fits, each piece with how likely it answers.

All sources compete unless the plan restricts them. Times and quotes are those of the index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import zip_longest

from retrieval.ask.evidence import MAX_ITEMS, QUOTE_CHARS, Evidence, Item, distinct, quotable
from retrieval.ask.places import box_of, distance, holds
from retrieval.ask.plan import EVERY_SOURCE, Place, Plan
from retrieval.ask.presence import RANDOM_FIT, RANDOM_FIT_WHEN, picture_chance, unseen_word
from retrieval.ask.rules import plan_search
from retrieval.ask.thresholds import is_of_kind, least_likely
from retrieval.search.confidence import read_weights
from retrieval.search.filters import EVERYTHING, Filter
from retrieval.search.hits import MAX_MOMENT_S, Hit, coverage
from retrieval.search.query import Query
from retrieval.search.regions import Regions, find_regions
from retrieval.search.relevance import Relevance
from retrieval.search.search import Searcher
from retrieval.store.fulltext import match_expression
from retrieval.store.records import Moment, Passage, Source, Video
from retrieval.store.transcripts import is_written, transcript

RIVAL = 0.3  # a line is shown too that is so likely, measured by the likeliest
# Cosine of a kind and a word by MiniLM: 68 of 100 members of 25 everyday kinds reach it ("fruit", "apple"), of other
# words 0.6 of 100.
OF_A_KIND = 0.55
SURE = 0.6  # likelihood of words from which they stand before pictures where these are likely meant
_PICTURED = 3  # moments that a text may stand in
_BESIDE_TEXTS = 2  # quoted with a text, before and after it
_FIT_S = 15.0  # on both sides of the best moment of a scene that is only described
_NEAR_S = 2.0  # lines this close to each other belong to one utterance
_TOUCHING_S, _ALIKE = 0.6, 0.8  # moments this near, whose scores differ by no more than this factor, are one
_NAMES = 4  # tags or colours named for a picture
_SENTENCE_ENDS = (".", "?", "!", "\u3002", "\uff1f", "\uff01")


class Finder:
    """Finds evidence for plans in one or several videos. Safe to share between threads."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self.library = searcher.library

    def search(
        self, text: str, video_ids: Sequence[str] | None = None, top: int = 10, within: Filter = EVERYTHING
    ) -> list[Moment]:
        """Moments for what somebody types into a search box, best first.

        Raises UsageError for an empty or over-long text, and for a filter that leaves nothing to search.
        """
        plan = plan_search(text)
        if plan.window and within == EVERYTHING and video_ids is not None and len(video_ids) == 1:
            within = next((part for _, part in self.windows(plan, video_ids)), within)
        return self.searcher.search(plan.query(), video_ids, top, within)

    def fits(self, text: str, video_ids: Sequence[str]) -> bool:
        """Whether anything is likely what somebody looks for: something that comes nearest there always is."""
        return self.find(plan_search(text), video_ids).found

    def relevance(self, text: str, video_id: str) -> Relevance:
        """How well each time of a video fits what somebody types. Raises UsageError as `search` does."""
        return self.searcher.relevance(plan_search(text).query(), video_id)

    def regions(self, video: Video, start: float, end: float, text: str) -> Regions:
        """Where in the picture of a moment (seconds) its fit to a text comes from. Raises as `find_regions` does."""
        plan = plan_search(text)
        return find_regions(self.searcher, video, start, end, plan.query(), text if plan.wants == "colour" else "")

    def find(self, plan: Plan, video_ids: Sequence[str]) -> Evidence:
        """What fits a plan best, in the part of the videos that it keeps to."""
        found = self._found(plan, video_ids)
        if blind := self.is_blind(plan):
            found = replace(found, searched=[source for source in found.searched if source != "visual"])
        return replace(found, notices=self.notices(video_ids), unheard=self.unheard(video_ids), blind=blind)

    def is_blind(self, plan: Plan) -> bool:
        """Whether a plan names what is to be seen in words that the eye does not understand."""
        named = plan.window is not None and plan.window.named  # by its time: whatever it shows is asked about
        return not named and not plan.is_open and not self.searcher.can_look_for(plan.look_for or plan.question)

    def _found(self, plan: Plan, video_ids: Sequence[str]) -> Evidence:
        searched = self.searched(video_ids)
        if not set(plan.sources) & set(searched):
            lacking = plan.sources[0] if len(plan.sources) == 1 else None
            return Evidence([], False, searched, lacking=lacking)
        if plan.window is None:
            return replace(self._find(plan, video_ids, EVERYTHING), searched=searched)
        parts = self.windows(plan, video_ids)
        if not parts:
            if plan.window.named:
                return Evidence([], False, searched, too_late=plan.window.start)
            return replace(self._find(plan, video_ids, EVERYTHING), searched=searched)
        found = [self._find(plan, [video_id], part) for video_id, part in parts]
        turns = zip_longest(*(evidence.items for evidence in found))
        items = [item for turn in turns for item in turn if item is not None][:MAX_ITEMS]
        low, high = parts[0][1].low, min(parts[0][1].high, self.library.video(parts[0][0]).duration)
        return Evidence(items, any(e.found for e in found), searched, (low, high), found[0].unseen)

    def windows(self, plan: Plan, video_ids: Sequence[str]) -> list[tuple[str, Filter]]:
        """The part of each video that a plan keeps to; of one video where a scene is described. None of a video that
        is over before, or where the scene is nowhere, or for a plan that keeps to no part."""
        window = plan.window
        if window is None:
            return []
        if window.scene:  # what is asked about belongs to the scene and helps to find it
            query = Query.of(f"{window.scene} {plan.look_for}")
            best = self.searcher.search(query, video_ids, 1)[:1]
            return [(m.video_id, Filter(max(0.0, m.start - _FIT_S), m.end + _FIT_S)) for m in best]
        durations = {video_id: self.library.video(video_id).duration for video_id in video_ids}
        parts = [(video_id, window.within(duration)) for video_id, duration in durations.items()]
        return [(video_id, part) for video_id, part in parts if part.low < min(durations[video_id], part.high)]

    def notices(self, video_ids: Sequence[str]) -> list[str]:
        """What the index says is missing from it."""
        return [warning for video_id in video_ids for warning in self.library.video(video_id).warnings]

    def languages(self, video_id: str) -> list[str]:
        """ISO 639-1 of what is spoken, what there is most of first; the profile's where the index does not know."""
        passages = self.library.passages(video_id, "speech")
        lengths: defaultdict[str, float] = defaultdict(float)
        for passage in passages:
            lengths[passage.language or self.searcher.models.profile.speech.language] += passage.end - passage.start
        return sorted(lengths, key=lambda code: -lengths[code])

    def unheard(self, video_ids: Sequence[str]) -> bool:
        """Whether somebody speaks in these videos of whom nothing was understood."""
        marks = ", ".join("?" * len(video_ids))
        spoken = self.library.db.rows(f"SELECT 1 FROM spoken WHERE video_id IN ({marks}) LIMIT 1", tuple(video_ids))
        return bool(spoken) and "speech" not in self.searched(video_ids)

    def searched(self, video_ids: Sequence[str]) -> list[Source]:
        """The sources that these videos have anything of."""
        marks = ", ".join("?" * len(video_ids))
        rows = self.library.db.rows(
            f"SELECT DISTINCT source FROM passages WHERE video_id IN ({marks})", tuple(video_ids)
        )
        pictures = f"SELECT 1 FROM clips WHERE video_id IN ({marks}) AND length(times) > 0 LIMIT 1"
        sources: list[Source] = ["visual"] if self.library.db.rows(pictures, tuple(video_ids)) else []
        return sources + [source for source in ("speech", "text") if any(row["source"] == source for row in rows)]

    def _find(self, plan: Plan, video_ids: Sequence[str], within: Filter) -> Evidence:
        told = self.told(plan, video_ids, within) if plan.sources != ("visual",) else []
        enough = [item for item in told if item.likelihood >= least_likely(plan, item.quote)]
        if enough and enough[0] is told[0]:  # and its rivals
            enough = [item for item in told if item in enough or item.likelihood >= RIVAL * told[0].likelihood]
        if not enough and plan.names_no_topic:  # whatever is said there is asked for, or what names one of a kind
            all_of_it = plan.is_open or plan.window
            enough = told[:MAX_ITEMS] if all_of_it else self._naming(plan, told)
        if "visual" not in plan.sources:
            return Evidence((enough or told)[:MAX_ITEMS], bool(enough))
        blind = self.is_blind(plan)
        pictures, shown = ([], False) if blind else self._pictures(plan, video_ids, within)
        seen = pictures if shown else []
        unseen_answer = blind and (plan.leans == "visual" or plan.wants in ("colour", "count"))
        words = self._before_pictures(plan, enough, bool(seen) or unseen_answer)
        items = distinct([*words, *seen, *([] if unseen_answer else enough)])[:MAX_ITEMS]
        unseen = None if items or plan.names_nothing else unseen_word(self.searcher, plan, video_ids)
        if unseen and self.library.match_words(match_expression([unseen]), video_ids, 1):
            unseen = None  # what is spoken of is in the video, though it be drawn, or small, or behind something
        if items or unseen:
            return Evidence(items, bool(items), unseen=unseen)
        worded = plan.leans in ("speech", "text")
        return Evidence([*told[:2], *pictures[:2]] if worded else [*pictures[:2], *told[:2]], False)

    def _naming(self, plan: Plan, told: list[Item]) -> list[Item]:
        """Those that name a thing of the kind that is asked for, as far as an English encoder tells."""
        kinds = self.searcher.kinship(plan.category, [item.quote for item in told])
        return [item for item, kind in zip(told, kinds, strict=True) if kind >= OF_A_KIND][:MAX_ITEMS]

    def _before_pictures(self, plan: Plan, enough: list[Item], seen: bool) -> list[Item]:
        """Of the words that may answer those that do so better than pictures: all where no picture does, or words are
        meant; where pictures are meant only what is almost certain, or names the colour or number that is asked for."""
        if not seen or plan.leans in ("speech", "text"):
            return enough[:2] if plan.operation == "when" and seen else enough[:MAX_ITEMS]
        if plan.operation == "when":
            named = plan.leans != "visual"  # then a line with all the words tells of it, else only one beyond doubt
            return [i for i in enough if i.likelihood >= SURE or (named and coverage(plan.terms, i.quote) == 1)][:2]
        meant = plan.leans == "visual" and plan.wants not in ("colour", "count")
        return [item for item in enough if item.likelihood >= (SURE if meant else read_weights().likely)]

    def told(self, plan: Plan, video_ids: Sequence[str], within: Filter = EVERYTHING) -> list[Item]:
        """What is said and written that may answer, likeliest first; each an utterance, or what stands on the screen at
        a time."""
        sources = frozenset(source for source in plan.sources if source != "visual")
        inside = replace(within, sources=sources)
        if plan.is_open and plan.sources != EVERY_SOURCE:  # "What is said?"
            return self._in_order(plan, video_ids, inside, sources)
        hits = self.searcher.lines(plan.query(), video_ids, inside)
        if plan.place:
            there, unknown = self._standing_at(plan, plan.place, [h for h in hits if h.passage.source == "text"])
            if there:
                return [self.line(passage, within) for passage in there]
            hits = [hit for hit in hits if hit.passage.source != "text" or hit in unknown]
        hits = self._beside_pictures(plan, hits, video_ids, within)
        texts = [hit for hit in hits if hit.passage.source == "text"]
        items = []
        for hit in hits[: 4 * MAX_ITEMS]:
            rivals = {other.passage.id for other in texts if other.likelihood >= RIVAL * hit.likelihood}
            items.append(self.item(hit.passage, within, hit.likelihood, rivals))
        items = [item for item in items if is_of_kind(plan, item.quote)]
        return distinct(items)[: 2 * MAX_ITEMS]

    def stands_alone(self, alone: Plan, together: Plan, video_ids: Sequence[str]) -> bool:
        """Whether a question is about something else than the one before it: a line is likelier to answer it by itself
        than any is to answer both together, or the best line for both hardly answers it by itself."""
        own, both = ({(i.video_id, i.start): i.likelihood for i in self.told(p, video_ids)} for p in (alone, together))
        best = max(own.values(), default=0.0)
        if not both or best < read_weights().quotable:
            return False
        return best > max(both.values()) or own.get(max(both, key=lambda place: both[place]), 0.0) < RIVAL * best

    def _beside_pictures(self, plan: Plan, hits: list[Hit], video_ids: Sequence[str], within: Filter) -> list[Hit]:
        """Questions for a text mostly describe what it stands on, or what happens then: of texts that fit alike those
        come first that are there while the pictures fit best."""
        ranked = sorted(hits, key=lambda hit: -hit.likelihood)
        if plan.leans != "text" or not any(hit.passage.source == "text" for hit in hits):
            return ranked
        moments = self.searcher.visual_moments(plan.look_for or plan.question, video_ids, _PICTURED, within)

        def rank(hit: Hit) -> float:
            beside = hit.passage.source == "text" and any(_during(hit, moment) for moment in moments)
            return hit.likelihood + beside * read_weights().unlikely

        return sorted(ranked, key=lambda hit: -rank(hit))

    def _in_order(self, plan: Plan, video_ids: Sequence[str], within: Filter, sources: frozenset[Source]) -> list[Item]:
        passages = []
        for video_id in video_ids:
            lines = [line for source in sources for line in self.lines_of(video_id, source)]
            passages += sorted(
                (line for line in lines if within.cut(line.start, line.end)), key=lambda line: (line.start, line.id)
            )
        if plan.place:
            there, others = self._standing_at(plan, plan.place, [Hit(p, 0.0, 1.0) for p in passages])
            if there:
                return [self.line(passage, within) for passage in there]
            passages = [hit.passage for hit in others]
        return distinct([self.item(passage, within, 1.0) for passage in passages])

    def lines_of(self, video_id: str, source: Source) -> list[Passage]:
        """All that is written on the screen, or all that is said, of which there may be several tracks: once."""
        if source == "speech":
            return transcript(self.library, self.library.video(video_id))
        return self.library.passages(video_id, source)

    def _standing_at(self, plan: Plan, place: Place, hits: list[Hit]) -> tuple[list[Passage], list[Hit]]:
        """On-screen texts that stand in a part of the screen, as many as are asked for or those that are nearest to its
        edge; and those of no known place."""
        sightings = {hit.passage.video_id: self.library.sightings(hit.passage.video_id) for hit in hits}
        boxes = [box_of(hit.passage, sightings[hit.passage.video_id], place) for hit in hits]
        there = [(hit, distance(place, box)) for hit, box in zip(hits, boxes, strict=True) if box and holds(place, box)]
        unknown = [hit for hit, box in zip(hits, boxes, strict=True) if box is None]
        there.sort(key=lambda pair: pair[1])
        nearest = there[: plan.how_many] if plan.how_many > 1 else [pair for pair in there if pair[1] == there[0][1]]
        return [hit.passage for hit, _ in nearest], unknown

    def item(
        self, passage: Passage, within: Filter = EVERYTHING, likelihood: float = 0.0, rivals: Collection[int] = ()
    ) -> Item:
        """A passage as evidence: a spoken line with the rest of its utterance, a written one with what stands on the
        screen with it. `rivals`: ids of passages that are about as likely."""
        start, end, quote = passage.start, passage.end, passage.text
        if passage.source == "speech":
            for line in self.library.passages(passage.video_id, "speech"):
                if line.origin != passage.origin:  # another track says it again
                    continue
                goes_on = 0 <= line.start - end <= _NEAR_S and not quote.rstrip().endswith(_SENTENCE_ENDS)
                goes_on = goes_on and line.end - start <= MAX_MOMENT_S
                if line.id != passage.id and goes_on and len(quote) + len(line.text) < QUOTE_CHARS:
                    end, quote = line.end, f"{quote} {line.text}"
        else:
            quote = self._screen(passage, rivals)
        start, end = within.cut(start, end) or (start, end)
        if passage.source == "text":
            end = min(end, start + MAX_MOMENT_S)
        words = quotable(quote)[:QUOTE_CHARS]
        return Item(passage.video_id, start, end, passage.source, words, likelihood, is_written(passage.origin))

    def line(self, passage: Passage, within: Filter = EVERYTHING) -> Item:
        """A passage by itself."""
        start, end = within.cut(passage.start, passage.end) or (passage.start, passage.end)
        written = is_written(passage.origin)
        return Item(passage.video_id, start, end, passage.source, quotable(passage.text), 1.0, written)

    def _screen(self, passage: Passage, rivals: Collection[int]) -> str:
        """A text with those right before and after it, in reading order, that are there for half of its time (a name
        and a job, a label and a value), and with its rivals."""
        least = 0.5 * (passage.end - passage.start)
        beside = [
            other
            for other in self.library.passages(passage.video_id, "text")
            if min(other.end, passage.end) - max(other.start, passage.start) >= least or other.id == passage.id
        ]
        place = next(number for number, other in enumerate(beside) if other.id == passage.id)
        near = [number for number in range(len(beside)) if abs(number - place) <= _BESIDE_TEXTS]
        alike = [number for number, other in enumerate(beside) if number == place or other.id in rivals]
        for chosen in (sorted({*near, *alike}), alike):
            joined = " · ".join(dict.fromkeys(beside[number].text for number in chosen))
            if len(joined) <= QUOTE_CHARS:
                return joined
        return passage.text

    def _pictures(self, plan: Plan, video_ids: Sequence[str], within: Filter) -> tuple[list[Item], bool]:
        """The moments that look most like it, and whether they may answer at all."""
        scene = plan.window.scene if plan.window else ""  # a ball that fits nothing fits where a dog is playing
        text = f"{scene} {plan.look_for or plan.question}".strip()
        moments = self.searcher.visual_moments(text, video_ids, MAX_ITEMS, within)
        if not moments:
            return [], False
        named = bool(plan.window and plan.window.named)  # by its time: whatever it shows is asked about
        chance = 0.0 if named else picture_chance(self.searcher, plan, moments, video_ids)
        items = [
            replace(self.picture(plan, moment.video_id, moment.start, moment.end), likelihood=1 - chance)
            for moment in join_neighbours(moments)
        ]
        return items, chance <= (RANDOM_FIT_WHEN if plan.operation == "when" else RANDOM_FIT)

    def picture(self, plan: Plan, video_id: str, start: float, end: float) -> Item:
        """What was recognised in a moment: colours if they are asked for, else the tags of the clips it lies in."""
        clips = [clip for clip in self.library.clips(video_id) if clip.start < end and clip.end > start]
        listed = [clip.colours if plan.wants == "colour" else clip.tags for clip in clips]
        names = list(dict.fromkeys(name for pairs in listed for name, _ in pairs))[:_NAMES]
        return Item(video_id, start, end, "visual", ", ".join(names))


def _during(hit: Hit, moment: Moment) -> bool:
    passage = hit.passage
    return passage.video_id == moment.video_id and passage.start < moment.end + 1 and moment.start - 1 < passage.end


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
