"""What the generation loop asks of a network: embeddings in, logits out, one sequence at a time.

Two networks answer it: `llama.Llama`, lean and for the processor, and `causal_lm.TransformersNetwork`, for all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


SAMPLE = 16_384  # embeddings measured: 256 MB for the widest models


class Halted(Exception):
    """The computation was asked to stop half-way. The cache it was filling is of no more use."""


class Cache(Protocol):
    """What a network remembers of one sequence."""

    length: int  # positions filled

    def take(self, other: Any) -> None:
        """An empty cache begins with what `other`, of the same network, holds. `other` stays as it is."""
        ...


class Network(Protocol):
    width: int  # W
    positions: int  # the longest sequence it was made for
    parameters: int  # that every token reads
    device: torch.device
    dtype: torch.dtype  # of embeddings
    side_by_side: bool  # several threads may call `extend` at once, and are done earlier than in turns

    def new_cache(self, room: int) -> Any:
        """A `Cache` for a sequence of at most `room` positions."""
        ...

    def embed(self, tokens: list[int]) -> torch.Tensor:
        """[T, W], a tensor of its own: what enters the first layer."""
        ...

    def extend(self, x: torch.Tensor, cache: Any, halted: Callable[[], bool] | None = None) -> torch.Tensor:
        """Appends embeddings x [T, W] to the sequence in `cache`. Returns the last one's logits [V].

        `halted` is asked between layers, and Halted raised once it is true. Call in inference mode.
        """
        ...

    def embedding_statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean [W] and standard deviation [W] over the vocabulary, float32 on the CPU."""
        ...


def measure_embeddings(network: Network, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    """See Network.embedding_statistics; of at most SAMPLE tokens, spread over the vocabulary."""
    import torch

    with torch.inference_mode():
        embeddings = network.embed(list(range(0, vocabulary, -(-vocabulary // SAMPLE)))).float().cpu()
    return embeddings.mean(0).clone(), embeddings.std(0).clone()
