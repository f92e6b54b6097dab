"""On-screen text over time: the same line seen again becomes one text, and lines that come and go together a paragraph.

Knows nothing of how pictures are read. Positions are fractions of the picture, times are seconds.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from model.reading.spelling import SAME_TEXT, grew, is_counter, plain, similarity, word_replaced

Box = tuple[float, float, float, float]  # x0, y0, x1, y1

ROW_GAP_CHARACTERS = 1.5  # pieces of one row lie closer than this many of their characters; menu entries do not
LINE_GAP = 0.6  # lines of one paragraph lie closer than this share of their height
LINE_HEIGHT_RATIO = 1.5  # and are about equally high: a heading is not the paragraph below it
ALIGN_CHARACTERS = 2.5  # and begin, or have their middle, within this many characters of each other
MOVED_TEXT = 0.9  # the same for text that stands elsewhere: credits scroll, the camera moves
SAME_PLACE = 0.3  # least overlap (intersection over union) of two boxes in the same place
MOSTLY_INSIDE = 0.6  # least share of a text's box inside the box of the longer text that it grew into
FLICKER_S = 3.0  # a text that one reading missed and that is back within this time was there all along
HELD_S = 2.0  # a number that stands so long is a text of its own; a clock's are listed together,
TICKS_S = 4.0  # for so long
SURE_SPELLING = 0.95  # mean confidence of readings, from which another word in the same line is no misreading
TOGETHER_S = 1.5  # lines that come, and go, within this time of each other may be one paragraph: a fade takes as long


@dataclass(frozen=True)
class TextBox:
    """One line as read, "" where it is in a script that the reader does not know; `box` in fractions of the picture."""

    text: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Sighting:
    """All lines of the picture at `time` seconds; no boxes means that the picture was read and held no text."""

    time: float
    boxes: Sequence[TextBox]


@dataclass(frozen=True)
class ScreenText:
    """A line or a paragraph that stood on the screen from `start` to `end` seconds."""

    start: float
    end: float
    text: str
    box: Box
    confidence: float

    @property
    def as_box(self) -> TextBox:
        return TextBox(self.text, self.confidence, self.box)


def join_rows(boxes: Sequence[TextBox]) -> list[TextBox]:
    """Pieces of a row that belong together become one, in reading order."""
    rows: list[TextBox] = []
    for piece in sorted(boxes, key=lambda b: b.box[0]):
        before = next((row for row in rows if _continues_row(row, piece)), None)
        if before is not None:
            rows.remove(before)
            piece = _joined(before, piece)
        rows.append(piece)
    return sorted(rows, key=lambda b: (b.box[1], b.box[0]))


def join_paragraphs(texts: Sequence[ScreenText]) -> list[ScreenText]:
    """Lines one below the other that came and went together become one text; a number takes its label along.

    A terminal's lines come one after the other, and stay apart.
    """
    joined: list[ScreenText] = []
    waiting = sorted(texts, key=lambda t: t.start)
    begin = 0
    while begin < len(waiting):
        end = bisect.bisect_right(waiting, waiting[begin].start + TOGETHER_S, begin, key=lambda t: t.start)
        cohort, begin = waiting[begin:end], end
        blocks: list[list[ScreenText]] = []
        for row in sorted(cohort, key=lambda t: (t.box[1], t.box[0])):
            block = next(
                (b for b in blocks if _continues_block(b[-1].as_box, row.as_box) and _together(b[-1], row)), None
            )
            if block is None:
                blocks.append([row])
            else:
                block.append(row)
        joined += [functools.reduce(_one_text, block) for block in blocks]
    return _with_labels(joined)


def _together(one: ScreenText, other: ScreenText) -> bool:
    return abs(one.start - other.start) <= TOGETHER_S and abs(one.end - other.end) <= TOGETHER_S


def _one_text(one: ScreenText, other: ScreenText) -> ScreenText:
    whole = _joined(one.as_box, other.as_box)
    start, end = min(one.start, other.start), max(one.end, other.end)
    return ScreenText(start, end, whole.text, whole.box, whole.confidence)


def _with_labels(texts: Sequence[ScreenText]) -> list[ScreenText]:
    """A number that changes below, or above, a line that stays says with it what it is a number of."""
    labels = [text for text in texts if not is_counter(text.text)]
    labelled = []
    for text in texts:
        if is_counter(text.text):
            around = [t for t in labels if t.start <= text.start + TOGETHER_S and text.end - TOGETHER_S <= t.end]
            above = next((t for t in around if _continues_block(t.as_box, text.as_box)), None)
            below = next((t for t in around if _continues_block(text.as_box, t.as_box)), None)
            parts = [part.as_box for part in (above, text, below) if part is not None]
            whole = functools.reduce(_joined, parts)
            text = ScreenText(text.start, text.end, whole.text, whole.box, whole.confidence)
        labelled.append(text)
    return labelled


def _joined(first: TextBox, second: TextBox) -> TextBox:
    a, b = first.box, second.box
    box = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    lengths = len(first.text), len(second.text)
    confidence = (first.confidence * lengths[0] + second.confidence * lengths[1]) / max(1, sum(lengths))
    return TextBox(f"{first.text} {second.text}", confidence, box)


def _character_width(line: TextBox) -> float:
    return (line.box[2] - line.box[0]) / max(1, len(line.text))


def _height(line: TextBox) -> float:
    return line.box[3] - line.box[1]


def _alike_high(a: TextBox, b: TextBox) -> bool:
    return max(_height(a), _height(b)) <= LINE_HEIGHT_RATIO * min(_height(a), _height(b))


def _continues_row(left: TextBox, right: TextBox) -> bool:
    shared = min(left.box[3], right.box[3]) - max(left.box[1], right.box[1])
    gap = right.box[0] - left.box[2]
    width = max(_character_width(left), _character_width(right))
    same_row = shared >= 0.6 * min(_height(left), _height(right)) and _alike_high(left, right)
    return same_row and -width <= gap <= ROW_GAP_CHARACTERS * width


def _continues_block(upper: TextBox, lower: TextBox) -> bool:
    height = min(_height(upper), _height(lower))
    gap = lower.box[1] - upper.box[3]
    if not (_alike_high(upper, lower) and -0.5 * height <= gap <= LINE_GAP * height):
        return False
    slack = ALIGN_CHARACTERS * max(_character_width(upper), _character_width(lower))
    left = abs(upper.box[0] - lower.box[0])
    middle = abs(upper.box[0] + upper.box[2] - lower.box[0] - lower.box[2]) / 2
    return min(left, middle) <= slack


@dataclass
class _Track:
    """A text that is being followed through the sightings."""

    start: float
    seen: float  # last time it was read
    readings: list[TextBox] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # of the readings, seconds
    missed: float | None = None  # first later sighting without it

    def add(self, time: float, block: TextBox) -> None:
        self.seen, self.missed = time, None
        self.readings.append(block)
        self.times.append(time)

    def fit(self, block: TextBox) -> float:
        """How well `block` continues this track: 0 for not at all."""
        last = self.readings[-1]
        place = overlap(last.box, block.box)
        if is_counter(last.text) and is_counter(block.text):
            return 1 + place if place >= SAME_PLACE else 0.0
        alike = similarity(last.text, block.text)
        if place >= SAME_PLACE and alike >= SAME_TEXT:
            return 1 + alike + place
        if grew(last.text, block.text) and _lies_in(last.box, block.box):
            return 1 + place
        return alike if alike >= MOVED_TEXT else 0.0

    def close(self, gap_s: float) -> list[ScreenText]:
        end = self.seen + gap_s if self.missed is None else min(self.missed, self.seen + gap_s)
        if is_counter(self.readings[0].text) and any(r.text != self.readings[0].text for r in self.readings):
            return _numbers_in_turn(self.times, self.readings, end)
        cuts = [0, *_other_words(self.times, self.readings, end), len(self.readings)]
        ends = [*(self.times[cut] for cut in cuts[1:-1]), end]
        return [
            _spelled(self.times[a], until, self.readings[a:b])
            for (a, b), until in zip(itertools.pairwise(cuts), ends, strict=True)
        ]


def _spelled(start: float, end: float, readings: Sequence[TextBox]) -> ScreenText:
    """A text in the best of its spellings."""
    spellings: dict[str, float] = {}  # sums of confidences
    for reading in readings:
        spellings[reading.text] = spellings.get(reading.text, 0.0) + reading.confidence
    text = max(spellings, key=lambda spelling: (spellings[spelling], len(spelling)))
    text = max((s for s in spellings if grew(text, s)), key=len, default=text)
    spaced = [s for s in spellings if plain(s) == plain(text)]
    text = max(spaced, key=lambda s: (len(s.split()), spellings[s]))  # readers lose spaces, never add any
    return ScreenText(start, end, text, readings[-1].box, statistics.fmean(r.confidence for r in readings))


def _other_words(times: Sequence[float], readings: Sequence[TextBox], end: float) -> list[int]:
    """Where, among readings of about the same text, another word took the place of one ("sold", "told").

    A misreading is unsure, or gone with the next reading, or comes and goes: both spellings must stand for a while.
    """
    runs = [list(run) for _, run in itertools.groupby(range(len(times)), key=lambda i: plain(readings[i].text))]
    spelled = [plain(readings[run[0]].text) for run in runs]
    until = [*(times[run[0]] for run in runs[1:]), end]
    sure = [
        spelled.count(text) == 1
        and statistics.fmean(readings[i].confidence for i in run) >= SURE_SPELLING
        and (len(run) > 1 or stop - times[run[0]] >= HELD_S)
        for run, text, stop in zip(runs, spelled, until, strict=True)
    ]
    return [
        runs[i][0]
        for i in range(1, len(runs))
        if sure[i - 1] and sure[i] and word_replaced(readings[runs[i - 1][0]].text, readings[runs[i][0]].text)
    ]


def _numbers_in_turn(times: Sequence[float], readings: Sequence[TextBox], end: float) -> list[ScreenText]:
    """Numbers that took each other's place: one that stood for a while is a text, those of a clock are listed."""
    runs = [list(run) for _, run in itertools.groupby(range(len(times)), key=lambda i: plain(readings[i].text))]
    begins = [times[run[0]] for run in runs]
    texts: list[ScreenText] = []
    ticking: list[int] = []  # numbers of the runs that are not told yet
    for number, (begin, until) in enumerate(itertools.pairwise([*begins, end])):
        held = until - begin >= HELD_S
        if ticking and (held or until - begins[ticking[0]] > TICKS_S):
            texts.append(_listed([runs[i] for i in ticking], readings, begins[ticking[0]], begin))
            ticking = []
        if held:
            texts.append(_listed([runs[number]], readings, begin, until))
        else:
            ticking.append(number)
    if ticking:
        texts.append(_listed([runs[i] for i in ticking], readings, begins[ticking[0]], end))
    return texts


