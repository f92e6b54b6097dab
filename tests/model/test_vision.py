"""Labels, the network, and the space that frames and queries share. Pictures are drawn here; weights are the pack's."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from model.pack import part
from model.text.minilm import MiniLM
from model.vision import efficientnet
from model.vision.embedded import EmbeddedEncoder, class_vectors
from model.vision.encoder import FrameFeatures, bare_query
from model.vision.zero_shot import load_labels

WEIGHTS = "efficientnet-lite2-9656183e.pth"


class LetterCounts:
    """A text model that knows letters only: enough to see what is done with the vectors."""

    dim = 26

    def embed(self, texts: list[str]) -> np.ndarray:
        counts = np.array([[text.lower().count(chr(97 + i)) + 0.01 for i in range(26)] for text in texts], np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def encoder() -> EmbeddedEncoder:
    return EmbeddedEncoder(LetterCounts(), bf16=False)


def clock(width: int = 300, height: int = 300) -> np.ndarray:
    """A clock on a wall: uint8 [height, width, 3]."""
    picture = Image.new("RGB", (300, 300), (170, 150, 120))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 40, 260, 260), fill="white", outline="black", width=12)
    for hour in range(12):
        draw.text(around(hour / 12, 85), str(hour or 12), fill="black", anchor="mm", font_size=22)
    draw.line(((150, 150), around(0.83, 50)), fill="black", width=8)
    draw.line(((150, 150), around(0.14, 75)), fill="black", width=5)
    return np.asarray(picture.resize((width, height)))


def around(turn: float, radius: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn
    return 150 + radius * math.sin(angle), 150 - radius * math.cos(angle)


def test_names_are_those_of_open_clip_in_the_same_order() -> None:
    package = importlib.util.find_spec("open_clip")  # its one file of names: importing all of open_clip takes seconds
    assert package is not None and package.origin is not None
    path = Path(package.origin).with_name("zero_shot_metadata.py")
    spec = importlib.util.spec_from_file_location("names", path)
    assert spec is not None and spec.loader is not None
    metadata = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(metadata)
    assert [label.name for label in load_labels()] == list(metadata.IMAGENET_CLASSNAMES)


def test_every_class_is_defined_and_breeds_are_dogs() -> None:
    labels = load_labels()
    assert all(label.definition for label in labels)
    assert sum(label.kind == "dog" for label in labels) == 118
    assert labels[207] == ("Golden Retriever", "an English breed having a long silky golden coat", "dog")


def test_class_vectors_have_no_common_direction() -> None:
    vectors = class_vectors(LetterCounts())
    assert vectors.shape == (1000, 26)
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-5)


@pytest.mark.models
def test_folded_network_equals_the_layers_one_by_one() -> None:
    """The first blocks by hand, with batch norm apart and TensorFlow's padding written out."""
    import torch.nn.functional as F

    state = torch.load(part("image") / WEIGHTS, weights_only=True)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        statistics = (state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *statistics, eps=1e-3)

    frames = torch.randint(0, 256, (1, 260, 260, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x = F.pad((frames.permute(0, 3, 1, 2).float() - 127) / 128, (0, 1, 0, 1))
    x = F.relu6(norm(F.conv2d(x, state["_conv_stem.weight"], stride=2), "_bn0"))
    x = F.conv2d(x, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=32)
    x = norm(F.conv2d(F.relu6(norm(x, "_blocks.0._bn1")), state["_blocks.0._project_conv.weight"]), "_blocks.0._bn2")

    net = efficientnet.load(part("image") / WEIGHTS)
    with torch.inference_mode():
        ours = net.blocks[0](net.stem((frames.permute(0, 3, 1, 2).float() - 127) / 128))
    np.testing.assert_allclose(ours.numpy(), x.numpy(), atol=1e-3)


@pytest.mark.models
def test_fused_and_plain_convolutions_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = torch.randint(0, 256, (2, 260, 260, 3), dtype=torch.uint8)
    net = efficientnet.load(part("image") / WEIGHTS)
    first = net(frames)
    monkeypatch.setattr(efficientnet, "_FUSED", False)
    torch.testing.assert_close(net(frames).logits, first.logits, atol=1e-3, rtol=0)
    assert first.grid.shape == (2, 9, 9, 1280)


@pytest.mark.models
def test_a_drawn_clock_is_seen_at_any_size_and_precision(encoder: EmbeddedEncoder) -> None:
    half = EmbeddedEncoder(LetterCounts(), bf16=True)
    for picture in (clock(), clock(160, 90), clock(1280, 720)):
        for sees in (encoder, half):
            features = sees.encode_frames(picture[None])
            assert {name for name, _ in features.labels[0][:2]} == {"analog clock", "wall clock"}
            name, probability = sees.tags(features)[0][0]
            assert name == "clock"
            assert probability > 0.5


@pytest.mark.models
def test_features_have_their_shapes_for_more_than_one_batch_and_for_none(encoder: EmbeddedEncoder) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 90, 160, 3), dtype=np.uint8)
    features = encoder.encode_frames(frames)
    assert features.pooled.shape == (9, 26)
    assert features.pooled.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features.pooled, axis=1), 1, atol=1e-5)
    assert features.tokens.shape == (9, 9, 1280)
    assert features.probabilities.shape == (9, 1000)
    np.testing.assert_allclose(features.probabilities.astype(np.float32).sum(1), 1, atol=0.02)
    assert np.isfinite(features.log_probabilities).all()
    alone = encoder.encode_frames(frames[8:])
    np.testing.assert_allclose(alone.pooled[0], features.pooled[8], atol=1e-3)
    nothing = encoder.encode_frames(frames[:0])
    assert len(nothing) == 0
    assert nothing.tokens.shape == (0, 9, 1280)
    assert encoder.tags(nothing) == []


