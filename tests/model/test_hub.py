"""Where models are found on this machine, and how they get there from a hub that is slow, breaks off, or is away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save

from model import download, hub
from model.download import fetch
from model.errors import Cancelled, CheckpointError, CuepointError, UsageError
from model.pack import part
from tests.hub_server import COMMIT, Hub, serve_hub
from tests.ports import free_port

WEIGHTS = save({"a": np.random.default_rng(0).standard_normal(400_000).astype(np.float32)})
SHARDS = [save({name: np.full(1000, number, np.float32)}) for number, name in enumerate("ab")]
INDEX = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
PLAIN = {"config.json": b'{"model_type": "bert"}', "model.safetensors": WEIGHTS}
REPOSITORIES: dict[str, dict[str, bytes]] = {
    "lab/plain": {
        **PLAIN, "tokenizer.json": b"{}", "README.md": b"read me", "pytorch_model.bin": b"same", "tf_model.h5": b"same",
        "onnx/model.onnx": b"same", "model.onnx": b"same",
    },
    "lab/sharded": {
        "config.json": b"{}", "model.safetensors.index.json": json.dumps(INDEX).encode(),
        "model-00001-of-00002.safetensors": SHARDS[0], "model-00002-of-00002.safetensors": SHARDS[1],
        "consolidated.safetensors": b"both in one",
    },
    "lab/clip": {
        "open_clip_config.json": b"{}", "config.json": b"{}", "open_clip_model.safetensors": WEIGHTS,
        "model.safetensors": WEIGHTS, "open_clip_pytorch_model.bin": b"same",
    },
    "lab/sentences": {
        **PLAIN, "modules.json": b"[]", "1_Pooling/config.json": b"{}", "2_Dense/model.safetensors": SHARDS[0],
        "2_Dense/config.json": b"{}", "2_Dense/pytorch_model.bin": b"same",
    },
    "lab/gguf": {"small-q4.gguf": b"GGUF small", "small-q8.gguf": b"GGUF larger", "README.md": b""},
    "lab/empty": {"README.md": b"soon"},
}  # fmt: skip


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache, and no folder of one's own."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.delenv(hub.FOLDER_VARIABLE, raising=False)
    return folder


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(download, "_PAUSE_S", 0.01)
    with serve_hub(REPOSITORIES) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield server


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def quietly(_: str) -> None:
    pass


@pytest.mark.models
def test_a_part_of_the_pack_is_found_and_an_unknown_one_named() -> None:
    assert hub.locate("pack:text") == part("text")
    with pytest.raises(UsageError, match="no part 'legs'"):
        hub.locate("pack:legs")


def test_a_path_is_taken_as_it_is_or_missed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert hub.locate(f"path:{tmp_path / 'mine'}") == hub.locate("path:~/mine") == tmp_path / "mine"
    assert hub.locate("path:mine").samefile(tmp_path / "mine")
    with pytest.raises(CheckpointError, match="yours does not exist"):
        hub.locate(f"path:{tmp_path / 'yours'}")


@pytest.mark.parametrize(
    "source",
    ["", "mine", "https://example.org", "hub:", "hub:name", "hub:a/../b", "hub:/etc/passwd", "path:", "server:here"],
)
def test_what_is_no_source_is_wrong_usage(source: str) -> None:
    with pytest.raises(UsageError):
        hub.locate(source)


def test_a_missing_model_says_how_to_get_it(cache: Path) -> None:
    with pytest.raises(CheckpointError, match=r"lab/plain is not on this machine: `cuepoint pull .*CUEPOINT_MODELS"):
        hub.locate("hub:lab/plain")


def test_a_folder_of_ones_own_goes_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "models" / "lab" / "plain"
    own.mkdir(parents=True)
    for name, content in PLAIN.items():
        (own / name).write_bytes(content)
    monkeypatch.setenv("CUEPOINT_MODELS", str(tmp_path / "models"))
    assert hub.locate("hub:lab/plain") == hub.locate("hub:lab/plain@v2") == own
    assert hub.locate("hub:lab/plain/model.safetensors") == own / "model.safetensors"
    with pytest.raises(CheckpointError, match=r"plain has no other\.safetensors"):
        hub.locate("hub:lab/plain/other.safetensors")


@pytest.mark.parametrize(
    ("repository", "gone", "words"),
    [
        ("lab/plain", "config.json", r"has no config\.json"),
        ("lab/plain", "model.safetensors", "holds no weights: expected"),
        ("lab/sharded", "model-00002-of-00002.safetensors", r"lacks model-00002-of-00002\.safetensors"),
    ],
)
def test_a_folder_of_ones_own_in_pieces_is_named_with_what_it_lacks(
    repository: str, gone: str, words: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / repository
    own.mkdir(parents=True)
    for name in REPOSITORIES[repository].keys() - {gone, "pytorch_model.bin", "consolidated.safetensors"}:
        if "/" not in name:
            (own / name).write_bytes(REPOSITORIES[repository][name])
    monkeypatch.setenv("CUEPOINT_MODELS", str(tmp_path))
    with pytest.raises(CheckpointError, match=words):
        hub.locate(f"hub:{repository}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("lab/plain", {"config.json", "tokenizer.json", "model.safetensors"}),
        ("lab/sharded", REPOSITORIES["lab/sharded"].keys() - {"consolidated.safetensors"}),
        ("lab/clip", {"open_clip_config.json", "config.json", "open_clip_model.safetensors"}),
        ("lab/sentences", REPOSITORIES["lab/sentences"].keys() - {"2_Dense/pytorch_model.bin"}),
        ("lab/gguf/small-q4.gguf", {"small-q4.gguf"}),
        (f"lab/plain@{COMMIT}", {"config.json", "tokenizer.json", "model.safetensors"}),
    ],
)
def test_only_what_is_read_is_fetched_and_then_found_without_the_hub(
    source: str, expected: set[str], server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fetch(f"hub:{source}", quietly)
    assert names(found if found.is_dir() else found.parent) == expected
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert hub.locate(f"hub:{source}") == found
    asked = len(server.requests)
    said: list[str] = []
    assert fetch(f"hub:{source}", said.append) == found and "is here" in said[0] and len(server.requests) == asked


def test_a_broken_connection_is_taken_up_where_it_broke(server: Hub) -> None:
    server.cuts = [500_000, 300_000]
    folder = fetch("hub:lab/plain", quietly)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    (_, first), (_, second), (_, third) = server.weights_asked()
    assert first == "" and second == "bytes=500000-" and third == "bytes=800000-"


def test_a_stopped_fetch_goes_on_in_the_next_run_and_counts_as_missing_until_then(server: Hub) -> None:
    server.cuts = [700_000, 0, 0, 0, 0, 0]
    with pytest.raises(CuepointError, match=r"cannot be reached.*goes on where it stopped"):
        fetch("hub:lab/plain", quietly)
    with pytest.raises(CheckpointError, match="not on this machine"):
        hub.locate("hub:lab/plain")
    server.cuts, said = [], list[str]()
    fetch("hub:lab/plain", said.append)
    assert server.weights_asked()[-1] == ("model.safetensors", "bytes=700000-")
    assert any("going on at 1 of 2 MB" in line for line in said)


def test_a_stop_on_request_keeps_what_came(server: Hub, cache: Path) -> None:
    with pytest.raises(Cancelled):
        fetch("hub:lab/plain", quietly, cancel=lambda: True)
    assert not hub.is_here("hub:lab/plain")
    assert fetch("hub:lab/plain", quietly).is_dir()


def test_damaged_bytes_are_noticed_and_not_kept(server: Hub, cache: Path) -> None:
    server.cuts = [700_000, 0, 0, 0, 0]
    with pytest.raises(CuepointError):
        fetch("hub:lab/plain", quietly)
    (kept,) = cache.rglob("*.cuepoint-part")
    kept.write_bytes(bytes(700_000))
    with pytest.raises(CuepointError, match="came damaged"):
        fetch("hub:lab/plain", quietly)
    assert (fetch("hub:lab/plain", quietly) / "model.safetensors").read_bytes() == WEIGHTS


def test_progress_tells_share_size_speed_and_time(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SAY_EVERY_S", 0.0)
    said: list[str] = []
    fetch("hub:lab/plain", said.append)
    assert any("100%, 2 of 2 MB" in line and "MB/s" in line for line in said)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("lab/nothing", UsageError, "has no model lab/nothing, or it is private"),
        ("lab/plain@v9", UsageError, "no revision v9"),
        ("lab/plain/other.safetensors", UsageError, r"no file other\.safetensors; it has model\.safetensors"),
        ("lab/gguf", UsageError, r"2 GGUF files: name one, as hub:lab/gguf/small-q4\.gguf"),
        ("lab/empty", UsageError, "holds no weights"),
    ],
)
def test_what_the_hub_does_not_have_is_wrong_usage(source: str, kind: type, words: str, server: Hub) -> None:
    with pytest.raises(kind, match=words):
        fetch(f"hub:{source}", quietly)


def test_no_network_a_busy_hub_closed_doors_and_a_full_disk_are_one_sentence_each(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal() -> str:
        with pytest.raises(CuepointError) as error:
            fetch("hub:lab/plain", quietly)
        assert error.value.exit_code == 1 and "\n" not in str(error.value)
        return str(error.value)

    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    server.gated = {"lab/plain"}
    assert "accept its terms" in (said := refusal()) and "secret" not in said
    assert "Bearer hf_secretsecret" in server.tokens
    server.gated, server.down = set(), True
    assert "error (503)" in refusal()
    server.down = False
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as small:
        small.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        assert "GB free: free some space, or set HF_HOME" in refusal()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached" in refusal() and "CUEPOINT_MODELS" in refusal()


def test_a_wish_to_stay_offline_is_kept(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE is set"):
        fetch("hub:lab/plain", quietly)
    assert server.requests == []


def test_identity_changes_with_any_weight_and_with_the_configuration_only(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    for name, content in PLAIN.items():
        (folder / name).write_bytes(content)
    first = hub.identity(folder)
    (folder / "README.md").write_text("of no importance")
    assert hub.identity(shutil.copytree(folder, tmp_path / "b")) == first and len(first) == 12
    values = np.random.default_rng(0).standard_normal(400_000).astype(np.float32)
    (folder / "model.safetensors").write_bytes(save({"a": values * 1.001}))
    second = hub.identity(folder)
    (folder / "config.json").write_text('{"model_type": "other"}')
    assert len({first, second, hub.identity(folder), hub.identity(folder / "model.safetensors")}) == 4
