"""Files of a small network that was trained on a frozen encoder's features: its weights, and its shape as JSON.

Written whole or not at all, file by file; read with suspicion. Knows nothing of what such a network computes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from model.errors import CheckpointError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config")


def weights_file(name: str) -> str:
    return f"{name}.safetensors"


def config_file(name: str) -> str:
    return f"{name}.json"


def save_head(folder: Path, name: str, module: nn.Module, config: DataclassInstance) -> None:
    """NAME.safetensors in float16, which changes what comes out by less than a thousandth, and NAME.json."""
    from safetensors.torch import save  # not save_file, which lets the owner alone read what it writes

    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: tensor.detach().cpu().half().contiguous() for key, tensor in module.state_dict().items()}
    described = json.dumps(asdict(config), indent=2, ensure_ascii=False) + "\n"
    for path, content in (
        (folder / weights_file(name), save(weights)),
        (folder / config_file(name), described.encode()),
    ):
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(content)
        unfinished.replace(path)


def read_config(folder: Path, name: str, kind: Callable[..., Config], what: str) -> Config:
    """Raises CheckpointError where the file does not say what `kind` asks for; `what` is how messages call it."""
    path = folder / config_file(name)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kind(**content)
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: expected the shape of {what}, found {error}.") from error


def load_weights(folder: Path, name: str, module: nn.Module) -> None:
    """In float32. Raises CheckpointError naming the file, what was expected and what was found."""
    from model.language.weight_files import read_safetensors

    path = folder / weights_file(name)
    found = read_safetensors(path)
    for key, tensor in module.state_dict().items():
        shape = list(found[key].shape) if key in found else "none"
        if shape != list(tensor.shape):
            raise CheckpointError(
                f"{path} does not fit its {config_file(name)}: expected {key} of shape {list(tensor.shape)}, "
                f"found {shape}."
            )
    module.load_state_dict({key: tensor.float() for key, tensor in found.items() if key in module.state_dict()})
