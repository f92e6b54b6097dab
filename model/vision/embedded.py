"""What a frame shows, without training: an ImageNet classifier's opinion, put into the space of sentences.

ConSE (Norouzi et al., arXiv:1312.5650): a frame's vector is the mean of its classes' text embeddings, weighted by their
probabilities; a query is embedded by the same text model. This module knows nothing of clips or of search.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from model.errors import PackError
from model.text.minilm import MiniLM, TextEmbedder

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

LABELS = Path(__file__).with_name("labels.json")
TOP_LABELS = 5
TAG_PROBABILITY = 0.1  # below it the classifier is guessing among too many
GRID = 3  # side of the token grid: each token averages 3 x 3 cells of the net's 9 x 9
BATCH_FRAMES = 8  # twice as fast a frame as batches of 32: the feature maps stay in the cache
# Softer than the classifier's own probabilities, which name one object where a sentence names several. With definitions
# and centred classes it takes text-to-image R@10 from 24.4 to 31.7 % on Flickr8k val and 60.7 to 66.2 % on COCO (327).
TEMPERATURE = 2.0
_RECIPE = "mean of name and definition, centred"

Tag = tuple[str, float]  # name, probability


class Label(NamedTuple):
    name: str
    definition: str
    kind: str | None  # everyday word for a group of classes: "dog" for every breed


@dataclass(frozen=True)
class FrameFeatures:
    """What an encoder makes of N frames. `tokens` and `log_probabilities` feed the adapter."""

    pooled: np.ndarray  # float32 [N, dim], unit length
    tokens: np.ndarray  # float16 [N, T, D]
    labels: list[list[Tag]]  # per frame the likeliest classes, best first
    log_probabilities: np.ndarray  # float16 [N, classes]: as logarithms, since float16 would round small ones to zero

    @property
    def probabilities(self) -> np.ndarray:
        """float16 [N, classes]."""
        return np.exp(self.log_probabilities.astype(np.float32)).astype(np.float16)

    def __len__(self) -> int:
        return len(self.pooled)


class VisionEncoder(Protocol):
    """Frames and texts into one space, where the dot product says how well they match."""

    dim: int
    name: str  # changes whenever the vectors do: stored beside them

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        """frames: uint8 [N, H, W, 3] RGB, of any size."""
        ...

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length."""
        ...

    def tags(self, frames: np.ndarray | FrameFeatures) -> list[list[Tag]]:
        """Per frame the things it shows, likeliest first; empty where nothing is likely."""
        ...

    @property
    def concepts(self) -> Sequence[tuple[str, ...]]:
        """The names of the things whose probabilities `FrameFeatures` holds, in their order."""
        ...

    @property
    def background(self) -> np.ndarray:
        """float32 [M, dim], unit length: frames of single things, to tell how special a match with a frame is."""
        ...


