"""The subtitle tracks inside a file: text as it is, pictures through a reader of text, all on the picture's clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from model.media.container import packets
from model.media.probe import MediaInfo, Track
from model.media.reading import open_probed
from model.media.subtitle_lines import Line, Subtitles, plain, tidy
from model.media.subtitle_pictures import drawn
from model.media.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.subtitles.subtitle import AssSubtitle, SubtitleSet

ReadPicture = Callable[[np.ndarray], str]  # uint8 [H, W, 3] RGB -> the text in it, a row a line; "" for none
# In titles of tracks, as those who make films and discs write them.
_ADDITIONS = {"forced", "signs", "songs", "foreign", "karaoke"}
_SECOND_CHOICE = {"sdh", "cc", "hoh", "hearing", "impaired", "deaf", "commentary", "comments", "director", "trivia"}
_MOST_EVENTS = 200_000  # of one track: karaoke effects write some ten thousand for a song
_MOST_PICTURES = 6_000  # of one track that are read: a film has 1500
_MOST_BYTES = 1 << 20  # of one packet of text; its longest lines are cut later
_OPEN_END = 0xFFFFFFFF  # milliseconds: "until the next one"
_LONGEST_OPEN_S = 10.0  # for a picture that nothing takes away
_ASS_FIELDS = 8  # before the text: ReadOrder, Layer, Style, Name, three margins, Effect


def can_read(track: Track) -> bool:
    """Whether there is a decoder for a track of subtitles."""
    return is_text(track) or is_picture(track)


def is_text(track: Track) -> bool:
    return _has(track, "text_sub")


def is_picture(track: Track) -> bool:
    return _has(track, "bitmap_sub")


def is_addition(track: Track) -> bool:
    """Whether a track of subtitles has foreign words, signs or songs only, and not all that is said."""
    return track.forced or bool(_title_words(track) & _ADDITIONS)


def is_second_choice(track: Track) -> bool:
    """Whether a track of subtitles says more or other things than what is said: for the deaf, or by the makers."""
    return track.aside or bool(_title_words(track) & _SECOND_CHOICE)


def _title_words(track: Track) -> set[str]:
    return set(re.findall(r"[^\W_]+", track.title.casefold()))


def read_tracks(
    path: Path,
    info: MediaInfo,
    tracks: Sequence[Track],
    read_picture: ReadPicture | None = None,
    check: Callable[[], None] = lambda: None,
) -> dict[int, Subtitles]:
    """The lines of some tracks, by the index of their stream, all from one reading of the file.

    `check` is called for every packet and may raise to stop. Without `read_picture` tracks of pictures have no lines.
    What is damaged is left out. Raises UnreadableMedia if the file cannot be opened any more.
    """
    found: dict[int, _Events] = {}
    with open_probed(path, info) as container:
        streams = [container.streams[t.index] for t in tracks if t.index < len(container.streams)]
        contexts: dict[int, Any] = {s.index: s.codec_context for s in streams if s.codec_context is not None}
        found = {index: _Events(info.start_s, read_picture) for index in contexts}
        wanted = [stream for stream in streams if stream.index in contexts]
        for packet in _packets(container, wanted, info) if wanted else ():
            check()
            events = found.get(packet.stream.index)
            if events is not None:
                events.take(contexts[packet.stream.index], packet)
    by_index = {track.index: track for track in tracks}
    return {index: _subtitles(by_index[index], events, info.duration) for index, events in found.items()}


def track_name(track: Track) -> str:
    """What notices call a track."""
    title = f" “{track.title[:80]}”" if track.title else ""
    return f"Subtitle track {track.index}{title}"


def _subtitles(track: Track, events: _Events, duration: float) -> Subtitles:
    name = track_name(track)
    done = tidy(name, events.lines(), duration)
    said = [f"{name}: {events.damaged} of its parts are damaged and were left out."] if events.damaged else []
    said += [f"{name}: it has too many parts, and only the first were read."] if events.full else []
    return Subtitles(done.lines, (*said, *done.notices))


def _packets(container: InputContainer, streams: Sequence[Any], info: MediaInfo) -> Iterator[Packet]:
    """Of the tracks; where the file's times are wrong picture and sound are read too, and all put right together."""
    if info.faithful:
        yield from packets(container, streams)
        return
    indexes = {index for index in (info.video_index, info.audio_index) if index is not None}
    together = sorted(indexes | {stream.index for stream in streams})
    yield from Timeline(info.promised_s).steady(packets(container, [container.streams[i] for i in together]))


