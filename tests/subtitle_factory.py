"""Videos with subtitle tracks, made by code: text in the codecs of MP4 and Matroska, pictures as Blu-ray discs have."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.media_factory import Scene, make_video

Cue = tuple[float, float, str]  # start and end in seconds, text
SIZE = (640, 360)
_ASS_HEADER = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


@dataclass(frozen=True)
class Track:
    """A subtitle track; `codec`: mov_text, subrip, ass, webvtt, hdmv_pgs_subtitle, dvd_subtitle or dvb_subtitle."""

    cues: Sequence[Cue]
    codec: str = "subrip"
    language: str = ""  # ISO 639-2, as containers write it
    title: str = ""
    forced: bool = False
    default: bool = False


def make_subtitled(
    path: Path,
    tracks: Sequence[Track],
    seconds: float = 10.0,
    audio: str | np.ndarray | None = None,
    sound_language: str = "",
    start_s: float = 0.0,
) -> Path:
    """A video with these tracks; their indexes follow those of picture and sound. Times are the picture's, which has
    the time stamp `start_s`."""
    plain = make_video(
        path.with_name(f"plain-{path.name}"),
        [Scene(seconds, tone_hz=None)],
        audio=audio,
        start_s=start_s,
        codec_options={"bf": "0"},
    )  # no picture out of order: Matroska would not say when it is decoded
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        copies: dict[int, Any] = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for stream in source.streams.audio:
            if sound_language:
                copies[stream.index].metadata["language"] = sound_language
        first = source.streams.video[0]
        first_s = float((first.start_time or 0) * first.time_base)  # transport streams begin at 1.4 s
        added = [_add(out, track) for track in tracks]
        out.start_encoding()
        packets = []
        for packet in source.demux():
            if packet.size and packet.dts is not None:
                time = float(packet.dts * packet.time_base)
                packet.stream = copies[packet.stream.index]
                packets.append((time, packet))
        for stream, track in zip(added, tracks, strict=True):
            packets += [(p.pts / 1000, p) for p in _packets(stream, track, first_s)]
        for _, packet in sorted(packets, key=lambda item: item[0]):
            out.mux(packet)
    plain.unlink()
    return path


def srt(cues: Sequence[Cue]) -> str:
    """The text of a SubRip file."""
    return "".join(f"{n}\n{_stamp(a)} --> {_stamp(b)}\n{text}\n\n" for n, (a, b, text) in enumerate(cues, 1))


def _stamp(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"


def _add(out: Any, track: Track) -> Any:
    if track.codec == "ass":
        stream = out.add_stream("ass")
        stream.codec_context.subtitle_header = _ASS_HEADER.encode()
    else:
        stream = out.add_mux_stream(track.codec)
    stream.time_base = Fraction(1, 1000)
    if track.language:
        stream.metadata["language"] = track.language
    if track.title:
        stream.metadata["title"] = track.title
    flags = av.stream.Disposition.forced if track.forced else av.stream.Disposition(0)
    stream.disposition = flags | (av.stream.Disposition.default if track.default else av.stream.Disposition(0))
    return stream


def _packets(stream: Any, track: Track, first_s: float) -> list[Any]:
    packets = []
    for number, (start, end, text) in enumerate(track.cues):
        pictured = track.codec not in ("mov_text", "subrip", "ass", "webvtt")
        data = _picture(track.codec, text, end - start) if pictured else _text(track.codec, text, number)
        pieces = [(start, end, data)] + ([(end, end, _pgs(None))] if track.codec == "hdmv_pgs_subtitle" else [])
        for begin, until, piece in pieces:
            packet = av.Packet(piece)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 1000), True
            packet.pts = packet.dts = round((first_s + begin) * 1000)
            packet.duration = 0 if track.codec == "hdmv_pgs_subtitle" else round((until - begin) * 1000)
            packets.append(packet)
    return packets


def _text(codec: str, text: str, number: int) -> bytes:
    if codec == "mov_text":
        return struct.pack(">H", len(text.encode())) + text.encode()
    if codec == "ass":
        return f"{number},0,Default,,0,0,0,,{text}".encode()
    return text.encode()


def _picture(codec: str, text: str, seconds: float) -> bytes:
    if codec == "hdmv_pgs_subtitle":
        return _pgs(text)
    reader: Any = av.CodecContext.create("pgssub", "r")
    packet = av.Packet(_pgs(text))
    packet.pts, packet.time_base = 0, Fraction(1, 1000)
    shown = reader.decode2(packet)
    shown.end_display_time = round(seconds * 1000)
    encoder: Any = av.CodecContext.create({"dvd_subtitle": "dvdsub", "dvb_subtitle": "dvbsub"}[codec], "w")
    return bytes(encoder.encode_subtitle(shown))


def _pgs(text: str | None) -> bytes:
    """A display set (US patent 2009/0185789 A1) with white, outlined text near the foot; None: an empty one."""
    width, height, x, y = 480, 48, 80, 300
    window = _segment(0x17, b"\1" + struct.pack(">BHHHH", 0, x, y, width, height))
    if text is None:
        return _segment(0x16, struct.pack(">HHBHBBBB", *SIZE, 0x10, 1, 0, 0, 0, 0)) + window + _segment(0x80, b"")
    image = Image.new("L", (width, height))
    font = ImageFont.load_default(size=28)
    draw = ImageDraw.Draw(image)
    draw.text((width // 2, height // 2), text, font=font, fill=1, stroke_width=2, stroke_fill=2, anchor="mm")
    object_data = _run_lengths(np.asarray(image))
    head = struct.pack(">HHBHBBBB", *SIZE, 0x10, 0, 0x80, 0, 0, 1) + struct.pack(">HBBHH", 0, 0, 0, x, y)
    palette = bytes([0, 0, 1, 235, 128, 128, 255, 2, 16, 128, 128, 255])
    drawn = struct.pack(">HBB", 0, 0, 0xC0) + (len(object_data) + 4).to_bytes(3, "big")
    return (
        _segment(0x16, head)
        + window
        + _segment(0x14, palette)
        + _segment(0x15, drawn + struct.pack(">HH", width, height) + object_data)
        + _segment(0x80, b"")
    )


def _segment(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + struct.pack(">H", len(body)) + body


def _run_lengths(picture: np.ndarray) -> bytes:
    out = bytearray()
    for row in picture:
        edges = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
        for begin, end in itertools.pairwise(edges):
            colour, count = int(row[begin]), end - begin
            if colour == 0:
                out += b"\0" + (bytes([count]) if count < 64 else struct.pack(">H", 0x4000 | count))
            elif count < 3:
                out += bytes([colour]) * count
            else:
                out += b"\0" + (bytes([0x80 | count]) if count < 64 else struct.pack(">H", 0xC000 | count))
                out += bytes([colour])
        out += b"\0\0"
    return bytes(out)
