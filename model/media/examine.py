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
from model.media.appended import has_appended
from model.media.container import (
    decode,
    is_picture_file,
    open_media,
    packets,
    picture_streams,
    seeks_reliably,
    sound_streams,
)
from model.media.length import Length, measure, promised_end, vouching_end
from model.media.probe import NO_PICTURE, NO_SOUND, MediaInfo, Picture
from model.media.timeline import Timeline
from model.media.tracks import list_tracks

# Packets that may fail before the first picture: a cut recording can begin ten seconds (300 frames) before a key frame.
_TRIAL_PACKETS = 400
# Where else to look for a first picture when a file's beginning is damaged, as fractions of its length.
_TRIAL_PLACES = (0.0, 0.25, 0.5, 0.75)
_CLEARLY_MORE = 1.05
# Sample aspect ratios beyond these are nonsense in a header.
_SAR_LIMIT = 8.0
_UNKNOWN_S = 1e6  # a length that cuts nothing off


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
    if is_picture_file(path):
        from model.media.stills import examine_picture

        return examine_picture(path, deadline)
    found = _look(path, deadline, as_stream=False)
    if found.worth_another_way:
        other = _look(path, deadline, as_stream=True)
        if other.beats(found):
            found = other
    if found.picture is None and found.sound is None:
        with open_media(path) as container:
            raise UnreadableMedia(_nothing_in_it(path, container))
    return _described(path, found)


@dataclass(frozen=True)
class _Look:
    """What one way of reading the file shows."""

    as_stream: bool
    picture: _Found | None = None
    sound: _Found | None = None
    second: Picture | None = None  # another picture
    notices: tuple[str, ...] = ()
    length: Length | None = None
    worth_another_way: bool = False  # an index may be to blame for what is wrong or missing

    def beats(self, other: _Look) -> bool:
        """Whether it finds clearly more in the file, or as much and nothing wrong."""
        if self.length is None or other.length is None:
            return self.length is not None
        share = self.length.read_bytes / max(other.length.read_bytes, 1)
        return share > _CLEARLY_MORE or (share > 1 / _CLEARLY_MORE and not self.length.warnings)


def _look(path: Path, deadline: float, as_stream: bool) -> _Look:
    with open_media(path, as_stream) as container:
        pictures, sounds = picture_streams(container), sound_streams(container)
        promised = promised_end(container, [*pictures[:1], *sounds[:1]])
        vouching = vouching_end(path, container, promised)
        needs_index = container.format.name.startswith("mov")
        fps = {stream.index: _frame_rate(stream) for stream in pictures}
        indexes = [stream.index for stream in sounds]
        leading = tuple(stream.index for stream in (*pictures[:1], *sounds[:1]))
    trial = _Trial(path, promised, vouching, leading, deadline, as_stream)
    picture = trial.first_that_decodes(list(fps))
    sound = trial.first_that_decodes(indexes)
    first = picture or sound
    if first is None:
        return _Look(as_stream, worth_another_way=not needs_index)
    chosen = [found.index for found in (picture, sound) if found is not None]
    second: Picture | None = None
    notices: tuple[str, ...] = ()
    if picture is not None and len(fps) > 1:
        second, notices = _second(trial, fps, picture, sound)
        chosen += [second.index] if second else []
    length = measure(path, chosen, first.first_s, fps[picture.index] if picture else 0.0, deadline, as_stream)
    return _Look(as_stream, picture, sound, second, notices, length, length.suspicious and not needs_index)


def _second(
    trial: _Trial, fps: dict[int, float], picture: _Found, sound: _Found | None
) -> tuple[Picture | None, tuple[str, ...]]:
    """The largest other picture that shows something else, and what is to be said of it and of those left out."""
    from model.media.two_pictures import is_copy  # with NumPy, which most probes do without

    with open_media(trial.path, trial.as_stream) as container:
        shape, seekable = _shape(container.streams[picture.index], picture.frame), seeks_reliably(container)
        area = {index: _area(container.streams[index]) for index in fps}
    others: list[Picture] = []
    for index in sorted(fps.keys() - {picture.index}, key=lambda index: (-area[index], index)):
        found = trial.first_that_decodes([index])
        if found is None:
            continue
        with open_media(trial.path, trial.as_stream) as container:
            other = Picture(index, *_shape(container.streams[index], found.frame), fps[index])
        info = MediaInfo(
            trial.promised - picture.first_s if trial.promised else _UNKNOWN_S, *shape, fps[picture.index],
            picture.codec, sound.codec if sound else None, "", picture.first_s, video_index=picture.index,
            audio_index=sound.index if sound else None, as_stream=trial.as_stream,
            promised_s=trial.promised, second=other,
        )  # fmt: skip
        if not is_copy(trial.path, info, seekable and trial.promised is not None, trial.deadline):
            others.append(other)
    if not others:
        return None, ()
    notices = ["The file has two pictures at a time: both were seen and read, the player shows the first."]
    if len(others) > 1:
        notices = [f"The file has {len(others) + 1} pictures at a time: the first and the largest other one were seen"
                   " and read, the rest was left out; the player shows the first."]  # fmt: skip
    return others[0], tuple(notices)


