"""Makes the example video, assets/example.mp4, and what the app tells of it, assets/example.json.

    .venv/bin/python assets/make_example.py

Draws every frame with Pillow, speaks the narration with flite (Debian package `flite`, voice slt: of the free voices
at hand the one that speech recognition understands best), adds a music box and encodes with PyAV. Only whoever changes
the video runs this: both files are committed. Video, sound and words: CC0 1.0.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from example_drawing import HEIGHT_PX, WIDTH_PX
from example_evening import cat, credits, night, recipe, train
from example_scenes import bakery, boat, dawn, lighthouse
from PIL import Image

FOLDER = Path(__file__).parent
TITLE = "A Day at Silver Bay"
FPS = 24
RATE_HZ = 48_000
SENTENCE_PAUSE_S = 0.4
AFTER_S = 1.1  # quiet after the last word of a scene
LOUDNESS = 0.11  # root mean square of the speech: about -19 dBFS
FADE_S = 0.7


@dataclass(frozen=True)
class Scene:
    """One drawing and what is said over it, from `wait_s` on. It lasts as long as the words, and `least_s` at least."""

    draw: Callable[[float], Image.Image]
    sentences: tuple[str, ...]
    wait_s: float = 0.6
    least_s: float = 6.0


SCENES = (
    Scene(dawn, ("Good morning, and welcome to Silver Bay.", "Just three hundred people live here."), wait_s=3.0),
    Scene(lighthouse, ("The lighthouse was built in eighteen ninety two,",
                       "after eleven ships were lost in a winter storm.")),
    Scene(boat, ("This is the mail boat.", "Her captain is called Anna.",
                 "Every Tuesday, she carries letters to the islands.")),
    Scene(bakery, ("The baker's name is Oliver.", "He wakes up at three every morning.",
                   "The blue bicycle belongs to his daughter.")),
    Scene(recipe, ("His honey bread won a gold medal in Paris.", "The bread must rest for twelve hours."), least_s=8.5),
    Scene(cat, ("In the afternoon, it rains.", "Pepper the cat is seventeen years old,",
                "and she is afraid of thunder.")),
    Scene(train, ("The last train of the day is late, because there were sheep on the track.",)),
    Scene(night, ("At night, the children count shooting stars.", "The record is forty one, in a single hour.",
                  "Good night, Silver Bay.")),
    Scene(credits, (), least_s=5.0),
)  # fmt: skip

# (question, what answers it, the answer, the scene that holds it)
QUESTIONS = (
    ("Why is the train late?", "heard", "There were sheep on the track.", train),
    ("When does the bakery open?", "read", "At 7 am; it is closed on Monday.", bakery),
    ("When can you see the sailing boat?", "seen", "A red sailing boat at sea.", boat),
    ("What is the cat called?", "heard", "Pepper.", cat),
    ("How long must the honey bread rest?", "heard", "Twelve hours.", recipe),
    ("How much flour does the recipe need?", "read", "500 g.", recipe),
)


def spoken(sentence: str) -> np.ndarray:
    """float32 [n] at RATE_HZ, in the narrator's voice."""
    command = ["flite", "-voice", "slt", "--setf", "duration_stretch=1.06", "-t", sentence, "-o", "/dev/stdout"]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    resampler = av.AudioResampler("flt", "mono", RATE_HZ)
    with av.open(io.BytesIO(wave), "r", format="wav") as source:
        frames = [out for frame in source.decode(audio=0) for out in resampler.resample(frame)]
    sound = np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    return sound[heard[0] : heard[-1] + RATE_HZ // 20]


def narration(scene: Scene) -> np.ndarray:
    """float32 [n]: the scene's whole sound, as long as the scene in whole frames."""
    pieces = [np.zeros(round(scene.wait_s * RATE_HZ), np.float32)]
    for sentence in scene.sentences:
        words = spoken(sentence)
        words *= LOUDNESS / np.sqrt(np.mean(words**2))
        pieces += [np.tanh(words), np.zeros(round(SENTENCE_PAUSE_S * RATE_HZ), np.float32)]
    sound = np.concatenate(pieces)
    length = max(scene.least_s, sound.size / RATE_HZ - SENTENCE_PAUSE_S + AFTER_S)
    whole = round(length * FPS) * RATE_HZ // FPS
    return np.pad(sound, (0, max(0, whole - sound.size)))[:whole]


def music_box(notes: str, beat_s: float) -> np.ndarray:
    """float32 [n]: one letter a beat from a pentatonic scale, `.` for a rest; bell-like decaying tones."""
    scale_hz = dict(zip("abcdefgh", (392.0, 440.0, 523.25, 587.33, 659.26, 783.99, 880.0, 1046.5), strict=True))
    tail = 2 * RATE_HZ
    sound = np.zeros(round(len(notes) * beat_s * RATE_HZ) + tail, np.float32)
    t = np.arange(tail) / RATE_HZ
    for i, note in enumerate(notes):
        if note != ".":
            tone = sum(np.sin(2 * np.pi * scale_hz[note] * k * t) * np.exp(-t * 3 * k) / k**2 for k in (1, 2, 3))
            start = round(i * beat_s * RATE_HZ)
            sound[start : start + tail] += 0.1 * np.minimum(t * 200, 1) * np.linspace(1, 0, tail) * tone
    return sound


def soundtrack() -> tuple[np.ndarray, list[float]]:
    """The sound of the whole video, float32 [n], and where each scene starts, in seconds, with the video's end."""
    parts = [narration(scene) for scene in SCENES]
    starts = np.cumsum([0, *(part.size for part in parts)])
    sound = np.concatenate(parts)
    for place, notes in ((0.1, "cegfe.cd"), (starts[-2] / RATE_HZ + 0.2, "gfecedc...c")):
        tune = music_box(notes, 0.28)
        first = round(place * RATE_HZ)
        sound[first : first + tune.size] += tune[: sound.size - first]
    return sound, [start / RATE_HZ for start in starts.tolist()]


def pictures(starts: list[float]) -> Iterator[Image.Image]:
    """Every frame in order; the first and the last ones fade from and to black."""
    black = Image.new("RGB", (WIDTH_PX, HEIGHT_PX))
    last = round(starts[-1] * FPS)
    for scene, start, end in zip(SCENES, starts[:-1], starts[1:], strict=True):
        for number in range(round(start * FPS), round(end * FPS)):
            light = min(1.0, (number + 1) / FPS / FADE_S, (last - number) / FPS / FADE_S)
            picture = scene.draw(number / FPS - start)
            yield picture if light == 1 else Image.blend(black, picture, light)


def encode(path: Path, sound: np.ndarray, starts: list[float]) -> None:
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as target:
        target.metadata["title"] = TITLE
        target.metadata["copyright"] = "CC0 1.0"
        video = target.add_stream("libx264", rate=FPS, options={"crf": "25", "preset": "slow", "tune": "animation"})
        video.width, video.height, video.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        video.time_base, video.gop_size = Fraction(1, FPS), 5 * FPS
        audio = target.add_stream("aac", rate=RATE_HZ, layout="mono")
        audio.bit_rate = 64_000
        block = RATE_HZ // FPS  # the sound that belongs to one frame
        for number, picture in enumerate(pictures(starts)):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            target.mux(video.encode(frame))
            samples = sound[number * block : (number + 1) * block]
            piece = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = RATE_HZ, number * block, Fraction(1, RATE_HZ)
            target.mux(audio.encode(piece))
            if number % (5 * FPS) == 0:
                print(f"{number / FPS:.0f} of {starts[-1]:.0f} s", file=sys.stderr)
        target.mux(video.encode())
        target.mux(audio.encode())


def describe(path: Path, starts: list[float]) -> None:
    order = [scene.draw for scene in SCENES]
    questions = [
        {"text": question, "source": source, "answer": answer,
         "moment": [round(starts[order.index(scene)], 2), round(starts[order.index(scene) + 1], 2)]}
        for question, source, answer, scene in QUESTIONS
    ]  # fmt: skip
    known = {"title": TITLE, "file": "example.mp4", "licence": "CC0-1.0", "duration": round(starts[-1], 2)}
    path.write_text(json.dumps(known | {"questions": questions}, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    sound, starts = soundtrack()
    encode(FOLDER / "example.mp4", sound, starts)
    describe(FOLDER / "example.json", starts)


if __name__ == "__main__":
    main()
