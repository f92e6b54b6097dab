"""A vision-language checkpoint from a folder: checked file by file, then loaded by transformers, quantised if wanted.

Never a network, never code from the folder. What does not fit is one sentence that names the file, what was expected
and what was found; transformers by itself would fill missing weights with random ones and go on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import hub
from model.checkpoint import loading
from model.errors import CheckpointError, CuepointError
from model.language.precision import Placement, choose
from model.language.pretrained import check, quiet
from model.language.weight_files import count_parameters, read_json
from model.profile import Precision

PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
# Parts that see, by the names they have in transformers. They stay as they are when the rest is quantised: a tenth of
# the weights, and the first to suffer.
SEEING = ("visual", "vision_tower", "vision_model", "multi_modal_projector", "connector", "projector")
OUT_OF_MEMORY = (
    "The vision-language model does not fit into memory: in the profile, lower its stills or context_tokens, or set "
    "its precision to nf4."
)


@dataclass(frozen=True)
class Checkpoint:
    processor: Any
    network: Any  # a PreTrainedModel that generates, in eval mode
    dtype: Any  # torch.dtype that pictures are given in


def load(folder: Path, precision: Precision = "auto") -> Checkpoint:
    """Raises CheckpointError, or CuepointError where memory does not suffice."""
    import torch

    architecture = find_architecture(folder)
    processor = load_processor(folder)
    if gap := hub.find_gap(folder):
        raise CheckpointError(gap)
    config = read_json(folder / "config.json")
    weights = [folder / name for name in hub.choose_weights(path.name for path in folder.iterdir())]
    placement = choose(precision, count_parameters(weights))
    try:
        with loading(folder, (config.get("architectures") or ["weights"])[0]), quiet():
            network, found = architecture.from_pretrained(
                folder,
                dtype=placement.dtype,
                device_map=placement.device_map,
                # A checkpoint that is already quantised says how itself.
                quantization_config=None if config.get("quantization_config") else quantisation(placement),
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # so that they are told: check() refuses them
                output_loading_info=True,
            )
    except CheckpointError as error:
        if isinstance(error.__cause__, MemoryError | torch.OutOfMemoryError):
            raise CuepointError(OUT_OF_MEMORY) from None
        raise
    check(folder, found)
    return Checkpoint(processor, network.eval().requires_grad_(False), placement.dtype)


def find_architecture(folder: Path) -> Any:
    """The Auto class that builds what config.json describes."""
    import transformers

    path, wanted = folder / "config.json", "a model that reads images and text (as qwen3_vl does)"
    kind = read_json(path).get("model_type")
    if kind not in transformers.CONFIG_MAPPING:  # or is code in the folder, which is not run
        raise CheckpointError(f"{path}: expected {wanted}, found model_type {kind!r}, unknown to transformers.")
    with loading(path, wanted):
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    for architecture, known in (
        (transformers.AutoModelForImageTextToText, transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING),
        (transformers.AutoModelForMultimodalLM, transformers.MODEL_FOR_MULTIMODAL_LM_MAPPING),
    ):
        if type(config) in known:
            return architecture
    raise CheckpointError(f"{path}: expected {wanted}, found model_type {kind!r}.")


def load_processor(folder: Path) -> Any:
    """Tokenizer, image processor and chat template. Missing files are found here: transformers makes do without."""
    from transformers import AutoProcessor

    file = find_file(folder, PROCESSOR_FILES)
    find_file(folder, TOKENIZER_FILES)
    try:
        with loading(file, "a processor that transformers knows"), quiet():
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except CheckpointError as error:
        if isinstance(error.__cause__, ImportError):  # SmolVLM's wants num2words
            reason = str(error.__cause__).strip().partition("\n")[0]
            raise CuepointError(f"The processor in {folder} needs another package: {reason}") from None
        raise
    lacking = [name for name in ("tokenizer", "image_processor", "image_token") if not hasattr(processor, name)]
    if lacking:
        raise CheckpointError(
            f"{file}: expected a processor of images and text, found {type(processor).__name__} without {lacking[0]}."
        )
    if not processor.chat_template:
        raise CheckpointError(f"{folder}: expected the model's chat_template.jinja, found none.")
    return processor


def find_file(folder: Path, names: Sequence[str]) -> Path:
    """The first of `names` that is there."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:5])
    raise CheckpointError(f"{folder}: expected {' or '.join(names)}, found {there}.")


def quantisation(placement: Placement) -> Any:
    """BitsAndBytesConfig, or None."""
    from transformers import BitsAndBytesConfig

    skipped = [*(f"model.{name}" for name in SEEING), "lm_head"]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it would warn of the same cast at every product
    if placement.precision == "nf4":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=placement.dtype,
            llm_int8_skip_modules=skipped,
        )
    if placement.precision == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)
    return None
