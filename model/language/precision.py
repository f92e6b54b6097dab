"""What to compute a language model in and on: as the profile says, or what this machine does well at that size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from model import hardware
from model.profile import Precision

if TYPE_CHECKING:
    import torch

BYTES = {"fp32": 4.0, "bf16": 2.0, "int8": 1.1, "nf4": 0.6}  # a weight, with its scales and what is left unquantised
WEIGHTS_SHARE = 0.8  # of the free memory: the rest is for keys, values and activations

Exact = Literal["bf16", "fp32", "nf4", "int8"]


@dataclass(frozen=True)
class Placement:
    precision: Exact
    dtype: torch.dtype  # of what is not quantised, and of activations
    device_map: Any  # as accelerate takes it


def choose_lean(wanted: Precision) -> tuple[Literal["bf16", "fp32", "nf4"], bool]:
    """For the lean network: what to compute in, and whether single tokens read 4-bit copies.

    "auto" is what this processor does fastest.
    """
    if wanted in ("bf16", "fp32", "nf4"):
        return wanted, False
    machine = hardware.describe()
    # torch's 4-bit product is fast with AVX2 and better, and a slow reference elsewhere.
    return ("bf16" if machine.bf16 else "fp32"), bool({"avx2", "avx512"} & set(machine.features))


def choose(wanted: Precision, parameters: int) -> Placement:
    """For transformers: "auto" is bf16 where it is fast and fits, NF4 where it does not fit."""
    import torch

    gpu = hardware.find_gpu()
    if gpu is not None and gpu.kind == "cuda":
        free = [torch.cuda.mem_get_info(number)[0] for number in range(torch.cuda.device_count())]
        precision = shrink(wanted, "bf16", parameters, sum(free))
        fits = [bytes_of(parameters, precision) <= WEIGHTS_SHARE * memory for memory in free]
        quantised = precision in ("nf4", "int8")
        if any(fits) or not quantised or bytes_of(parameters, precision) <= WEIGHTS_SHARE * sum(free):
            half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
            # On one GPU if it fits on one; else spread over all, and, unquantised, over the machine's memory too.
            device_map: Any = {"": fits.index(True)} if any(fits) else "auto"
            return Placement(precision, torch.float32 if precision == "fp32" else half, device_map)
    machine = hardware.describe()
    free_bytes = machine.memory_free_gb * hardware.GB
    if gpu is not None and gpu.kind == "mps" and wanted not in ("nf4", "int8"):
        precision = shrink(wanted, "bf16", parameters, free_bytes)
        if precision != "nf4":
            return Placement(precision, torch.float32 if precision == "fp32" else torch.bfloat16, {"": "mps"})
    precision = shrink(wanted, "bf16" if machine.bf16 else "fp32", parameters, free_bytes)
    in_half = precision == "bf16" or (precision != "fp32" and machine.bf16)
    return Placement(precision, torch.bfloat16 if in_half else torch.float32, {"": "cpu"})


def shrink(wanted: Precision, best: Exact, parameters: int, free_bytes: float) -> Exact:
    """`wanted`; if that is "auto", `best` if it fits, else NF4."""
    if wanted != "auto":
        return wanted
    return best if bytes_of(parameters, best) <= WEIGHTS_SHARE * free_bytes else "nf4"


def bytes_of(parameters: int, precision: Precision) -> float:
    return parameters * BYTES[precision]
