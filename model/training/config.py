"""What a training run is told: one JSON file a stage, read strictly, and written beside what came of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal

COUNT = {"low": 1, "high": 10_000_000}
SHARE = {"low": 0.0, "high": 1.0}


@dataclass(frozen=True)
class DataChoice:
    reader: str  # of model/training/readers
    path: str
    split: str = "train"


@dataclass(frozen=True)
class LoopConfig:
    """How any stage is optimised: AdamW, a warm-up, then a cosine down to a hundredth."""

    steps: int = field(metadata=COUNT)
    batch: int = field(metadata=COUNT)  # samples a step, over all processes and accumulated parts together
    learning_rate: float
    accumulate: int = field(default=1, metadata=COUNT)  # parts that a step's batch is computed in
    weight_decay: float = 0.05
    warmup_steps: int = field(default=100, metadata={"low": 0, "high": 1_000_000})
    clip_norm: float = 1.0
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32"] = "auto"  # of the arithmetic; the weights are fp32
    checkpoint_every: int = field(default=200, metadata=COUNT)  # steps
    evaluate_every: int = field(default=500, metadata=COUNT)  # steps


@dataclass(frozen=True)
class AlignConfig:
    """Stage 1: a space in which frames and sentences can be compared."""

    stage: Literal["align"]
    data: list[DataChoice]
    loop: LoopConfig
    validation: list[DataChoice] = field(default_factory=list)
    views: int = field(default=3, metadata={"low": 1, "high": 64})  # of every picture: itself, then augmented ones
    frames: int = field(default=4, metadata={"low": 1, "high": 64})  # of every stretch of video
    dim: int = field(default=512, metadata=COUNT)
    width: int = field(default=1024, metadata=COUNT)
    dropout: float = field(default=0.3, metadata=SHARE)
    captions: int = field(default=2, metadata={"low": 1, "high": 16})  # of a picture, used at once
    averaging: float = field(default=0.995, metadata=SHARE)  # of the weights that are saved, over the steps
    teacher: str = ""  # source of an open_clip checkpoint to learn from as well
    teacher_weight: float = field(default=1.0, metadata={"low": 0.0, "high": 100.0})


def as_json(config: object) -> str:
    return json.dumps(dataclasses.asdict(config), indent=2, ensure_ascii=False) + "\n"  # type: ignore[call-overload]
