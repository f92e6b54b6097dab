"""Reading a model's folder with errors a person can act on: which file, what was expected, what was found."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.errors import CheckpointError, CuepointError
from model.hub import choose_weights, find_gap


def check_folder(folder: Path, model_type: str = "") -> None:
    """Raises CheckpointError unless `folder` has a configuration (of that `model_type`) and readable weights."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder: expected one with config.json and the model's weights.")
    config = read_config(folder)
    found = str(config.get("model_type", "none"))
    if model_type and found != model_type:
        raise CheckpointError(f"{folder / 'config.json'} describes a model of type {found}: expected {model_type}.")
    if gap := find_gap(folder):
        raise CheckpointError(gap)
    for name in choose_weights(path.name for path in folder.iterdir()):
        if name.endswith(".safetensors"):
            check_safetensors(folder / name)


def read_config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    path = folder / name
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{folder} has no readable {name}: a model's folder holds one.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: expected JSON, found {error}.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} is damaged: expected a JSON object, found {type(config).__name__}.")
    return config


def check_safetensors(path: Path) -> None:
    """Reads the header only, which also tells whether the file is as long as it should be."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        size = path.stat().st_size if path.exists() else 0
        raise CheckpointError(
            f"{path} is damaged: expected a safetensors file, found {size:,} bytes that are none ({error})."
        ) from error


@contextlib.contextmanager
def loading(path: Path, expected: str) -> Iterator[None]:
    """What a library raises while it loads `path` becomes a CheckpointError: one sentence with the library's reason."""
    try:
        yield
    except CuepointError:
        raise
    except Exception as error:  # libraries raise anything, KeyError and bare Exception included
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0].rstrip(".") if lines else type(error).__name__
        raise CheckpointError(f"{path} cannot be loaded: expected {expected}, found: {reason[:300]}.") from error
