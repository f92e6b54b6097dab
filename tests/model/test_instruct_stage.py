"""The instruct stage on a tiny data set drawn by code, its LoRA weights in the app."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from app.cli import main
from model.errors import CheckpointError, UsageError
from model.language.chat import Still
from model.loading import Models
from model.profile import VisionChoice, read_profile
from model.strict_json import read_section
from model.training import instruct, loop
from model.training.config import InstructConfig
from model.training.grounded import grounded_items
from model.training.lessons import answer_of
from model.training.samples import Answered
from model.videochat.video_chat import VideoChat
from tests.checkpoints.language import tiny_llama
from tests.checkpoints.pictures import COLOURS, painted_walls
from tests.checkpoints.videochat import Quadrants, tiny_videochat


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted_walls(tmp_path_factory.mktemp("walls") / "data")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, decoder: Path) -> Path:
    return tiny_videochat(tmp_path_factory.mktemp("start"), decoder, vision=Quadrants())


@pytest.fixture
def models() -> Any:
    """Quick eyes, as what a profile names."""
    return SimpleNamespace(vision=Quadrants(), profile=SimpleNamespace(vision=VisionChoice("embedded", "pack:image")))


@pytest.fixture
def fresh_accelerate() -> Iterator[None]:
    """A process keeps the precision that it first computed in."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def content(walls: Path, start: Path | str, **changes: Any) -> dict[str, Any]:
    settings = {"steps": 4, "batch": 8, "learning_rate": 0.01, "warmup_steps": 1, "evaluate_every": 4,
                "checkpoint_every": 2, "precision": "fp32"}  # fmt: skip
    sets = [str(walls / name) for name in ("captions.tsv", "qa.tsv")]
    return {
        "stage": "instruct",
        "start": str(start),
        "data": [{"reader": "tsv", "path": path, "split": "train"} for path in sets],
        "validation": [{"reader": "tsv", "path": path, "split": "val"} for path in sets],
        "loop": settings | changes.pop("loop", {}),
        "decoder": {"source": "", "precision": "fp32"},
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.0},
        "mixture": {"generated": 0.0} | changes.pop("mixture", {}),
        "views": 2,
        "held_out": 10,
    } | changes


def read(given: dict[str, Any]) -> InstructConfig:
    return read_section(InstructConfig, given, Path("instruct.json"))


def curve(folder: Path) -> list[float]:
    with (folder / loop.CURVE).open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_adapter_and_low_rank_weights_learn_and_nothing_else(
    walls: Path, start: Path, decoder: Path, tmp_path: Path, models: Any
) -> None:
    config = read(content(walls, start, loop={"steps": 30, "evaluate_every": 30}))
    before = instruct.begin(config, models)
    wanted = {name for name, weight in before.network.model.named_parameters() if weight.requires_grad}  # type: ignore[attr-defined]
    assert wanted and all(".lora_" in name for name in wanted)
    figures = instruct.run(config, models, tmp_path / "run")
    assert {"loss", "loss_questions", "loss_captions", "loss_times", "loss_grounded", "loss_summaries"} == set(figures)
    losses = curve(tmp_path / "run")
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])

    folder = tmp_path / "run"
    saved = json.loads((folder / "config.json").read_text())
    assert saved["lora"] == "lora" and saved["decoder"]["source"] == f"path:{decoder}"
    described = json.loads((folder / "lora" / "adapter_config.json").read_text())
    assert described["base_model_name_or_path"] == f"path:{decoder}" and described["r"] == 4
    names = torch.load(folder / loop.STATE, weights_only=True)["module"]
    assert all(name.startswith(("adapter.", "low_rank.")) for name in names)
    after = VideoChat.from_pretrained(folder, models.vision, trainable=True)
    there = dict(after.network.model.named_parameters())  # type: ignore[attr-defined]
    for name, weight in before.network.model.named_parameters():  # type: ignore[attr-defined]
        assert torch.equal(weight, there[name].to(weight.dtype)) != (".lora_" in name)


