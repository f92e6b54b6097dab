"""OpenClipEncoder on tiny random checkpoints, beside what open_clip itself makes of the same folder."""

import json
import math
import shutil
import socket
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from model.errors import UsageError
from model.vision import zero_shot
from model.vision.open_clip_encoder import OpenClipEncoder
from tests.checkpoints.clip import Family, tiny_clip

WEIGHTS, CONFIG = "open_clip_model.safetensors", "open_clip_config.json"
FAMILIES: tuple[Family, ...] = ("vit", "siglip")
TOKENS = {"vit": (16, 32), "siglip": (100, 96)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: tiny_clip(tmp_path_factory.mktemp(family), family) for family in FAMILIES}


@pytest.fixture(scope="module")
def encoders(folders: dict[str, Path]) -> dict[str, OpenClipEncoder]:
    return {family: OpenClipEncoder(folder, precision="fp32") for family, folder in folders.items()}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def scene(width: int = 300, height: int = 300, seed: int = 0) -> np.ndarray:
    """Soft random blots: uint8 [height, width, 3]."""
    blots = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blots).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("family", FAMILIES)
def test_frames_and_texts_come_out_as_from_open_clip_itself(
    family: str, folders: dict[str, Path], encoders: dict[str, OpenClipEncoder]
) -> None:
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folders[family]}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folders[family]}")
    pictures = [scene(300, 300, seed) for seed in range(3)]  # square, so that cropping and squashing are the same
    texts = ["a red car", "a man plays the violin, " * 50, ""]
    with torch.inference_mode():
        images = torch.stack([preprocess(Image.fromarray(picture)) for picture in pictures])
        pooled = model.encode_image(images, normalize=True).numpy()
        spoken = model.encode_text(tokenizer(texts), normalize=True).numpy()
        if family == "vit":
            model.visual.output_tokens = True
            tokens = model.visual(images)[1].numpy()
        else:
            tokens = model.visual.trunk.forward_features(images)[:, 1:].numpy()  # the first is a register
    ours = encoders[family].encode_frames(np.stack(pictures))
    np.testing.assert_allclose(ours.pooled, pooled, atol=2e-3)
    np.testing.assert_allclose(ours.tokens.astype(np.float32), tokens, atol=3e-2)
    assert ours.tokens.shape[1:] == TOKENS[family]
    assert ours.tokens.dtype == np.float16
    np.testing.assert_allclose(encoders[family].encode_text(texts), spoken, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_loading_asks_no_other_machine(family: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*address: object) -> None:
        raise AssertionError(f"connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert OpenClipEncoder(folders[family]).encode_text(["a dog"]).shape == (1, TOKENS[family][1])


@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_and_fp32_agree(family: str, folders: dict[str, Path], encoders: dict[str, OpenClipEncoder]) -> None:
    half = OpenClipEncoder(folders[family], precision="bf16")
    frames = np.stack([scene(160, 90, seed) for seed in range(3)])
    full, rough = encoders[family].encode_frames(frames), half.encode_frames(frames)
    assert (full.pooled * rough.pooled).sum(1).min() > 0.9999
    assert (full.pooled != rough.pooled).any()
    texts = ["a red car", "a dog"]
    assert (half.encode_text(texts) * encoders[family].encode_text(texts)).sum(1).min() > 0.9999


def test_frames_of_any_size_and_number_are_seen_whole(encoders: dict[str, OpenClipEncoder]) -> None:
    encoder = encoders["vit"]
    for frames in (np.zeros((1, 1, 1, 3), np.uint8), np.stack([scene(4000, 3000)] * 3)):
        features = encoder.encode_frames(frames)
        np.testing.assert_allclose(np.linalg.norm(features.pooled, axis=1), 1, atol=1e-5)
        assert features.tokens.shape == (len(frames), 16, 32)
        assert np.isfinite(features.tokens).all()
    nothing = encoder.encode_frames(np.zeros((0, 90, 160, 3), np.uint8))
    assert nothing.pooled.shape == (0, 32)
    assert nothing.tokens.shape == (0, 16, 32)
    assert nothing.log_probabilities.shape == (0, 1000)
    assert encoder.tags(nothing) == []
    assert encoder.encode_text([]).shape == (0, 32)
    edge = scene(320, 90).copy()
    edge[:, :60] = 255  # what a crop of the middle would not show
    both = encoder.encode_frames(np.stack([scene(320, 90), edge]))
    assert both.pooled[0] @ both.pooled[1] < 0.999


def test_a_thousand_frames_are_encoded_as_each_alone(encoders: dict[str, OpenClipEncoder]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1000, 36, 64, 3), dtype=np.uint8)
    features = encoders["vit"].encode_frames(frames)
    assert len(features) == len(features.labels) == 1000
    for index in (0, 8, 999):
        alone = encoders["vit"].encode_frames(frames[index : index + 1])
        np.testing.assert_allclose(alone.pooled[0], features.pooled[index], atol=1e-4)
        np.testing.assert_allclose(alone.tokens[0], features.tokens[index], atol=1e-2)


def test_cells_are_the_patch_tokens(encoders: dict[str, OpenClipEncoder]) -> None:
    for encoder in encoders.values():
        cells = encoder.encode_cells(scene()[None])
        assert np.array_equal(cells, encoder.encode_frames(scene()[None]).tokens)
        assert math.isqrt(cells.shape[1]) ** 2 == cells.shape[1]


def test_longest_keeps_the_shape_of_a_frame_between_bars(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path / "longest", preprocess={"resize_mode": "longest"})
    _, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    model = open_clip.create_model_from_pretrained(f"local-dir:{folder}", return_transform=False)
    with torch.inference_mode():
        theirs = model.encode_image(preprocess(Image.fromarray(scene(320, 160)))[None], normalize=True)
    ours = OpenClipEncoder(folder, precision="fp32").encode_frames(scene(320, 160)[None])
    np.testing.assert_allclose(ours.pooled, theirs.numpy(), atol=2e-3)


def test_labels_are_the_checkpoints_own_zero_shot_classes(
    folders: dict[str, Path], encoders: dict[str, OpenClipEncoder]
) -> None:
    encoder = encoders["vit"]
    model = open_clip.create_model_from_pretrained(f"local-dir:{folders['vit']}", return_transform=False)
    names = [f"a photo of {label.name}" for label in zero_shot.load_labels()]
    features = encoder.encode_frames(scene()[None])
    with torch.inference_mode():
        classes = model.encode_text(open_clip.get_tokenizer("ViT-B-32")(names), normalize=True)
        shares = (model.logit_scale.exp() * torch.from_numpy(features.pooled) @ classes.T).softmax(1).numpy()
    np.testing.assert_allclose(features.probabilities.astype(np.float32), shares, atol=2e-3)
    assert features.labels[0][0][0] == zero_shot.load_labels()[int(shares.argmax())].name
    assert encoder.tags(features) == zero_shot.tags_of(features.probabilities)
    assert len(encoder.concepts) == features.probabilities.shape[1]


def test_chance_is_the_share_of_names_that_fit_the_frame_better(encoders: dict[str, OpenClipEncoder]) -> None:
    encoder = encoders["vit"]
    frame = encoder.encode_frames(scene()[None]).pooled[0]
    assert encoder.chance(frame, frame) == 0
    assert encoder.chance(frame, -frame) == 1
    order = encoder.encode_frames(scene()[None]).log_probabilities[0].argsort()[::-1]
    tenth = encoder._embed([f"a photo of {zero_shot.load_labels()[order[10]].name}"])[0]
    assert encoder.chance(frame, tenth) == pytest.approx(0.010, abs=0.004)


def test_label_vectors_are_kept_for_the_next_start(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUEPOINT_CACHE", str(tmp_path))
    frames = scene()[None]
    first = OpenClipEncoder(folders["vit"], precision="fp32").encode_frames(frames)
    asked: list[int] = []
    again = OpenClipEncoder(folders["vit"], precision="fp32")
    monkeypatch.setattr(again, "_embed", lambda texts: asked.append(len(texts)))
    np.testing.assert_array_equal(again.encode_frames(frames).log_probabilities, first.log_probabilities)
    assert not asked
    [kept] = (tmp_path / "derived").glob("label-vectors-*.npy")
    kept.write_bytes(b"damaged")
    third = OpenClipEncoder(folders["vit"], precision="fp32").encode_frames(frames)
    np.testing.assert_array_equal(third.log_probabilities, first.log_probabilities)


def test_a_query_loses_its_framing(encoders: dict[str, OpenClipEncoder]) -> None:
    framed, bare = encoders["vit"].encode_text(["Show me the moment where a dog runs", "a dog runs"])
    np.testing.assert_array_equal(framed, bare)


def test_the_name_tells_checkpoints_apart(folders: dict[str, Path], tmp_path: Path) -> None:
    names = {family: OpenClipEncoder(folder).name for family, folder in folders.items()}
    assert names["vit"].startswith("open_clip/vit-32x2-16/")
    assert names["siglip"].startswith("open_clip/test_vit3/")
    copy = Path(shutil.copytree(folders["vit"], tmp_path / "copy"))
    assert OpenClipEncoder(copy).name == names["vit"]
    state = load_file(copy / WEIGHTS)
    state["visual.proj"] += 1e-3
    save_file(state, copy / WEIGHTS)
    assert OpenClipEncoder(copy).name != names["vit"]


def test_a_bare_file_is_read_by_the_config_beside_it_or_by_its_architecture(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = scene()[None]
    beside = OpenClipEncoder(folders["vit"] / WEIGHTS, precision="fp32").encode_frames(frames)
    copy = Path(shutil.copytree(folders["vit"], tmp_path / "copy"))
    (copy / CONFIG).unlink()
    torch.save({"state_dict": {f"module.{k}": v for k, v in load_file(copy / WEIGHTS).items()}}, copy / "epoch_1.pt")
    config = json.loads((folders["vit"] / CONFIG).read_text())["model_cfg"]
    monkeypatch.setattr(open_clip, "get_model_config", {"ViT-Tiny": config}.get)
    for file in (copy / WEIGHTS, copy / "epoch_1.pt", copy):
        named = OpenClipEncoder(file, "ViT-Tiny", "fp32")
        np.testing.assert_allclose(named.encode_frames(frames).pooled, beside.pooled, atol=1e-6)
        assert named.name.startswith("open_clip/ViT-Tiny/")


@pytest.mark.parametrize(
    "wrong", [np.zeros((9, 9, 3), np.uint8), np.zeros((1, 9, 9, 3), np.float32), np.zeros((1, 0, 9, 3), np.uint8)]
)
def test_frames_of_another_shape_or_type_are_refused(wrong: np.ndarray, encoders: dict[str, OpenClipEncoder]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        encoders["vit"].encode_frames(wrong)


def test_a_precision_for_decoders_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="nf4"):
        OpenClipEncoder(folders["vit"], precision="nf4")
