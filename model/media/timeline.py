"""Time stamps that can be believed: odd ones are put right before anything is decoded, placed or copied.

Containers promise that the packets of a stream come with rising decoding times. Damage, live recorders and joined files
break that: one packet says "two hours later", a whole run does, or the clock starts anew. Nothing here knows pictures
or sounds; a packet is judged by its neighbours:

* A packet that was read before, and comes again with its old time, is left out: a block of the file is in it twice.
* A run of packets after which the old times go on is odd. It gets times between its neighbours.
* A clock that jumps and stays there gets an offset, as in FFmpeg's own tool for broadcasts: the packets follow those
  before. A gap ahead is left as it is where somebody vouches for it: the header (it promises so long a video), another
  stream (it fills the gap), the stream's own habit (a slide show) or its size (little against all that is shown).
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet

# Steps up to this need no voucher: sound that pauses, a picture that stands still for a moment.
_FREE_STEP_S = 1.0
# ... or so many usual steps, for streams with few frames.
_FREE_STEPS = 5
# A stream may take steps so much longer than the longest one that was believed before: slides stand for uneven times.
_LONGER_THAN_KNOWN = 2.0
# Encoders reorder at most 16 pictures (H.264, A.3.1): no picture is shown further from when it is decoded.
_REORDERED = 17
# Headers round, and the last frame's length is theirs to choose.
_BEYOND_PROMISE_S = 1.0
# A gap that nobody vouches for makes up at most a third of what is then shown.
_UNVOUCHED_SHARE = 0.5
# Another stream fills a gap if it goes on until shortly before its end: players buffer no more than this.
_INTERLEAVED_S = 2.0
# How far a suspicious packet's future is read: a cluster or two of Matroska, ten seconds of pictures and sound.
_AHEAD_PACKETS = 300
_AHEAD_BYTES = 32 << 20
_REMEMBERED_STEPS = 25
# A repeated block is found if it repeats one of so many packets: a minute of sound and picture.
_REMEMBERED_PACKETS = 5000
_MARK_BYTES = 64  # of a packet's end, that tell it from another of the same time and size
_TELLING_BYTES = 300  # a packet of so many is not the same by chance; one in which nothing changes has a few dozen
_SAME_S = 1e-6


@dataclass
class _Track:
    """What is known of one stream; seconds on the corrected clock."""

    first: float = 0.0
    last: float | None = None
    offset: float = 0.0  # of the corrected clock against the stream's own
    longest: float = 0.0  # the longest step that was believed
    unvouched: float = 0.0  # all gaps together that nobody vouched for
    steps: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_STEPS))
    shown_after: float = 0.0  # presentation time less decoding time of the last packet
    latest_raw: float = float("-inf")  # on the stream's own clock
    marks: dict[int, None] = field(default_factory=dict)  # of the packets read last, oldest first
    repeating: bool = False  # the packet before was part of a block that is in the file twice

    def usual(self) -> float:
        return statistics.median(self.steps) if self.steps else 0.0

    def free(self) -> float:
        """The longest step ahead that needs no voucher."""
        return max(_FREE_STEP_S, _FREE_STEPS * self.usual(), _LONGER_THAN_KNOWN * self.longest)

    def back(self) -> float:
        """How far decoding times may fall back: containers that know none let FFmpeg guess."""
        return max(_FREE_STEP_S, _REORDERED * self.usual())

    def knows(self, packet: Packet) -> bool:
        """Whether a packet like this one was read before, at the same time of the stream's own clock."""
        raw = _stamp(packet)
        return raw is not None and raw < self.latest_raw and _mark(packet) in self.marks

    def remember(self, packet: Packet, raw: float) -> None:
        self.latest_raw = max(self.latest_raw, raw)
        self.marks[_mark(packet)] = None
        if len(self.marks) > _REMEMBERED_PACKETS:
            del self.marks[next(iter(self.marks))]

    def steps_well(self, step: float) -> bool:
        # The first test is for speed: it decides for nearly every packet.
        return abs(step) <= _FREE_STEP_S or -self.back() <= step <= self.free()


