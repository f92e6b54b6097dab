"""The 1,000 ImageNet names: what an encoder can call things by, and how probabilities become tags.

A classifier knows them from training; any encoder of texts and pictures knows them as prompts. This module holds the
names and what is said with them, and knows neither.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model.pack import cache_folder
from model.vision.encoder import Tag

logger = logging.getLogger(__name__)

LABELS = Path(__file__).with_name("labels.json")
CLASSES = 1000  # ImageNet-1k
TOP_LABELS = 5
TAG_PROBABILITY = 0.1  # below it the classifier is guessing among too many


class Label(NamedTuple):
    name: str
    definition: str
    kind: str | None  # everyday word for a group of classes: "dog" for every breed


@functools.cache
def load_labels() -> tuple[Label, ...]:
    """The 1,000 ImageNet-1k classes in the classifier's order. Sources and licences stand in the file."""
    return tuple(Label(*row) for row in json.loads(LABELS.read_text(encoding="utf-8"))["labels"])


def label_concepts() -> list[tuple[str, ...]]:
    """Name and, where there is one, kind of each of the 1,000 classes."""
    return [(label.name, label.kind) if label.kind else (label.name,) for label in load_labels()]


def top_labels(log_probabilities: np.ndarray) -> list[list[Tag]]:
    """log_probabilities: float16 [N, 1000]. Per frame the five likeliest classes, best first."""
    names = load_labels()
    order = np.argsort(-log_probabilities, axis=1)[:, :TOP_LABELS]
    rows = np.exp(np.take_along_axis(log_probabilities, order, 1).astype(np.float32))
    return [
        [(names[i].name, float(p)) for i, p in zip(indices, row, strict=True)]
        for indices, row in zip(order, rows, strict=True)
    ]


def tags_of(probabilities: np.ndarray) -> list[list[Tag]]:
    """Per frame at most five names, likeliest first: classes, and kinds ("dog") with the sum of their classes.

    probabilities: [N, 1000].
    """
    labels = load_labels()
    found = []
    for row in probabilities.astype(np.float32):
        names: defaultdict[str, float] = defaultdict(float)
        for index in np.flatnonzero(row > TAG_PROBABILITY / 100):
            label = labels[index]
            for name in dict.fromkeys((label.kind or label.name, label.name)):  # the kind first where they tie
                names[name] += float(row[index])
        likely = [tag for tag in names.items() if tag[1] >= TAG_PROBABILITY]
        found.append(sorted(likely, key=lambda tag: -tag[1])[:TOP_LABELS])
    return found


def keep_label_vectors(recipe: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """What `compute` makes of the 1,000 names: float32 [1000, dim], kept in the model cache under `recipe`.

    `recipe` must change whenever the vectors would. A cache that cannot be written or read costs the time to compute.
    """
    key = hashlib.sha256(recipe.encode() + LABELS.read_bytes()).hexdigest()[:16]
    file = cache_folder() / "derived" / f"label-vectors-{key}.npy"
    try:
        kept: np.ndarray = np.load(file)
        if len(kept) == CLASSES:
            return kept
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: made anew
    vectors = compute()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as staging:  # whole or not at all
            np.save(Path(staging, "vectors.npy"), vectors)
            Path(staging, "vectors.npy").replace(file)
    except OSError as error:
        logger.warning("Label vectors are not kept: %s", error)
    return vectors
