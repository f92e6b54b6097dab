"""How long a file really is: until the last picture or sound that decodes, at times that can be believed.

A header, an index or one time stamp may claim anything, so each is held against the packets, and the last packets are
decoded. A large file with an index that agrees with its header is only read at its end.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from model.media.container import open_media, packets, seeks_reliably
from model.media.timeline import Timeline
from model.timecode import clock

if TYPE_CHECKING:
    from av.packet import Packet

# The tail that is read to see whether the file is as long as it claims.
_TAIL_S = 10.0
# Below this size every packet is read: it takes a tenth of a second.
_READ_WHOLE_BYTES = 64 << 20
# Headers round; a second less than promised is worth telling.
_SHORTFALL_S = 1.0
_AGREES_S = 0.5
# At least so much of the end is decoded, back to a key frame; the rest of a stream's end is as good as that.
_DECODED_TAIL_S = 2.0
_NEIGHBOURS = 5  # packets by which a frame is judged
_TAIL_BYTES = 64 << 20  # of packets held for that
# Time for decoding the end: pictures of 8K are slow, and by then many were fine.
_DECODE_S = 0.8
# Pictures that no other needs are spared where there are so many.
_FAST_FPS = 20
# Containers whose headers give a length of their own; elsewhere it is guessed from the time stamps.
_PROMISING = ("mov", "matroska", "avi", "asf")
_FLV_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Length:
    """Where a file ends. `end_s` and `promised_s` are in the container's seconds, `read_bytes` is what packets held."""

    end_s: float
    faithful: bool
    estimated: bool
    promised_s: float | None
    read_bytes: int
    read_until: int  # byte behind the last packet, 0 where the container does not tell
    suspicious: bool  # the index may be to blame for what is wrong
    warnings: tuple[str, ...] = ()


@dataclass
class _Tail:
    """The end of one stream. Ends in container seconds; None where there is none."""

    end: float | None = None  # of the packet that is shown last
    last_begin: float = float("-inf")  # of the same
    decoded_end: float | None = None  # of the last picture or sound that decodes
    held: deque[Packet] = field(default_factory=deque)
    held_bytes: int = 0
    keys: deque[float] = field(default_factory=deque)  # decoding times of the key frames that are held

    def add(self, packet: Packet, shown: float, length: float) -> None:
        """`shown`: when. The length of a picture is only told by that of the last: others are shown until the next."""
        if not packet.is_discard and shown >= self.last_begin:
            self.last_begin, self.end = shown, shown + length
        begin = _begin(packet)
        if packet.is_keyframe and begin is not None:
            self.keys.append(begin)
        self.held.append(packet)
        self.held_bytes += packet.size
        while len(self.keys) > 1 and self.end is not None and self.keys[1] <= self.end - _DECODED_TAIL_S:
            self.keys.popleft()
        while self.held and (self._is_over(self.held[0]) or self.held_bytes > _TAIL_BYTES):
            self.held_bytes -= self.held.popleft().size

    def decode(self, stream: Any, fps: float, until: float) -> None:
        """Find `decoded_end`. If time runs out, what came so far speaks for the rest."""
        if stream.type == "video":
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.skip_frame = "NONREF" if fps >= _FAST_FPS else "DEFAULT"
        decoder = _Decoder(stream, fps)
        for packet in (*self.held, None):
            if time.monotonic() > until:
                self.decoded_end = self.end
                break
            decoder.feed(packet)
            self.decoded_end = decoder.end
        self.held.clear()

    def _is_over(self, packet: Packet) -> bool:
        """Whether it lies before the key frame from which the end is decoded."""
        begin = _begin(packet)
        return bool(self.keys) and begin is not None and begin < self.keys[0]


@dataclass
class _Survey:
    """What reading packets showed, and decoding the last of them."""

    tails: dict[int, _Tail]
    picture_end: float | None = None
    finished: bool = True  # False: there was no time to read to the end
    estimated_end: float | None = None  # then: by the bytes that were read
    read_bytes: int = 0
    read_until: int = 0
    corrected: int = 0
    farthest_s: float = 0.0
    errors: int = 0

    @property
    def end(self) -> float | None:
        return max((tail.end for tail in self.tails.values() if tail.end is not None), default=None)

    @property
    def decoded_end(self) -> float | None:
        """The latest end of what decodes; 0 where nothing at the end does."""
        return max((tail.decoded_end for tail in self.tails.values() if tail.decoded_end is not None), default=0.0)


