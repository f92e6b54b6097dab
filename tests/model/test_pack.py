"""The pack with a made-up wheel of a few bytes: no real model, no network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from model import wheels
from model.errors import PackError
from model.pack import MANIFEST, Pack, cache_folder
from model.wheels import read_manifest, sha256_of

WEIGHTS = bytes(range(256)) * 40
FILES = {"weights.bin": WEIGHTS, "config.json": b"{}"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(folder: Path, files: dict[str, bytes] = FILES, name: str = "cuepoint-made-up-model") -> Path:
    folder.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-1.2"
    wheel = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    contents = {f"made_up/data/{name}": content for name, content in files.items()} | {
        "made_up/unwanted.txt": b"not on the list",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*contents, f"{info}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**contents, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, content)
    return wheel


def make_manifest(path: Path, wheel: Path) -> Path:
    files = {name: {"sha256": sha256(content), "size": len(content)} for name, content in FILES.items()}
    entry = {
        "distribution": "cuepoint-made-up-model",
        "version": "1.2",
        "licence": "MIT",
        "credit": "nobody",
        "wheels": {wheel.name: sha256_of(wheel)},
        "folder": "made_up/data",
        "files": files,
    }
    path.write_text(json.dumps({"toy": entry}))
    return path


def make_joined_manifest(path: Path, wheels: list[Path], content: bytes) -> Path:
    """One optional part: a file in pieces that lie in several wheels, and a whole one in the last of them."""
    distributions = [
        {
            "distribution": wheel.name.partition("-")[0].replace("_", "-"),
            "version": "1.2",
            "wheels": {wheel.name: sha256_of(wheel)},
            "folder": "made_up/data",
            "holds": [f"piece{number}.bin"],
        }
        for number, wheel in enumerate(wheels)
    ]
    distributions[-1]["holds"] += ["config.json"]
    pieces = [f"piece{number}.bin" for number in range(len(wheels))]
    files = {
        "whole.gguf": {"sha256": sha256(content), "size": len(content), "pieces": pieces},
        "config.json": {"sha256": sha256(b"{}"), "size": 2},
    }
    entry = {"title": "Large Model", "release": "large-model", "optional": True, "licence": "MIT", "credit": "nobody"}
    path.write_text(json.dumps({"large": {**entry, "distributions": distributions, "files": files}}))
    return path


@pytest.fixture
def index(tmp_path, monkeypatch):
    """The wheels folder stands in for the package index, for pip and for uv alike."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("PIP", "UV"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(folder))
    installer = next(wheels.installers())  # the others take seconds and meet the same index
    monkeypatch.setattr(wheels, "installers", lambda: [installer])
    return folder


@pytest.fixture
def pack(tmp_path, index):
    return Pack(make_manifest(tmp_path / "pack.json", make_wheel(index)), tmp_path / "cache")


@pytest.fixture
def filled(pack):
    """The same pack, its files already in the cache."""
    folder = pack.cache / "pack" / "cuepoint-made-up-model-1.2"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return pack


def leftovers(pack):
    return [p.name for p in pack.cache.iterdir() if p.name.startswith(".partial")]


def test_fetches_only_the_listed_files_then_needs_nothing(pack, index):
    said: list[str] = []
    folder = pack.ensure(said.append)["toy"]
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == FILES
    assert "missing" in said[0] and "verified" in said[-1]
    assert leftovers(pack) == []
    for wheel in index.iterdir():
        wheel.unlink()
    said.clear()
    assert pack.ensure(said.append)["toy"] == folder
    assert len(said) == 1


def test_missing_part_says_what_to_run_and_does_not_fetch(pack, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("part() started a process"))
    with pytest.raises(PackError, match=r"toy.*make setup.*cuepoint pull embedded"):
        pack.part("toy")


def test_changed_byte_is_refused_and_named(filled):
    weights = filled.part("toy") / "weights.bin"
    changed = WEIGHTS[:5000] + b"\x00" + WEIGHTS[5001:]
    weights.write_bytes(changed)
    with pytest.raises(PackError) as refusal:
        Pack(filled.cache.parent / "pack.json", filled.cache).part("toy")
    message = str(refusal.value)
    assert str(weights) in message and sha256(WEIGHTS) in message and sha256(changed) in message
    with pytest.raises(PackError):
        filled.verify()


def test_damaged_part_is_fetched_again_by_ensure(filled):
    weights = filled.part("toy") / "weights.bin"
    weights.write_bytes(b"damaged")
    filled.ensure(lambda line: None)
    assert weights.read_bytes() == WEIGHTS
    assert leftovers(filled) == []


def test_wheel_other_than_the_pinned_one_is_refused(pack, index):
    make_wheel(index, {**FILES, "weights.bin": b"someone else's"})
    with pytest.raises(PackError, match=r"(?i)toy.*hash"):
        pack.ensure(lambda line: None)
    assert not (pack.cache / "pack").exists()
    assert leftovers(pack) == []


def test_unreachable_index_is_one_sentence(pack, index):
    next(index.iterdir()).unlink()
    with pytest.raises(PackError, match=r"cuepoint-made-up-model-1\.2.*could not be fetched"):
        pack.ensure(lambda line: None)


