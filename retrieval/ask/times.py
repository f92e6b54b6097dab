"""All places where something is said, written or seen, in order of time; and what comes before or after a place.

What questions of the first and last time, of how long and how often are answered from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from retrieval.ask.evidence import Evidence, Item, quotable
from retrieval.ask.find import SURE, Finder
from retrieval.ask.plan import EVERY_SOURCE, Plan
from retrieval.ask.say import Say
from retrieval.index.timeline import Timeline
from retrieval.search.filters import Filter
from retrieval.search.hits import MAX_MOMENT_S, coverage
from retrieval.store.fulltext import stem, words
from retrieval.store.records import Passage, Video
from retrieval.store.transcripts import is_written

_SEEN_SHARE = 0.6  # of the way from a video's usual frame to its best: what fits this well shows it too
_CLEAR = 0.03  # share of random things that may fit a frame of it better: it is there, however often it is
_MOST_JUDGED = 2000  # frames of a video that are asked for that share
_BLINK_S = 0.9
_GAP_S = 2.0  # a sign read twice, or a thing out of sight, for no longer than this was there all the time
_NEXT_S = 60.0  # what comes later than this after a moment has little to do with it
_BESIDE_S = 8.0  # of the picture after or before a moment
_EVERY_WORD = 0.999
_MOST_CITED = 12  # places of something that is there again and again


def timed(finder: Finder, plan: Plan, video_ids: Sequence[str]) -> Evidence:
    """The first, the last or all places where something is, with a sentence that tells it."""
    items = occurrences(finder, plan, video_ids, _BLINK_S if plan.operation == "gone" else _GAP_S)
    if plan.window:
        items = _within(items, dict(finder.windows(plan, video_ids)))
    if plan.operation == "gone":
        items = [gap for video_id in video_ids for gap in gaps(finder.library.video(video_id), items)]
    searched = finder.searched(video_ids)
    if not items:
        return finder.find(replace(plan, operation="when"), video_ids).as_guess()
    say, shown = Say(plan.language), items[:_MOST_CITED]
    if plan.operation == "gone":
        return Evidence(shown, True, searched, telling=say.gone(len(shown)))
    if plan.operation == "how_long":
        return Evidence(shown, True, searched, telling=say.how_long(items, len(shown)))
    if plan.operation == "how_often":
        return Evidence(shown, True, searched, telling=say.how_often(items, mentions(plan, items), len(shown)))
    last = plan.operation == "last"
    one = items[-1] if last else replace(items[0], end=min(items[0].end, items[0].start + MAX_MOMENT_S))
    return Evidence([one], True, searched, telling=say.first_or_last(one, last))


def occurrences(finder: Finder, plan: Plan, video_ids: Sequence[str], gap_s: float = _GAP_S) -> list[Item]:
    """In order of time, video by video: pictures where the plan may ask for what is seen, else what is said or written
    with all its words; where the words are never found together, what is likely to answer."""
    if "visual" in plan.sources and plan.leans in (None, "visual") and not finder.is_blind(plan):
        seen = [item for video_id in video_ids for item in _seen(finder, plan, video_id, gap_s)]
        if seen:
            return seen
    open_lean = plan.is_open and plan.leans not in (None, "visual")  # "the first sign": whatever is written
    sources = [s for s in plan.sources if s != "visual" and (s == plan.leans or not open_lean)]
    told = [p for video_id in video_ids for source in sources for p in finder.library.passages(video_id, source)]
    if not plan.is_open:
        literal = [p for p in told if coverage(plan.terms, p.text) >= _EVERY_WORD]
        if not literal:
            likely = [item for item in finder.told(plan, video_ids) if item.likelihood >= SURE]
            return sorted(likely, key=lambda item: (list(video_ids).index(item.video_id), item.start))
        told = literal
    order = {video_id: number for number, video_id in enumerate(video_ids)}
    return _joined([_told(p) for p in sorted(told, key=lambda p: (order[p.video_id], p.start))])


def _within(items: Sequence[Item], parts: Mapping[str, Filter]) -> list[Item]:
    """What of them lies in these parts of the videos."""
    cut = [(item, parts[item.video_id].cut(item.start, item.end)) for item in items if item.video_id in parts]
    return [replace(item, start=inside[0], end=inside[1]) for item, inside in cut if inside]


def gaps(video: Video, seen: Sequence[Item]) -> list[Item]:
    """Where something that is seen in a video is not, first after it was seen, at last before; none if it never is."""
    shown = [(item.start, item.end) for item in seen if (item.video_id, item.source) == (video.id, "visual")]
    if not shown:
        return []
    starts, ends = [end for _, end in shown], [start for start, _ in shown[1:]] + [video.duration]
    found = [*zip(starts, ends, strict=True), (0.0, shown[0][0])]
    return [Item(video.id, start, end, "visual", "") for start, end in found if end - start >= _BLINK_S]


def mentions(plan: Plan, items: Sequence[Item]) -> int:
    """How often the question's word stands in what is said; the number of places for pictures and for several words."""
    if len(plan.terms) != 1 or any(item.source == "visual" for item in items):
        return len(items)
    wanted = stem(plan.terms[0])
    return max(len(items), sum(stem(word) == wanted for item in items for word in words(item.quote)))


