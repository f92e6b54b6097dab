"""Frames and texts by a contrastive model of open_clip: CLIP, SigLIP and their kin, any architecture and checkpoint.

Radford et al., "CLIP" (arXiv:2103.00020); Zhai et al., "SigLIP" (arXiv:2303.15343). Local files only. This module knows
nothing of clips or of search.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from model.errors import CheckpointError, UsageError
from model.hardware import describe, find_gpu
from model.profile import Precision
from model.vision.encoder import FrameFeatures, Tag, bare_query, check_frames
from model.vision.open_clip_checkpoint import load
from model.vision.zero_shot import CLASSES, keep_label_vectors, label_concepts, load_labels, tags_of, top_labels

PROMPT = "a photo of {}"  # captions look like this, so classes named bare would all be a little off
TEXTS_PER_BATCH = 32
MOST_SHRUNK = 8.0  # times a side, on a GPU
FRAMES_PER_BATCH = {"cpu": 8, "cuda": 64, "mps": 16}  # more is no faster, and memory grows with it
PIXELS_AT_ONCE = 24_000_000  # resized together: two frames of 4000 x 3000, 290 MB as float32
_DRY_TEXT = "a photo"


class OpenClipEncoder:
    """One space for frames and texts. Safe to share between threads."""

    def __init__(self, path: Path, architecture: str = "", precision: Precision = "auto"):
        """`path`: a folder as the hub holds it (open_clip_config.json, weights, tokenizer) or the weights' file alone;
        `architecture`: open_clip's name of it, for a file without a config beside it.

        Raises CheckpointError naming the file that does not fit.
        """
        checkpoint = load(path, architecture)
        gpu = find_gpu()
        self.device = torch.device(gpu.kind if gpu else "cpu")
        self.dtype = choose_dtype(precision, self.device)
        self.name = checkpoint.name
        self._preprocess = checkpoint.preprocess
        self._model = checkpoint.model.to(self.device, self.dtype)
        self._scale = self.contrast = float(checkpoint.model.logit_scale.float().exp())
        self._tokenize = checkpoint.tokenizer
        self._tokenizing, self._naming = threading.Lock(), threading.Lock()
        self._names: np.ndarray | None = None
        self._height, self._width = checkpoint.model.visual.image_size  # pixels
        mean, std = (torch.tensor(row, device=self.device) for row in (self._preprocess.mean, self._preprocess.std))
        self._mean, self._std = 255 * mean.view(3, 1, 1), 255 * std.view(3, 1, 1)
        self._try(checkpoint.weights)

    def _try(self, weights: Path) -> None:
        """One frame and one text: whether the towers meet, and what their tokens look like."""
        try:
            pooled, tokens = self._see(torch.zeros(1, 3, self._height, self._width))
            text = self._embed([_DRY_TEXT])
        except (AttributeError, NotImplementedError) as error:
            raise CheckpointError(
                f"{weights} cannot be used: expected a vision tower that shows its patch tokens, found {error}."
            ) from error
        except IndexError as error:
            raise CheckpointError(
                f"{weights} and the tokenizer beside it do not fit: expected tokens of its vocabulary, found others."
            ) from error
        if pooled.shape[1] != text.shape[1]:
            raise CheckpointError(
                f"{weights} does not fit: expected texts of {pooled.shape[1]} numbers as frames have, "
                f"found {text.shape[1]}."
            )
        self.dim, self._token_shape = pooled.shape[1], tokens.shape[1:]

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        """frames: uint8 [N, H, W, 3] RGB of any size; tokens: those of the last layer, normalised, before pooling.

        Raises ValueError for another shape or type.
        """
        check_frames(frames)
        count, step = len(frames), FRAMES_PER_BATCH[self.device.type]
        pooled = np.empty((count, self.dim), np.float32)
        tokens = np.empty((count, *self._token_shape), np.float16)
        for start in range(0, count, step):
            rows = slice(start, start + step)
            pooled[rows], tokens[rows] = self._see(self._fit(frames[rows]))
        if not count:
            return FrameFeatures(pooled, tokens, [], np.empty((0, CLASSES), np.float16))
        # SigLIP is trained with a sigmoid a pair and a bias, but its probabilities of single classes are tiny and do
        # not compete. A softmax over the scaled cosines ranks alike, sums to 1 as tags expect, and the bias cancels.
        logits = torch.from_numpy(self._scale * (pooled @ self._label_vectors().T))
        log_probabilities = logits.log_softmax(1).half().numpy()
        return FrameFeatures(pooled, tokens, top_labels(log_probabilities), log_probabilities)

    def encode_cells(self, frames: np.ndarray) -> np.ndarray:
        """float16 [N, T, D]: the tokens, one a patch."""
        return self.encode_frames(frames).tokens

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length. "Show me the moment where a dog runs" is embedded as "a dog runs"."""
        return self._embed([bare_query(text) for text in texts])

    def tags(self, frames: np.ndarray | FrameFeatures) -> list[list[Tag]]:
        """Per frame at most five names, likeliest first: classes, and kinds ("dog") with the sum of their classes."""
        features = frames if isinstance(frames, FrameFeatures) else self.encode_frames(frames)
        return tags_of(features.probabilities)

    @property
    def concepts(self) -> list[tuple[str, ...]]:
        """Name and, where there is one, kind of each of the 1,000 classes."""
        return label_concepts()

    def chance(self, frame: np.ndarray, query: np.ndarray) -> float:
        """The share of the 1,000 classes whose prompt fits the frame better than the query does.

        Frames and texts lie in two cones apart ("modality gap", Liang et al., arXiv:2203.02053): any text is nearer to
        any text than to any frame, so texts are compared with texts. frame, query: float32 [dim], unit length.
        """
        return float((self._label_vectors() @ frame > float(query @ frame)).mean())

    @torch.inference_mode()
    def _see(self, pictures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """pictures: float32 [B, 3, H, W], normalised. Returns float32 [B, dim] of unit length, float16 [B, T, D]."""
        visual = self._model.visual
        # CoCa's norm stands behind its pooling, and has that width: its tokens are as the last layer leaves them.
        normed = getattr(visual, "attn_pool", None) is None
        seen = visual.forward_intermediates(
            pictures.to(self.device, self.dtype), indices=1, normalize_intermediates=normed
        )
        grid = seen["image_intermediates"][-1]  # [B, D, h, w]
        pooled = F.normalize(seen["image_features"].float(), dim=-1)
        return pooled.cpu().numpy(), grid.flatten(2).transpose(1, 2).half().cpu().numpy()

    def _fit(self, frames: np.ndarray) -> torch.Tensor:
        """uint8 [B, H, W, 3] -> float32 [B, 3, h, w], normalised; a few at a time, so that big frames stay cheap."""
        at_once = max(1, PIXELS_AT_ONCE // (frames.shape[1] * frames.shape[2]))
        parts = [self._resize(frames[i : i + at_once]) for i in range(0, len(frames), at_once)]
        return (torch.cat(parts).float() - self._mean) / self._std

    def _resize(self, frames: np.ndarray) -> torch.Tensor:
        """uint8 [B, H, W, 3] -> [B, 3, h, w] of the model's size, 0 to 255.

        The whole frame is squashed, even where the checkpoint would crop its middle ("shortest"): of a wide frame that
        would lose 44 %, and whatever happens there could never be found. "longest" keeps all as well, with bars.
        """
        planes = torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2)  # [B, 3, H, W], uint8
        height, width = self._height, self._width
        if self._preprocess.resize_mode == "longest":
            ratio = max(planes.shape[2] / height, planes.shape[3] / width)
            height, width = (max(1, round(side / ratio)) for side in planes.shape[2:])
        if planes.shape[2:] != (height, width):
            planes = self._interpolate(planes, height, width)
        left, top = (self._width - width) // 2, (self._height - height) // 2
        bars = (left, self._width - width - left, top, self._height - height - top)
        return F.pad(planes, bars, value=self._preprocess.fill_color).to(self.device)

    def _interpolate(self, planes: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """uint8 on the CPU, which has a fast way for it that equals PIL's; float32 on a GPU, which has none.

        What shrinks a great deal is left to the CPU: CUDA's smoothing needs more shared memory the more it shrinks, and
        fails where that is too little.
        """
        shrinks = max(planes.shape[2] / height, planes.shape[3] / width)
        if self.device.type == "cuda" and shrinks <= MOST_SHRUNK:
            planes = planes.to(self.device).float()
        mode = self._preprocess.interpolation
        if mode == "nearest":
            return F.interpolate(planes, size=(height, width), mode="nearest")
        mode = mode if mode == "bilinear" else "bicubic"
        return F.interpolate(planes, size=(height, width), mode=mode, antialias=True).clamp(0, 255)

    @torch.inference_mode()
    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [M, dim], unit length; longer texts than the model reads are cut."""
        rows = [np.empty((0, getattr(self, "dim", 0)), np.float32)] if not texts else []
        for start in range(0, len(texts), TEXTS_PER_BATCH):
            with self._tokenizing:  # a fast tokenizer must not be used by two threads at once
                tokens = self._tokenize(list(texts[start : start + TEXTS_PER_BATCH]))  # [B, context]
            vectors = self._model.encode_text(tokens.to(self.device))
            rows.append(F.normalize(vectors.float(), dim=-1).cpu().numpy())
        return np.concatenate(rows)

    def _label_vectors(self) -> np.ndarray:
        """float32 [1000, dim]: the classes as prompts. Made when first needed: a minute for a big model on a CPU."""
        with self._naming:
            if self._names is None:
                prompts = [PROMPT.format(label.name) for label in load_labels()]
                self._names = keep_label_vectors(f"{self.name}; {self.dtype}; {PROMPT}", lambda: self._embed(prompts))
            return self._names


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """bf16 where it is fast: on a CPU with instructions for it 2.5 times fp32 (ViT-B-32), at a cosine of 0.9999."""
    if precision not in ("auto", "bf16", "fp32"):
        raise UsageError(f"open_clip encoders run in bf16 or fp32, not in {precision}; use auto.")
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and describe().bf16 else torch.float32