class Timeline:
    """Corrects the packets of one file as they are read from its beginning (or from where a seek landed).

    `promised_end` is the end by the header, in the file's own seconds; None where the header is silent.
    `corrected` counts the packets whose times were changed so far; `farthest_s` is the largest change.
    """

    def __init__(self, promised_end: float | None = None) -> None:
        self.corrected = 0
        self.farthest_s = 0.0
        self._limit = float("-inf") if promised_end is None else promised_end + _BEYOND_PROMISE_S
        self._tracks: dict[int, _Track] = {}
        self._offsets = [0.0]  # that were needed so far: the streams of a file jump together
        self._queue: deque[Packet] = deque()
        self._source: Iterator[Packet] = iter(())

    def steady(self, source: Iterable[Packet]) -> Iterator[Packet]:
        """The packets in the same order, their `pts`, `dts` and `duration` put right in place."""
        self._source = iter(source)
        while True:
            packet = self._queue.popleft() if self._queue else next(self._source, None)
            if packet is None:
                return
            raw = _stamp(packet)
            track = self._tracks.setdefault(packet.stream.index, _Track())
            if raw is not None:
                track.repeating = track.knows(packet) and (track.repeating or self._begins_again(track, packet))
                if track.repeating:
                    self.corrected += 1
                    continue
                track.remember(packet, raw)
                self._judge(track, packet, raw)
            yield packet

    def _begins_again(self, track: _Track, packet: Packet) -> bool:
        """Whether a packet that was read before begins a block that is in the file twice.

        Small ones prove nothing: where nothing moves or sounds, many are the same, in any recording whose clock begins
        at the same time. The next that is large decides, or else the other streams.
        """
        for other in (packet, *self._ahead_packets(packet, _AHEAD_PACKETS)):
            if other.size >= _TELLING_BYTES:
                return track.knows(other)
        return any(other.repeating for other in self._tracks.values())

    def _judge(self, track: _Track, packet: Packet, raw: float) -> None:
        last = track.last
        time = self._first(track, packet, raw) if last is None else self._next(track, last, packet, raw)
        if abs(time - raw) > _SAME_S:
            _move(packet, time - raw)
            self._count(time - raw)
        self._check_order(track, packet)
        self._check_length(track, packet, time)
        if last is None:
            track.first = time
        elif time > last:
            track.steps.append(time - last)
        track.last = time if last is None else max(last, time)

    def _first(self, track: _Track, packet: Packet, raw: float) -> float:
        """A stream's first packet is odd if those after it come before it, or if it is far ahead of the other streams.

        Packets that belong together in time stand together in the file.
        """
        ahead = self._ahead(packet, _REORDERED)
        track.steps.extend(_rises(ahead))
        if ahead and raw - ahead[0] > track.back():
            raw = ahead[0] - track.usual()
        others = [other for other in self._tracks.values() if other is not track and other.last is not None]
        if not others:
            return raw
        other = max(others, key=lambda known: known.last or 0.0)
        track.first, now = other.first, other.last or 0.0
        for offset in self._offsets:
            if raw + offset - now <= track.free():
                track.offset = offset
                return raw + offset
        if self._believes(track, now, packet, [raw, *ahead]):
            return raw
        track.offset = now - raw
        self._offsets.append(track.offset)
        return now

    def _next(self, track: _Track, last: float, packet: Packet, raw: float) -> float:
        for offset in (track.offset, *reversed(self._offsets)):
            if track.steps_well(raw + offset - last):
                track.offset = offset
                return raw + offset
        time = raw + track.offset
        ahead = [other + track.offset for other in self._ahead(packet, _AHEAD_PACKETS)]
        if (found := _goes_on(track, last, [time, *ahead])) is not None:
            count, goes_on = found
            return last + min(track.usual(), max(goes_on - last, 0.0) / (count + 1))
        if time > last and self._believes(track, last, packet, [time, *ahead]):
            return time
        track.offset = last + track.usual() - raw
        self._offsets.append(track.offset)
        return raw + track.offset

    def _believes(self, track: _Track, last: float, packet: Packet, times: list[float]) -> bool:
        """Whether a gap between `last` and the first of `times` is left as it is; the others follow that one."""
        time, gap, usual_after = times[0], times[0] - last, statistics.median(_rises(times) or [0.0])
        others = [t.last for index, t in self._tracks.items() if index != packet.stream.index and t.last is not None]
        filled = any(other >= time - _INTERLEAVED_S for other in others)
        if time <= self._limit or filled or gap <= _LONGER_THAN_KNOWN * usual_after:
            track.longest = max(track.longest, gap)
            return True
        runs_on = next((i for i, step in enumerate(_steps(times)) if not track.steps_well(step)), len(times) - 1)
        shown = last - track.first - track.unvouched + times[runs_on] - time
        if track.unvouched + gap > _UNVOUCHED_SHARE * shown:
            return False
        track.unvouched += gap
        track.longest = max(track.longest, gap)
        return True

    def _ahead(self, packet: Packet, count: int) -> list[float]:
        """Times of up to `count` packets that follow in this stream, as the file has them."""
        return [time for other in self._ahead_packets(packet, count) if (time := _stamp(other)) is not None]

    def _ahead_packets(self, packet: Packet, count: int) -> list[Packet]:
        """Up to `count` packets with a time that follow in this stream, as the file has them."""
        index, held = packet.stream.index, sum(other.size for other in self._queue)
        found: list[Packet] = []
        waiting = iter(list(self._queue))
        while len(found) < count:
            other = next(waiting, None)
            if other is None:
                if held > _AHEAD_BYTES or (other := next(self._source, None)) is None:
                    break
                self._queue.append(other)
                held += other.size
            if other.stream.index == index and _stamp(other) is not None:
                found.append(other)
        return found

    def _check_order(self, track: _Track, packet: Packet) -> None:
        """A picture is shown soon after it is decoded. One that is not, and not followed by others then, is odd."""
        if packet.pts is None or packet.dts is None:
            return
        distance = float((packet.pts - packet.dts) * packet.time_base)
        if abs(distance) > _FREE_STEP_S and abs(distance) > _REORDERED * track.usual():
            ahead, shown = self._ahead_packets(packet, 2 * _REORDERED), float(packet.pts * packet.time_base)
            alone = not ahead or max(_shown(other) for other in ahead) + track.offset < shown - track.free()
            # At a jump of the clock, pictures that are decoded before it may be shown after it.
            unlike = not ahead or statistics.median(map(_shown_after, ahead)) < distance - track.free()
            if distance < 0 or (alone and ahead) or (unlike and shown > self._limit):
                self._count(track.shown_after - distance)
                packet.pts = packet.dts + round(track.shown_after / packet.time_base)
                return
        track.shown_after = distance

    def _check_length(self, track: _Track, packet: Packet, time: float) -> None:
        """No packet lasts longer than a step may be, unless the header vouches for it."""
        length = float((packet.duration or 0) * packet.time_base)
        if length > _FREE_STEP_S and length > track.free() and time + length > self._limit:
            packet.duration = round(track.usual() / packet.time_base)
            self._count(length)

    def _count(self, change: float) -> None:
        self.corrected += 1
        self.farthest_s = max(self.farthest_s, abs(change))


