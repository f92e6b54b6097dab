"""The files of a VideoChat folder: written so that the last good ones stay whatever happens, read with suspicion."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save

from model.errors import CheckpointError
from model.language.weight_files import read_safetensors
from model.videochat.adapter import Adapter, make_adapter
from model.videochat.config import CONFIG, VideoChatConfig

ADAPTER = "adapter.safetensors"


def save_adapter(folder: Path, adapter: Adapter, dtype: torch.dtype = torch.float32) -> None:
    """`dtype` of what is learned; the decoder's statistics stay as exact as they are compared."""
    learned = dict(adapter.named_parameters())
    weights = {
        name: tensor.detach().to("cpu", dtype if name in learned else torch.float32).contiguous()
        for name, tensor in adapter.state_dict().items()
    }

    def write(path: Path) -> None:
        path.write_bytes(save(weights))  # not save_file, which lets the owner alone read what it writes

    replace(folder / ADAPTER, write)


def save_config(folder: Path, config: VideoChatConfig) -> None:
    def write(path: Path) -> None:
        path.write_text(config.to_json(), encoding="utf-8")

    replace(folder / CONFIG, write)


def replace(target: Path, write: Callable[[Path], object]) -> None:
    """`write` makes a file or folder under another name, which then takes the place of `target`.

    If it fails, by a full disk for instance, `target` stays as it was. OSError and SafetensorError pass through.
    """
    partial = target.with_name(f".{target.name}.partial")
    remove(partial)
    try:
        write(partial)
        for path in [partial] if partial.is_file() else partial.rglob("*"):
            if path.is_file():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())  # or a loss of power may leave the new name with none of the bytes
        if target.is_dir():  # a folder that is not empty cannot be replaced in one step
            shutil.rmtree(target)
        partial.replace(target)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def load_adapter(folder: Path, config: VideoChatConfig) -> Adapter:
    """In evaluation mode. Raises CheckpointError naming the file, what its config expects and what was found."""
    path = folder / ADAPTER
    adapter = make_adapter(config.adapter)
    expected, found = adapter.state_dict(), read_weights(path)
    for name, tensor in expected.items():
        if name not in found:
            raise CheckpointError(f"{path} does not fit its {CONFIG}: expected a tensor {name}, found none.")
        if found[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path} does not fit its {CONFIG}: expected {name} of shape {list(tensor.shape)}, "
                f"found {list(found[name].shape)}."
            )
        if not found[name].isfinite().all():
            raise CheckpointError(f"{path} is damaged: expected finite numbers, found others in {name}.")
    if unknown := sorted(found.keys() - expected.keys()):
        raise CheckpointError(f"{path} does not fit its {CONFIG}: expected no tensor {unknown[0]}, found one.")
    adapter.load_state_dict(found)
    return adapter.eval()


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise CheckpointError(f"{path.parent} is no whole VideoChat folder: expected {path.name}, found none.")
    return read_safetensors(path)
