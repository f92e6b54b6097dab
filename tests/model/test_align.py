"""The align stage on a tiny data set drawn by code, with the pack's own encoder."""

from __future__ import annotations

import csv
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from app.cli import main
from model.training import loop
from model.training.averaging import Average
from model.training.config import LoopConfig
from model.vision.alignment import load_heads
from tests.checkpoints.clip import tiny_clip
from tests.ports import free_port

pytestmark = pytest.mark.models

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220), "white": (240, 240, 240)}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pictures of one colour each, with two captions, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "images").mkdir()
    rows = []
    rng = np.random.default_rng(0)
    for number in range(16):
        name, colour = list(COLOURS.items())[number % 4]
        picture = np.clip(np.array(colour) + rng.normal(0, 12, (64, 64, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
        split = "val" if number >= 12 else "train"
        rows += [(f"{number}.png", split, f"a wall painted {name}"), (f"{number}.png", split, f"everything is {name}")]
    (folder / "images" / "broken.png").write_bytes(b"no picture at all")
    rows.append(("broken.png", "train", "nobody knows"))
    with (folder / "captions.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["image", "split", "caption"])
        writer.writerows(rows)
    return folder


def config_file(folder: Path, pictures: Path, name: str = "align.json", **changes: Any) -> Path:
    path = str(pictures / "captions.tsv")
    settings = {"steps": 8, "batch": 8, "learning_rate": 0.003, "warmup_steps": 2, "evaluate_every": 4,
                "checkpoint_every": 4, "precision": "fp32", "averaging": 0.9}  # fmt: skip
    content = {
        "stage": "align",
        "data": [{"reader": "tsv", "path": path, "split": "train"}],
        "validation": [{"reader": "tsv", "path": path, "split": "val"}],
        "loop": settings | changes.pop("loop", {}),
        "views": 2, "dim": 16, "width": 32, "dropout": 0.0,
    } | changes  # fmt: skip
    file = folder / name
    file.write_text(json.dumps(content))
    return file


def curve(folder: Path) -> list[float]:
    with (folder / loop.CURVE).open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def train(config: Path, output: Path, *options: str) -> int:
    return main(["--profile", "embedded", "train", str(config), "--output", str(output), *options])


def test_a_run_learns_is_written_down_and_its_heads_are_used_by_the_app(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    output = tmp_path / "run"
    assert train(config_file(tmp_path, pictures, loop={"steps": 30}), output, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["stage"] == "align" and figures["r@1"] >= 0.75  # of four walls, the one of that colour
    losses = curve(output)
    assert len(losses) == 30 and np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])
    assert "broken.png" in caplog.text and "1 of 13 samples could not be read" in caplog.text
    record = json.loads((output / loop.RUN).read_text())
    assert record["config"]["loop"]["seed"] == 0 and record["config"]["dim"] == 16 and "revision" in record

    from model.loading import Models
    from model.profile import read_profile

    profile = json.loads((Path(loop.__file__).parents[1] / "profiles" / "embedded.json").read_text())
    profile["vision"]["heads"] = f"path:{output}"
    own = tmp_path / "own.json"
    own.write_text(json.dumps(profile))
    vision = Models(read_profile(str(own))).vision
    red, blue = (np.full((1, 64, 64, 3), COLOURS[name], np.uint8) for name in ("red", "blue"))
    frames = np.concatenate([vision.encode_frames(frame).pooled for frame in (red, blue)])
    assert (vision.encode_text(["a wall painted red", "a wall painted blue"]) @ frames.T).argmax(1).tolist() == [0, 1]


def test_a_run_that_was_broken_off_goes_on_as_if_it_had_not_been(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_file(tmp_path, pictures)
    assert train(config, tmp_path / "whole") == 0
    taken = loop.take_step

    def pull_the_plug(*arguments: Any) -> float:
        if arguments[3] == 6:
            raise KeyboardInterrupt
        return taken(*arguments)

    monkeypatch.setattr(loop, "take_step", pull_the_plug)
    assert train(config, tmp_path / "broken") == 130
    monkeypatch.setattr(loop, "take_step", taken)
    assert train(config, tmp_path / "broken") == 0
    assert curve(tmp_path / "broken")[:6] == pytest.approx(curve(tmp_path / "whole")[:6], rel=1e-4)
    assert curve(tmp_path / "broken")[6:] == pytest.approx([*curve(tmp_path / "whole")[4:]], rel=1e-3)
    whole, broken = (load_heads(tmp_path / name) for name in ("whole", "broken"))
    for one, other in zip(whole.parameters(), broken.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3)  # the mean over the steps went on as well


def test_a_mean_over_the_steps_follows_the_weights_and_takes_their_place_while_it_is_judged() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    average = Average(module, 0.5)
    means = []
    for step, value in enumerate((1.0, 1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0)):
        torch.nn.init.constant_(module.weight, value)
        average.update(step)
        with average.in_place():
            means.append(module.weight.item())
        assert module.weight.item() == value
    assert (
        means[1] == pytest.approx(1.0, abs=0.1) and 3.0 < means[2] < 5.0 and means[-1] == pytest.approx(5.0, abs=0.05)
    )
    assert means == sorted(means)
    again = Average(module, 0.5, average.means)
    again.take_over()
    assert module.weight.item() == means[-1]


def test_two_processes_learn_what_one_does_of_captions_and_of_a_teacher(pictures: Path, tmp_path: Path) -> None:
    config = config_file(tmp_path, pictures, teacher={"source": f"path:{tiny_clip(tmp_path / 'clip')}"})
    assert train(config, tmp_path / "one") == 0
    # What `accelerate launch` starts on several GPUs; on processors it would want MPI for that.
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(free_port())]
    command = ["-m", "app", "--profile", "embedded", "train", str(config), "--output", str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    subprocess.run([*launch, *command], check=True, env=environment, timeout=200, capture_output=True)
    assert json.loads((tmp_path / "two" / loop.RUN).read_text())["processes"] == 2
    assert curve(tmp_path / "two") == pytest.approx(curve(tmp_path / "one"), rel=0.02)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_file(tmp_path, pictures, loop={"learning_rate": 1e30, "steps": 20, "clip_norm": 1e30})
    assert train(config, tmp_path / "run") == 1
    assert "The loss of step" in capsys.readouterr().err


def test_a_full_disk_leaves_the_last_good_checkpoint(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = loop.torch.save

    def fill(state: dict[str, Any], path: Path) -> None:
        if state["step"] == 8:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        saved(state, path)

    monkeypatch.setattr(loop.torch, "save", fill)
    output = tmp_path / "run"
    assert train(config_file(tmp_path, pictures), output) == 1
    assert "make room" in capsys.readouterr().err
    state = loop.Run(output, LoopConfig(8, 8, 0.1)).load()
    assert state is not None and state["step"] == 4 and not list(output.glob("*.part"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wdith": 3}, "unknown key wdith"),
        ({"stage": "portray"}, "stage is 'portray'"),
        ({"data": [{"reader": "tvs", "path": "x"}]}, "tvs"),
        ({"loop": {"batch": 0}}, "loop.batch is 0"),
        ({"data": 3}, "data must be a list"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused_by_its_key(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    assert train(config_file(tmp_path, pictures, **change), tmp_path / "run") == 2
    assert said in capsys.readouterr().err


def test_a_run_may_go_on_for_longer_than_was_planned(pictures: Path, tmp_path: Path) -> None:
    short, long = ({"steps": steps, "batch": 8, "learning_rate": 0.01, "checkpoint_every": 2} for steps in (2, 4))
    assert train(config_file(tmp_path, pictures, loop=short), tmp_path / "run") == 0
    assert train(config_file(tmp_path, pictures, loop=long), tmp_path / "run") == 0
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (told["config"]["loop"]["steps"], told["planned_steps"]) == (4, [2])
    with (tmp_path / "run" / "curve.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]


def test_a_folder_of_another_run_is_not_written_over(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(config_file(tmp_path, pictures), tmp_path / "run") == 0
    assert train(config_file(tmp_path, pictures, dim=24), tmp_path / "run") == 3
    assert "another one" in capsys.readouterr().err
