"""open_clip checkpoints on disk: finds the config, the weights and the tokenizer, and builds the model from them.

Local files only: open_clip's own factory fetches what it misses, so the model is built here from its classes. Whatever
does not fit is a CheckpointError. Knows nothing of frames.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.tokenizer import HFTokenizer
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from safetensors import SafetensorError, safe_open

from model.errors import CheckpointError

CONFIG = "open_clip_config.json"
# As the repositories of the hub call them, the safe format first; then whatever else a folder holds.
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "spiece.model", "vocab.txt")
_CLIP_CONTEXT = 77  # tokens, where a config does not say
_HASHED_BYTES = 1 << 20  # of either end of the weights: their header, and the end of what training changed
_CONTENTS_SHOWN = 5


@dataclass(frozen=True)
class Checkpoint:
    """Everything of a checkpoint, found and loaded: float32, on the CPU."""

    name: str  # "open_clip/ARCHITECTURE/HASH": changes with the weights or the config
    weights: Path
    model: Any  # open_clip's CLIP, CustomTextCLIP or CoCa
    tokenizer: Any  # list[str] -> int64 [M, context]
    preprocess: PreprocessCfg


def load(path: Path, architecture: str = "") -> Checkpoint:
    """`path`: a folder as the hub holds it, or the weights' file; `architecture` says what a bare file does not.

    Raises CheckpointError.
    """
    weights = find_weights(path)
    config_file = weights.with_name(CONFIG)
    if architecture and not (path.is_dir() and config_file.is_file()):
        config = known_config(architecture, weights)
        source = f"open_clip's architecture {architecture!r}"
    elif config_file.is_file():
        config = read_config(config_file)
        source = str(config_file)
    else:
        raise CheckpointError(
            f"{weights.parent} does not say what its model is: expected {CONFIG} (or an architecture in the profile), "
            f"found {list_contents(weights.parent)}."
        )
    model = build(config["model_cfg"], weights.parent, source)
    fill(model, weights, source)
    preprocess = merge_preprocess_dict(PreprocessCfg(), config.get("preprocess_cfg") or {})
    preprocess["size"] = model.visual.image_size
    return Checkpoint(
        f"open_clip/{architecture or describe(config['model_cfg'])}/{identify(weights, config)}",
        weights,
        model.eval().requires_grad_(False),
        load_tokenizer(config["model_cfg"]["text_cfg"], weights.parent),
        PreprocessCfg(**preprocess),
    )


def find_weights(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise CheckpointError(f"{path} is missing: expected an open_clip checkpoint, found nothing.")
    others = sorted(p.name for p in path.iterdir() if p.suffix in SUFFIXES)
    others.sort(key=lambda name: SUFFIXES.index(Path(name).suffix))
    for name in (*WEIGHTS, *others):
        if (path / name).is_file():
            return path / name
    if not (path / CONFIG).is_file():
        raise CheckpointError(f"{path} is no open_clip checkpoint: expected {CONFIG}, found {list_contents(path)}.")
    raise CheckpointError(f"{path} holds no weights: expected {WEIGHTS[0]}, found {list_contents(path)}.")


def list_contents(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    more = f" and {len(names) - _CONTENTS_SHOWN} more" if len(names) > _CONTENTS_SHOWN else ""
    return ", ".join(names[:_CONTENTS_SHOWN]) + more or "an empty folder"


def read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: expected JSON, found {error}.") from error
    model = config.get("model_cfg") if isinstance(config, dict) else None
    missing = [
        key for key in ("embed_dim", "vision_cfg", "text_cfg") if not isinstance(model, dict) or key not in model
    ]
    if missing:
        raise CheckpointError(f"{file} is no open_clip config: expected model_cfg with {missing[0]}, found none.")
    return dict(config)


def known_config(architecture: str, weights: Path) -> dict[str, Any]:
    """The config that open_clip has for one of its architectures, with what its first checkpoint made of pictures.

    Checkpoints of one architecture but for one agree on that (ViT-L-14 of LAION-2B); with a config beside the weights
    there is no need to rely on it.
    """
    model = open_clip.get_model_config(architecture) if ":" not in architecture else None
    if model is None:
        near = difflib.get_close_matches(architecture, open_clip.list_models(), 3) or open_clip.list_models()[:3]
        raise CheckpointError(
            f"{weights} cannot be loaded: expected an architecture of open_clip, such as {', '.join(near)}, "
            f"found {architecture!r}."
        )
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    return {"model_cfg": model, "preprocess_cfg": open_clip.get_pretrained_cfg(architecture, tags[0]) if tags else {}}


def build(model_cfg: dict[str, Any], folder: Path, source: str) -> Any:
    """The model with random weights. `source` is where the config comes from, for the error."""
    cfg = copy.deepcopy(model_cfg)
    vision, text = cfg["vision_cfg"], cfg["text_cfg"]
    if ":" in str(vision.get("timm_model_name") or ""):
        raise CheckpointError(
            f"{source} wants its vision tower from elsewhere: expected the name of an architecture of timm, "
            f"found {vision['timm_model_name']!r}."
        )
    vision["timm_model_pretrained"] = False
    custom = cfg.pop("custom_text", False)
    if text.get("hf_model_name"):
        if not (folder / "config.json").is_file():
            raise CheckpointError(
                f"{source} has the text tower of {text['hf_model_name']!r}: expected its config.json in {folder}, "
                f"found {list_contents(folder)}."
            )
        text |= {"hf_model_name": str(folder), "hf_model_pretrained": False}
        custom = True
    kind = (
        open_clip.CoCa if custom and "multimodal_cfg" in cfg else open_clip.CustomTextCLIP if custom else open_clip.CLIP
    )
    try:
        return kind(**cfg)
    # A wrong config fails wherever the library first trips over it.
    except (TypeError, ValueError, RuntimeError, LookupError, AssertionError, AttributeError, OSError) as error:
        raise CheckpointError(
            f"{source} does not describe a model: expected what open_clip {open_clip.__version__} can build, "
            f"found {_first_line(error)}."
        ) from error


def fill(model: torch.nn.Module, weights: Path, source: str) -> None:
    """Loads the weights into the model, every tensor of them."""
    try:
        open_clip.load_checkpoint(model, str(weights))
    except (SafetensorError, pickle.UnpicklingError, EOFError, OSError) as error:
        raise _unreadable(weights, error) from error
    # Of a file that is read but does not fit; sizes that it tries to adapt can fail in many ways.
    except (RuntimeError, ValueError, LookupError, AssertionError, AttributeError, TypeError, StopIteration) as error:
        found = read_shapes(weights)
        expected = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
        for name, shape in expected.items():
            if name in found and found[name] != shape:
                raise CheckpointError(
                    f"{weights} does not fit {source}: expected {name} of shape {shape}, found {found[name]}."
                ) from error
        missing = next((name for name in expected if name not in found), None)
        if missing:
            there = f"{next(iter(found))} and {len(found) - 1} others" if found else "no tensors"
            raise CheckpointError(f"{weights} does not fit {source}: expected {missing}, found {there}.") from error
        raise CheckpointError(
            f"{weights} does not fit {source}: expected {len(expected)} tensors, found {_first_line(error)}."
        ) from error


def read_shapes(weights: Path) -> dict[str, list[int]]:
    """The shape of every tensor of a file, without reading the tensors."""
    try:
        if weights.suffix == ".safetensors":
            with safe_open(weights, "pt") as file:
                return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        state = torch.load(weights, map_location="meta", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise _unreadable(weights, error) from error
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    return {
        name.removeprefix("module."): list(tensor.shape)
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor)
    }


def load_tokenizer(text_cfg: dict[str, Any], folder: Path) -> Any:
    """CLIP's own tokenizer is part of open_clip; any other lies beside the weights."""
    context = text_cfg.get("context_length", _CLIP_CONTEXT)
    options = text_cfg.get("tokenizer_kwargs") or {}
    wanted = text_cfg.get("hf_tokenizer_name")
    if not wanted:
        return open_clip.SimpleTokenizer(context_length=context, **options)
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise CheckpointError(
            f"{folder} lacks its tokenizer: expected {_TOKENIZER_FILES[0]} as of {wanted}, "
            f"found {list_contents(folder)}."
        )
    mode = text_cfg.get("tokenizer_mode")
    try:
        return HFTokenizer(str(folder), context_length=context, tokenizer_mode=mode, local_files_only=True, **options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The tokenizer in {folder} cannot be loaded: expected that of {wanted}, found {_first_line(error)}."
        ) from error


