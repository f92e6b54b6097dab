"""Two small heads that put frames and sentences into one space: what the first stage of training makes.

Frames come as the frozen encoder's grid tokens and class log-probabilities, sentences as a frozen text model's vectors.
Trained with InfoNCE (CLIP, arXiv:2103.00020). Knows nothing of pictures or words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from model.vision.heads import load_weights, read_config, save_head

NAME = "alignment"  # of its files
POOLING_HEADS, POOLING_KEY = 8, 32
LEAST_LOG_PROBABILITY = -14.0  # below, a classifier's opinion is noise


@dataclass(frozen=True)
class AlignmentConfig:
    tokens: int  # T: grid tokens of a frame
    token_width: int  # D
    concepts: int  # C: classes
    text_width: int  # of the text model's vectors
    dim: int = 512  # of the common space
    width: int = 1024  # inside both heads
    dropout: float = 0.3


class FrameHead(nn.Module):
    """The mean token, a learned pooling of the tokens, and the class opinion, through an MLP with a skip."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        width = config.token_width
        self.token_norm = nn.LayerNorm(width)
        self.concept_norm = nn.LayerNorm(config.concepts)
        self.places = nn.Parameter(torch.zeros(config.tokens, width))
        self.keys = nn.Linear(width, POOLING_HEADS * POOLING_KEY)
        self.queries = nn.Parameter(torch.randn(POOLING_HEADS, POOLING_KEY))
        self.mix = nn.Linear(2 * width + config.concepts, config.width)
        self.mlp = nn.Sequential(
            nn.GELU(), nn.Dropout(config.dropout), nn.Linear(config.width, config.width), nn.GELU(),
            nn.Dropout(config.dropout),
        )  # fmt: skip
        self.project = nn.Linear(config.width, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: torch.Tensor, log_probabilities: torch.Tensor) -> torch.Tensor:
        """tokens [B, T, D], log_probabilities [B, C] -> unit vectors [B, dim]."""
        x = self.token_norm(tokens.float())
        told = self.concept_norm(log_probabilities.float().clamp(min=LEAST_LOG_PROBABILITY))
        mixed = self.mix(self.dropout(torch.cat([x.mean(1), self._pool(x), told], -1)))
        return functional.normalize(self.project(mixed + self.mlp(mixed)).float(), dim=-1)

    def _pool(self, x: torch.Tensor) -> torch.Tensor:
        keys = self.keys(x + self.places).unflatten(-1, (POOLING_HEADS, POOLING_KEY))  # [B, T, H, K]
        scores = torch.einsum("bthk,hk->bth", keys, self.queries.to(keys.dtype)) / POOLING_KEY**0.5
        pooled = torch.einsum("bth,bthd->bhd", scores.softmax(1), x.unflatten(-1, (POOLING_HEADS, -1)))
        return pooled.flatten(1)  # [B, D]


class TextHead(nn.Module):
    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.straight = nn.Linear(config.text_width, config.dim)
        self.mlp = nn.Sequential(
            nn.Linear(config.text_width, config.width), nn.GELU(), nn.Dropout(config.dropout / 3),
            nn.Linear(config.width, config.dim),
        )  # fmt: skip

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, text_width] -> unit vectors [B, dim]."""
        mlp = self.mlp(vectors * 8)  # a unit vector's numbers are small beside what a GELU bends
        return functional.normalize((self.straight(vectors) + mlp).float(), dim=-1)


class AlignmentHeads(nn.Module):
    """Both heads and the temperature they were trained with."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.config = config
        self.frames, self.texts = FrameHead(config), TextHead(config)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.05).log())

    def encode_frames(self, tokens: torch.Tensor, log_probabilities: torch.Tensor) -> torch.Tensor:
        """tokens [B, F, T, D] and log_probabilities [B, F, C] of F frames each -> unit vectors [B, dim]: their mean."""
        frames = self.frames(tokens.flatten(0, 1), log_probabilities.flatten(0, 1)).unflatten(0, tokens.shape[:2])
        return functional.normalize(frames.mean(1), dim=-1)

    def forward(
        self, tokens: torch.Tensor, log_probabilities: torch.Tensor, captions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Frames as above; captions [K, B, text_width]. Returns vectors [B, dim] and [K, B, dim], and the scale."""
        return self.encode_frames(tokens, log_probabilities), self.texts(captions), self.scale

    @property
    def scale(self) -> torch.Tensor:
        """What cosines are multiplied with before a softmax: one over the temperature."""
        scale: torch.Tensor = self.log_scale.exp().clamp(max=100)
        return scale


def save_heads(folder: Path, heads: AlignmentHeads) -> None:
    save_head(folder, NAME, heads, heads.config)


def load_heads(folder: Path) -> AlignmentHeads:
    """In evaluation mode, float32. Raises CheckpointError naming the file, what was expected and what was found."""
    heads = AlignmentHeads(read_config(folder, NAME, AlignmentConfig, "alignment heads"))
    load_weights(folder, NAME, heads)
    return heads.eval()
