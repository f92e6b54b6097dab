"""Reading a file in the way that its probe found right: with or without its index, with time stamps put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.media.container import open_media, packets, seeks_reliably
from model.media.probe import MediaInfo
from model.media.timeline import Timeline

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet


def open_probed(path: Path, info: MediaInfo) -> InputContainer:
    """Raises UnreadableMedia when the file is gone or FFmpeg cannot make sense of it any more."""
    return open_media(path, info.as_stream)


def may_seek(container: InputContainer, info: MediaInfo) -> bool:
    """Whether a seek lands where it should: the container keeps an index, and its times need no correction."""
    return info.faithful and not info.as_stream and seeks_reliably(container)


def steady_packets(
    container: InputContainer, stream: Any, info: MediaInfo, damaged: Callable[[], None] | None = None
) -> Iterator[Packet]:
    """Packets of one stream from where the container stands, with times that can be believed.

    In a file whose times are wrong both its streams are read, as the probe did, so that they are corrected together.
    """
    if info.faithful:
        yield from Timeline(info.start_s + info.duration).steady(packets(container, (stream,), damaged))
        return
    indexes = {index for index in (info.video_index, info.audio_index) if index is not None} | {stream.index}
    streams = [container.streams[index] for index in sorted(indexes)]
    for packet in Timeline(info.promised_s).steady(packets(container, streams, damaged)):
        if packet.stream.index == stream.index:
            yield packet