def test_installed_distribution_of_the_exact_version_is_used_in_place(pack, index, tmp_path, monkeypatch):
    site = tmp_path / "site"
    with zipfile.ZipFile(next(index.iterdir())) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    assert pack.part("toy") == site / "made_up" / "data"
    metadata = site / "cuepoint_made_up_model-1.2.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.2", "1.3"))
    with pytest.raises(PackError, match="not installed"):
        Pack(tmp_path / "pack.json", pack.cache).part("toy")


def test_derived_is_built_once_and_again_when_stale_or_damaged(filled):
    builds = []

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "out.bin").write_bytes(b"converted")

    out = filled.derived("toy-out", "toy", "v1", build) / "out.bin"
    filled.derived("toy-out", "toy", "v1", build)
    assert len(builds) == 1 and out.read_bytes() == b"converted"
    out.write_bytes(b"CONVERTED")
    filled.derived("toy-out", "toy", "v1", build)
    assert len(builds) == 2 and out.read_bytes() == b"converted"
    filled.derived("toy-out", "toy", "v2", build)
    assert len(builds) == 3
    assert leftovers(filled) == []


def test_interrupted_build_leaves_nothing_that_counts(filled):
    def fail_halfway(folder: Path) -> None:
        (folder / "out.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.derived("toy-out", "toy", "v1", fail_halfway)
    assert not (filled.cache / "derived" / "toy-out").exists()
    (filled.cache / ".partial-killed").mkdir()  # as a killed process leaves it
    filled.derived("toy-out", "toy", "v1", lambda folder: None)
    assert leftovers(filled) == []


def test_simultaneous_builds_do_the_work_once(filled):
    builds = []

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "out.bin").write_bytes(b"converted")

    threads = [threading.Thread(target=filled.derived, args=("toy-out", "toy", "v1", build)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds) == 1


def test_unwritable_cache_is_one_sentence(filled, tmp_path):
    (tmp_path / "occupied").write_text("a file where the cache should be")
    blocked = Pack(tmp_path / "pack.json", tmp_path / "occupied" / "cache")
    with pytest.raises(PackError, match="CUEPOINT_CACHE"):
        blocked.ensure(lambda line: None)


@pytest.fixture
def joined(tmp_path, index):
    pieces = [WEIGHTS[:3000], WEIGHTS[3000:3001], WEIGHTS[3001:]]
    wheels = [
        make_wheel(index, {f"piece{number}.bin": piece, "config.json": b"{}"}, f"cuepoint-made-up-piece{number}")
        for number, piece in enumerate(pieces)
    ]
    return Pack(make_joined_manifest(tmp_path / "joined.json", wheels, WEIGHTS), tmp_path / "cache")


def test_a_file_in_pieces_is_joined_beside_the_whole_ones_and_only_when_named(joined):
    assert joined.ensure(lambda line: None) == {} and joined.verify() == {} and not joined.has("large")
    with pytest.raises(PackError, match=r"Large Model.*cuepoint pull"):
        joined.part("large")
    said: list[str] = []
    folder = joined.ensure(said.append, ["large", "text"])["large"]
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"whole.gguf": WEIGHTS, "config.json": b"{}"}
    assert folder.name == "large-model"
    assert "Large Model" in said[0] and leftovers(joined) == []
    assert joined.verify() == {"large": folder}


def test_pieces_that_do_not_make_the_pinned_file_are_refused(joined, tmp_path):
    manifest = tmp_path / "joined.json"
    content = json.loads(manifest.read_text())
    content["large"]["files"]["whole.gguf"]["pieces"].reverse()
    manifest.write_text(json.dumps(content))
    with pytest.raises(PackError, match=r"whole\.gguf has changed"):
        Pack(manifest, joined.cache).ensure(lambda line: None, ["large"])
    assert not joined.has("large") and leftovers(joined) == []


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CUEPOINT_CACHE", raising=False)
    assert cache_folder() == tmp_path / "cuepoint"
    monkeypatch.setenv("CUEPOINT_CACHE", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"


def test_every_part_of_the_real_manifest_is_pinned_and_credited():
    parts = read_manifest(MANIFEST)
    assert set(parts) == {"image", "text", "decoder", "language", "voice", "speech", "languages", "ocr"}
    assert [part.name for part in parts.values() if part.optional] == ["language"]
    for part in parts.values():
        assert part.licence in {"Apache-2.0", "MIT"} and part.credit
        assert all(len(file.sha256) == 64 for file in part.files)
        for each in part.distributions:
            assert all(len(pin) == 64 for pin in each.wheels.values())
            assert all(name.endswith(".whl") and f"-{each.version}-" in name for name in each.wheels)
        held = [name for each in part.distributions for name in each.holds]
        assert sorted(held) == sorted(name for file in part.files for name in file.pieces or (file.name,))
        assert all(file.size > 0 and "/" not in file.name for file in part.files)


def test_importing_the_pack_is_light():
    code = "import sys, model.pack; print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert printed.stdout.strip() == "[]"
