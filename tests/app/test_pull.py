"""`cuepoint pull` as people run it: a process of its own, against a small hub on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from model.profile import FOLDER
from tests.hub_server import Hub, serve_hub
from tests.ports import free_port

pytestmark = pytest.mark.models

WEIGHTS = bytes(range(256)) * 4000
REPOSITORY = {"config.json": b"{}", "model.safetensors": WEIGHTS, "pytorch_model.bin": b"the same once more"}


@dataclass
class Machine:
    """An environment with an empty cache of hub models, a profile of one's own, and the pack as it is."""

    environment: dict[str, str]
    profile: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve_hub({"lab/sentences": REPOSITORY}) as hub:
        yield hub


@pytest.fixture
def machine(tmp_path: Path, hub: Hub) -> Machine:
    content = json.loads((FOLDER / "embedded.json").read_text()) | {
        "name": "mine",
        "text": {"kind": "sentence-transformers", "source": "hub:lab/sentences"},
    }
    profile = tmp_path / "mine.json"
    profile.write_text(json.dumps(content))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "CUEPOINT_MODELS"))}
    own = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.url, "CUEPOINT_HOME": str(tmp_path / "data")}
    return Machine(kept | own | {"NO_PROXY": "127.0.0.1", "HF_TOKEN": "hf_secretsecret"}, profile)


def test_a_pull_that_broke_off_goes_on_and_then_the_profile_is_there(machine: Machine, hub: Hub) -> None:
    hub.cuts, hub.down_after_cut = [400_000], True
    before = machine.run("--profile", str(machine.profile), "list", "--json")
    assert before.returncode == 2 and f"`cuepoint pull {machine.profile}` fetches them" in before.stderr
    broken = machine.run("pull", str(machine.profile))
    assert broken.returncode == 1 and "answered with an error (503)" in broken.stderr.splitlines()[-1]
    hub.down = False
    done = machine.run("--profile", str(machine.profile), "pull")  # without a name: the one in force
    assert done.returncode == 0 and "The models of profile mine are here." in done.stderr, done.stderr
    assert hub.weights_asked()[-1] == ("model.safetensors", "bytes=400000-")
    assert "secret" not in before.stderr + broken.stderr + done.stderr
    asked = len(hub.requests)
    again = machine.run("pull", str(machine.profile))
    assert "lab/sentences is here" in again.stderr and len(hub.requests) == asked
    assert machine.run("--profile", str(machine.profile), "list", "--json").returncode == 0


def test_without_a_network_a_pull_is_one_clear_sentence(machine: Machine) -> None:
    machine.environment["HF_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    done = machine.run("pull", str(machine.profile))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cannot be reached, so lab/sentences was not fetched wholly" in done.stderr.splitlines()[-1]


def test_pulling_what_is_here_needs_no_network(machine: Machine) -> None:
    machine.environment["HF_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    done = machine.run("pull", "embedded")
    assert done.returncode == 0 and "The models of profile embedded are here." in done.stderr


def test_an_unknown_profile_is_wrong_usage(machine: Machine) -> None:
    done = machine.run("pull", "nothing")
    assert done.returncode == 2 and "no profile 'nothing'" in done.stderr


def test_doctor_says_what_each_profile_lacks_and_where_questions_go(machine: Machine) -> None:
    report = json.loads(machine.run("doctor", "--json").stdout)
    assert "cuepoint pull vlm" in report["profiles"]["vlm"] and "Qwen3-VL" in report["profiles"]["vlm"]
    assert report["profiles"]["embedded"].startswith("here") and report["network"] == "not used by this profile"
    content = json.loads((FOLDER / "embedded.json").read_text())
    content["decoder"] = {"kind": "openai", "source": "server:http://me:key@example.org:8000/v1"}
    machine.profile.write_text(json.dumps(content))
    report = json.loads(machine.run("--profile", str(machine.profile), "doctor", "--json").stdout)
    assert "example.org:8000" in report["network"] and "key" not in json.dumps(report)
