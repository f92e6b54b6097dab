"""What a VideoChat folder says in its config.json: the adapter's shape, and which encoder and decoder it was made for.

Encoder and decoder are named by their sources (see `model/hub.py`), never copied. A config is read strictly: a key that
nobody knows or a value of the wrong type is refused with the file and the key.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from model.errors import CheckpointError, UsageError
from model.profile import Precision
from model.strict_json import read_section

CONFIG = "config.json"
VERSION = 1  # of the folder's layout

COUNT = {"low": 1, "high": 100_000}
DEPTH = {"low": 0, "high": 64}


@dataclass(frozen=True)
class AdapterConfig:
    """The defaults make about 11 million parameters between the embedded pack's encoder and decoder.

    Raises ValueError for numbers that do not go together.
    """

    vision_width: int = field(metadata=COUNT)  # D of the encoder's tokens
    vision_tokens: int = field(metadata=COUNT)  # T: tokens that the encoder makes of one frame
    decoder_width: int = field(metadata=COUNT)  # W of the decoder's embeddings
    kind: Literal["perceiver", "mlp"] = "perceiver"
    width: int = field(default=512, metadata=COUNT)  # inside the adapter
    per: Literal["frame", "clip"] = "frame"  # what the perceiver's queries are asked of
    queries: int = field(default=8, metadata=COUNT)  # K: the perceiver's output tokens a frame or a clip
    heads: int = field(default=8, metadata=COUNT)
    depth: int = field(default=2, metadata=COUNT)  # perceiver layers, each frame by itself
    temporal_depth: int = field(default=1, metadata=DEPTH)  # attention layers across the frames; 0: none
    shuffle: int = field(default=1, metadata=COUNT)  # of the mlp: shuffle x shuffle tokens of the grid become one
    concepts: int = field(default=0, metadata={"low": 0, "high": 100_000})  # C: class log-probabilities; 0: unused
    concept_tokens: int = field(default=4, metadata=COUNT)  # that they become, for each frame
    dropout: float = field(default=0.0, metadata={"low": 0.0, "high": 0.9})

    def __post_init__(self) -> None:
        if self.kind == "perceiver" and self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.kind == "mlp" and self.per == "clip":
            raise ValueError('kind "mlp" gives tokens for each frame: per must be "frame"')
        side = math.isqrt(self.vision_tokens)
        if self.kind == "mlp" and self.shuffle > 1 and (side**2 != self.vision_tokens or side % self.shuffle):
            grid = f"a grid of {side} x {side}" if side**2 == self.vision_tokens else "no square grid"
            raise ValueError(
                f"shuffle {self.shuffle} does not divide vision_tokens {self.vision_tokens}, which are {grid}"
            )

    def tokens_out(self, frames: int) -> int:
        """M: how many embeddings become of a clip of so many frames."""
        if self.per == "clip":
            return self.queries if frames else 0
        return frames * self.tokens_a_frame

    @property
    def tokens_a_frame(self) -> int:
        """K, of an adapter that works per frame."""
        if self.kind == "perceiver":
            return self.queries
        return self.vision_tokens // self.shuffle**2 + (self.concept_tokens if self.concepts else 0)


@dataclass(frozen=True)
class VisionReference:
    kind: Literal["embedded", "open_clip"]
    source: str
    architecture: str = ""  # open_clip's name for it, where the source does not say


@dataclass(frozen=True)
class DecoderReference:
    source: str
    kind: Literal["causal-lm"] = "causal-lm"
    precision: Precision = "auto"


@dataclass(frozen=True)
class VideoChatConfig:
    vision: VisionReference
    decoder: DecoderReference
    adapter: AdapterConfig
    lora: str = ""  # folder beside the config with the decoder's LoRA weights, in peft's format; empty: none
    version: int = VERSION

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def read_config(folder: Path) -> VideoChatConfig:
    """Of a VideoChat folder. Raises CheckpointError naming the file and the key."""
    path = folder / CONFIG
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} is no VideoChat folder: it has no {CONFIG}.") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}.") from error
    if isinstance(content, dict) and content.get("version", VERSION) != VERSION:
        raise CheckpointError(f"{path}: version is {content['version']!r}; this Cuepoint reads version {VERSION}.")
    try:
        config: VideoChatConfig = read_section(VideoChatConfig, content, path)
    except UsageError as error:  # what is a wrong request in a profile is a wrong file here
        raise CheckpointError(str(error)) from error
    except ValueError as error:
        raise CheckpointError(f"{path}: adapter: {error}.") from error
    if config.lora and Path(config.lora).name != config.lora:
        raise CheckpointError(f"{path}: lora is {config.lora!r}; it must be the name of a folder beside the config.")
    return config
