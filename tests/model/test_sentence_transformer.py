"""Any sentence-transformers model: a tiny random one through the function that the app uses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.errors import CheckpointError
from model.profile import TextChoice
from model.text.embedder import TextEmbedder, load_embedder
from tests.checkpoints.text import SENTENCES, tiny_sentence_transformer

TEXTS = [*SENTENCES, "", "🙂", "a word " * 500, SENTENCES[0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sentence_transformer(tmp_path_factory.mktemp("text") / "model")


@pytest.fixture(scope="module")
def embedder(folder: Path) -> TextEmbedder:
    return load_embedder(TextChoice("sentence-transformers", f"path:{folder}"))


def load(folder: Path) -> TextEmbedder:
    return load_embedder(TextChoice("sentence-transformers", f"path:{folder}"))


def test_vectors_are_unit_float32_in_the_order_asked_for(embedder: TextEmbedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dim) == (7, 16) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[-1])
    assert embedder.embed([]).shape == (0, 16)


def test_a_text_means_the_same_in_any_company(embedder: TextEmbedder) -> None:
    crowd = [f"{'grass ' * (i % 9)}text {i}" for i in range(40)]
    np.testing.assert_allclose(embedder.embed([*crowd, "wet grass"])[-1], embedder.embed(["wet grass"])[0], atol=1e-5)


def test_a_query_is_computed_once(embedder: TextEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = embedder.embed(["the quiet letter"])
    monkeypatch.setattr(embedder, "_network", None)  # any computation now fails
    np.testing.assert_array_equal(embedder.embed(["the quiet letter"]), first)


def test_the_name_tells_checkpoints_apart(embedder: TextEmbedder, folder: Path, tmp_path: Path) -> None:
    assert load(folder).name == embedder.name
    assert load(tiny_sentence_transformer(tmp_path / "wider", dim=32)).name != embedder.name


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"no readable config\.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 99), r"model\.safetensors is damaged"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json is damaged: expected JSON"),
        (lambda folder: widen(folder / "config.json"), "expected a sentence-transformers model"),
    ],
)
def test_a_spoilt_folder_is_one_sentence_that_names_the_file(
    spoil: object, words: str, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    spoil(copy)  # type: ignore[operator]
    with pytest.raises(CheckpointError, match=words) as refusal:
        load(copy)
    assert str(copy) in str(refusal.value) and "\n" not in str(refusal.value)


def widen(config: Path) -> None:
    config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_size": 64}))
