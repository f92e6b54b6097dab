"""Files of data sets for the tests of readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model.training.readers import Tally, read
from model.training.samples import Sample


def put(folder: Path, *names: str) -> None:
    """Files with content: readers look at names only."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"pixels")


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def samples(name: str, path: Path, split: str = "train", tally: Tally | None = None) -> dict[str, Sample]:
    return {sample.id: sample for sample in read(name, path, split, tally)}
