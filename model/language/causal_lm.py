"""Any causal language model that transformers knows, from a folder on this machine: embeddings in, logits out.

Loads it in the precision and on the devices that suit, refuses what does not fit instead of guessing, and remembers one
sequence per cache. No layer is patched. Knows nothing of words or pictures.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model import hub
from model.errors import CheckpointError
from model.language import lora as low_rank
from model.language import precision as precisions
from model.language.network import Halted, measure_embeddings
from model.language.pretrained import load_strictly
from model.language.weight_files import count_parameters, read_header, read_json
from model.profile import Precision

DEFAULT_POSITIONS = 4096  # of models that do not say (positions without an end)


class States:
    """What a model remembers of one sequence, in whatever form it keeps that."""

    def __init__(self) -> None:
        self.values: Any = None
        self.length = 0

    def take(self, other: States) -> None:
        """A copy: sliding windows and recurrent states change in place, so nothing can be shared."""
        self.values, self.length = copy.deepcopy(other.values), other.length


class TransformersNetwork:
    """`model` is transformers' own (or peft's around it), for whatever else is to be done with it, as training."""

    side_by_side = False  # its layers ask one sequence whether it was halted

    def __init__(
        self, folder: Path, precision: Precision = "auto", lora: Path | None = None, beside: bool = False
    ) -> None:
        """Loads the checkpoint in `folder`. What peft saved in `lora` is merged in, unless `beside` or quantised.

        Raises CheckpointError if files are missing or damaged or do not fit one another.
        """
        self.model, self.precision = load_model(folder, precision)
        if lora is not None:
            self.model = add_lora(self.model, lora, beside or self.precision in ("nf4", "int8"))
        self.model.eval().requires_grad_(False)
        config = self.model.config.get_text_config()
        table = self.model.get_input_embeddings().weight
        self.width: int = table.shape[1]
        self.device, self.dtype = table.device, table.dtype
        self.positions: int = getattr(config, "max_position_embeddings", None) or DEFAULT_POSITIONS
        self.parameters: int = self.model.num_parameters()
        self._vocabulary: int = table.shape[0]
        self._halted: Callable[[], bool] | None = None
        for layer in find_layers(self.model, config.num_hidden_layers):
            layer.register_forward_pre_hook(self._ask)
        own = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        accepted = inspect.signature(own.forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}

    def new_cache(self, room: int) -> States:
        """Grows as it is filled, so `room` is not set aside."""
        return States()

    def embed(self, tokens: list[int]) -> torch.Tensor:
        embeddings: torch.Tensor = self.model.get_input_embeddings()(torch.tensor(tokens, device=self.device))
        return embeddings  # [T, W]

    def extend(self, x: torch.Tensor, cache: States, halted: Callable[[], bool] | None = None) -> torch.Tensor:
        """Appends embeddings x [T, W] to the sequence. Returns the last one's logits [V]. Raises Halted."""
        self._halted = halted
        try:
            out = self.model(inputs_embeds=x[None], past_key_values=cache.values, use_cache=True, **self._last_only)
        finally:
            self._halted = None
        cache.values = out.past_key_values
        cache.length += x.shape[0]
        logits: torch.Tensor = out.logits[0, -1]
        return logits

    def embedding_statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        return measure_embeddings(self, self._vocabulary)

    def _ask(self, *_: object) -> None:
        if self._halted is not None and self._halted():
            raise Halted


def load_model(folder: Path, wanted: Precision) -> tuple[Any, precisions.Exact]:
    """The model of a checkpoint, and the precision it is in. Nothing is fetched, and nothing left at random."""
    from transformers import AutoModelForCausalLM

    config = read_json(folder / "config.json")
    if gap := hub.find_gap(folder):
        raise CheckpointError(gap)
    weights = [folder / name for name in hub.choose_weights(path.name for path in folder.iterdir())]
    placement = precisions.choose(wanted, count_parameters(weights))
    # A checkpoint that is already quantised says how itself.
    quantised = None if config.get("quantization_config") else quantisation(placement)
    model = load_strictly(
        AutoModelForCausalLM,
        folder,
        dtype=placement.dtype,
        quantization_config=quantised,
        device_map=placement.device_map,
    )
    return model, placement.precision


def quantisation(placement: precisions.Placement) -> Any:
    from transformers import BitsAndBytesConfig

    if placement.precision == "nf4":
        return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=placement.dtype)
    return BitsAndBytesConfig(load_in_8bit=True) if placement.precision == "int8" else None


def add_lora(model: Any, folder: Path, beside: bool) -> Any:
    """The model with the changes of `folder`, merged into its weights or computed beside them."""
    from peft import PeftModel

    low_rank.read_config(folder)
    saved = {name.removeprefix(low_rank.PREFIX) for name in read_header(folder / low_rank.WEIGHTS)}
    known = {name.removesuffix(".weight") for name, _ in model.named_parameters(remove_duplicate=False)}
    for name in sorted(saved):
        if (target := name.partition(".lora_")[0]) not in known and ".lora_" in name:
            raise CheckpointError(
                f"{folder / low_rank.WEIGHTS} was made for another model: expected a weight {target}, found none."
            )
    try:
        changed = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except Exception as error:  # peft raises RuntimeError for shapes, and others for what it does not know
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{folder} was made for another model: expected weights of its shapes, found: {reason}"
        ) from error
    return changed if beside else changed.merge_and_unload()


def find_layers(model: nn.Module, count: int) -> list[nn.Module]:
    """The decoder's layers: the first list of modules of that length. Empty if it has none."""
    lists = (module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == count)
    return list(next(lists, []))