@pytest.mark.models
def test_what_was_learned_is_used_by_the_app_and_by_evaluation(
    walls: Path, decoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vision = Models(read_profile("embedded")).vision
    start = tiny_videochat(tmp_path / "start", decoder, vision=vision, concepts=1000)
    file = tmp_path / "instruct.json"
    file.write_text(json.dumps(content(walls, start, loop={"steps": 12, "learning_rate": 0.03})))
    output = tmp_path / "run"
    assert main(["--profile", "embedded", "train", str(file), "--output", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stage"] == "instruct"

    def app(folder: Path) -> tuple[Path, Models]:
        profile = json.loads((Path(loop.__file__).parents[1] / "profiles" / "embedded.json").read_text())
        profile["decoder"] |= {"source": f"path:{decoder}", "precision": "fp32", "adapter": f"path:{folder}"}
        own = tmp_path / f"{folder.name}.json"
        own.write_text(json.dumps(profile))
        return own, Models(read_profile(str(own)))

    still = Still(3.0, np.full((64, 64, 3), COLOURS["red"], np.uint8))
    item = grounded_items([], 1, 0, "test")[0]
    said = []
    for folder in (start, output):
        decoder_of_app = app(folder)[1].decoder
        seen = "".join(decoder_of_app.stream([{"role": "user", "content": [still, "What colour is it?"]}], 8))
        said.append((seen, "".join(decoder_of_app.stream(item.messages({}), 8))))
    assert said[0][0] != said[1][0] and said[0][1] != said[1][1]  # the LoRA weights answer, also without a picture
    written = tmp_path / "predictions.json"
    asked = ["evaluate", "grounded", "--data", f"tsv:{walls}", "--limit", "8", "--output", str(written), "--json"]
    assert main(["--profile", str(app(output)[0]), *asked]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["items"] == 8 and {"accuracy", "exact_answer", "not_found"} <= set(found["figures"])
    assert found["models"]["adapter"] == f"path:{output}"
    assert len(json.loads(written.read_text())["predictions"]) == 8


def test_a_run_goes_on_where_it_was_and_from_where_another_ended(
    walls: Path, start: Path, tmp_path: Path, models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read(content(walls, start))
    instruct.run(config, models, tmp_path / "whole")
    taken = loop.take_step

    def pull_the_plug(*arguments: Any) -> float:
        if arguments[3] == 3:
            raise KeyboardInterrupt
        return taken(*arguments)

    monkeypatch.setattr(loop, "take_step", pull_the_plug)
    with pytest.raises(KeyboardInterrupt):
        instruct.run(config, models, tmp_path / "broken")
    monkeypatch.setattr(loop, "take_step", taken)
    instruct.run(config, models, tmp_path / "broken")
    whole = curve(tmp_path / "whole")
    assert curve(tmp_path / "broken") == pytest.approx([*whole[:3], *whole[2:]], rel=1e-3)
    instruct.run(read(content(walls, tmp_path / "whole", loop={"steps": 1})), models, tmp_path / "more")
    assert curve(tmp_path / "more")[0] < whole[0]
    with pytest.raises(CheckpointError, match="expected rank 8 and alpha 8, found 4 and 8"):
        instruct.run(read(content(walls, tmp_path / "whole", lora={"rank": 8, "alpha": 8})), models, tmp_path / "no")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"start": ""}, UsageError, "start is empty"),
        ({"start": "nowhere"}, CheckpointError, "nowhere is no VideoChat folder"),
        ({"start": "{other}"}, CheckpointError, "does not fit the vision encoder"),
        ({"lora": {"targets": ["wings"]}}, UsageError, "wings"),
        ({"mixture": dict.fromkeys(("questions", "captions", "times", "grounded", "summaries"), 0.0)}, UsageError,
         "mixture is empty"),
        ({"mixture": {"generated": 1.0}, "data": [{"reader": "tsv", "path": "{walls}/qa.tsv"}]}, UsageError,
         "nothing for mixture."),
        ({"mixture": {"questions": 1.0}, "data": [{"reader": "tsv", "path": "{walls}/unanswered.tsv"}]}, UsageError,
         "empty answer"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_one_sentence(
    walls: Path, start: Path, decoder: Path, tmp_path: Path, models: Any, change: Any, error: type[Exception], said: str
) -> None:
    other = tmp_path / "other"
    if "{other}" in str(change):
        tiny_videochat(other, decoder, vision=Quadrants(9, 5))
    (walls / "unanswered.tsv").write_text("image\tsplit\tquestion\tanswer\n0.png\ttrain\tWhat colour is it?\t\n")
    given = json.loads(json.dumps(change).replace("{walls}", str(walls)).replace("{other}", str(other)))
    begins = given.pop("start", start)
    with pytest.raises(error) as raised:
        instruct.run(read(content(walls, begins, **given)), models, tmp_path / "run")
    assert said in str(raised.value)


@pytest.mark.parametrize(("decoder_in", "computed_in"), [("bf16", "bf16"), ("bf16", "fp32"), ("fp32", "bf16")])
def test_any_precisions_go_together(
    walls: Path, start: Path, tmp_path: Path, models: Any, decoder_in: str, computed_in: str, fresh_accelerate: None
) -> None:
    decoder, steps = {"source": "", "precision": decoder_in}, {"steps": 2, "precision": computed_in}
    figures = instruct.run(read(content(walls, start, decoder=decoder, loop=steps)), models, tmp_path / "run")
    assert 0 < figures["loss"] < 20


def test_the_mixture_decides_how_often_each_kind_is_given(
    walls: Path, start: Path, tmp_path: Path, models: Any
) -> None:
    mixture = {"questions": 3.0, "captions": 0.0, "times": 0.0, "grounded": 1.0, "summaries": 0.0}
    config = read(content(walls, start, mixture=mixture))
    looked = instruct.look_at(config.data, models.vision, tmp_path, 2, 4, 0)
    task = instruct.Instruct(config, instruct.begin(config, models), looked, None, tmp_path)
    dice = np.random.default_rng(0).random((400, loop.DICE))
    kinds = [lesson.kind for lesson in task.batch(np.zeros(400, int), dice)]
    assert set(kinds) == {"questions", "grounded"} and 0.68 < kinds.count("questions") / 400 < 0.82


def test_what_annotators_disagree_on_is_learned_as_they_said_it() -> None:
    asked = Answered("What colour is it?", ("red", "red", "red", "dark_blue"))
    rng = np.random.default_rng(0)
    said = [answer_of(asked, rng) for _ in range(400)]
    assert set(said) == {"red", "dark blue"} and 0.65 < said.count("red") / 400 < 0.85
    assert answer_of(asked) == "red"


def test_a_picture_with_four_times_the_questions_is_drawn_twice_as_often(
    walls: Path, start: Path, tmp_path: Path, models: Any
) -> None:
    looked = instruct.look_at(read(content(walls, start)).data, models.vision, tmp_path, 2, 4, 0)
    asked = [Answered(f"What colour is wall {number}?", (str(number),)) for number in range(5)]
    draw = instruct._asker(looked, {0: tuple(asked[:4]), 1: tuple(asked[4:])}, 2, 0.0)
    rng = np.random.default_rng(0)
    assert 0.6 < sum(draw(rng).target != "4" for _ in range(400)) / 400 < 0.73
