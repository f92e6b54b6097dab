"""The lean forward pass against transformers' own, on a tiny random checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.llama import Llama


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=97, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("steps", [[12], [5, 7], [1] * 12, [6, 1, 4, 1]])
def test_it_equals_transformers_however_the_tokens_arrive(checkpoint: Path, steps: list[int]) -> None:
    from transformers import LlamaForCausalLM

    tokens = torch.randint(0, 97, (12,), generator=torch.Generator().manual_seed(2)).tolist()
    lean = Llama(checkpoint, "fp32")
    cache = lean.new_cache(20)
    with torch.inference_mode():
        expected = LlamaForCausalLM.from_pretrained(checkpoint)(torch.tensor([tokens])).logits[0, -1]
        begin = 0
        for step in steps:
            logits = lean.extend(lean.embed(tokens[begin : begin + step]), cache)
            begin += step
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_a_cache_can_be_taken_over(checkpoint: Path) -> None:
    lean = Llama(checkpoint, "fp32")
    with torch.inference_mode():
        first, second = lean.new_cache(8), lean.new_cache(20)
        lean.extend(lean.embed([1, 2, 3]), first)
        second.take(first)
        whole = lean.new_cache(20)
        torch.testing.assert_close(
            lean.extend(lean.embed([4, 5]), second), lean.extend(lean.embed([1, 2, 3, 4, 5]), whole)
        )


def test_nf4_stays_near(checkpoint: Path) -> None:
    with torch.inference_mode():
        logits = {}
        for precision in ("bf16", "nf4"):
            lean = Llama(checkpoint, precision)  # type: ignore[arg-type]
            logits[precision] = lean.extend(lean.embed([5, 6, 7, 8]), lean.new_cache(8)).float()
    assert torch.nn.functional.cosine_similarity(logits["bf16"], logits["nf4"], dim=0) > 0.9
