"""Folders that hold no vision-language model, or a broken one: each is named in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.errors import CheckpointError
from model.language.vlm import VisionLanguageModel
from model.profile import DecoderChoice
from tests.checkpoints import vlm as checkpoints

CHOICE = DecoderChoice("vlm", "path:.", "fp32")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("vlm")
    return {family: build(root / family) for family, build in checkpoints.FAMILIES.items()}


@pytest.fixture
def copied(folders: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders["Qwen3-VL"], tmp_path / "checkpoint"))


def refused(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        VisionLanguageModel(folder, CHOICE)
    text = str(caught.value)
    assert str(folder) in text and text.count("\n") == 0 and text.endswith(".")
    assert "expected" in text and "found" in text
    return text


@pytest.mark.parametrize("missing", ["model.safetensors", "processor_config.json", "tokenizer.json"])
def test_a_missing_file_is_named(copied: Path, missing: str) -> None:
    (copied / missing).unlink()
    assert missing.partition(".")[2] in refused(copied)


def test_a_missing_config_is_named(copied: Path) -> None:
    (copied / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no config\.json.*found"):
        VisionLanguageModel(copied, CHOICE)


def test_a_missing_template_is_named(copied: Path) -> None:
    (copied / "chat_template.jinja").unlink()
    assert "chat_template.jinja" in refused(copied)


def test_weights_that_end_too_soon_are_named(copied: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model.safetensors" in refused(copied)


def test_weights_of_another_shape_are_refused_with_both_shapes(copied: Path) -> None:
    edit(copied, lambda config: config["text_config"].update(intermediate_size=192))
    text = refused(copied)
    assert "mlp" in text and "192" in text and "128" in text


def test_missing_weights_are_refused_not_made_up(copied: Path) -> None:
    edit(copied, lambda config: config["text_config"].update(num_hidden_layers=3))
    assert "layers.2" in refused(copied)


@pytest.mark.parametrize("kind", ["llama", "siglip", "never_heard_of"])
def test_a_model_that_does_not_read_pictures_and_text_is_refused(copied: Path, kind: str) -> None:
    (copied / "config.json").write_text(json.dumps({"model_type": kind}))
    assert kind in refused(copied)


def test_code_in_the_folder_is_not_run(copied: Path) -> None:
    (copied / "own.py").write_text("raise SystemExit('it ran')")
    (copied / "config.json").write_text(
        json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}})
    )
    assert "own" in refused(copied)


def test_a_template_that_fails_is_named(copied: Path) -> None:
    (copied / "chat_template.jinja").write_text("{{ raise_exception('no images, please') }}")
    assert "no images, please" in refused(copied)


def edit(folder: Path, change) -> None:  # type: ignore[no-untyped-def]
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
