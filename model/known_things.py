"""Things that a vision encoder would notice: of each, the cosine that it reaches in most photos where people name it.

What a video shows of such a thing stays below that in every frame only where the thing is not there, or rarely
otherwise. Made by `python -m benchmarks.named_things`; knows nothing of questions or videos.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from model.strict_json import read_file


@dataclass(frozen=True)
class KnownThing:
    name: str
    least: float  # cosine of the name and a picture, -1 to 1
    elsewhere: float  # share of the photos where nobody names it that reach it too: 0 could not be told better


@dataclass(frozen=True)
class KnownThings:
    encoder: str  # whose cosines they are: `VisionEncoder.name`
    missed: float  # share of the photos where people name a thing in which it stays below `least`
    things: list[KnownThing]


def read_known_things(file: Path) -> KnownThings:
    """Raises UsageError in one sentence for a file that is not there or says something else."""
    return read_file(file, KnownThings, "The list of known things")


def save_known_things(file: Path, known: KnownThings) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(known), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