def promised_end(container: Any, streams: Sequence[Any]) -> float | None:
    """The end of the timeline by the headers, in container seconds."""
    ends = [
        float((stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base)
        for stream in streams
        if stream.duration
    ]
    avi = container.format.name == "avi"  # whose duration FFmpeg derives from what is there; the header counts frames
    for stream in streams:
        if stream.type == "video" and stream.frames and stream.average_rate and (avi or not ends):
            ends.append(float(stream.frames / stream.average_rate))
    if container.duration and not ends:
        ends.append(container.duration / av.time_base)  # Matroska counts from zero, whatever the first time stamp is
    return max(ends, default=None)


def vouching_end(path: Path, container: Any, promised: float | None) -> float | None:
    """`promised`, where it is the header's own word and not derived from the time stamps that it should vouch for."""
    own = container.format.name.startswith(_PROMISING) or (container.format.name == "flv" and _flv_gives_length(path))
    return promised if own else None


def _flv_gives_length(path: Path) -> bool:
    """Whether the script data at the beginning hold a duration (Adobe FLV, E.4.4 and E.5): AMF name, type 0, double."""
    name = b"\x00\x08duration\x00"
    with path.open("rb") as file:
        head = file.read(_FLV_HEAD_BYTES)
    at = head.find(name) + len(name)
    return name in head and len(head) >= at + 8 and struct.unpack(">d", head[at : at + 8])[0] > 0


def measure(
    path: Path, indexes: Sequence[int], start_s: float, fps: float, deadline: float, as_stream: bool = False
) -> Length:
    """The length of a file with these streams, whose first picture (or sound) stands at `start_s`.

    Takes until `deadline` (time.monotonic()) at most, more or less. Raises UnreadableMedia if the file is gone.
    """
    with open_media(path, as_stream) as container:
        streams = [container.streams[index] for index in indexes]
        promised = promised_end(container, streams)
        job = _Measuring(path, indexes, promised, vouching_end(path, container, promised), fps, deadline, as_stream)
        job.seeks = not as_stream and seeks_reliably(container)
    survey = None
    if promised is not None and job.seeks and path.stat().st_size > _READ_WHOLE_BYTES:
        survey = job.survey(promised - _TAIL_S)
        if not _agrees(survey, promised):
            survey = None
    survey = survey or job.survey(None)
    if not survey.finished and promised is not None:
        tail = job.survey(promised - _TAIL_S)
        survey = tail if tail.finished and _agrees(tail, promised) else survey
    return _judged(job, survey, start_s)


def _agrees(survey: _Survey, promised: float | None) -> bool:
    return promised is not None and survey.end is not None and abs(survey.end - promised) < _AGREES_S


def _judged(job: _Measuring, survey: _Survey, start_s: float) -> Length:
    """Put together what the headers say, what the packets say and what decodes."""
    promised, end = job.promised, survey.end
    if end is None or not survey.finished:
        end = max(promised or 0.0, survey.estimated_end or 0.0, end or 0.0, start_s)
        said = ("The length is an estimate: the file gives none.",)
        return Length(end, True, True, job.vouching, survey.read_bytes, 0, False, said)
    warnings = []
    decodes = survey.decoded_end
    if decodes is not None and decodes < end - max(_SHORTFALL_S, 2 / job.fps if job.fps else 0.0):
        decodes = job.last_that_decodes(end)
    if decodes is not None and decodes < end - max(_SHORTFALL_S, 2 / job.fps if job.fps else 0.0):
        text = f"only {decodes - start_s:.1f} s of {end - start_s:.1f} s can be decoded"
        warnings.append(f"The end of the file is damaged: {text}.")
        end = decodes
    elif promised is not None and end < promised - _SHORTFALL_S and (job.vouching is not None or not survey.corrected):
        text = f"The file ends after {end - start_s:.1f} s although it promises {promised - start_s:.1f} s"
        warnings.append(f"{text}: it was cut off or is damaged.")
    elif _agrees(survey, promised):
        # No picture may lie behind the end; decoders' padding of the sound may.
        end = max(promised or 0.0, survey.picture_end or 0.0)
    if survey.corrected:
        warnings.append(_corrections(survey))
    faithful = not warnings and not job.as_stream
    suspicious = not faithful or survey.errors > 0
    return Length(end, faithful, False, job.vouching, survey.read_bytes, survey.read_until, suspicious, tuple(warnings))


def _corrections(survey: _Survey) -> str:
    if not survey.farthest_s:
        return "Parts of the file are in it twice: each is indexed once."
    text = f"Some of the file's time stamps were wrong by up to {clock(survey.farthest_s)} and were put right"
    return f"{text}: the file is damaged or was put together from pieces."


@dataclass
class _Measuring:
    """One way of reading one file, and until when."""

    path: Path
    indexes: Sequence[int]
    promised: float | None
    vouching: float | None
    fps: float
    deadline: float
    as_stream: bool
    seeks: bool = False

    def survey(self, from_s: float | None) -> _Survey:
        """Read the packets from `from_s` (None: the beginning) to the end of the file, and decode the last ones."""
        result = _Survey({index: _Tail() for index in self.indexes})
        timeline = Timeline(self.vouching)
        with open_media(self.path, self.as_stream) as container:
            streams: list[Any] = [container.streams[index] for index in self.indexes]
            if from_s is not None and not _seek(container, from_s):
                return result

            def count_error() -> None:
                result.errors += 1

            for count, packet in enumerate(timeline.steady(packets(container, streams, count_error))):
                result.read_bytes += packet.size
                result.read_until = max(result.read_until, (packet.pos or 0) + packet.size)
                self._note(result, packet)
                if count % 256 == 255 and time.monotonic() > self.deadline:
                    result.finished = False
                    result.estimated_end = _extrapolated(result.end, result.read_until / self.path.stat().st_size)
                    return result
            result.corrected, result.farthest_s = timeline.corrected, timeline.farthest_s
            until = min(self.deadline, time.monotonic() + _DECODE_S)
            for stream in streams:
                result.tails[stream.index].decode(stream, self.fps, until)
        return result

    def last_that_decodes(self, end: float) -> float | None:
        """The end of the last picture or sound that decodes: looked for from the end back, or else all through."""
        window, until = 2 * _TAIL_S, end
        while self.seeks and until > 0 and time.monotonic() < self.deadline:
            begin = max(0.0, end - window)
            found = self._decode(begin, until)
            if found is not None:
                return found
            window, until = 2 * window, begin
        return None if self.seeks else self._decode(None, end)

    def _decode(self, begin: float | None, until: float) -> float | None:
        """The latest end of what decodes between two times (container seconds); None if nothing does."""
        with open_media(self.path, self.as_stream) as container:
            streams: list[Any] = [container.streams[index] for index in self.indexes]
            if begin and not _seek(container, begin):
                return None
            decoders = {stream.index: _Decoder(stream, self.fps, until + _SHORTFALL_S) for stream in streams}
            for packet in Timeline(self.vouching).steady(packets(container, streams)):
                at = _begin(packet)
                if (at is not None and at > until + _TAIL_S) or time.monotonic() > self.deadline:
                    break
                decoders[packet.stream.index].feed(packet)
        return max((decoder.end for decoder in decoders.values() if decoder.end is not None), default=None)

    def _note(self, result: _Survey, packet: Packet) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return
        picture = packet.stream.type == "video"
        begin = float(stamp * packet.time_base)
        length = float((packet.duration or 0) * packet.time_base) or (1 / self.fps if picture and self.fps else 0.0)
        if packet.pts != packet.dts and self.vouching is not None:
            # The length of a reordered picture may be that of another: the distance to the one decoded next.
            length = min(length, max(self.vouching - begin, 1 / self.fps if self.fps else 0.0))
        tail = result.tails[packet.stream.index]
        tail.add(packet, begin, length)
        if picture:
            result.picture_end = tail.end


def _seek(container: Any, to_s: float) -> bool:
    if to_s > 0:
        try:
            container.seek(int(to_s * av.time_base))
        except av.FFmpegError:
            return False
    return True


def _extrapolated(end: float | None, share: float) -> float | None:
    return end / share if end and share > 0 else end


class _Decoder:
    """Decodes one stream and notes where what it gives ends: `end`, in container seconds, None before the first frame.

    A frame among packets that fail is noise that happens to look like one: it does not count.
    """

    def __init__(self, stream: Any, fps: float, limit: float = float("inf")) -> None:
        """`limit`: frames that end later are not counted."""
        self.end: float | None = None
        self._stream, self._fps, self._limit = stream, fps, limit
        self._failed: deque[bool] = deque(maxlen=_NEIGHBOURS)

    def feed(self, packet: Packet | None) -> None:
        """None: there are no more."""
        try:
            frames = list(self._stream.codec_context.decode(packet))
        except av.FFmpegError:
            self._failed.append(True)
            return
        self._failed.append(False)
        if sum(self._failed) > _NEIGHBOURS // 2:
            return
        for frame in frames:
            end = _frame_end(frame, self._stream, self._fps)
            if end is not None and end <= self._limit:
                self.end = end if self.end is None else max(self.end, end)


def _begin(packet: Packet) -> float | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None else float(stamp * packet.time_base)


def _frame_end(frame: Any, stream: Any, fps: float) -> float | None:
    if frame.pts is None:
        return None
    begin = float(frame.pts * stream.time_base)
    if stream.type == "audio":
        return begin + frame.samples / frame.sample_rate
    return begin + (float((frame.duration or 0) * stream.time_base) or (1 / fps if fps else 0.0))
