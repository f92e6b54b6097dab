"""The child process behind `probe`: opens a file, decodes its first picture and sound, and finds where it really ends.

`python -m model.media.examine FILE [SECONDS]` prints one JSON object: the fields of MediaInfo, or {"error": sentence}.
Nothing heavy is imported, so that a probe costs about a quarter of a second.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from model.errors import UnreadableMedia
from model.media.container import decode, open_media, packets, picture_streams, sound_streams
from model.media.probe import MediaInfo

# Packets that may fail before the first picture: a cut recording can begin ten seconds (300 frames) before a key frame.
_TRIAL_PACKETS = 400
# Where else to look for a first picture when a file's beginning is damaged, as fractions of its length.
_TRIAL_PLACES = (0.0, 0.25, 0.5, 0.75)
# The tail that is read to see whether the file is as long as it claims.
_TAIL_S = 10.0
# Headers round; a second less than promised is worth telling.
_SHORTFALL_S = 1.0
_AGREES_S = 0.5
# Sample aspect ratios beyond these are nonsense in a header.
_SAR_LIMIT = 8.0


@dataclass(frozen=True)
class _Found:
    """A stream that decodes, and its first frame."""

    index: int
    codec: str
    first_s: float
    frame: Any


def examine(path: Path, budget_s: float = 14.0) -> MediaInfo:
    """Raises UnreadableMedia if neither picture nor sound can be decoded. Takes `budget_s` at most, more or less."""
    deadline = time.monotonic() + budget_s
    with open_media(path) as container:
        pictures, sounds = picture_streams(container), sound_streams(container)
        promised = _promised_end(container, [*pictures[:1], *sounds[:1]])
        picture = _first_that_decodes(path, [s.index for s in pictures], promised, deadline)
        sound = _first_that_decodes(path, [s.index for s in sounds], promised, deadline)
        if picture is None and sound is None:
            raise UnreadableMedia(_nothing_in_it(path, container))
        leading = picture or sound
        assert leading is not None
        chosen = [found.index for found in (picture, sound) if found is not None]
        fps = _frame_rate(container.streams[picture.index]) if picture else 0.0
        end, warnings = _find_end(path, chosen, promised, leading.first_s, fps, deadline)
        shape = _shape(container.streams[picture.index], picture.frame) if picture else (0, 0, 0)
        return MediaInfo(
            duration=round(max(end - leading.first_s, 0.0), 6),
            width=shape[0],
            height=shape[1],
            rotation=shape[2],
            fps=fps,
            video_codec=picture.codec if picture else None,
            audio_codec=sound.codec if sound else None,
            container=container.format.name,
            start_s=leading.first_s,
            warnings=(*_missing(container, picture, sound), *warnings),
            video_index=picture.index if picture else None,
            audio_index=sound.index if sound else None,
        )


def main(arguments: Sequence[str]) -> None:
    path, timeout_s = Path(arguments[0]), float(arguments[1]) if len(arguments) > 1 else 20.0
    try:
        # The rest of the time is for starting Python and for what cannot be interrupted.
        answer = examine(path, budget_s=timeout_s * 0.7).to_json()
    except UnreadableMedia as refusal:
        answer = {"error": str(refusal)}
    print(json.dumps(answer))


def _first_that_decodes(path: Path, indexes: list[int], promised: float | None, deadline: float) -> _Found | None:
    for index in indexes:
        for place in _TRIAL_PLACES if promised else _TRIAL_PLACES[:1]:
            found = _first_frame(path, index, place * (promised or 0.0), deadline)
            if found is not None:
                return found
    return None


def _first_frame(path: Path, index: int, from_s: float, deadline: float) -> _Found | None:
    """The first frame from `from_s` (container time) on, within a limited number of packets."""
    seen = 0

    def count(_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen > _TRIAL_PACKETS or time.monotonic() > deadline:
            raise _EnoughError

    with open_media(path) as container:
        stream: Any = container.streams[index]
        try:
            if from_s:
                container.seek(int(from_s / stream.time_base), stream=stream)
            for frame in decode(packets(container, (stream,)), stream.codec_context, before=count):
                start = stream.start_time if stream.start_time is not None else 0
                pts = start if from_s or frame.pts is None else frame.pts
                return _Found(index, stream.codec_context.codec.canonical_name, float(pts * stream.time_base), frame)
        except (av.FFmpegError, _EnoughError):
            return None
    return None


class _EnoughError(Exception):
    """The trial has taken enough packets or time."""


def _promised_end(container: Any, streams: Sequence[Any]) -> float | None:
    """The end of the timeline by the headers, in container time."""
    ends = [
        float((stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base)
        for stream in streams
        if stream.duration
    ]
    for stream in streams:
        if stream.type == "video" and stream.frames and stream.average_rate and not ends:
            ends.append(float(stream.frames / stream.average_rate))
    if container.duration and not ends:
        ends.append(container.duration / av.time_base)  # Matroska counts from zero, whatever the first time stamp is
    return max(ends, default=None)


def _find_end(
    path: Path, indexes: list[int], promised: float | None, start_s: float, fps: float, deadline: float
) -> tuple[float, list[str]]:
    """Where the last packet really ends (container time), and what to say when the header promised more."""
    if promised is not None:
        tail = _measure(path, indexes, promised - _TAIL_S, fps, deadline)
        if tail.end is not None and abs(tail.end - promised) < _AGREES_S:
            # No picture may lie behind the end; decoders' padding of the sound may.
            return max(promised, tail.picture_end or 0.0), []
        if tail.end is not None and tail.end > promised:
            return tail.end, []
    whole = _measure(path, indexes, None, fps, deadline)
    if whole.end is None:
        return max(promised or 0.0, start_s), []
    if not whole.finished:
        return max(promised or 0.0, whole.end), ["the length is an estimate: the file gives none"]
    if promised is not None and whole.end < promised - _SHORTFALL_S:
        text = f"the file ends after {whole.end - start_s:.1f} s although it promises {promised - start_s:.1f} s"
        return whole.end, [f"{text}: it was cut off or is damaged"]
    return whole.end, []


@dataclass
class _Measured:
    """Ends in container time; None where no packet was met."""

    end: float | None = None
    picture_end: float | None = None
    finished: bool = True  # False: there was no time to read to the end, and `end` is estimated from the bytes read


def _measure(path: Path, indexes: list[int], from_s: float | None, fps: float, deadline: float) -> _Measured:
    """Reads the packets from `from_s` (None: the beginning) to the end of the file without decoding them."""
    result = _Measured()
    position = 0
    with open_media(path) as container:
        streams: list[Any] = [container.streams[index] for index in indexes]
        if from_s is not None and from_s > 0:
            try:
                container.seek(int(from_s * av.time_base))
            except av.FFmpegError:
                return result
        for count, packet in enumerate(packets(container, streams)):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None and not packet.is_discard:
                picture = packet.stream.type == "video"
                length = float((packet.duration or 0) * packet.time_base) or (1 / fps if picture and fps else 0.0)
                end = float(stamp * packet.time_base) + length
                result.end = max(result.end or 0.0, end)
                if picture:
                    result.picture_end = max(result.picture_end or 0.0, end)
            position = packet.pos or position
            if count % 256 == 0 and time.monotonic() > deadline:
                share = position / path.stat().st_size
                result.end = result.end / share if result.end and share > 0 else result.end
                result.finished = False
                break
    return result


def _shape(stream: Any, frame: Any) -> tuple[int, int, int]:
    """Displayed width, displayed height, clockwise rotation."""
    rotation = round(-frame.rotation / 90) * 90 % 360  # FFmpeg's angle is counter-clockwise
    ratio = float(stream.sample_aspect_ratio or 1)
    if not 1 / _SAR_LIMIT <= ratio <= _SAR_LIMIT:
        ratio = 1.0
    width, height = max(1, round(frame.width * ratio)), frame.height
    return (height, width, rotation) if rotation in (90, 270) else (width, height, rotation)


def _frame_rate(stream: Any) -> float:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return float(rate)
    return 0.0


def _missing(container: Any, picture: _Found | None, sound: _Found | None) -> list[str]:
    said = []
    if picture is None:
        broken = [s for s in container.streams.video if s in picture_streams(container) or s.codec_context is None]
        said += ["the picture could not be decoded"] if broken else []
        said += ["no picture: only the sound was indexed"]
    if sound is None:
        said += ["the sound could not be decoded" if container.streams.audio else "no sound"]
    return said


def _nothing_in_it(path: Path, container: Any) -> str:
    kinds = {stream.type for stream in container.streams} & {"video", "audio"}
    if not kinds:
        return f"{path.name} holds neither picture nor sound."
    return f"{path.name} could not be read: nothing in it can be decoded, it is damaged or in an unknown format."


if __name__ == "__main__":
    main(sys.argv[1:])
