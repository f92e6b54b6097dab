"""What a frame shows, without training: an ImageNet classifier's opinion, put into the space of sentences.

ConSE (Norouzi et al., arXiv:1312.5650): a frame's vector is the mean of its classes' text embeddings, weighted by their
probabilities; a query is embedded by the same text model. This module knows nothing of clips or of search.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.errors import PackError
from model.text.embedder import TextEmbedder
from model.text.minilm import MiniLM
from model.vision.encoder import FrameFeatures, Tag, bare_query, check_frames, unit
from model.vision.zero_shot import LABELS, label_concepts, load_labels, tags_of, top_labels

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

GRID = 3  # side of the token grid: each token averages 3 x 3 cells of the net's 9 x 9
BATCH_FRAMES = 8  # twice as fast a frame as batches of 32: the feature maps stay in the cache
# Softer than the classifier's own probabilities, which name one object where a sentence names several. With definitions
# and centred classes it takes text-to-image R@10 from 24.4 to 31.7 % on Flickr8k val and 60.7 to 66.2 % on COCO (327).
TEMPERATURE = 2.0
# Of 10, 20 and 40 the best in a trial on Flickr8k's val and test photos where captions name one thing of a kind
# (`model/closed_answers.py`): more were told than by the cosine or by how often each is spoken of alone.
CONTRAST = 10.0
_RECIPE = "mean of name and definition, centred"


class EmbeddedEncoder:
    """EfficientNet-Lite2's ImageNet classes, embedded by a text model. Safe to share between threads.

    Fused torch in bf16, since that was measured fastest: of batches of 8, one core with AVX512-BF16 sees about 100
    frames a second so, 65 by ONNX Runtime in fp32, 43 by fused torch in fp32, and 32 by plain torch. Where bf16 has no
    instructions ONNX Runtime would be 1.5 times as fast as what is used, but the pack's net is no ONNX file.
    """

    name = "label-start/1"
    contrast = CONTRAST

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
        self._classes = class_vectors(text)
        self._background = unit(self._classes)  # [1000, dim] a frame of nothing but each class
        self._net = load(next(folder.glob("*.pth")), torch.bfloat16 if bf16 else torch.float32)

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        """frames: uint8 [N, H, W, 3] RGB of any size, stretched to a square as in training.

        Raises ValueError for another shape or type.
        """
        import torch

        check_frames(frames)
        tokens, log_probabilities, pooled = [], [], []
        for start in range(0, len(frames), BATCH_FRAMES):
            batch = _stretch(torch.from_numpy(np.array(frames[start : start + BATCH_FRAMES])))
            output = self._net(batch)
            grid = torch.nn.functional.adaptive_avg_pool2d(output.grid.permute(0, 3, 1, 2), GRID)  # [B, 1280, 3, 3]
            tokens.append(grid.flatten(2).transpose(1, 2).half().numpy())  # [B, 9, 1280]
            log_probabilities.append(output.logits.log_softmax(1).half().numpy())
            weights = (output.logits / TEMPERATURE).softmax(1).numpy()
            pooled.append(unit(weights @ self._classes))
        if not pooled:
            from model.vision.efficientnet import CLASSES, FEATURES

            empty = np.empty((0, GRID * GRID, FEATURES), np.float16), np.empty((0, CLASSES), np.float16)
            return FrameFeatures(np.empty((0, self.dim), np.float32), empty[0], [], empty[1])
        rows = np.concatenate(log_probabilities)
        return FrameFeatures(np.concatenate(pooled), np.concatenate(tokens), top_labels(rows), rows)

    def encode_cells(self, frames: np.ndarray) -> np.ndarray:
        """float16 [N, 81, 1280]: the net's last feature map, 9 x 9 cells."""
        import torch

        from model.vision.efficientnet import FEATURES
        from model.vision.efficientnet import GRID as CELLS

        check_frames(frames)
        maps = [np.empty((0, CELLS * CELLS, FEATURES), np.float16)]
        for start in range(0, len(frames), BATCH_FRAMES):
            batch = _stretch(torch.from_numpy(np.array(frames[start : start + BATCH_FRAMES])))
            maps.append(self._net(batch).grid.flatten(1, 2).half().numpy())
        return np.concatenate(maps)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length. "Show me the moment where a dog runs" is embedded as "a dog runs"."""
        return self._text.embed([bare_query(text) for text in texts])

    def tags(self, frames: np.ndarray | FrameFeatures) -> list[list[Tag]]:
        """Per frame at most five names, likeliest first: classes, and kinds ("dog") with the sum of their classes."""
        features = frames if isinstance(frames, FrameFeatures) else self.encode_frames(frames)
        return tags_of(features.probabilities)

    @property
    def concepts(self) -> list[tuple[str, ...]]:
        """Name and, where there is one, kind of each of the 1,000 classes."""
        return label_concepts()

    def chance(self, frame: np.ndarray, query: np.ndarray) -> float:
        """The share of the 1,000 classes of which a frame of nothing else would fit the query better than this one.

        frame, query: float32 [dim], unit length.
        """
        return float((self._background @ query > float(frame @ query)).mean())


def class_vectors(text: TextEmbedder) -> np.ndarray:
    """float32 [1000, dim]: what to add up for a frame. Kept in the model cache where `text` is the pack's MiniLM.

    A definition says what a name alone does not ("Kuvasz": a dog). The mean over the classes is taken off, so that a
    frame of which the classifier knows nothing points nowhere instead of at what all classes share.
    """

    def compute() -> np.ndarray:
        names = text.embed([label.name for label in load_labels()])
        definitions = text.embed([label.definition for label in load_labels()])
        vectors = unit(names + definitions)
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


def _stretch(frames: torch.Tensor) -> torch.Tensor:
    """uint8 [N, H, W, 3] -> uint8 [N, 260, 260, 3], smoothed where it shrinks."""
    import torch.nn.functional as F

    from model.vision.efficientnet import INPUT_PX

    if frames.shape[1:3] == (INPUT_PX, INPUT_PX):
        return frames
    planes = frames.permute(0, 3, 1, 2)
    return F.interpolate(planes, size=(INPUT_PX, INPUT_PX), mode="bilinear", antialias=True).permute(0, 2, 3, 1)
