"""What becomes of speech among other channels: `python -m benchmarks.sound_mixes SPEECH_FOLDER MUSIC_FILE`.

Each recording of the folder is put on channels beside silence, hum, hiss, music or itself, at several levels, and
`model.media.mixing` chooses the factors of the channels. Printed is, for each way, how many recordings were left to the
usual mix, how many lost a channel, and how many were lifted; and for all that cancel each other whether the mix has the
level of one channel at least. Exit code 1 where a normal mix was changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np

from model.media.mixing import Mixer, Piece, choose_factors
from model.speech.voice import load_rater

_RATE = 48_000
_PLACES = 4
_PLACE = 2 * _RATE
_LEVEL = 0.06  # RMS of the speech, as voices are recorded

Way = Callable[[np.ndarray], Sequence[np.ndarray]]


def read(path: Path) -> np.ndarray:
    """float32 mono [n] at 48 kHz, RMS 1."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=_RATE)
        parts = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return at_level(np.concatenate(parts), 1.0)


def at_level(sound: np.ndarray, level: float) -> np.ndarray:
    return (sound * (level / np.sqrt(np.square(sound).mean()))).astype(np.float32)


def hum(count: int) -> np.ndarray:
    time_s = np.arange(count) / _RATE
    return at_level(np.sum([np.sin(2 * np.pi * 50 * n * time_s) / n for n in (1, 2, 3, 5)], axis=0), 1.0)


def hiss(count: int) -> np.ndarray:
    return at_level(np.random.default_rng(1).standard_normal(count), 1.0)


def turns(speech: np.ndarray, number: int) -> np.ndarray:
    """What one of two people says, who take turns of two seconds."""
    return np.where(np.arange(len(speech)) // _PLACE % 2 == number, speech, 0)


def beside(noise: Callable[[np.ndarray], np.ndarray], level: float) -> Way:
    return lambda speech: [speech, level * noise(speech)]


def around(music: Callable[[np.ndarray], np.ndarray], level: float) -> Way:
    """5.1: speech in the centre, music on all others but the deep one, half as loud behind."""

    def made(speech: np.ndarray) -> Sequence[np.ndarray]:
        front, back = level * music(speech), 0.5 * level * music(speech)
        return [front, np.roll(front, 9999), speech, 0 * speech, back, back]

    return made


def quieter(decibels: float) -> Way:
    return lambda speech: [speech * 10 ** (-decibels / 20)]


def ways(music: np.ndarray) -> dict[str, tuple[str, bool, Way]]:
    """By name: layout, whether it is normal and must not be changed, and the channels made of speech of RMS 1."""

    def played(speech: np.ndarray, shift: int = 0) -> np.ndarray:
        return np.roll(np.resize(music, len(speech)), shift)

    made: dict[str, tuple[str, bool, Way]] = {
        "mono": ("mono", True, lambda s: [s]),
        "equal": ("stereo", True, lambda s: [s, s]),
        "panned": ("stereo", True, lambda s: [s, 0.5 * s]),
        "in stereo music": ("stereo", True, lambda s: [s + 0.5 * played(s), s + 0.5 * played(s, 5555)]),
        "two people, a channel each": ("stereo", True, lambda s: [turns(s, 0), turns(s, 1)]),
        "beside silence": ("stereo", True, lambda s: [s, 0 * s]),
        "turned": ("stereo", False, lambda s: [s, -s]),
        "turned, 0.6, noise": ("stereo", False, lambda s: [s + hiss(len(s)) / 12, -0.6 * s + hiss(len(s))[::-1] / 12]),
    }
    noises: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "hum": lambda s: hum(len(s)),
        "hiss": lambda s: hiss(len(s)),
        "music": played,
    }
    for level in (0.5, 1.0, 3.0):
        for name, noise in noises.items():
            made[f"beside {name} x {level}"] = ("stereo", False, beside(noise, level))
        made[f"centre, music x {level}"] = ("5.1", False, around(played, level))
    for decibels in (20, 40, 50, 60, 70):
        made[f"{decibels} dB quieter"] = ("mono", decibels == 20, quieter(decibels))
    return made


def places(channels: np.ndarray, layout: str) -> list[Piece]:
    begins = np.linspace(0, max(0, channels.shape[1] - _PLACE), _PLACES).astype(int)
    return [Piece(layout, _RATE, channels[:, begin : begin + _PLACE]) for begin in begins]


def outcome(factors: np.ndarray) -> str:
    if (factors == 0).any():
        return "channels left out"
    return "usual mix" if (factors == 1).all() else "lifted"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("music", type=Path)
    arguments = parser.parse_args()
    recordings = [read(path) for path in sorted(arguments.speech.glob("*.wav"))]
    rate, changed, began = load_rater(), 0, time.monotonic()
    print("| channels | usual mix | channels left out | lifted | loses its level |\n|---|---|---|---|---|")
    for name, (layout, normal, way) in ways(read(arguments.music)).items():
        counts: Counter[str] = Counter()
        for speech in recordings:
            channels = np.stack([at * np.float32(_LEVEL) for at in way(speech)]).astype(np.float32)
            factors = choose_factors(places(channels, layout), rate)
            counts[outcome(factors)] += 1
            if len(channels) == 2:
                mixed = Mixer({layout: factors}).apply(channels, layout).sum(axis=0)
                counts["quiet"] += bool(np.square(mixed).mean() < 0.9 * np.square(channels[:, :]).mean(axis=1).min())
        changed += normal * (len(recordings) - counts["usual mix"])
        cells = (counts[key] for key in ("usual mix", "channels left out", "lifted", "quiet"))
        print(f"| {name} | {' | '.join(map(str, cells))} |")
    print(f"\n{len(recordings)} recordings, {time.monotonic() - began:.0f} s; normal mixes changed: {changed}")
    return int(changed > 0)


if __name__ == "__main__":
    sys.exit(main())