def _area(stream: Any) -> int:
    return int(stream.codec_context.width) * int(stream.codec_context.height)


def _described(path: Path, found: _Look) -> MediaInfo:
    picture, sound, length = found.picture, found.sound, found.length
    leading = picture or sound
    assert leading is not None and length is not None
    with open_media(path, found.as_stream) as container:
        fps = _frame_rate(container.streams[picture.index]) if picture else 0.0
        shape = _shape(container.streams[picture.index], picture.frame) if picture else (0, 0, 0)
        missing = _missing(container, picture, sound)
        name = container.format.name
        tracks = list_tracks(container)
    index = ["The index at the end of the file is damaged: the file was read without it."] if found.as_stream else []
    if has_appended(path, length.read_until):
        index.append("Another recording is appended to the file; it was left out: only the first can be read.")
    return MediaInfo(
        duration=round(max(length.end_s - leading.first_s, 0.0), 6),
        width=shape[0],
        height=shape[1],
        rotation=shape[2],
        fps=fps,
        video_codec=picture.codec if picture else None,
        audio_codec=sound.codec if sound else None,
        container=name,
        start_s=leading.first_s,
        warnings=(*missing, *index, *found.notices, *length.warnings),
        video_index=picture.index if picture else None,
        audio_index=sound.index if sound else None,
        faithful=length.faithful,
        as_stream=found.as_stream,
        estimated=length.estimated,
        promised_s=length.promised_s,
        second=found.second,
        tracks=tracks,
    )


def main(arguments: Sequence[str]) -> None:
    path, timeout_s = Path(arguments[0]), float(arguments[1]) if len(arguments) > 1 else 20.0
    try:
        # The rest of the time is for starting Python and for what cannot be interrupted.
        answer = examine(path, budget_s=timeout_s * 0.7).to_json()
    except UnreadableMedia as refusal:
        answer = {"error": str(refusal)}
    print(json.dumps(answer))


@dataclass(frozen=True)
class _Trial:
    """The search for the first frame of a stream; times in container seconds."""

    path: Path
    promised: float | None
    vouching: float | None
    leading: tuple[int, ...]  # the best picture and the best sound: their times are corrected together
    deadline: float
    as_stream: bool

    def first_that_decodes(self, indexes: list[int]) -> _Found | None:
        """The best stream that decodes at all, looked for at several places of the file."""
        for index in indexes:
            for place in _TRIAL_PLACES if self.promised and not self.as_stream else _TRIAL_PLACES[:1]:
                found = self._first_frame(index, place * (self.promised or 0.0))
                if found is not None:
                    return found
        return None

    def _first_frame(self, index: int, from_s: float) -> _Found | None:
        """The first frame from `from_s` on, within a limited number of packets."""
        seen = 0

        def count(_: Any) -> None:
            nonlocal seen
            seen += 1
            if seen > _TRIAL_PACKETS or time.monotonic() > self.deadline:
                raise _EnoughError

        with open_media(self.path, self.as_stream) as container:
            stream: Any = container.streams[index]
            try:
                if from_s:
                    container.seek(int(from_s / stream.time_base), stream=stream)
                together = {index} if from_s else {index, *self.leading}
                streams = [container.streams[number] for number in sorted(together)]
                steady = Timeline(self.vouching).steady(packets(container, streams))
                source = (packet for packet in steady if packet.stream.index == index)
                for frame in decode(source, stream.codec_context, before=count):
                    start = stream.start_time if stream.start_time is not None else 0
                    pts = start if from_s or frame.pts is None else frame.pts
                    return _Found(
                        index, stream.codec_context.codec.canonical_name, float(pts * stream.time_base), frame
                    )
            except (av.FFmpegError, _EnoughError):
                return None
        return None


class _EnoughError(Exception):
    """The trial has taken enough packets or time."""


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
        said += [NO_PICTURE]
    if sound is None:
        said += ["the sound could not be decoded" if container.streams.audio else NO_SOUND]
    return said


def _nothing_in_it(path: Path, container: Any) -> str:
    kinds = {stream.type for stream in container.streams} & {"video", "audio"}
    if not kinds:
        return f"{path.name} holds neither picture nor sound."
    return f"{path.name} could not be read: nothing in it can be decoded, it is damaged or in an unknown format."


if __name__ == "__main__":
    main(sys.argv[1:])
