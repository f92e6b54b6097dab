"""The heads of the align stage: their shapes, their files, and the encoder that uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from model.errors import CheckpointError
from model.vision.alignment import NAME, AlignmentConfig, AlignmentHeads, load_heads, save_heads
from model.vision.heads import weights_file

WEIGHTS = weights_file(NAME)

SMALL = AlignmentConfig(tokens=9, token_width=64, concepts=20, text_width=24, dim=16, width=32, dropout=0.5)


def heads(seed: int = 0, config: AlignmentConfig = SMALL) -> AlignmentHeads:
    torch.manual_seed(seed)
    return AlignmentHeads(config).eval()


def inputs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(count, 9, 64), torch.randn(count, 20).log_softmax(1)


def test_frames_and_texts_become_unit_vectors_of_one_space() -> None:
    made = heads()
    frames, texts = made.frames(*inputs(5)), made.texts(torch.randn(3, 24))
    assert frames.shape == (5, 16) and texts.shape == (3, 16)
    assert torch.allclose(frames.norm(dim=1), torch.ones(5)) and torch.allclose(texts.norm(dim=1), torch.ones(3))


def test_where_a_thing_is_seen_makes_a_difference_and_so_does_what_the_classifier_says() -> None:
    made = heads()
    tokens, told = inputs(1)
    made.frames.places.data.normal_()
    turned = tokens.flip(1)  # the same mean, other places
    assert not torch.allclose(made.frames(tokens, told), made.frames(turned, told), atol=1e-4)
    assert not torch.allclose(made.frames(tokens, told), made.frames(tokens, told.flip(1)), atol=1e-4)


def test_a_stretch_of_video_is_the_mean_of_its_frames() -> None:
    made = heads()
    tokens, told = inputs(4)
    mean = made.frames(tokens, told).mean(0)
    together = made.encode_frames(tokens[None], told[None])[0]
    assert torch.allclose(together, mean / mean.norm(), atol=1e-6)


def test_saved_heads_come_back_as_they_were_but_for_rounding(tmp_path: Path) -> None:
    made = heads()
    save_heads(tmp_path, made)
    again = load_heads(tmp_path)
    assert not again.training
    assert torch.allclose(again.frames(*inputs(5)), made.frames(*inputs(5)), atol=2e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alignment.json", "alignment.safetensors"]
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1  # who may read the one may read the other


def test_heads_of_another_shape_are_refused_by_the_tensor(tmp_path: Path) -> None:
    save_heads(tmp_path / "one", heads())
    save_heads(tmp_path / "other", heads(config=AlignmentConfig(9, 64, 21, 24, 16, 32)))
    (tmp_path / "other" / WEIGHTS).replace(tmp_path / "one" / WEIGHTS)
    with pytest.raises(
        CheckpointError, match=r"alignment.safetensors .*expected frames.concept_norm.\w+ .*\[20\].*\[21\]"
    ):
        load_heads(tmp_path / "one")


def test_damaged_or_missing_heads_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"alignment.json"):
        load_heads(tmp_path)
    save_heads(tmp_path, heads())
    (tmp_path / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match=WEIGHTS):
        load_heads(tmp_path)


@pytest.mark.models
def test_the_encoder_with_heads_sees_in_their_space_and_names_as_before(tmp_path: Path) -> None:
    from model.text.minilm import MiniLM
    from model.vision.aligned import AlignedEncoder
    from model.vision.embedded import EmbeddedEncoder

    save_heads(tmp_path / "a", heads(0, AlignmentConfig(9, 1280, 1000, 384, 16, 32)))
    save_heads(tmp_path / "b", heads(1, AlignmentConfig(9, 1280, 1000, 384, 16, 32)))
    text = MiniLM()
    encoder, plain = AlignedEncoder(text, tmp_path / "a"), EmbeddedEncoder(text)
    frames = np.random.default_rng(0).integers(0, 255, (3, 120, 160, 3), np.uint8)
    features = encoder.encode_frames(frames)
    assert features.pooled.shape == (3, encoder.dim) and encoder.dim == 16 + 384
    assert np.allclose(np.linalg.norm(features.pooled, axis=1), 1, atol=1e-5)
    assert encoder.tags(features) == plain.tags(frames) and encoder.concepts == plain.concepts
    assert encoder.encode_frames(frames[:0]).pooled.shape == (0, encoder.dim)
    query = encoder.encode_text(["show me the moment where a dog runs"])
    assert np.allclose(query, encoder.encode_text(["a dog runs"]), atol=1e-6)
    assert 0 <= encoder.chance(features.pooled[0], query[0]) <= 1
    assert encoder.name != AlignedEncoder(text, tmp_path / "b").name  # their vectors cannot be compared
