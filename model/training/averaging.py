"""A running mean over the steps of what is trained: it does better on what is held out than any one step's weights.

Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; here an exponential mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn


class Average:
    """Of the weights of `module` that want gradients; with kept = 0 it is always the weights themselves."""

    def __init__(self, module: nn.Module, kept: float, known: Sequence[torch.Tensor] = ()) -> None:
        """kept: share of the mean that a step leaves, once there were many; known: the mean of a resumed run."""
        self.kept = kept
        self.weights = [weight for weight in module.parameters() if weight.requires_grad]
        self.means = [weight.detach().clone() for weight in self.weights] if kept else []
        for mean, value in zip(self.means, known, strict=False):
            mean.copy_(value)

    def update(self, step: int) -> None:
        """After step number `step`, from 0: the first steps, which are still far off, soon count little."""
        kept = min(self.kept, (step + 1) / (step + 10))
        for mean, weight in zip(self.means, self.weights, strict=False):
            mean.lerp_(weight.detach(), 1 - kept)

    def take_over(self) -> None:
        """From now on the module is the mean."""
        with torch.no_grad():
            for mean, weight in zip(self.means, self.weights, strict=False):
                weight.copy_(mean)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the module is the mean."""
        trained = [weight.detach().clone() for weight in self.weights[: len(self.means)]]
        self.take_over()
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, value in zip(self.weights, trained, strict=False):
                    weight.copy_(value)