@pytest.mark.models
def test_cells_are_what_the_tokens_are_means_of(encoder: EmbeddedEncoder) -> None:
    frames = np.stack([clock(), clock()[:, ::-1], *[np.zeros((300, 300, 3), np.uint8)] * 8])
    cells, tokens = encoder.encode_cells(frames), encoder.encode_frames(frames).tokens
    assert cells.shape == (10, 81, 1280) and cells.dtype == np.float16
    means = cells.astype(np.float32).reshape(10, 3, 3, 3, 3, 1280).mean((2, 4)).reshape(10, 9, 1280)
    assert np.allclose(means, tokens, atol=2e-2)
    assert encoder.encode_cells(frames[:0]).shape == (0, 81, 1280)


@pytest.mark.models
def test_frames_of_another_shape_or_type_are_refused(encoder: EmbeddedEncoder) -> None:
    for wrong in (np.zeros((10, 10, 3), np.uint8), np.zeros((1, 10, 10, 3), np.float32)):
        with pytest.raises(ValueError, match="uint8"):
            encoder.encode_frames(wrong)


@pytest.mark.models
def test_chance_is_the_share_of_classes_that_fit_the_query_better(encoder: EmbeddedEncoder) -> None:
    vectors = class_vectors(LetterCounts())
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[3]
    order = np.argsort(-(vectors @ query))
    assert encoder.chance(vectors[order[0]], query) <= 0.001  # itself, but for rounding
    assert encoder.chance(vectors[order[500]], query) == pytest.approx(0.5, abs=0.002)
    assert encoder.chance(-query, query) == 1


@pytest.mark.models
def test_breeds_add_up_to_a_dog(encoder: EmbeddedEncoder) -> None:
    breeds = [i for i, label in enumerate(load_labels()) if label.kind == "dog"][:20]
    log_probabilities = np.full((1, 1000), -16, np.float16)
    log_probabilities[0, breeds] = np.log(0.04)
    features = FrameFeatures(np.zeros((1, 26), np.float32), np.zeros((1, 9, 1280), np.float16), [[]], log_probabilities)
    [[(name, probability)]] = encoder.tags(features)
    assert name == "dog"
    assert probability == pytest.approx(0.8, abs=0.02)


@pytest.mark.models
def test_the_sentence_that_fits_the_picture_is_nearest() -> None:
    encoder = EmbeddedEncoder(MiniLM())
    sentences = ["what time it is", "a bowl of soup", "a sleeping cat", "a man plays the violin"]
    scores = encoder.encode_text(sentences) @ encoder.encode_frames(clock()[None]).pooled[0]
    assert scores.argmax() == 0
    again = EmbeddedEncoder(MiniLM())._classes  # now from the cache
    np.testing.assert_array_equal(again, encoder._classes)


@pytest.mark.parametrize(
    ("asked", "thing"),
    [
        ("Show me the moment where a dog runs", "a dog runs"),
        ("a photo of a cat", "a cat"),
        ("Where in the video can I see the kettle?", "the kettle"),
        ("find clips with umbrellas", "umbrellas"),
        ("part of a wall", "a wall"),
        ("video game", "video game"),
        ("a red car", "a red car"),
        ("?", "?"),
    ],
)
def test_a_query_loses_its_framing_and_nothing_else(asked: str, thing: str) -> None:
    assert bare_query(asked) == thing