def beside(finder: Finder, plan: Plan, video_ids: Sequence[str]) -> Evidence:
    """What comes right after or before what the plan looks for, or its anchor: what is said or written where that is
    asked for, else what is seen."""
    anchor = plan.anchor if plan.anchor and plan.anchor[0] in video_ids else None  # else it is not asked any more
    if anchor is None:
        if not plan.look_for:
            return Evidence([], False, finder.searched(video_ids))
        around = replace(plan, operation="when", sources=EVERY_SOURCE, leans=None, anchor=None)
        found = finder.find(around, video_ids)
        if not found.found:
            return found
        anchor = (found.items[0].video_id, found.items[0].start, found.items[0].end)
    video_id, begins, ends = anchor
    video, later = finder.library.video(video_id), plan.operation == "after"
    there = finder.searched([video_id])
    searched, unsought = ([s for s in there if (s in plan.sources) == sought] for sought in (True, False))
    only = plan.sources[0] if len(plan.sources) == 1 else plan.leans
    spoken = only if only != "visual" else None
    if spoken:
        lines = finder.library.passages(video.id, spoken)
        if later:
            near = [p for p in lines if ends - _GAP_S / 2 <= p.start <= ends + _NEXT_S]
        else:
            near = [p for p in reversed(lines) if begins - _NEXT_S <= p.end <= begins + _GAP_S / 2]
        items = [finder.item(p, likelihood=1.0) for p in near[:1]]
        return Evidence(items, bool(items), searched, unsought=unsought)
    start, end = (ends, ends + _BESIDE_S) if later else (begins - _BESIDE_S, begins)
    start, end = max(0.0, start), min(video.duration, end)
    if end - start < 1.0:  # nothing comes before the beginning or after the end
        return Evidence([], False, searched, unsought=unsought)
    picture = replace(finder.picture(plan, video.id, start, end), likelihood=1.0)
    return Evidence([picture], True, searched, unsought=unsought)


def _seen(finder: Finder, plan: Plan, video_id: str, gap_s: float) -> list[Item]:
    """The stretches in which it is beyond doubt, or in which frames fit nearly as well as the best one does."""
    line, vision = finder.searcher.timeline(video_id), finder.searcher.models.vision
    found = finder.find(replace(plan, operation="when", sources=("visual",), leans="visual", window=None), [video_id])
    if not found.found:
        return []
    query = vision.encode_text([plan.look_for])[0]
    step = -(-len(line.times) // _MOST_JUDGED)
    chances = [vision.chance(vector, query) for vector in line.vectors[::step]]
    clear = np.repeat(np.array(chances) <= _CLEAR, step)[: len(line.times)]
    return [Item(video_id, start, end, "visual", "") for start, end in stretches(line, query, clear, gap_s)]


def stretches(line: Timeline, query: np.ndarray, clear: np.ndarray, gap_s: float = _GAP_S) -> list[tuple[float, float]]:
    """(start, end) in seconds of the runs of frames that fit a vector [D], or are `clear` (bool [n]); being out of
    sight for `gap_s` does not end one. What is there for a blink counts only where nothing else does."""
    fit = line.vectors @ query
    usual, best = float(np.median(fit)), float(fit.max())
    shown = np.flatnonzero(clear | (fit >= usual + _SEEN_SHARE * (best - usual)))
    ends = np.append(line.times[1:], line.end)  # a frame stands until the next
    found: list[tuple[float, float]] = []
    for i in shown:
        start, end = float(line.times[i]), float(min(ends[i], line.times[i] + _GAP_S))
        if found and start - found[-1][1] <= gap_s:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(start, end) for start, end in found if end - start >= _BLINK_S] or found


def _told(passage: Passage) -> Item:
    return Item(
        passage.video_id,
        passage.start,
        passage.end,
        passage.source,
        quotable(passage.text),
        written=is_written(passage.origin),
    )


def _joined(items: Sequence[Item]) -> list[Item]:
    """A text that is read again and again while it stands there is one."""
    joined: list[Item] = []
    for item in items:
        last = joined[-1] if joined else None
        same = last is not None and (last.video_id, last.source, last.quote) == (item.video_id, item.source, item.quote)
        if last is not None and same and item.source == "text" and item.start - last.end <= _GAP_S:
            joined[-1] = replace(last, end=max(last.end, item.end))
        else:
            joined.append(item)
    return joined
