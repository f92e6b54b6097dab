"""Videos with several sounds and subtitles, as a file that several people are to understand has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av

from tests.media_factory import make_audio, make_video

SUBTITLE = "Hallo"


def make_tracks(
    path: Path, sounds: Sequence[tuple[str, str]] = (("eng", "Main"), ("spa", "")), subtitles: Sequence[str] = ("ger",)
) -> Path:
    """Writes a Matroska file of 2 s: a picture, sounds by (language, title) with a tone each, subtitles by language."""
    parts = [make_video(path.with_suffix(".picture.mp4"), audio=None)]
    for number in range(len(sounds)):
        parts.append(make_audio(path.with_suffix(f".{number}.m4a"), 2.0, 300.0 * (number + 1)))
    for number in range(len(subtitles)):
        parts.append(path.with_suffix(f".{number}.srt"))
        parts[-1].write_text(f"1\n00:00:00,500 --> 00:00:01,500\n{SUBTITLE}\n")
    with av.open(str(path), "w", format="matroska") as out:
        opened = [av.open(str(part)) for part in parts]
        streams: list[Any] = [out.add_stream_from_template(container.streams[0]) for container in opened]
        described = [*sounds, *((language, "") for language in subtitles)]
        for stream, (language, title) in zip(streams[1:], described, strict=True):
            stream.metadata.update({"language": language, "title": title})
        for stream, container in zip(streams, opened, strict=True):
            for packet in container.demux(container.streams[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
            container.close()
    for part in parts:
        part.unlink()
    return path
