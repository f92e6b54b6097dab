"""Language models whose files are missing, cut short or of another model: each is one sentence that names the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from model.errors import CheckpointError
from model.language.decoder import load_decoder
from model.profile import DecoderChoice, Precision
from tests.checkpoints import language


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    language.tiny_llama(folder / "llama")
    language.tiny_qwen(folder / "qwen")
    language.tiny_gguf(folder / "tiny.gguf")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_CACHE", str(tmp_path / "cache"))


def choose(precision: Precision = "fp32") -> DecoderChoice:
    return DecoderChoice("causal-lm", "path:somewhere", precision)


def damaged(made: Path, tmp_path: Path, name: str = "qwen") -> Path:
    return Path(shutil.copytree(made / name, tmp_path / "damaged"))


@pytest.mark.parametrize("name", ["llama", "qwen"])
def test_a_folder_without_its_parts_is_refused_by_their_name(made: Path, tmp_path: Path, name: str) -> None:
    for part, expected in {
        "config.json": r"expected a model's config\.json",
        "tokenizer.json": "has no tokenizer",
        "model.safetensors": r"holds no weights: expected \*\.safetensors",
    }.items():
        folder = damaged(made, tmp_path, name)
        (folder / part).unlink()
        with pytest.raises(CheckpointError, match=expected):
            load_decoder(folder, choose())
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["llama", "qwen"])
def test_weights_cut_short_are_refused_with_their_sizes(made: Path, tmp_path: Path, name: str) -> None:
    file = damaged(made, tmp_path, name) / "model.safetensors"
    whole = file.read_bytes()
    for content, expected in {
        whole[:-100]: f"expected {len(whole)} bytes, found {len(whole) - 100}",
        whole[:100]: "found one without its header",
        b"": "found one without its header",
        b"\xff" * 4000: "found one without its header",
    }.items():
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match=expected) as raised:
            load_decoder(file.parent, choose())
        assert str(file) in str(raised.value)


@pytest.mark.parametrize("name", ["llama", "qwen"])
def test_weights_that_do_not_fit_are_refused_not_drawn_at_random(made: Path, tmp_path: Path, name: str) -> None:
    file = damaged(made, tmp_path, name) / "model.safetensors"
    weights = load_file(file)
    key = "model.layers.1.mlp.up_proj.weight"
    for changed, expected in (
        (weights | {key: weights[key][:-1].contiguous()}, r"up_proj.weight: expected \[128, 64\].*found \[127, 64\]"),
        ({other: weight for other, weight in weights.items() if other != key}, "up_proj.weight.*found n"),
    ):
        save_file(changed, file, {"format": "pt"})
        with pytest.raises(CheckpointError, match=expected):
            load_decoder(file.parent, choose())


def test_a_network_that_is_no_language_model_is_refused(made: Path, tmp_path: Path) -> None:
    folder = damaged(made, tmp_path)
    for model_type in ("vit", "nonesuch"):
        config = json.loads((made / "qwen" / "config.json").read_text()) | {"model_type": model_type}
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(CheckpointError, match="expected a language model"):
            load_decoder(folder, choose())


def test_a_damaged_gguf_file_is_refused(made: Path, tmp_path: Path) -> None:
    whole = (made / "tiny.gguf").read_bytes()
    for content, expected in {whole[:-5000]: "is damaged", whole[:40]: "is damaged", b"": "expected a GGUF"}.items():
        (tmp_path / "cut.gguf").write_bytes(content)
        with pytest.raises(CheckpointError, match=expected):
            load_decoder(tmp_path / "cut.gguf", choose())


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
def test_a_lora_of_another_model_is_refused(made: Path, tmp_path: Path, precision: Precision) -> None:
    language.tiny_llama(tmp_path / "wide", hidden_size=128)
    language.tiny_llama(tmp_path / "deep", num_hidden_layers=3)
    for name in ("wide", "deep"):
        language.tiny_lora(tmp_path / "lora" / name, tmp_path / name)
        with pytest.raises(CheckpointError, match="made for another model"):
            load_decoder(made / "llama", choose(precision), lora=tmp_path / "lora" / name)
    with pytest.raises(CheckpointError, match=r"has no adapter_config\.json"):
        load_decoder(made / "llama", choose(precision), lora=made / "llama")
