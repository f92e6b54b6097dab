"""Damage that media files meet in life, done to the bytes of a file in place. Every function returns the path."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

_TS_PACKET = 188
_TS_CLOCK = 90_000


def overwrite(path: Path, begin: int, content: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[begin : begin + len(content)] = content
    path.write_bytes(data)
    return path


def noise(count: int) -> bytes:
    return np.random.default_rng(5).integers(0, 256, size=count, dtype=np.uint8).tobytes()


def zero_tail(path: Path, share: float) -> Path:
    """The last `share` of the bytes become zeros, as after a crash or a full disk."""
    size = path.stat().st_size
    return overwrite(path, size - int(size * share), bytes(int(size * share)))


def damage_avi_index(path: Path) -> Path:
    """Every 16th byte of the index at the end of the file is noise."""
    data = bytearray(path.read_bytes())
    begin = data.rindex(b"idx1") + 8
    places = range(begin, len(data), 23)
    for place, value in zip(places, noise(len(places)), strict=True):
        data[place] = value
    path.write_bytes(data)
    return path


def move_flv_tags(path: Path, seconds: float, kind: int, first: int, count: int = 1) -> Path:
    """Tags of a kind (8 sound, 9 picture), from the `first` on, get times that much later (Adobe FLV, E.4.1)."""
    data = bytearray(path.read_bytes())
    at, number = 13, 0
    while at + 15 <= len(data):
        if data[at] == kind:
            if first <= number < first + count:
                time = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
                time = (time + round(seconds * 1000)) & 0x7FFFFFFF
                data[at + 4 : at + 8] = (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24])
            number += 1
        at += 15 + int.from_bytes(data[at + 1 : at + 4], "big")
    path.write_bytes(data)
    return path


def move_ts_times(path: Path, seconds: float, begin_s: float, end_s: float = 1e9) -> Path:
    """Every time stamp of an MPEG-TS between two times (from the first one on) gets that much later (ISO 13818-1)."""
    data = bytearray(path.read_bytes())
    places = list(_ts_stamps(data))
    zero = min(_read_stamp(data, at) for at in places)
    for at in places:
        time = _read_stamp(data, at)
        if begin_s <= (time - zero) / _TS_CLOCK < end_s:
            _write_stamp(data, at, time + round(seconds * _TS_CLOCK))
    path.write_bytes(data)
    return path


def _ts_stamps(data: bytearray) -> Iterator[int]:
    """Where PTS and DTS stand."""
    for packet in range(0, len(data) - _TS_PACKET + 1, _TS_PACKET):
        starts, adapts = data[packet + 1] & 0x40, data[packet + 3] & 0x20
        at = packet + 4 + (1 + data[packet + 4] if adapts else 0)
        if starts and bytes(data[at : at + 3]) == b"\0\0\1" and data[at + 3] >= 0xBD:
            flags = data[at + 7] >> 6
            yield from [at + 9, at + 14][: {2: 1, 3: 2}.get(flags, 0)]


def _read_stamp(data: bytearray, at: int) -> int:
    a, b, c, d, e = data[at : at + 5]
    return (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1


def _write_stamp(data: bytearray, at: int, time: int) -> None:
    data[at] = data[at] & 0xF1 | (time >> 30 & 7) << 1
    data[at + 1] = time >> 22 & 0xFF
    data[at + 2] = (time >> 15 & 0x7F) << 1 | 1
    data[at + 3] = time >> 7 & 0xFF
    data[at + 4] = (time & 0x7F) << 1 | 1


def move_mkv_cluster(path: Path, seconds: float, number: int) -> Path:
    """All that stands in one cluster of a Matroska file gets times that much later (RFC 9559, 5.1.3.1)."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(number + 1):
        at = data.index(b"\x1f\x43\xb6\x75", at + 1)
    at = data.index(b"\xe7", at + 5)
    length = data[at + 1] & 0x7F
    time = int.from_bytes(data[at + 2 : at + 2 + length], "big") + round(seconds * 1000)
    data[at + 2 : at + 2 + length] = time.to_bytes(length, "big")
    path.write_bytes(data)
    return path


def promise_mkv(path: Path, seconds: float) -> Path:
    """The header of a Matroska file gives that length."""
    at = path.read_bytes().index(b"\x44\x89\x88") + 3
    return overwrite(path, at, struct.pack(">d", seconds * 1000))


def stretch_mp4(path: Path, entry: int, ticks: int) -> Path:
    """One entry of the first table of frame lengths (stts, ISO 14496-12, 8.6.1.2) says so many ticks a frame."""
    at = path.read_bytes().index(b"stts") + 12 + 8 * entry + 4
    return overwrite(path, at, ticks.to_bytes(4, "big"))


def move_mp4_picture(path: Path, seconds: float, number: int) -> Path:
    """One picture is shown that much later than it should be; its decoding time is right."""
    target = path.with_name(f"moved-{path.name}")
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}  # type: ignore[type-var]
        seen = 0
        for packet in source.demux():
            if packet.dts is None or packet.pts is None:
                continue
            if packet.stream.type == "video":
                if seen == number:
                    packet.pts += round(seconds / packet.time_base)
                seen += 1
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    return target.replace(path)