def _goes_on(track: _Track, last: float, times: list[float]) -> tuple[int, float] | None:
    """(packets until then, time) of the packet with which the times before `last` go on, after a run at other times.

    Such a run begins with one jump and ends with one in the other direction.
    """
    ahead = times[0] > last
    for count, (before, after) in enumerate(pairwise(times), 1):
        latest = last + track.free() + 2 * track.usual() * (count + 1)
        returns = not track.steps_well(after - before) and (after < before) == ahead
        if returns and last - track.back() <= after <= latest:
            return count, after
    return None


def _steps(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


def _rises(times: list[float]) -> list[float]:
    return [step for step in _steps(times) if step > 0]


def _mark(packet: Packet) -> int:
    return hash((_stamp(packet), packet.size, bytes(memoryview(packet)[-_MARK_BYTES:])))


def _shown(packet: Packet) -> float:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return float("-inf") if stamp is None else float(stamp * packet.time_base)


def _shown_after(packet: Packet) -> float:
    """Presentation time less decoding time, in seconds."""
    return 0.0 if packet.pts is None or packet.dts is None else float((packet.pts - packet.dts) * packet.time_base)


def _stamp(packet: Packet) -> float | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None else float(stamp * packet.time_base)


def _move(packet: Packet, seconds: float) -> None:
    ticks = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts += ticks
    if packet.dts is not None:
        packet.dts += ticks
