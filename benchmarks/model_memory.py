"""How much memory models take: `python -m benchmarks.model_memory [--context N]`. Computed, not measured.

Weights per precision, keys and values of a full context, and what a forward pass needs beside them, from each model's
published configuration; then the smallest usual card that holds it all, with the picture encoder that searches. No
model is loaded. Sizes are GiB (2**30 bytes), as cards are sold.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from model.profile import read_profile

GIB = 2**30
CARDS_GIB = (8, 16, 24, 80)
CARD_SHARE = 0.92  # of a card that a program gets: the desktop, the driver and fragments take the rest
CUDA_GIB = 0.6  # context, kernels and workspaces of one process
SEARCH_GIB = 0.375e9 * 2 / GIB + 0.3  # SigLIP2 B/16 (375 M weights in bf16) and a batch of frames
# A quantised weight with its scales: NF4 has a float32 scale for each block of 64, LLM.int8 one for each row.
BYTES = {"nf4": 0.5 + 4 / 64, "int8": 1.0, "bf16": 2.0}
BF16 = 2
PASS_TENSORS = 8  # of the width, alive at once in a layer: residual, norm, queries, keys, values, output and copies


@dataclass(frozen=True)
class Model:
    """What a published config.json says, and the number of weights that its safetensors add up to."""

    name: str
    parameters: float
    width: int
    layers: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool  # whether the embedding serves as the output layer too
    seeing: float = 0  # of `parameters`: the vision tower and what joins it to the text part

    @property
    def unquantised(self) -> float:
        """Weights that we keep in bf16: the embedding, the output layer, and all that sees."""
        return self.vocabulary * self.width * (1 if self.tied else 2) + self.seeing

    def weights(self, precision: str) -> float:
        """Bytes."""
        return self.unquantised * BF16 + (self.parameters - self.unquantised) * BYTES[precision]

    def cache(self, tokens: int) -> float:
        """Bytes of keys and values."""
        return 2 * self.layers * self.kv_heads * self.head_dim * BF16 * tokens

    def forward_pass(self, tokens: int) -> float:
        """Bytes alive at once while a prompt of so many tokens is read in one pass."""
        return tokens * (PASS_TENSORS * self.width + 3 * self.intermediate) * BF16


# From each model's config.json on the hub (huggingface.co/NAME), text part; all weights counted, vision included.
MODELS = (
    Model("HuggingFaceTB/SmolLM2-135M-Instruct", 0.135e9, 576, 30, 3, 64, 1536, 49152, True),
    Model("Qwen/Qwen2.5-1.5B-Instruct", 1.544e9, 1536, 28, 2, 128, 8960, 151936, True),
    Model("Qwen/Qwen2.5-7B-Instruct", 7.616e9, 3584, 28, 4, 128, 18944, 152064, False),
    Model("HuggingFaceTB/SmolVLM2-2.2B-Instruct", 2.246e9, 2048, 24, 32, 64, 8192, 49280, False, 0.43e9),
    Model("Qwen/Qwen3-VL-4B-Instruct", 4.438e9, 2560, 36, 8, 128, 9728, 151936, True, 0.415e9),
    Model("Qwen/Qwen3-VL-8B-Instruct", 8.767e9, 4096, 36, 8, 128, 12288, 151936, False, 0.576e9),
    Model("Qwen/Qwen2.5-VL-7B-Instruct", 8.292e9, 3584, 28, 4, 128, 18944, 152064, False, 0.676e9),
    Model("llava-hf/llava-onevision-qwen2-7b-ov-hf", 8.030e9, 3584, 28, 4, 128, 18944, 152000, False, 0.414e9),
    Model("Qwen/Qwen3-VL-32B-Instruct", 33.36e9, 5120, 64, 8, 128, 25600, 151936, False, 0.597e9),
    Model("Qwen/Qwen2.5-VL-72B-Instruct", 73.41e9, 8192, 80, 8, 128, 29568, 152064, False, 0.70e9),
)


def describe(model: Model, tokens: int) -> Iterator[str]:
    """Cells of one row: name, cache and pass, then for each precision weights, sum and card."""
    beside = model.cache(tokens) + model.forward_pass(tokens)
    yield from (model.name, f"{model.parameters / 1e9:.2f}", f"{beside / GIB:.1f}")
    for precision in BYTES:
        weights = model.weights(precision) / GIB
        whole = weights + beside / GIB + CUDA_GIB + SEARCH_GIB
        card = next((f"{card} GB" for card in CARDS_GIB if whole <= card * CARD_SHARE), "several")
        yield f"{weights:.1f} / {whole:.1f} / {card}"


def main() -> None:
    decoder = read_profile("vlm").decoder
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--context", type=int, default=decoder.context_tokens + decoder.new_tokens, metavar="TOKENS")
    tokens = parser.parse_args().context
    print(f"Computed, not measured. Context of {tokens:,} tokens, stills included; one question at a time.")
    print("In GiB, for each precision: weights / sum with the cache, a forward pass, CUDA", end=" ")
    print(f"({CUDA_GIB}) and the picture encoder that searches ({SEARCH_GIB:.1f}) / the card that holds it.\n")
    print("| model | billion weights | cache and pass | " + " | ".join(BYTES) + " |")
    print("|---|---|---|" + "---|" * len(BYTES))
    for model in MODELS:
        print("| " + " | ".join(describe(model, tokens)) + " |")


if __name__ == "__main__":
    main()
