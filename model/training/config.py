"""What a training run is told: one JSON file a stage, read strictly, and written beside what came of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal

from model.videochat.config import DecoderReference

COUNT = {"low": 1, "high": 10_000_000}
SHARE = {"low": 0.0, "high": 1.0}
WEIGHT = {"low": 0.0, "high": 1e6}
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")  # attention and MLP


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
    averaging: float = field(default=0.0, metadata=SHARE)  # what is saved is a running mean over the steps; 0: the last
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32"] = "auto"  # of the arithmetic; the weights are fp32
    checkpoint_every: int = field(default=200, metadata=COUNT)  # steps
    evaluate_every: int = field(default=500, metadata=COUNT)  # steps


@dataclass(frozen=True)
class TeacherChoice:
    """A bigger model of open_clip, whose opinion of what fits what the heads learn beside the captions."""

    source: str  # see `model/hub.py`
    architecture: str = ""  # open_clip's name for it, where the source is a bare checkpoint that does not say
    weight: float = field(default=0.5, metadata=SHARE)  # of its opinion in the loss; the rest is the captions'
    temperature: float = field(default=1.0, metadata={"low": 0.01, "high": 100.0})  # above 1 its doubts count more


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
    teacher: TeacherChoice | None = None


@dataclass(frozen=True)
class AnswerConfig:
    """A head that answers questions about frames with one of the answers it has learned."""

    stage: Literal["answer"]
    data: list[DataChoice]
    loop: LoopConfig
    validation: list[DataChoice] = field(default_factory=list)
    views: int = field(default=3, metadata={"low": 1, "high": 64})  # of every picture: itself, then augmented ones
    frames: int = field(default=4, metadata={"low": 1, "high": 64})  # of every stretch of video
    generated: float = field(default=0.4, metadata=SHARE)  # of the questions: made from captions
    made_of_each: int = field(default=40, metadata=COUNT)  # questions made from the captions of a sample, at most
    least_seen: int = field(default=2, metadata=COUNT)  # questions that must have an answer for it to be learned
    width: int = field(default=512, metadata=COUNT)
    dropout: float = field(default=0.5, metadata=SHARE)
    features: str = ""  # folder of what the encoder made of the data, if several runs share it; empty: in the output


@dataclass(frozen=True)
class ColourConfig:
    """A head that tells the colour of the thing that a question names."""

    stage: Literal["colour"]
    data: list[DataChoice]
    loop: LoopConfig
    validation: list[DataChoice] = field(default_factory=list)
    views: int = field(default=1, metadata={"low": 1, "high": 64})  # of every picture: itself, then augmented ones
    frames: int = field(default=4, metadata={"low": 1, "high": 64})  # of every stretch of video
    generated: float = field(default=0.7, metadata=SHARE)  # of the questions: made from captions
    width: int = field(default=64, metadata=COUNT)
    dropout: float = field(default=0.4, metadata=SHARE)
    features: str = ""  # folder of what the encoder made of the data, if several runs share it; empty: in the output


@dataclass(frozen=True)
class AdapterChoice:
    """The adapter's shape, as far as the encoder and the decoder leave it open: see `AdapterConfig`."""

    kind: Literal["perceiver", "mlp"] = "perceiver"
    width: int = field(default=512, metadata=COUNT)
    per: Literal["frame", "clip"] = "frame"
    queries: int = field(default=8, metadata=COUNT)
    heads: int = field(default=8, metadata=COUNT)
    depth: int = field(default=2, metadata=COUNT)
    temporal_depth: int = field(default=1, metadata={"low": 0, "high": 64})
    shuffle: int = field(default=1, metadata=COUNT)
    concepts: bool = True  # whether it is told the encoder's class log-probabilities, where there are any
    concept_tokens: int = field(default=4, metadata=COUNT)
    dropout: float = field(default=0.1, metadata=SHARE)


@dataclass(frozen=True)
class CaptionConfig:
    """Stage 2: the adapter learns to show a frozen decoder what the frozen encoder sees."""

    stage: Literal["caption"]
    data: list[DataChoice]
    loop: LoopConfig
    validation: list[DataChoice] = field(default_factory=list)
    start: str = ""  # folder or source of a VideoChat to go on from; empty: an adapter that has learned nothing
    decoder: DecoderReference = field(default_factory=lambda: DecoderReference("pack:decoder"))
    adapter: AdapterChoice = field(default_factory=AdapterChoice)
    views: int = field(default=3, metadata={"low": 1, "high": 64})  # of every picture: itself, then augmented ones
    frames: int = field(default=4, metadata={"low": 1, "high": 64})  # of every stretch of video
    sequences: float = field(default=0.1, metadata=SHARE)  # of the lessons: several photos in a row, to teach time
    shifted: float = field(default=0.5, metadata=SHARE)  # of the pictures that are shown at another time than 0 s
    held_out: int = field(default=256, metadata=COUNT)  # lessons of the validation data that are judged
    features: str = ""  # folder of what the encoder made of the data, if several runs share it; empty: in the output


@dataclass(frozen=True)
class LoraChoice:
    """Low-rank changes to the decoder's weights (arXiv:2106.09685)."""

    rank: int = field(default=16, metadata={"low": 1, "high": 1024})
    alpha: int = field(default=32, metadata=COUNT)
    dropout: float = field(default=0.05, metadata=SHARE)
    targets: list[str] = field(default_factory=lambda: list(LORA_TARGETS))  # names of linear layers


@dataclass(frozen=True)
class MixtureChoice:
    """How often each kind of lesson is given; only the proportions count."""

    questions: float = field(default=0.4, metadata=WEIGHT)  # that people asked
    generated: float = field(default=0.1, metadata=WEIGHT)  # made from captions
    captions: float = field(default=0.1, metadata=WEIGHT)
    times: float = field(default=0.1, metadata=WEIGHT)  # when, how long, in which order: of photos in a row
    grounded: float = field(default=0.25, metadata=WEIGHT)  # answers from notes, or that they do not tell
    summaries: float = field(default=0.05, metadata=WEIGHT)  # of photos in a row


@dataclass(frozen=True)
class InstructConfig:
    """Stage 3: the adapter and low-rank changes to the decoder learn to answer; the encoder stays as it is."""

    stage: Literal["instruct"]
    data: list[DataChoice]
    loop: LoopConfig
    start: str  # folder or source of the VideoChat to go on from
    validation: list[DataChoice] = field(default_factory=list)
    decoder: DecoderReference = field(default_factory=lambda: DecoderReference(""))  # empty source: that of `start`
    lora: LoraChoice = field(default_factory=LoraChoice)
    mixture: MixtureChoice = field(default_factory=MixtureChoice)
    views: int = field(default=3, metadata={"low": 1, "high": 64})
    frames: int = field(default=4, metadata={"low": 1, "high": 64})
    shifted: float = field(default=0.5, metadata=SHARE)
    held_out: int = field(default=256, metadata=COUNT)
    features: str = ""


def as_json(config: object) -> str:
    return json.dumps(dataclasses.asdict(config), indent=2, ensure_ascii=False) + "\n"  # type: ignore[call-overload]
