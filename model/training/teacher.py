"""A bigger model of open_clip as a teacher: what it makes of the pairs, computed once, and the loss that hands it on.

The student need not share its space, only its opinion of which caption fits which picture: affinity mimicking of
TinyCLIP (arXiv:2309.12314), contrastive relational distillation of CLIP-KD (arXiv:2307.12732). Knows nothing of the
student. A folder for each teacher and data set holds frames.npy and captions.npy, float32 [n, dim] of unit length; a
row of zeros is still to be computed, so a run that broke off goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from model.errors import UnreadableMedia
from model.hub import locate
from model.profile import check_source
from model.training.config import TeacherChoice
from model.training.features import PICTURES, SAY_EVERY_S, look
from model.training.samples import Sample
from model.vision.encoder import unit
from model.vision.open_clip_encoder import OpenClipEncoder

logger = logging.getLogger(__name__)

SOURCES = ("assets", "hub", "path")
TEXTS_AT_ONCE = 512


class Teacher(OpenClipEncoder):
    """Any checkpoint of open_clip, which looks at samples as they are, not augmented."""

    def __init__(self, choice: TeacherChoice) -> None:
        """Raises UsageError for a source that cannot be a teacher's, CheckpointError for one that is not there."""
        check_source(choice.source, SOURCES, "The training config's teacher.source", "that is a teacher")
        super().__init__(locate(choice.source), choice.architecture)
        self.choice = choice

    def consult(self, samples: Sequence[Sample], frames: int, folder: Path) -> Opinions:
        """What it makes of the samples (F frames of a video) and their captions, computing what `folder` lacks.

        Raises UnreadableMedia for a sample that is gone.
        """
        texts = [caption for sample in samples for caption in sample.captions]
        told = json.dumps([self.name, frames, [(sample.id, sample.captions) for sample in samples]])
        folder /= hashlib.sha256(told.encode()).hexdigest()[:12]
        seen = complete(folder / "frames.npy", (len(samples), self.dim), 1, lambda i: self.see(samples[i[0]], frames))
        read = complete(
            folder / "captions.npy", (len(texts), self.dim), TEXTS_AT_ONCE, lambda i: self.read([texts[j] for j in i])
        )
        return Opinions(seen, read, self._scale, self.choice)

    def see(self, sample: Sample, frames: int) -> np.ndarray:
        """float32 [1, dim], unit length: the mean of `frames` frames of a video. Raises UnreadableMedia."""
        still = sample.file.suffix.lower() in PICTURES
        try:
            pictures, _ = look(sample, 1 if still else frames, 0, np.random.default_rng(0))
        except (OSError, ValueError) as error:
            raise UnreadableMedia(
                f"{sample.file} can no longer be read, so the teacher cannot see it: {error}."
            ) from error
        pooled, _ = self._see(self._fit(np.stack(pictures)))
        return unit(pooled.mean(0, keepdims=True))

    def read(self, captions: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length. Unlike a question, a caption keeps its "a photo of"."""
        return self._embed(captions)


@dataclass(frozen=True)
class Opinions:
    """A teacher's vectors of samples and of their captions, in their order, and how it is to be heard."""

    frames: np.ndarray  # float32 [n, dim]
    captions: np.ndarray  # float32 [captions, dim]
    scale: float  # what its cosines are multiplied with before a softmax
    choice: TeacherChoice

    def of(self, samples: np.ndarray, captions: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors [B, dim] of samples [B] and [K, B, dim] of captions [K, B]."""
        seen, read = self.frames[samples], self.captions[captions]
        return torch.from_numpy(seen).to(device), torch.from_numpy(read).to(device)

    def mix(
        self, loss: torch.Tensor, logits: torch.Tensor, frames: torch.Tensor, captions: torch.Tensor
    ) -> torch.Tensor:
        """`loss` with the teacher's share; logits [K, B, B] are the student's, the vectors as `of` gives them."""
        weight = self.choice.weight
        theirs = self.scale * captions @ frames.T
        return (1 - weight) * loss + weight * affinity_loss(logits, theirs, self.choice.temperature)


def affinity_loss(logits: torch.Tensor, teacher: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """KL(teacher || student) of which picture fits a caption and which caption a picture: the mean of both.

    logits, teacher: [K, B captions, B pictures]. The temperature, and its square that keeps the gradients' size, are as
    in Hinton et al. (arXiv:1503.02531).
    """
    divergence = logits.new_zeros(())
    for way in (1, 2):
        ours, theirs = ((each / temperature).log_softmax(way) for each in (logits, teacher))
        divergence = divergence + functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    return temperature**2 * divergence / (2 * logits.shape[:2].numel())


def complete(
    file: Path, shape: tuple[int, int], at_once: int, compute: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Opens the vectors in `file`; `compute` makes those that lack, so many at once, from their numbers."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = np.lib.format.open_memmap(file, "r+" if file.exists() else "w+", "<f4", shape)
    todo = np.flatnonzero(~rows.any(1))
    began = said = time.monotonic()
    for start in range(0, len(todo), at_once):
        part = todo[start : start + at_once]
        rows[part] = compute(part)
        if time.monotonic() - said > SAY_EVERY_S:
            said, done = time.monotonic(), start + len(part)
            left_s = (said - began) / done * (len(todo) - done)
            logger.info("teacher, %s: %d of %d, %.0f s left", file.stem, done, len(todo), left_s)
    rows.flush()
    return rows
