"""The adapter: shapes, masks, times, scale. What it learns is in test_video_chat.py."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

from model.videochat import adapter as adapter_module
from model.videochat.adapter import Adapter, PerceiverResampler, make_adapter, space_to_depth
from model.videochat.config import AdapterConfig

TINY = AdapterConfig(vision_width=12, vision_tokens=16, decoder_width=24, width=16, queries=3, heads=2)
PER_CLIP = dataclasses.replace(TINY, per="clip")
MLP = dataclasses.replace(TINY, kind="mlp", shuffle=2)
WITH_CONCEPTS = dataclasses.replace(TINY, concepts=5, concept_tokens=2)
MLP_WITH_CONCEPTS = dataclasses.replace(MLP, concepts=5, concept_tokens=2)
ALL = [TINY, PER_CLIP, MLP, WITH_CONCEPTS, MLP_WITH_CONCEPTS]
NAMES = ["frame", "clip", "mlp", "concepts", "mlp-concepts"]
everything = pytest.mark.parametrize("config", ALL, ids=NAMES)


def build(config: AdapterConfig, seed: int = 0) -> Adapter:
    torch.manual_seed(seed)
    return make_adapter(config).eval()


def clips(config: AdapterConfig, batch: int, frames: int, seed: int = 1) -> dict[str, Any]:
    """Keyword arguments of an adapter: random frames at 2 a second."""
    noise = torch.Generator().manual_seed(seed)
    return {
        "tokens": torch.randn(batch, frames, config.vision_tokens, config.vision_width, generator=noise),
        "times": (torch.arange(frames) / 2).expand(batch, -1),
        "concepts": torch.randn(batch, frames, config.concepts, generator=noise) if config.concepts else None,
    }


@everything
@pytest.mark.parametrize("frames", [1, 4])
def test_every_clip_becomes_as_many_embeddings_as_the_config_says(config: AdapterConfig, frames: int) -> None:
    embeddings, mask = build(config)(**clips(config, 2, frames))
    assert embeddings.shape == (2, config.tokens_out(frames), 24)
    assert mask.shape == embeddings.shape[:2]
    assert mask.all()


@everything
def test_no_frames_give_no_embeddings(config: AdapterConfig) -> None:
    embeddings, mask = build(config)(**clips(config, 2, 0))
    assert (embeddings.shape, mask.shape) == ((2, 0, 24), (2, 0))


@everything
def test_padding_changes_nothing(config: AdapterConfig) -> None:
    given, lengths, made = clips(config, 3, 5), [3, 0, 5], build(config)
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    for name in ("tokens", "concepts"):
        if given[name] is not None:
            given[name][~mask] = math.nan  # whatever lies in the padding
    together, seen = made(**given, mask=mask)
    assert seen.sum(1).tolist() == [config.tokens_out(length) for length in lengths]
    assert not together[~seen].any()
    for row, length in enumerate(lengths):
        alone, _ = made(**{key: None if x is None else x[row : row + 1, :length] for key, x in given.items()})
        torch.testing.assert_close(together[row][seen[row]], alone[0], atol=1e-5, rtol=1e-5)


@everything
def test_the_same_frames_at_other_times_give_other_embeddings(config: AdapterConfig) -> None:
    given, made = clips(config, 1, 4), build(config)
    for times in (given["times"] + 60, given["times"] / 12.5, given["times"].flip(1)):
        assert (made(**given)[0] - made(**{**given, "times": times})[0]).abs().max() > 0.01


def test_times_are_seconds_whatever_the_frame_rate() -> None:
    """Without attention across frames, a frame's embeddings depend on its own time, not on how many came before."""
    made = build(dataclasses.replace(TINY, temporal_depth=0))
    given = clips(TINY, 1, 9)
    dense, _ = made(**given)
    sparse, _ = made(given["tokens"][:, ::4], given["times"][:, ::4])
    torch.testing.assert_close(dense.unflatten(1, (9, 3))[:, ::4].flatten(1, 2), sparse)


def test_frames_know_of_one_another_only_by_attention_across_them() -> None:
    for depth in (0, 1):
        given, made = clips(TINY, 1, 4), build(dataclasses.replace(TINY, temporal_depth=depth))
        before, _ = made(**given)
        given["tokens"][:, 3] *= -1
        change = (made(**given)[0] - before).abs()
        assert change[:, 9:].max() > 0.01
        assert (change[:, :9].max() > 1e-4) == (depth > 0)