def describe(model_cfg: dict[str, Any]) -> str:
    """A name for a model whose folder does not give one: a folder's own is often a revision's number."""
    vision = model_cfg["vision_cfg"]
    if vision.get("timm_model_name"):
        return str(vision["timm_model_name"])
    return f"vit-{vision.get('width', 768)}x{vision.get('layers', 12)}-{vision.get('patch_size', 16)}"


def identify(weights: Path, config: dict[str, Any]) -> str:
    """Ten hex digits of the config and of the size and both ends of the weights: all of them would take seconds."""
    size = weights.stat().st_size
    digest = hashlib.sha256(json.dumps([config, size], sort_keys=True).encode())
    with weights.open("rb") as file:
        digest.update(file.read(_HASHED_BYTES))
        file.seek(max(0, size - _HASHED_BYTES))
        digest.update(file.read(_HASHED_BYTES))
    return digest.hexdigest()[:10]


def _unreadable(weights: Path, error: Exception) -> CheckpointError:
    kind = "safetensors" if weights.suffix == ".safetensors" else "torch"
    size = weights.stat().st_size
    return CheckpointError(
        f"{weights} cannot be read: expected a whole {kind} file of tensors, found {size} bytes that are none "
        f"({_first_line(error)}); fetch it again."
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0].rstrip(".")