class LabelStartEncoder:
    """EfficientNet-Lite2's ImageNet classes, embedded by a text model. Safe to share between threads."""

    name = "label-start/1"

    def __init__(self, text: TextEmbedder, folder: Path | None = None, bf16: bool | None = None):
        """`folder`: holds the one .pth of the net (default: the model pack's). `bf16`: by default where it is fast.

        Raises PackError if the pack is not there.
        """
        import torch

        from model.vision.efficientnet import load

        if folder is None:
            from model.pack import part

            folder = part("image")
        if bf16 is None:
            from model.hardware import describe

            bf16 = describe().bf16
        self._text = text
        self.dim = text.dim
        self._labels = load_labels()
        self._classes = class_vectors(text)
        self._net = load(next(folder.glob("*.pth")), torch.bfloat16 if bf16 else torch.float32)

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        """frames: uint8 [N, H, W, 3] RGB of any size, stretched to a square as in training.

        Raises ValueError for another shape or type.
        """
        import torch

        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise ValueError(f"frames must be uint8 [N, H, W, 3], not {frames.dtype} {list(frames.shape)}")
        tokens, log_probabilities, pooled = [], [], []
        for start in range(0, len(frames), BATCH_FRAMES):
            batch = _stretch(torch.from_numpy(np.array(frames[start : start + BATCH_FRAMES])))
            output = self._net(batch)
            grid = torch.nn.functional.adaptive_avg_pool2d(output.grid.permute(0, 3, 1, 2), GRID)  # [B, 1280, 3, 3]
            tokens.append(grid.flatten(2).transpose(1, 2).half().numpy())  # [B, 9, 1280]
            log_probabilities.append(output.logits.log_softmax(1).half().numpy())
            weights = (output.logits / TEMPERATURE).softmax(1).numpy()
            pooled.append(_unit(weights @ self._classes))
        if not pooled:
            from model.vision.efficientnet import CLASSES, FEATURES

            empty = np.empty((0, GRID * GRID, FEATURES), np.float16), np.empty((0, CLASSES), np.float16)
            return FrameFeatures(np.empty((0, self.dim), np.float32), empty[0], [], empty[1])
        rows = np.concatenate(log_probabilities)
        return FrameFeatures(np.concatenate(pooled), np.concatenate(tokens), self._top(rows), rows)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length. "Show me the moment where a dog runs" is embedded as "a dog runs"."""
        return self._text.embed([bare_query(text) for text in texts])

    def tags(self, frames: np.ndarray | FrameFeatures) -> list[list[Tag]]:
        """Per frame at most five names, likeliest first: classes, and kinds ("dog") with the sum of their classes."""
        features = frames if isinstance(frames, FrameFeatures) else self.encode_frames(frames)
        found = []
        for row in features.probabilities.astype(np.float32):
            names: defaultdict[str, float] = defaultdict(float)
            for index in np.flatnonzero(row > TAG_PROBABILITY / 100):
                label = self._labels[index]
                for name in dict.fromkeys((label.kind or label.name, label.name)):  # the kind first where they tie
                    names[name] += float(row[index])
            likely = [tag for tag in names.items() if tag[1] >= TAG_PROBABILITY]
            found.append(sorted(likely, key=lambda tag: -tag[1])[:TOP_LABELS])
        return found

    @property
    def concepts(self) -> list[tuple[str, ...]]:
        """Name and, where there is one, kind of each of the 1,000 classes."""
        return [(label.name, label.kind) if label.kind else (label.name,) for label in self._labels]

    @property
    def background(self) -> np.ndarray:
        """float32 [1000, dim]: a frame of nothing but each class."""
        return _unit(self._classes)

    def _top(self, log_probabilities: np.ndarray) -> list[list[Tag]]:
        order = np.argsort(-log_probabilities, axis=1)[:, :TOP_LABELS]
        rows = np.exp(np.take_along_axis(log_probabilities, order, 1).astype(np.float32))
        return [
            [(self._labels[i].name, float(p)) for i, p in zip(indices, row, strict=True)]
            for indices, row in zip(order, rows, strict=True)
        ]


@functools.cache
def load_labels() -> tuple[Label, ...]:
    """The 1,000 ImageNet-1k classes in the classifier's order. Sources and licences stand in the file."""
    return tuple(Label(*row) for row in json.loads(LABELS.read_text(encoding="utf-8"))["labels"])


def class_vectors(text: TextEmbedder) -> np.ndarray:
    """float32 [1000, dim]: what to add up for a frame. Kept in the model cache where `text` is the pack's MiniLM.

    A definition says what a name alone does not ("Kuvasz": a dog). The mean over the classes is taken off, so that a
    frame of which the classifier knows nothing points nowhere instead of at what all classes share.
    """

    def compute() -> np.ndarray:
        names = text.embed([label.name for label in load_labels()])
        definitions = text.embed([label.definition for label in load_labels()])
        vectors = _unit(names + definitions)
        centred: np.ndarray = vectors - vectors.mean(0)
        return centred

    if isinstance(text, MiniLM):
        from model.pack import derived

        recipe = f"{_RECIPE}; labels {hashlib.sha256(LABELS.read_bytes()).hexdigest()}"
        try:
            folder = derived("label-vectors", "text", recipe, lambda folder: np.save(folder / "classes.npy", compute()))
            kept: np.ndarray = np.load(folder / "classes.npy")
            return kept
        except PackError as error:  # a cache that cannot be written costs two seconds a start, nothing else
            logger.warning("Class vectors are not cached: %s", error)
    return compute()


# What people put around the thing they look for. It only blurs the vector: "where in the video can I see ..." costs
# three points of R@10.
_FRAMING = re.compile(
    r"""^\s*(?:please\s+)?
    (?:(?:can|could)\s+you\s+)?
    (?:(?:show|find|give)\s+(?:me\s+)?|(?:look|search)\s+for\s+)?
    (?:(?:where|when)\s+(?:in\s+(?:the|this)\s+video\s+)?(?:can|do|could)\s+(?:i|we|you)\s+see\s+
      |(?:(?:a|an|the|any|all|every)\s+)?(?:photo|picture|image|clip|shot|frame|scene|moment|part|video)s?
       \s+(?:of|where|when|with|showing|in\s+which|that\s+shows?)\s+)?""",
    re.IGNORECASE | re.VERBOSE,
)


def bare_query(text: str) -> str:
    """The thing asked for, without "show me the moment where" and the question mark; `text` if nothing is left."""
    return _FRAMING.sub("", text, count=1).strip(" ?.!") or text


def _stretch(frames: torch.Tensor) -> torch.Tensor:
    """uint8 [N, H, W, 3] -> uint8 [N, 260, 260, 3], smoothed where it shrinks."""
    import torch.nn.functional as F

    from model.vision.efficientnet import INPUT_PX

    if frames.shape[1:3] == (INPUT_PX, INPUT_PX):
        return frames
    planes = frames.permute(0, 3, 1, 2)
    return F.interpolate(planes, size=(INPUT_PX, INPUT_PX), mode="bilinear", antialias=True).permute(0, 2, 3, 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
    return unit
