"""A checkpoint's files, looked at before anything is built from them, so that what is wrong is said in one sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import CheckpointError

if TYPE_CHECKING:
    import torch

_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header
_MOST_HEADER_BYTES = 100_000_000  # as the library has it


def read_json(file: Path) -> dict[str, Any]:
    """Raises CheckpointError if there is no such file, or it holds no JSON object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        found = ", ".join(sorted(path.name for path in file.parent.glob("*"))[:5]) or "nothing"
        raise CheckpointError(f"{file.parent} has no {file.name}, which every model has; found {found}.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: expected JSON, found {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file}: expected a JSON object, found a {type(content).__name__}.")
    return content


def read_header(file: Path) -> dict[str, Any]:
    """What a safetensors file says it holds: name -> {"dtype", "shape", "data_offsets"}.

    Raises CheckpointError if it is no such file, or not as long as it says.
    """
    try:
        with file.open("rb") as content:
            length = int.from_bytes(content.read(_LENGTH_BYTES), "little")
            header = json.loads(content.read(length)) if length < _MOST_HEADER_BYTES else None
        size = file.stat().st_size
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}  # type: ignore[union-attr]
        expected = _LENGTH_BYTES + length + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise CheckpointError(
            f"{file} is damaged: expected a safetensors file, found one without its header."
        ) from error
    if size != expected:
        raise CheckpointError(f"{file} is damaged: expected {expected} bytes, found {size}.")
    return tensors


def read_safetensors(file: Path) -> dict[str, torch.Tensor]:
    """All tensors of a file, mapped. Raises CheckpointError if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    read_header(file)
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{file} is damaged: expected a safetensors file, found {error}.") from error


def count_parameters(files: list[Path]) -> int:
    """Of weights in safetensors files; in other formats two bytes each. Raises CheckpointError for damaged ones."""
    count = 0
    for file in files:
        if file.suffix == ".safetensors":
            count += sum(math.prod(entry["shape"]) for entry in read_header(file).values())
        else:
            count += file.stat().st_size // 2
    return count
