"""Low-rank changes to a model's weights (LoRA, https://arxiv.org/abs/2106.09685), in a folder as peft saves them.

Merged by a few products where a checkpoint is read tensor by tensor; whatever is less plain is left to peft itself.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import CheckpointError
from model.language.weight_files import read_header, read_json, read_safetensors

if TYPE_CHECKING:
    import torch

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
DOWN, UP = ".lora_A.weight", ".lora_B.weight"  # [r, in], [out, r]


def is_plain(folder: Path) -> bool:
    """Whether every change is a product of two matrices. Raises CheckpointError if it cannot be read."""
    config = read_config(folder)
    special = ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out", "bias_pattern")
    plain = not any(config.get(key) for key in special) and config.get("bias", "none") == "none"
    return plain and all(name.endswith((DOWN, UP)) for name in read_header(folder / WEIGHTS))


def merge(weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Adds the changes to `weights` (name -> tensor, the names of the checkpoint), in place of what they were.

    Raises CheckpointError if they were made for another model.
    """
    for name, (down, up) in changes_of(weights, folder).items():
        weights[name] = (weights[name].float() + up @ down).to(weights[name].dtype)


def changes_of(weights: dict[str, torch.Tensor], folder: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """By the name of a weight [out, in] the two float32 factors of its change: [r, in] and, scaled, [out, r].

    Raises CheckpointError if they were made for another model.
    """
    scale = scale_of(read_config(folder))
    factors = read_safetensors(folder / WEIGHTS)
    downs = [name for name in factors if name.endswith(DOWN)]
    if not downs:
        raise CheckpointError(f"{folder / WEIGHTS}: expected tensors named *{DOWN}, found none.")
    changes = {}
    for name in downs:
        target = name.removeprefix(PREFIX).removesuffix(DOWN) + ".weight"
        down, up = factors[name], factors.get(name.removesuffix(DOWN) + UP)
        weight = weights.get(target)
        if weight is None or up is None or (up.shape[0], down.shape[1]) != tuple(weight.shape):
            found = "no such weight" if weight is None else f"a weight of {list(weight.shape)}"
            made_for = "half a change" if up is None else f"a weight of {[up.shape[0], down.shape[1]]}"
            raise CheckpointError(
                f"{folder / WEIGHTS} was made for another model: {target}: expected {made_for}, found {found}."
            )
        changes[target] = (down.float(), scale * up.float())
    return changes


def scale_of(config: dict[str, Any]) -> float:
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not rank or not alpha:
        raise CheckpointError(f"{CONFIG}: expected the keys r and lora_alpha, found {rank} and {alpha}.")
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def read_config(folder: Path) -> dict[str, Any]:
    """Raises CheckpointError if it is missing or of another kind of adapter."""
    config = read_json(folder / CONFIG)
    if config.get("peft_type") != "LORA":
        raise CheckpointError(f"{folder / CONFIG}: peft_type: expected LORA, found {config.get('peft_type')}.")
    return config
