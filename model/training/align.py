"""Stage 1, align: two heads learn a space in which a frame is near the sentences that people said of it.

InfoNCE over the batch with a learned temperature (CLIP, arXiv:2103.00020), each picture with several of its captions.
The loop gives every picture once an epoch, so a caption is no wrong answer to its own picture. A bigger model's opinion
of the same pictures and captions can be mixed in (`model/training/teacher.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional

from model.errors import UsageError
from model.loading import Models
from model.training import readers
from model.training.config import AlignConfig, DataChoice
from model.training.features import PICTURES, FeatureStore, compute_features
from model.training.loop import Run, mixed_precision, train
from model.training.samples import Sample
from model.vision.alignment import AlignmentConfig, AlignmentHeads, save_heads

if TYPE_CHECKING:
    from model.training.teacher import Opinions

logger = logging.getLogger(__name__)
_TEXTS_AT_ONCE = 512


@dataclass
class Pairs:
    """Samples with captions, what the encoder made of them, and their captions' text vectors."""

    samples: list[Sample]
    store: FeatureStore
    vectors: np.ndarray  # float32 [captions, width]
    spans: np.ndarray  # [n, 2]: which captions are a sample's

    def __len__(self) -> int:
        return len(self.samples)


@dataclass
class Batch:
    tokens: torch.Tensor  # [B, F, T, D]
    concepts: torch.Tensor  # [B, F, C]
    captions: torch.Tensor  # [captions, B, width]
    taught: tuple[torch.Tensor, torch.Tensor] | None = None  # the teacher's [B, dim] and [captions, B, dim]


class Align:
    """The task of `loop.train`."""

    def __init__(
        self, config: AlignConfig, pairs: Pairs, validation: Pairs | None, opinions: Opinions | None = None
    ) -> None:
        self.config, self.pairs, self.validation, self.opinions = config, pairs, validation, opinions
        tokens, concepts = pairs.store.tokens.shape, pairs.store.concepts.shape
        torch.manual_seed(config.loop.seed)
        self.module = AlignmentHeads(
            AlignmentConfig(
                tokens[3], tokens[4], concepts[3], pairs.vectors.shape[1], config.dim, config.width, config.dropout
            )
        )

    def batch(self, indices: np.ndarray, dice: np.ndarray) -> Batch:
        views = (dice[:, 0] * self.config.views).astype(int)
        spans = self.pairs.spans[indices]
        chosen = spans[:, :1] + (dice[:, 1 : 1 + self.config.captions] * (spans[:, 1:] - spans[:, :1])).astype(int)
        rows, device = self.pairs.store.rows[indices], self.module.log_scale.device  # where the loop has put it
        return Batch(
            torch.from_numpy(self.pairs.store.tokens[rows, views]).to(device),
            torch.from_numpy(self.pairs.store.concepts[rows, views]).to(device),
            torch.from_numpy(self.pairs.vectors[chosen.T]).to(device),
            self.opinions.of(indices, chosen.T, device) if self.opinions else None,
        )

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        frames, texts, scale = module(batch.tokens, batch.concepts, batch.captions)
        frames, texts = gathered(frames), gathered(texts, dim=1)
        target = torch.arange(frames.shape[0], device=frames.device)
        losses = []
        for caption in texts:
            logits = scale * caption @ frames.T  # [B, B]
            losses += [functional.cross_entropy(logits, target), functional.cross_entropy(logits.T, target)]
        told = torch.stack(losses).mean()
        if self.opinions is None or batch.taught is None:
            return told
        seen, read = gathered(batch.taught[0]), gathered(batch.taught[1], dim=1)
        return self.opinions.mix(told, scale * texts @ frames.T, seen, read)

    def evaluate(self) -> dict[str, float]:
        if not self.validation:
            return {}
        found = recalls(self.module, self.validation)
        self.module.train()
        return found


