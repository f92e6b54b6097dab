"""Checkpoints of open_clip that do not fit: each is one sentence that names the file, what was expected and found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import CheckpointError
from model.vision.open_clip_checkpoint import load
from tests.checkpoints.clip import Family, tiny_clip

WEIGHTS, CONFIG = "open_clip_model.safetensors", "open_clip_config.json"


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., Path]:
    """A tiny checkpoint without some of its files."""

    def make(*left_out: str, family: Family = "vit") -> Path:
        folder = tiny_clip(tmp_path / "clip", family)
        for pattern in left_out:
            for file in folder.glob(pattern):
                file.unlink()
        return folder

    return make


def message(attempt: Callable[[], Any]) -> str:
    with pytest.raises(CheckpointError) as caught:
        attempt()
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    return said


def test_files_that_are_missing_are_named(broken: Callable[..., Path], tmp_path: Path) -> None:
    assert "nowhere is missing" in message(lambda: load(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    assert message(lambda: load(tmp_path / "empty")).endswith(f"expected {CONFIG}, found an empty folder.")
    copy = broken(CONFIG)
    said = message(lambda: load(copy))
    assert CONFIG in said
    assert said.endswith(f"found {WEIGHTS}.")
    shutil.rmtree(copy)
    copy = broken(WEIGHTS)
    assert message(lambda: load(copy)).endswith(f"expected {WEIGHTS}, found {CONFIG}.")
    shutil.rmtree(copy)
    copy = broken("tokenizer*", family="siglip")
    assert "expected tokenizer.json as of nobody/tiny-siglip" in message(lambda: load(copy))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cfg: cfg["vision_cfg"].update(timm_model_name="vit_enormous"), "vit_enormous"),
        (lambda cfg: cfg["vision_cfg"].update(timm_model_name="hf-hub:nobody/vit"), "hf-hub:nobody/vit"),
        (lambda cfg: cfg["vision_cfg"].update(depth=3), "depth"),
        (lambda cfg: cfg.pop("embed_dim"), "expected model_cfg with embed_dim"),
        (lambda cfg: cfg["text_cfg"].update(hf_model_name="nobody/roberta"), "expected its config.json"),
    ],
)
def test_a_config_of_no_known_model_is_explained(
    change: Callable[[dict[str, Any]], Any], said: str, broken: Callable[..., Path]
) -> None:
    file = broken() / CONFIG
    config = json.loads(file.read_text())
    change(config["model_cfg"])
    file.write_text(json.dumps(config))
    sentence = message(lambda: load(file.parent))
    assert said in sentence
    assert str(file) in sentence


def test_a_config_that_is_no_json_is_explained(broken: Callable[..., Path]) -> None:
    file = broken() / CONFIG
    file.write_text("{")
    assert f"{file} cannot be read: expected JSON" in message(lambda: load(file.parent))


def test_an_unknown_architecture_is_met_with_its_neighbours(broken: Callable[..., Path]) -> None:
    said = message(lambda: load(broken(CONFIG) / WEIGHTS, "ViT-B-23"))
    assert "ViT-B-32" in said
    assert said.endswith("found 'ViT-B-23'.")


def test_weights_that_do_not_fit_name_the_first_tensor(broken: Callable[..., Path]) -> None:
    copy = broken()
    state = load_file(copy / WEIGHTS)
    save_file(state | {"visual.proj": torch.zeros(32, 48)}, copy / WEIGHTS)
    said = message(lambda: load(copy))
    assert said.endswith("expected visual.proj of shape [32, 32], found [32, 48].")
    assert WEIGHTS in said
    state.pop("visual.ln_post.weight")
    save_file(state, copy / WEIGHTS)
    assert "expected visual.ln_post.weight, found" in message(lambda: load(copy))
    save_file({"something.else": torch.zeros(3)}, copy / WEIGHTS)
    assert "found something.else and 0 others" in message(lambda: load(copy))


def test_corrupt_weights_are_named(broken: Callable[..., Path]) -> None:
    copy = broken()
    whole = (copy / WEIGHTS).read_bytes()
    for damage in (whole[:-1000], b"no tensors at all", b""):
        (copy / WEIGHTS).write_bytes(damage)
        said = message(lambda: load(copy))
        assert f"{copy / WEIGHTS} cannot be read: expected a whole safetensors file" in said
        assert f"found {len(damage)} bytes" in said
    (copy / WEIGHTS).unlink()
    (copy / "open_clip_pytorch_model.bin").write_bytes(b"no pickle")
    assert "open_clip_pytorch_model.bin cannot be read" in message(lambda: load(copy))
