"""Which channels of a sound are mixed, and how: so that speech on one of them is not lost among the others.

The usual mix adds all channels up. That cancels a voice whose second channel has its sign turned (a wrongly wired
lead), buries one under a channel that only hums or hisses, and under the loud effects around the centre of a film. So
a few places of the file are heard first, and each channel gets a factor: 1 in normal files, which are left as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from model.errors import CuepointError
from model.media.container import decode, packets
from model.media.probe import MediaInfo
from model.media.reading import open_probed

Rater = Callable[[np.ndarray], np.ndarray]  # float32 16 kHz [n] -> probability of speech, one for each 32 ms

_RATE = 16_000  # of the rater
_PLACES_A_MINUTE = 2
_LEAST_PLACES, _MOST_PLACES = 4, 60
_PLACE_S = 2.0  # enough for a few words
_RATED_PLACES = 10  # the loudest: rating takes some 10 ms each
_LEAST_S = 0.1  # of a place that can be judged
_FRAME_S = 0.02
# Channels are one sound, in other words a normal recording, if they are as loud and go up and down together.
_ALIKE_DB = 3.0
_ALIKE_CORRELATION = 0.8
# Channels that cancel each other: at -0.9 the mix has lost 10 dB. Ambience in stereo comes to -0.5 and stays short.
_TURNED = -0.9
_SILENT = 3e-5  # -90 dBFS, the last bit of 16: nothing is said below it
# Hum and hiss: frames of 20 ms differ by a decibel or two, those of speech and music by tens.
_STEADY_DB = 6.0
# Probabilities of speech, mean of the better half of a place. The network's threshold is 0.5.
_VOICE, _NO_VOICE = 0.5, 0.3
_CLEARLY_BETTER = 0.1
# Speech is recorded at -20 to -35 dBFS. Voice detection begins to miss it below -50, recognisers reject it at -60.
_QUIET, _GOOD_LEVEL = 0.003, 0.05
_PEAK = 0.9


@dataclass(frozen=True)
class Piece:
    """A place of the file: float32 [channels, n] at its own rate."""

    layout: str
    rate: int
    samples: np.ndarray

    @property
    def loudness(self) -> np.ndarray:
        """RMS of each channel in frames of 20 ms: [channels, frames]."""
        size = max(1, round(self.rate * _FRAME_S))
        count = self.samples.shape[1] // size
        frames = self.samples[:, : count * size].reshape(len(self.samples), count, size)
        loud: np.ndarray = np.sqrt(np.square(frames).mean(axis=2))
        return loud


class Mixer:
    """Multiplies the channels of a sound, before they are mixed as usual."""

    def __init__(self, factors: dict[str, np.ndarray] | None = None) -> None:
        """`factors`: float32 [channels] by the name of the layout; layouts without any are left as they are."""
        self.factors = factors or {}

    def apply(self, samples: np.ndarray, layout: str) -> np.ndarray:
        """samples: as PyAV gives them, [channels, n] or interleaved [1, n * channels]. The very same if all is normal.

        Where two channels cancel each other, the second one's sign is turned.
        """
        channels = av.AudioLayout(layout).nb_channels
        factors = self.factors.get(layout, np.ones(channels, np.float32))
        if samples.dtype == np.uint8:  # unsigned: its zero is 128, and nobody records many channels so
            return samples
        if channels == 2 and factors.all():
            left, right = _planar(samples, 2)
            if _correlation(left, right) < _TURNED:
                factors = factors * np.array([1, -1], np.float32)
        if (factors == 1).all():
            return samples
        changed = _planar(samples, channels) * factors[:, None]
        if samples.dtype.kind == "i":
            limits = np.iinfo(samples.dtype)
            changed = np.clip(np.rint(changed.astype(np.float64)), limits.min, limits.max)
        changed = changed.astype(samples.dtype)
        return changed if len(samples) == channels else np.ascontiguousarray(changed.T).reshape(1, -1)


def choose_mixer(path: Path, info: MediaInfo, index: int) -> Mixer:
    """For the sound stream `index` of a file. Raises UnreadableMedia if it cannot be opened any more."""
    by_layout: dict[str, list[Piece]] = {}
    for piece in _listen(path, info, index):
        by_layout.setdefault(piece.layout, []).append(piece)
    rater = _Lazy()
    try:
        return Mixer({layout: choose_factors(pieces, rater) for layout, pieces in by_layout.items()})
    except CuepointError:  # the network is not there: without it nobody can tell a voice
        return Mixer()


def choose_factors(pieces: Sequence[Piece], rate: Rater) -> np.ndarray:
    """float32 [channels] for places of one sound, all of one layout; all 1 if there is no reason to change it."""
    channels = len(pieces[0].samples)
    pieces = [piece for piece in pieces if piece.samples.shape[1] >= _LEAST_S * piece.rate]
    pieces = sorted(pieces, key=lambda piece: -float(np.square(piece.samples).mean()))[:_RATED_PLACES]
    factors = np.ones(channels, np.float32)
    loud = [piece.loudness for piece in pieces]
    if all(level.max() < _SILENT for level in loud):
        return factors
    if channels > 1 and not all(map(_alike, pieces)):
        factors = _best(pieces, np.concatenate(loud, axis=1), rate)
    return factors * _gain(pieces, factors, rate)


def _best(pieces: Sequence[Piece], loud: np.ndarray, rate: Rater) -> np.ndarray:
    """The usual mix, the mix without steady noise, or the one channel with a voice that the mix loses."""
    channels = len(loud)
    usual = np.ones(channels, np.float32)
    single = np.eye(channels, dtype=np.float32)
    heard = [c for c in _voiced(pieces[0].layout) if np.quantile(loud[c], 0.95) >= _SILENT]
    voice = {c: _voices(pieces, single[c], rate) for c in heard}
    noise = [c for c in heard if _steady(loud[c]) and voice[c].max() < _NO_VOICE]
    if noise and any(voice[c].max() >= _VOICE for c in heard):
        usual[noise] = 0.0
    mixed = _voices(pieces, usual, rate)
    somewhere = np.max([mixed, *voice.values()], axis=0) >= _VOICE
    if not somewhere.any():
        return usual
    best, margin = usual, _CLEARLY_BETTER
    for c in heard:
        gained = float((voice[c] - mixed)[somewhere].mean())
        if gained >= margin and voice[c][somewhere].min() >= _NO_VOICE:  # nobody else speaks on another channel
            best, margin = single[c], gained
    return best


def _voiced(layout: str) -> list[int]:
    """The channels that may carry a voice alone: both of two, the centre of more, each where none is the centre."""
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    return [names.index("FC")] if len(names) > 2 and "FC" in names else list(range(len(names)))


def _alike(piece: Piece) -> bool:
    power = np.square(piece.samples).mean(axis=1) + 1e-12
    if 10 * np.log10(power.max() / power.min()) > _ALIKE_DB:
        return False
    return all(_correlation(piece.samples[0], other) > _ALIKE_CORRELATION for other in piece.samples[1:])


def _steady(loud: np.ndarray) -> bool:
    low, high = np.quantile(loud, [0.1, 0.95])
    return bool(20 * np.log10((high + 1e-9) / (low + 1e-9)) < _STEADY_DB)


def _voices(pieces: Sequence[Piece], factors: np.ndarray, rate: Rater) -> np.ndarray:
    """The probability of speech in each place, at a level at which it does not matter."""
    found = []
    for piece in pieces:
        sound = _mono(piece, factors)
        level = float(np.sqrt(np.square(sound).mean()))
        ratings = np.sort(rate(sound * (_GOOD_LEVEL / level))) if level > _SILENT else np.zeros(1)
        found.append(float(ratings[len(ratings) // 2 :].mean()) if len(ratings) else 0.0)
    return np.array(found)


def _gain(pieces: Sequence[Piece], factors: np.ndarray, rate: Rater) -> float:
    """1, or what lifts speech that is recorded too quietly to be noticed."""
    mixed = [Piece("mono", _RATE, _mono(piece, factors)[None]) for piece in pieces]
    level = max(float(np.quantile(piece.loudness, 0.95)) for piece in mixed)
    if not _SILENT <= level < _QUIET or _voices(mixed, np.ones(1, np.float32), rate).max() < _VOICE:
        return 1.0
    return min(_GOOD_LEVEL / level, _PEAK / max(float(np.abs(piece.samples).max()) for piece in mixed))


def _mono(piece: Piece, factors: np.ndarray) -> np.ndarray:
    """What the usual mix makes of a place, float32 [n] at 16 kHz."""
    samples = Mixer({piece.layout: factors}).apply(piece.samples, piece.layout)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=piece.layout)
    frame.sample_rate = piece.rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=_RATE)
    out = [part.to_ndarray()[0] for part in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(out) if out else np.zeros(0, np.float32)


def _listen(path: Path, info: MediaInfo, index: int) -> Iterator[Piece]:
    """Short places, evenly spread over the file; its beginning where it cannot be sought in."""
    count = min(_MOST_PLACES, max(_LEAST_PLACES, round(info.duration / 60 * _PLACES_A_MINUTE)))
    with open_probed(path, info) as container:
        stream: Any = container.streams[index]
        for number in range(count):
            if number and not info.as_stream:
                at = info.start_s + number / count * info.duration
                with contextlib.suppress(av.FFmpegError):  # go on from here
                    container.seek(round(at / stream.time_base), stream=stream)
                stream.codec_context.flush_buffers()
            yield from _pieces(decode(packets(container, (stream,)), stream.codec_context))


def _pieces(frames: Iterator[Any]) -> Iterator[Piece]:
    """The next two seconds; more pieces than one if the sound changes its form there."""
    form: tuple[str, int] | None = None
    gathered: list[np.ndarray] = []
    seconds = 0.0
    for frame in frames:
        layout, samples = layout_name(frame), frame.to_ndarray()
        if samples.dtype == np.uint8:
            continue
        if (layout, frame.sample_rate) != form and form and gathered:
            yield Piece(*form, np.concatenate(gathered, axis=1))
            gathered = []
        form = layout, frame.sample_rate
        scale = 1.0 if samples.dtype.kind == "f" else 1.0 / np.iinfo(samples.dtype).max
        gathered.append(_planar(samples, frame.layout.nb_channels).astype(np.float32) * np.float32(scale))
        seconds += frame.samples / frame.sample_rate
        if seconds >= _PLACE_S:
            break
    if form and gathered:
        yield Piece(*form, np.concatenate(gathered, axis=1))


def layout_name(frame: Any) -> str:
    """Files that only count their channels get the usual layout for that many."""
    name: str = frame.layout.name
    if "channel" not in name:
        return name
    usual = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
    return usual.get(frame.layout.nb_channels, name)


def _planar(samples: np.ndarray, channels: int) -> np.ndarray:
    return samples if len(samples) == channels else samples.reshape(-1, channels).T


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float32), b.astype(np.float32)
    both = float(np.sqrt(float(a @ a) * float(b @ b)))
    return float(a @ b) / both if both else 0.0


class _Lazy:
    """The rater, loaded when it is first asked."""

    def __init__(self) -> None:
        self._rate: Rater | None = None

    def __call__(self, sound: np.ndarray) -> np.ndarray:
        if self._rate is None:
            from model.speech.voice import load_rater

            self._rate = load_rater()
        return self._rate(sound)