def run(config: AlignConfig, models: Models, output: Path) -> dict[str, float]:
    """Train the heads, or go on; the result lies in `output` as alignment.json and alignment.safetensors.

    Raises UsageError if the data hold no captions, CheckpointError if the teacher is not there or does not fit,
    CuepointError as `loop.train` does.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision(config.loop))
    with accelerator.main_process_first():  # the others find the features made
        task = begin(config, models, output / "features")
    # Without a teacher it is called what it was before there were any, and goes on.
    described = {key: value for key, value in asdict(config).items() if value is not None}
    figures = train(task, Run(output, config.loop, described), len(task.pairs), accelerator)
    if accelerator.is_main_process:
        save_heads(output, task.module)
    return figures


def begin(config: AlignConfig, models: Models, folder: Path) -> Align:
    """The heads before their first step, and all that they learn from; what was computed of it is kept in `folder`."""
    teacher, held_out = None, config.validation
    if config.teacher and config.teacher.weight:
        from model.training.teacher import Teacher  # and open_clip, which takes seconds

        teacher = Teacher(config.teacher)  # before features are computed, which takes longest
    pairs = read_pairs(config.data, config, models, folder / "train", config.views)
    validation = read_pairs(held_out, config, models, folder / "validation", 1) if held_out else None
    frames = pairs.store.times.shape[2]
    opinions = teacher.consult(pairs.samples, frames, folder / "teacher") if teacher else None
    return Align(config, pairs, validation, opinions)


def gathered(rows: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """The rows of all processes, in the order in which the loop dealt them out; gradients flow back to each."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return rows
    from torch.distributed.nn.functional import all_gather

    return torch.stack(all_gather(rows.contiguous()), dim + 1).flatten(dim, dim + 1)


def recalls(heads: AlignmentHeads, pairs: Pairs) -> dict[str, float]:
    """Text-to-frame recall at 1, 5 and 10 over all captions of the pairs, as shares."""
    heads.eval()
    rows = pairs.store.rows
    with torch.inference_mode():
        tokens, concepts = (torch.from_numpy(array[rows, 0]) for array in (pairs.store.tokens, pairs.store.concepts))
        frames = heads.encode_frames(tokens, concepts)
        texts = heads.texts(torch.from_numpy(pairs.vectors))
    owners = torch.repeat_interleave(torch.arange(len(pairs)), torch.from_numpy(np.diff(pairs.spans)[:, 0]))
    scores = texts @ frames.T
    better = (scores > scores.gather(1, owners[:, None])).sum(1)
    return {f"r@{k}": float((better < k).float().mean()) for k in (1, 5, 10)}


def read_pairs(choices: Sequence[DataChoice], config: AlignConfig, models: Models, folder: Path, views: int) -> Pairs:
    """Samples that have captions, with features kept in `folder`. Raises UsageError if nothing is left."""
    samples = [s for c in choices for s in readers.read(c.reader, Path(c.path), c.split) if s.captions]
    stills = all(sample.file.suffix.lower() in PICTURES for sample in samples)
    frames = 1 if stills else config.frames
    store = compute_features(samples, models.vision, folder, views, frames, config.loop.seed)
    kept = [i for i in range(len(samples)) if store.rows[i] >= 0]
    if not kept:
        raise UsageError(f"No sample with a caption could be read from {', '.join(c.path for c in choices)}.")
    if store.skipped:
        logger.warning("%d of %d samples could not be read and are left out", store.skipped, len(samples))
    samples = [samples[i] for i in kept]
    texts = [caption for sample in samples for caption in sample.captions]
    vectors = np.concatenate(
        [models.text.embed(texts[i : i + _TEXTS_AT_ONCE]) for i in range(0, len(texts), _TEXTS_AT_ONCE)]
    )
    ends = np.cumsum([len(sample.captions) for sample in samples])
    spans = np.stack([np.concatenate([[0], ends[:-1]]), ends], 1)
    store = FeatureStore(store.tokens, store.concepts, store.times, store.rows[kept])
    return Pairs(samples, store, vectors, spans)
