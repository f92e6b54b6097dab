"""In the embedded profile no socket leaves the machine: indexing, asking and serving run under a hook that notes every
address Python connects to or looks up, and, where the system allows it, in a network namespace without any network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tests.media_factory import Scene, make_video
from tests.ports import free_port

pytestmark = pytest.mark.models

_HOOK = """
import os, sys
def note(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        place = args[1][0]
    elif event == "socket.sendto" and isinstance(args[1], tuple):
        place = args[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        place = args[0]
    else:
        return
    if isinstance(place, bytes):
        place = place.decode()
    with open(os.environ["NOTED"], "a") as file:
        file.write(f"{place}\\n")
sys.addaudithook(note)
"""
_HERE = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "None", ""}


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python process notes the addresses it connects to."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(_HOOK)
    path = os.pathsep.join([str(tmp_path / "hook"), str(Path(__file__).parents[2])])
    return os.environ | {"PYTHONPATH": path, "NOTED": str(tmp_path / "noted")}


def noted(environment: dict[str, str]) -> set[str]:
    file = Path(environment["NOTED"])
    return set(file.read_text().splitlines()) if file.exists() else set()


def run(environment: dict[str, str], data: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> dict[str, object]:
    command = [*prefix, sys.executable, "-m", "app", "--data-dir", str(data), *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=True)
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_hook_notices_a_connection(watched: dict[str, str]) -> None:
    program = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    subprocess.run([sys.executable, "-c", program], env=watched, check=False)
    assert noted(watched) - _HERE == {"192.0.2.1"}


def test_indexing_and_asking_stay_here(tmp_path: Path, watched: dict[str, str], speech: np.ndarray) -> None:
    path = make_video(tmp_path / "a.mp4", [Scene(4, text="HELLO"), Scene(4, (150, 30, 30))], audio=speech[: 8 * 16_000])
    prefix = without_network()
    run(watched, tmp_path / "data", "index", str(path), prefix=prefix)
    answer = run(watched, tmp_path / "data", "ask", "What is written on the screen?", prefix=prefix)
    assert "HELLO" in str(answer["answer"])
    assert noted(watched) <= _HERE


def without_network() -> tuple[str, ...]:
    """A command prefix that takes the network away, where the system allows it; else only the hook watches."""
    prefix = ("unshare", "--map-root-user", "--net")
    works = (
        shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    )
    return prefix if works else ()


def test_serving_stays_here(tmp_path: Path, watched: dict[str, str]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "app", "--data-dir", str(tmp_path / "data"), "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=watched)
    try:
        for place in ("healthz", ""):
            assert fetch(f"http://127.0.0.1:{port}/{place}", 60) == 200
        time.sleep(5)  # models are loaded after the page is served
    finally:
        server.terminate()
        server.wait(30)
    assert noted(watched) <= _HERE


def fetch(url: str, limit_s: float) -> int:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return int(reply.status)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