@dataclass
class _Events:
    """What the packets of one track show, in container order."""

    start_s: float  # the container's time stamp of t = 0
    read_picture: ReadPicture | None
    damaged: int = 0
    full: bool = False
    _found: list[Line] = field(default_factory=list)
    _shown: Line | None = None  # a picture that still stands
    _pictures: int = 0  # that were read
    _last_picture: tuple[bytes, str] = (b"", "")  # of the picture before: what it looked like, and its text

    def take(self, context: Any, packet: Packet) -> None:
        if self.full or packet.pts is None or packet.time_base is None:
            return
        if packet.size > _MOST_BYTES and context.codec.text_sub:
            self.damaged += 1
            return
        try:
            subtitle = context.decode2(packet)
        except (av.FFmpegError, ValueError):
            self.damaged += 1
            return
        if subtitle is None:
            return
        start = float(packet.pts * packet.time_base) - self.start_s + subtitle.start_display_time / 1000
        if context.codec.bitmap_sub:
            self._take_picture(start, _end(packet, subtitle, start), subtitle)
        else:
            self._take_text(start, _end(packet, subtitle, start), subtitle)
        self.full = self.full or len(self._found) >= _MOST_EVENTS

    def _take_text(self, start: float, end: float | None, subtitle: SubtitleSet) -> None:
        for part in subtitle:
            text = _text(part)  # type: ignore[arg-type]
            if text:
                self._found.append(Line(start, end, text))

    def _take_picture(self, start: float, end: float | None, subtitle: SubtitleSet) -> None:
        """A picture stands until the next one, or until an empty one takes it away."""
        self._close(start)
        text = self._read(subtitle)
        if text:
            self._shown = Line(start, end, text)

    def _read(self, subtitle: SubtitleSet) -> str:
        picture = drawn(subtitle) if self.read_picture else None
        if picture is None or self.read_picture is None:
            return ""
        look = picture.tobytes()
        if look != self._last_picture[0]:
            self._pictures += 1
            self.full = self._pictures >= _MOST_PICTURES
            text = self.read_picture(picture)
            if not text:  # dark letters
                other = drawn(subtitle, ground=255)
                text = self.read_picture(other) if other is not None else ""
            self._last_picture = look, plain(text)
        return self._last_picture[1]

    def _close(self, time: float) -> None:
        if self._shown is not None:
            line, self._shown = self._shown, None
            end = time if line.end is None else min(line.end, time)
            self._found.append(Line(line.start, max(end, line.start), line.text))

    def lines(self) -> list[Line]:
        if self._shown is not None:
            self._close(self._shown.start + _LONGEST_OPEN_S)
        return self._found


def _end(packet: Packet, subtitle: SubtitleSet, start: float) -> float | None:
    if packet.duration and packet.time_base is not None:
        return start + float(packet.duration * packet.time_base)
    shown_ms = subtitle.end_display_time
    if shown_ms in (0, _OPEN_END):
        return None
    return start + max(0.0, (shown_ms - subtitle.start_display_time) / 1000)


def _text(part: AssSubtitle) -> str:
    """The words of an event; "" for a drawing, which ASS writes as text too."""
    from pysubs2 import SSAEvent

    fields = part.ass.decode("utf-8", "replace").split(",", _ASS_FIELDS)
    event = SSAEvent(text=fields[_ASS_FIELDS] if len(fields) > _ASS_FIELDS else "")
    return "" if event.is_drawing else plain(event.text)


def _has(track: Track, property_name: str) -> bool:
    try:
        return bool(track.codec and getattr(av.Codec(track.codec, "r"), property_name))
    except ValueError:  # FFmpeg knows the codec, and has no decoder for it
        return False
