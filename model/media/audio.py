"""The sound of a file on the picture's clock: resampled, gaps filled with silence, in blocks, whatever its length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from model.media.container import decode, sound_streams
from model.media.mixing import Mixer, choose_mixer, layout_name
from model.media.probe import MediaInfo
from model.media.reading import open_probed, steady_packets

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet

SAMPLE_RATE = 16_000
# Time stamps jitter (Matroska rounds to a millisecond); only what a listener could notice is put right.
_JITTER_S = 0.04
# Frames are gathered before resampling: one call for each would cost more than the decoding.
_GATHER_SAMPLES = 32_768
# A time stamp so far behind the end is damage, not an hour of silence.
_BEYOND_S = 5.0


def read_audio(
    path: Path,
    info: MediaInfo,
    start: float = 0.0,
    block_s: float = 30.0,
    lost: Callable[[float], None] | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields (seconds from t = 0 of the picture, float32 mono [n] at 16 kHz) from `start` on, without holes.

    From any start, the samples are those of an unbroken run: a decoder or resampler that begins in the middle gives
    slightly others, and a recogniser then other words. So it is decoded from the beginning (60 ms a minute).
    What cannot be decoded is silence: `lost` is called with its seconds, piece by piece. Nothing is yielded for a file
    without sound. Raises UnreadableMedia if the file cannot be opened any more.
    """
    skipped = round(start * SAMPLE_RATE)
    if not info.has_audio:
        return
    with open_probed(path, info) as container:
        index = _sound_index(container, info)
    if index is None:
        return
    mixer = choose_mixer(path, info, index)
    for time, block in aligned_sound(path, info, SAMPLE_RATE, "mono", block_s, mixer, lost):
        first = round(time * SAMPLE_RATE)
        begin = max(first, skipped)
        if begin - first < block.shape[1]:
            yield begin / SAMPLE_RATE, block[0, begin - first :]


def aligned_sound(
    path: Path,
    info: MediaInfo,
    rate: int,
    layout: str,
    block_s: float = 30.0,
    mixer: Mixer | None = None,
    lost: Callable[[float], None] | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """As `read_audio`, from the start, for any sample rate and layout: float32 [channels, n]; mixed as usual."""
    if not info.has_audio:
        return
    blocks = _Blocks(rate, av.AudioLayout(layout).nb_channels, max(1, round(block_s * rate)))
    latest = info.duration + (_BEYOND_S if info.faithful else 0.0)
    for time, samples in _resampled(_decoded(path, info, lost), rate, layout, mixer):
        if blocks.end > latest:
            break
        yield from blocks.add(time if time is not None and time <= latest else None, samples)
    yield from blocks.rest()


class _Blocks:
    """Lays pieces of sound on the time line, from 0 on, and cuts it into blocks."""

    def __init__(self, rate: int, channels: int, size: int) -> None:
        self._rate, self._size = rate, size
        self._parts: list[np.ndarray] = []
        self._silence = np.zeros((channels, min(size, rate)), np.float32)
        self._held = 0  # samples in _parts
        self._given = 0  # samples in blocks yielded so far

    def add(self, time: float | None, samples: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        """`time` is that of the first sample; None: it follows what came before."""
        if time is not None:
            late = round(time * self._rate) - self._given - self._held
            if late < 0 and (self._given + self._held == 0 or -late > _JITTER_S * self._rate):
                samples = samples[:, -late:]
            while late > _JITTER_S * self._rate or (late > 0 and self._given + self._held == 0):
                piece = self._silence[:, :late]
                late -= piece.shape[1]
                yield from self._append(piece)
        yield from self._append(samples)

    @property
    def end(self) -> float:
        """Seconds that were laid so far."""
        return (self._given + self._held) / self._rate

    def rest(self) -> Iterator[tuple[float, np.ndarray]]:
        if self._held:
            yield self._cut(self._held)

    def _append(self, samples: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        if samples.shape[1]:
            self._parts.append(samples)
            self._held += samples.shape[1]
        while self._held >= self._size:
            yield self._cut(self._size)

    def _cut(self, size: int) -> tuple[float, np.ndarray]:
        whole = np.concatenate(self._parts, axis=1)
        time = self._given / self._rate
        self._parts = [whole[:, size:].copy()] if self._held > size else []
        self._held -= size
        self._given += size
        return time, whole[:, :size]


def _decoded(
    path: Path, info: MediaInfo, lost: Callable[[float], None] | None
) -> Iterator[tuple[float | None, AudioFrame]]:
    """(seconds from t = 0, frame), in order."""
    with open_probed(path, info) as container:
        index = _sound_index(container, info)
        if index is None:
            return
        stream: Any = container.streams[index]
        length = 0.0

        def remember(packet: Packet) -> None:
            nonlocal length
            length = float((packet.duration or 0) * packet.time_base)

        def damaged() -> None:
            if lost is not None:
                lost(length)

        source = steady_packets(container, stream, info)
        for frame in decode(source, stream.codec_context, remember, damaged):
            yield None if frame.pts is None else float(frame.pts * stream.time_base) - info.start_s, frame


def _sound_index(container: Any, info: MediaInfo) -> int | None:
    """Of the stream that is heard."""
    if info.audio_index is not None:
        return info.audio_index
    return next((stream.index for stream in sound_streams(container)), None)


def _resampled(
    frames: Iterator[tuple[float | None, AudioFrame]], rate: int, layout: str, mixer: Mixer | None
) -> Iterator[tuple[float | None, np.ndarray]]:
    """Pieces of sound [channels, n]; a new resampler wherever the sound jumps or changes its form."""
    gathered: list[np.ndarray] = []
    form: tuple[Any, ...] = ()
    begin: float | None = None  # time of the run's first sample
    taken = emitted = 0  # samples since then, in and out
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)

    def push(last: bool) -> Iterator[tuple[float | None, np.ndarray]]:
        nonlocal emitted
        outputs: list[AudioFrame] = []
        if gathered:
            outputs += resampler.resample(_joined(gathered, form, mixer))
            gathered.clear()
        if last:
            outputs += resampler.resample(None)
        for output in outputs:
            samples = output.to_ndarray()
            yield None if begin is None else begin + emitted / rate, samples
            emitted += samples.shape[1]

    for time, frame in frames:
        shape = (frame.format.name, layout_name(frame), frame.sample_rate)
        jumps = time is not None and (begin is None or abs(time - begin - taken / frame.sample_rate) > _JITTER_S)
        if shape != form or jumps:
            yield from push(last=True)
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
            form, begin, taken, emitted = shape, time, 0, 0
        gathered.append(frame.to_ndarray())
        taken += frame.samples
        if sum(piece.shape[1] for piece in gathered) >= _GATHER_SAMPLES * (1 if frame.format.is_planar else 2):
            yield from push(last=False)
    yield from push(last=True)


def _joined(pieces: list[np.ndarray], form: tuple[Any, ...], mixer: Mixer | None) -> AudioFrame:
    name, layout, rate = form
    samples = np.ascontiguousarray(np.concatenate(pieces, axis=1))
    if mixer is not None:
        samples = mixer.apply(samples, layout)
    frame = av.AudioFrame.from_ndarray(samples, format=name, layout=layout)
    frame.sample_rate = rate
    return frame