def test_class_probabilities_matter_where_the_config_has_them() -> None:
    for config in (WITH_CONCEPTS, MLP_WITH_CONCEPTS):
        given, made = clips(config, 1, 2), build(config)
        other = made(**{**given, "concepts": given["concepts"].flip(2)})[0]
        assert (made(**given)[0] - other).abs().max() > 0.01


@everything
def test_embeddings_begin_as_large_as_the_decoders(config: AdapterConfig) -> None:
    table = torch.randn(100, 24) * torch.linspace(0.01, 0.2, 24) + 0.05
    made = build(config)
    made.scale_to(table.mean(0), table.std(0))
    rows = made(**clips(config, 4, 4))[0].flatten(0, 1)
    assert rows.norm(dim=-1).mean().item() == pytest.approx(table.norm(dim=-1).mean().item(), rel=0.15)
    made.scale_to(torch.zeros(24), torch.tensor(0.5))
    rows = made(**clips(config, 4, 4))[0].flatten(0, 1)
    assert rows.norm(dim=-1).mean().item() == pytest.approx(0.5 * 24**0.5, rel=0.01)


@everything
def test_gradients_reach_every_parameter(config: AdapterConfig) -> None:
    made = build(config).train()
    embeddings, _ = made(**clips(config, 2, 3))
    (embeddings * torch.randn(24, generator=torch.Generator().manual_seed(3))).square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("concepts", [0, 1000])
def test_for_the_embedded_pack_it_has_5_to_15_million_parameters(concepts: int) -> None:
    made = make_adapter(AdapterConfig(vision_width=1280, vision_tokens=9, decoder_width=576, concepts=concepts))
    assert isinstance(made, PerceiverResampler)
    assert 5e6 < sum(parameter.numel() for parameter in made.parameters()) < 15e6


@everything
def test_a_thousand_frames_are_resampled_step_by_step(config: AdapterConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    given, made, steps = clips(config, 1, 1000), build(config), []
    monkeypatch.setattr(adapter_module, "TOKENS_AT_ONCE", 16 * 300)
    each_frame = made.each_frame
    monkeypatch.setattr(
        made, "each_frame", lambda tokens, *rest: (steps.append(len(tokens)), each_frame(tokens, *rest))[1]
    )
    with torch.inference_mode():
        stepwise, _ = made(**given)
        assert steps == [300, 300, 300, 100]
        monkeypatch.setattr(adapter_module, "TOKENS_AT_ONCE", 1_000_000)
        torch.testing.assert_close(stepwise, made(**given)[0], atol=1e-5, rtol=1e-5)


def test_pixel_shuffle_joins_the_squares_of_the_grid() -> None:
    grid = torch.arange(16).view(1, 16, 1)  # 4 x 4, in reading order
    assert space_to_depth(grid, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    assert space_to_depth(grid, 4)[0].tolist() == [list(range(16))]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"kind": "mlp", "vision_tokens": 9, "shuffle": 2},
            "shuffle 2 does not divide .* 9, which are a grid of 3 x 3",
        ),
        ({"kind": "mlp", "vision_tokens": 8, "shuffle": 2}, "8, which are no square grid"),
        ({"kind": "mlp", "per": "clip"}, 'per must be "frame"'),
        ({"width": 15}, "width 15 must be a multiple of heads 2"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(TINY, **change)


def test_tokens_of_another_encoder_are_refused() -> None:
    made = build(TINY)
    with pytest.raises(ValueError, match="takes 16 tokens of width 12 a frame, not 16 of width 13"):
        made(torch.zeros(1, 2, 16, 13), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="takes 0 class log-probabilities a frame, not 7"):
        made(torch.zeros(1, 2, 16, 12), torch.zeros(1, 2), concepts=torch.zeros(1, 2, 7))


@everything
def test_where_there_is_no_frame_at_all_nothing_is_attended_to(
    config: AdapterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU's attention over no rows gives None."""
    adapter = build(config)
    monkeypatch.setattr(type(adapter), "each_frame", lambda *_: pytest.fail("called for nothing"))
    embeddings, real = adapter(**clips(config, 2, 3), mask=torch.zeros(2, 3, dtype=torch.bool))
    assert not real.any() and embeddings.shape == (2, config.tokens_out(3), config.decoder_width)
    assert (embeddings == 0).all()
