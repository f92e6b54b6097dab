"""GGUF files as checkpoints: each is converted once, into a folder of the model cache that transformers' format fills.

transformers does the reading; it takes 20 s for the pack's small model, so what it read is kept. Knows nothing of what
computes the checkpoint.
"""

from __future__ import annotations

from pathlib import Path

from model import pack
from model.errors import CheckpointError
from model.hub import identity
from model.language.gguf_header import find_file, read_header
from model.language.pretrained import load_strictly, quiet

PACKED = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKED_NAME = "smollm2-135m-instruct"
RECIPE = "bf16 safetensors by transformers, v1"  # change it when convert() writes something else


def checkpoint_folder(path: Path) -> Path:
    """`path` itself if it is a checkpoint's folder, else that of the GGUF file it names or holds, converted if need be.

    Raises CheckpointError if there is neither, or the file cannot be converted.
    """
    if path.is_dir() and (path / "config.json").is_file():
        return path
    file = find_file(path)
    if file.name == PACKED and pack.embedded_pack().has("decoder") and file.parent == pack.part("decoder"):
        return packed_checkpoint()
    read_header(file)
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
