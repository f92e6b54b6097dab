"""GGUF files as checkpoints: each is converted once, into a folder of the model cache that transformers' format fills.

transformers does the reading; it takes 20 s for the pack's small model, so what it read is kept. Knows nothing of what
computes the checkpoint.
"""

from __future__ import annotations

from pathlib import Path

from model import pack
from model.errors import CheckpointError
from model.hub import identity
from model.language.pretrained import load_strictly, quiet

SUFFIX = ".gguf"
PACKED = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKED_NAME = "smollm2-135m-instruct"
RECIPE = "bf16 safetensors by transformers, v1"  # change it when convert() writes something else


def checkpoint_folder(path: Path) -> Path:
    """`path` itself if it is a checkpoint's folder, else that of the GGUF file it names or holds, converted if need be.

    Raises CheckpointError if there is neither, or the file cannot be converted.
    """
    if path.is_dir() and (path / "config.json").is_file():
        return path
    file = path if path.is_file() else find_file(path)
    if file.name == PACKED and pack.embedded_pack().has("decoder") and file.parent == pack.part("decoder"):
        return packed_checkpoint()
    check(file)
    name = f"gguf-{identity(file)}"
    return pack.embedded_pack().keep(
        name, {"recipe": RECIPE, "file": name}, lambda to: convert(file, to), thorough=False
    )


def packed_checkpoint() -> Path:
    """Folder of the pack's decoder as a checkpoint; converting takes about 20 s, once. Raises PackError."""
    return pack.derived(PACKED_NAME, "decoder", RECIPE, lambda to: convert(pack.part("decoder") / PACKED, to))


def is_packed(folder: Path) -> bool:
    """Whether a checkpoint is the pack's own."""
    return folder == pack.embedded_pack().cache / "derived" / PACKED_NAME


def find_file(folder: Path) -> Path:
    """The one GGUF file in `folder`. Raises CheckpointError if there is none, or several to choose from."""
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if len(files) == 1:
        return files[0]
    if files:
        names = ", ".join(file.name for file in files)
        raise CheckpointError(f"{folder}: expected one {SUFFIX} file, found {names}: name the one to use.")
    found = ", ".join(sorted(path.name for path in folder.glob("*"))[:5]) or "nothing"
    raise CheckpointError(f"{folder}: expected a model's config.json or a {SUFFIX} file, found {found}.")


def check(file: Path) -> None:
    """Raises CheckpointError if a file is no GGUF, or ends before the tensors that it lists."""
    from gguf import GGUFReader

    try:
        with file.open("rb") as content:
            magic = content.read(4)
        if magic != b"GGUF":
            raise CheckpointError(f"{file}: expected a GGUF file, found one that begins with {magic!r}.")
        GGUFReader(file)
    except (ValueError, IndexError, KeyError, OSError) as error:
        size = file.stat().st_size if file.is_file() else 0
        raise CheckpointError(
            f"{file} is damaged: expected all the tensors that it lists, found that it ends after {size} bytes."
        ) from error


def convert(file: Path, destination: Path) -> None:
    """The weights (of Q4_1 exact in bf16 to 0.03 of a step) and tokenizer of a GGUF file, as transformers saves them.

    Raises CheckpointError if transformers does not know the architecture or the tokenizer.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    options = {"dtype": torch.float32, "quantization_config": GgufConfig(dequantize=True)}
    model = load_strictly(AutoModelForCausalLM, file, **options).bfloat16()
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, local_files_only=True)
    except Exception as error:  # whatever transformers raises over tokenizers that it does not know
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{file}: expected a tokenizer that transformers knows, found: {reason}") from error
    with quiet():
        model.save_pretrained(destination)
        tokenizer.save_pretrained(destination)