def _listed(runs: Sequence[Sequence[int]], readings: Sequence[TextBox], start: float, end: float) -> ScreenText:
    confidence = statistics.fmean(readings[i].confidence for run in runs for i in run)
    text = " … ".join(readings[run[0]].text for run in runs)
    return ScreenText(start, end, text, readings[runs[-1][-1]].box, confidence)


def merge_sightings(sightings: Sequence[Sighting], gap_s: float) -> list[ScreenText]:
    """Texts with the time they stood on the screen, by start.

    sightings: in order of time. A text ends at the first sighting without it, or `gap_s` seconds after the last one
    with it, if no picture was read in between (so `gap_s` is the longest time that pictures may go unread); the same
    after the last sighting of all. The times of a clock or counter are listed, "0:12 … 0:13 … 0:14", those of a
    few seconds in one text.
    """
    open_tracks: list[_Track] = []
    texts: list[ScreenText] = []
    for sighting in sightings:
        limit = min(FLICKER_S, gap_s)
        for track in list(open_tracks):
            gone = track.missed is not None and sighting.time - track.missed > limit
            if gone or sighting.time - track.seen > gap_s:
                open_tracks.remove(track)
                texts += track.close(gap_s)
        free = list(open_tracks)
        for block in join_rows([box for box in sighting.boxes if box.text]):
            best = max(((t.fit(block), -i) for i, t in enumerate(free)), default=(0.0, 0))
            if best[0] > 0:
                track = free.pop(-best[1])
            else:
                track = _Track(sighting.time, sighting.time)
                open_tracks.append(track)
            track.add(sighting.time, block)
        for track in free:
            if track.missed is None:
                track.missed = sighting.time
    texts += [text for track in open_tracks for text in track.close(gap_s)]
    return sorted(join_paragraphs(texts), key=lambda t: (t.start, t.box[1], t.box[0]))


def overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (areas - shared)


def _lies_in(small: Box, large: Box) -> bool:
    """Whether most of `small` is inside `large`."""
    width = min(small[2], large[2]) - max(small[0], large[0])
    height = min(small[3], large[3]) - max(small[1], large[1])
    area = (small[2] - small[0]) * (small[3] - small[1])
    return min(width, height) > 0 and width * height >= MOSTLY_INSIDE * area
