"""What a machine can do at most, measured beside what a model does on it: memory read, and products computed.

Samples are taken in turns with the model's, so that whatever else the machine does at that moment slows both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

READ_BYTES = 268_435_456  # far more than any cache holds; about the pack's decoder in bf16
SIDE = 1024  # of the matrices multiplied: large enough that nothing but arithmetic counts
BEST_SHARE = 0.1  # of the samples: the fastest tenth is what the machine can do when left alone


@dataclass
class Samples:
    """Seconds that one thing took, again and again."""

    seconds: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        ordered = sorted(self.seconds)
        return ordered[int(BEST_SHARE * (len(ordered) - 1))]


class Limits:
    """Bandwidth and arithmetic of one device, with as many threads as torch has when samples are taken."""

    def __init__(self, device: torch.device, dtypes: tuple[torch.dtype, ...]) -> None:
        self.device = device
        self._array = torch.ones(READ_BYTES // 8, dtype=torch.int64, device=device)
        self._matrices = {dtype: torch.randn(SIDE, SIDE, device=device).to(dtype) for dtype in dtypes}
        self._read = Samples()
        self._products = {dtype: Samples() for dtype in dtypes}

    def sample_reading(self) -> None:
        self._read.seconds.append(self._timed(self._array.sum))

    def sample_products(self) -> None:
        for dtype, matrix in self._matrices.items():
            self._products[dtype].seconds.append(self._timed(partial(torch.mm, matrix, matrix)))

    def _timed(self, work: Callable[[], object]) -> float:
        synchronise(self.device)
        began = time.perf_counter()
        work()
        synchronise(self.device)
        return time.perf_counter() - began

    @property
    def bytes_per_second(self) -> float:
        return READ_BYTES / self._read.best

    def flops_per_second(self, dtype: torch.dtype) -> float:
        return 2 * SIDE**3 / self._products[dtype].best


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
