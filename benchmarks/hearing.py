"""How well speech is heard: `python -m benchmarks.hearing FOLDER [--tell]`.

FOLDER holds recordings and `transcripts.tsv` with the columns file, language (ISO 639-1) and transcript. The ears of
the profile hear each: voice activity, language, recognition. Printed by language: how many files were taken for the
right one and how many for a wrong one (of the rest it could not be told), errors per word, or per character of a
writing without spaces (Chinese in simplified characters), and seconds of wall time a minute of sound. `--tell` also
prints what was heard.

The thresholds of `model/speech/spoken_language.py` were set between what people's recordings come to and what synthetic
voices come to, which Whisper often takes for another language.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.loading import Models
from model.media.audio import read_audio
from model.media.probe import probe
from model.profile import choose_profile
from model.speech.ears import Ears, load_ears
from model.speech.voice import VoiceActivity

_WITHOUT_SPACES = ("zh", "ja", "th", "lo", "my", "km", "bo", "yue")


@dataclass
class Score:
    files: int = 0
    right: int = 0
    wrong: int = 0
    errors: int = 0
    units: int = 0  # characters or words of the transcripts
    sound_s: float = 0.0
    took_s: float = 0.0


def hear(ears: Ears, path: Path) -> tuple[str | None, float, str, float]:
    """(language of most of the speech, its likelihood, all that was written down, seconds of sound)."""
    info, voice = probe(path), VoiceActivity()
    speech = [s for begin, block in read_audio(path, info) for s in voice.feed(begin, block)] + voice.flush()
    told = ears.tell(speech)
    seconds: dict[str | None, float] = defaultdict(float)
    texts = []
    for stretch, verdict in told:
        seconds[verdict.language] += stretch.end - stretch.start
    for language in dict.fromkeys(verdict.language for _, verdict in told):
        these = [stretch for stretch, verdict in told if verdict.language == language]
        texts += [(line.start, line.text) for line in ears.write_down(these, language)]
    language = max(seconds, key=lambda code: seconds[code]) if seconds else None
    likelihood = max((v.likelihood for _, v in told if v.language == language), default=0.0)
    return language, likelihood, " ".join(text for _, text in sorted(texts)), info.duration


def units_of(text: str, language: str) -> list[str]:
    """Characters or words to compare, without case and punctuation."""
    from opencc import OpenCC

    if language in _WITHOUT_SPACES:
        return list(re.sub(r"[\W_]", "", OpenCC("t2s").convert(text) if language == "zh" else text))
    return re.sub(r"[\W_]+", " ", text.lower()).split()


def distance(said: list[str], heard: list[str]) -> int:
    """Fewest insertions, deletions and replacements (Levenshtein)."""
    row = np.arange(len(heard) + 1)
    for number, unit in enumerate(said, start=1):
        replaced = row[:-1] + np.array([unit != other for other in heard], int)
        best = np.minimum(replaced, row[1:] + 1)
        row = np.concatenate([[number], best])
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))  # insertions
    return int(row[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tell", action="store_true")
    parser.add_argument("--profile")
    arguments = parser.parse_args()
    models = Models(choose_profile(arguments.profile)[0])
    models.warm("speech", "languages")
    scores: dict[str, Score] = defaultdict(Score)
    with (arguments.folder / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        began = time.monotonic()
        language, likelihood, text, seconds = hear(load_ears(models), arguments.folder / row["file"])
        score = scores[row["language"]]
        said = units_of(row["transcript"], row["language"])
        score.files += 1
        score.right += language == row["language"]
        score.wrong += language not in (row["language"], None)
        score.errors += distance(said, units_of(text, row["language"]))
        score.units += len(said)
        score.sound_s += seconds
        score.took_s += time.monotonic() - began
        if arguments.tell:
            print(f"{row['file']}: {row['language']}, told {language} ({likelihood:.2f}): {text}")
    print("| language | files | told rightly | told wrongly | errors | seconds a minute |\n|---|---|---|---|---|---|")
    for language, score in sorted(scores.items()):
        unit = "characters" if language in _WITHOUT_SPACES else "words"
        rate, pace = score.errors / max(1, score.units), score.took_s / max(1e-6, score.sound_s) * 60
        told = f"{score.files} | {score.right} | {score.wrong}"
        print(f"| {language} | {told} | {rate:.3f} of {score.units} {unit} | {pace:.1f} |")


if __name__ == "__main__":
    main()
