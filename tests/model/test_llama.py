"""The lean forward pass against transformers' own, on a tiny random checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import CheckpointError
from model.language.llama import Llama
from tests.checkpoints.language import tiny_lora


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


def save_altered(checkpoint: Path, folder: Path, alter: Callable[[torch.Tensor], torch.Tensor]) -> Path:
    """The checkpoint with every linear weight changed, in bf16."""
    weights = {
        name: (alter(weight) if "_proj" in name else weight).bfloat16()
        for name, weight in load_file(checkpoint / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors")
    shutil.copy(checkpoint / "config.json", folder)
    return folder


def to_4_bit_levels(weight: torch.Tensor) -> torch.Tensor:
    """Sixteen levels for every 32 weights, as GGUF's Q4_1 has them."""
    groups = weight.unflatten(1, (-1, 32))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    step = (high - low) / 15
    return (((groups - low) / step).round() * step + low).flatten(1)


def test_4_bit_weights_are_packed_and_lose_nothing(checkpoint: Path, tmp_path: Path) -> None:
    folder = save_altered(checkpoint, tmp_path, to_4_bit_levels)
    plain, packed = Llama(folder, "bf16"), Llama(folder, "bf16", pack=True)
    assert plain.layers[0].qkv.__qualname__ != packed.layers[0].qkv.__qualname__
    for layer, other in zip(plain.layers, packed.layers, strict=True):
        x = torch.randn(1, 128, generator=torch.Generator().manual_seed(3)).bfloat16()
        torch.testing.assert_close(other.gate_up(x), layer.gate_up(x), atol=0.02, rtol=0.02)


def test_trained_weights_stay_plain(checkpoint: Path, tmp_path: Path) -> None:
    folder = save_altered(checkpoint, tmp_path, lambda weight: weight)
    plain, packed = Llama(folder, "bf16"), Llama(folder, "bf16", pack=True)
    x = torch.randn(1, 128).bfloat16()
    assert torch.equal(packed.layers[0].gate_up(x), plain.layers[0].gate_up(x))


def test_low_rank_changes_stand_beside_4_bit_weights_and_say_what_they_say_merged(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = save_altered(checkpoint, tmp_path, to_4_bit_levels)
    lora = tiny_lora(tmp_path / "lora", folder, target_modules=["q_proj", "up_proj", "down_proj"])
    merged, beside, without = (
        Llama(folder, "fp32", lora=lora), Llama(folder, "fp32", pack=True, lora=lora), Llama(folder, "fp32", pack=True)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    for layer, other, bare in zip(merged.layers, beside.layers, without.layers, strict=True):
        for name in ("qkv", "gate_up"):
            one, several = torch.randn(1, 128, generator=generator), torch.randn(3, 128, generator=generator)
            expected, found = getattr(layer, name)(one), getattr(other, name)(one)
            torch.testing.assert_close(found, expected, atol=0.03, rtol=0.03)
            changed = (expected - getattr(bare, name)(one)).norm()
            assert (expected - found).norm() < 0.2 * changed  # what was changed is there
            whole = getattr(layer, name)(several)  # merged into the checkpoint's bf16
            torch.testing.assert_close(getattr(other, name)(several), whole, atol=0.03, rtol=0.03)
        x = torch.randn(1, 128, generator=generator)
        torch.testing.assert_close(other.output(x), bare.output(x))  # and nothing else


def test_a_sequence_longer_than_its_room_is_an_error_not_a_wrong_answer(checkpoint: Path) -> None:
    lean = Llama(checkpoint, "fp32")
    cache = lean.new_cache(4)
    with torch.inference_mode(), pytest.raises(RuntimeError):
        lean.extend(lean.embed([1, 2, 3, 4, 5]), cache)


@pytest.mark.parametrize(
    "changes", [{"model_type": "gemma"}, {"tie_word_embeddings": False}, {"rope_parameters": {"rope_type": "yarn"}}]
)
def test_other_networks_are_refused_by_the_key_that_differs(
    checkpoint: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(CheckpointError, match=next(iter(changes))):
        Llama(tmp_path, "fp32")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        Llama(tmp_path, "fp32")
