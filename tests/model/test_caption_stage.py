"""The caption stage on a tiny data set drawn by code: into a tiny random decoder, and from there into the app."""

from __future__ import annotations

import csv
import dataclasses
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from app.cli import main
from model.errors import CheckpointError, UsageError
from model.language.chat import Still
from model.loading import Models
from model.profile import VisionChoice, read_profile
from model.strict_json import read_section
from model.training import caption, loop, speaking
from model.training.caption import save
from model.training.config import CaptionConfig
from model.training.lessons import Lesson, Sequences, sentence_of
from model.training.looking import join
from model.videochat.video_chat import VideoChat
from tests.checkpoints.language import tiny_llama
from tests.checkpoints.pictures import COLOURS, painted_walls
from tests.checkpoints.videochat import Quadrants

SMALL = {"width": 16, "heads": 2, "queries": 2, "depth": 1, "temporal_depth": 1, "concept_tokens": 1, "dropout": 0.0}


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted_walls(tmp_path_factory.mktemp("walls") / "data")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("decoder"), initializer_range=0.1)


@pytest.fixture
def models() -> Any:
    """Quick eyes, as what a profile names."""
    return SimpleNamespace(vision=Quadrants(), profile=SimpleNamespace(vision=VisionChoice("embedded", "pack:image")))


def content(walls: Path, speaks: Path, **changes: Any) -> dict[str, Any]:
    path = str(walls / "captions.tsv")
    settings = {"steps": 6, "batch": 8, "learning_rate": 0.01, "warmup_steps": 1, "evaluate_every": 3,
                "checkpoint_every": 3, "precision": "fp32"}  # fmt: skip
    return {
        "stage": "caption",
        "data": [{"reader": "tsv", "path": path, "split": "train"}],
        "validation": [{"reader": "tsv", "path": path, "split": "val"}],
        "loop": settings | changes.pop("loop", {}),
        "decoder": {"source": f"path:{speaks}", "precision": "fp32"},
        "adapter": SMALL | changes.pop("adapter", {}),
        "views": 2,
    } | changes


def read(given: dict[str, Any]) -> CaptionConfig:
    return read_section(CaptionConfig, given, Path("caption.json"))


def curve(folder: Path) -> list[float]:
    with (folder / loop.CURVE).open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.models
def test_an_adapter_learns_and_gives_the_app_eyes(
    walls: Path, decoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    output, file = tmp_path / "run", tmp_path / "caption.json"
    file.write_text(json.dumps(content(walls, decoder, sequences=0.0, loop={"steps": 40, "evaluate_every": 40})))
    command = ["--profile", "embedded", "train", str(file), "--output", str(output), "--json"]
    assert main(command) == 0
    figures = json.loads(capsys.readouterr().out)
    losses = curve(output)
    assert figures["stage"] == "caption" and max(losses[-5:]) < min(losses[:3]) - 0.2
    assert 0 < figures["loss"] < losses[0]
    assert "broken.png" in caplog.text and "(a person: a wall painted red .)" in caplog.text

    profile = json.loads((Path(loop.__file__).parents[1] / "profiles" / "embedded.json").read_text())
    profile["decoder"] |= {"source": f"path:{decoder}", "precision": "fp32", "adapter": f"path:{output}"}
    own = tmp_path / "own.json"
    own.write_text(json.dumps(profile))
    app = Models(read_profile(str(own))).decoder
    still = Still(3.0, np.full((64, 64, 3), COLOURS["red"], np.uint8))
    assert app.max_stills == 8
    assert "".join(app.stream([{"role": "user", "content": [still, "Describe this in one sentence."]}], 8))
    assert app.last_stats is not None and app.last_stats.stills == 1
    capsys.readouterr()
    asked = ["evaluate", "captions", "--data", f"tsv:{walls}", "--json"]
    assert main(["--profile", str(own), *asked]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 4


def test_the_adapter_alone_learns_and_is_saved_in_half_the_bytes(
    walls: Path, decoder: Path, tmp_path: Path, models: Any
) -> None:
    config = read(content(walls, decoder))
    before = caption.begin(config, models)
    figures = caption.run(config, models, tmp_path / "run")
    assert set(figures) == {"loss"}
    chat = VideoChat.from_pretrained(tmp_path / "run", models.vision)
    assert all(
        not torch.equal(parameter, now.float())
        for parameter, now in zip(before.adapter.parameters(), chat.adapter.parameters(), strict=True)
    )
    weights = before.network.model.state_dict()  # type: ignore[attr-defined]
    trainable = VideoChat.from_pretrained(tmp_path / "run", models.vision, trainable=True)
    for name, weight in trainable.network.model.state_dict().items():  # type: ignore[attr-defined]
        assert torch.equal(weight, weights[name])
    state = torch.load(tmp_path / "run" / loop.STATE, weights_only=True)
    assert all(name.startswith("adapter.") for name in state["module"])  # no decoder in a checkpoint
    assert (tmp_path / "run" / "adapter.safetensors").stat().st_size < 0.7 * 4 * sum(
        parameter.numel() for parameter in before.adapter.parameters()
    )


def test_what_did_best_on_what_is_held_out_is_kept(
    walls: Path, decoder: Path, tmp_path: Path, models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, saved = iter([2.0, 1.0, 3.0, 1.5]), []
    monkeypatch.setattr(speaking, "held_out_loss", lambda *_: {"loss": next(losses)})
    monkeypatch.setattr(caption, "save", lambda chat, folder: saved.append(folder.name) or save(chat, folder))
    config = read(content(walls, decoder, loop={"evaluate_every": 2}))
    caption.run(config, models, tmp_path / "run")
    assert saved == ["run", "best", "run", "best", "run", "run"]  # the last once more, as the run's end
    longer = read(content(walls, decoder, loop={"steps": 7, "evaluate_every": 2}))
    caption.run(longer, models, tmp_path / "run")  # goes on, and knows what was best
    assert saved[6:] == ["run", "run"]
    best = VideoChat.from_pretrained(tmp_path / "run" / "best", models.vision)
    assert json.loads((tmp_path / "run" / "best" / "loss.json").read_text()) == {"loss": 1.0}
    last = VideoChat.from_pretrained(tmp_path / "run", models.vision)
    assert not torch.equal(best.adapter.project.weight, last.adapter.project.weight)


def test_a_gpu_gets_few_long_parts_and_the_same_loss(walls: Path, decoder: Path, tmp_path: Path, models: Any) -> None:
    config = read(content(walls, decoder))
    chat = caption.begin(config, models)
    looked = caption.look_at(config.data, models.vision, tmp_path, 2, 4, 0)
    frames = [looked.frames(i) for i in range(4)]
    lessons = [Lesson("What?", "Red.", join(frames[:count], list(range(count)))) for count in (1, 2, 3, 1)]
    many, few = (speaking.by_length(lessons, most) for most in (speaking.LENGTHENING, speaking.LENGTHENING_GPU))
    assert len(few) == 1 < len(many)
    speaker = speaking.Speaker(chat).eval()
    with torch.no_grad():  # all have the same number of tokens to learn, so that the mean is that of the parts' means
        split = sum(float(speaker._loss(part)) * len(part) for part in many) / len(lessons)
        assert split == pytest.approx(float(speaker._loss(few[0])), rel=1e-4)


def test_a_run_that_was_broken_off_goes_on_as_if_it_had_not_been(
    walls: Path, decoder: Path, tmp_path: Path, models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read(content(walls, decoder, sequences=0.3))
    caption.run(config, models, tmp_path / "whole")
    taken = loop.take_step

    def pull_the_plug(*arguments: Any) -> float:
        if arguments[3] == 4:
            raise KeyboardInterrupt
        return taken(*arguments)

    monkeypatch.setattr(loop, "take_step", pull_the_plug)
    with pytest.raises(KeyboardInterrupt):
        caption.run(config, models, tmp_path / "broken")
    monkeypatch.setattr(loop, "take_step", taken)
    caption.run(config, models, tmp_path / "broken")
    whole = curve(tmp_path / "whole")
    assert curve(tmp_path / "broken") == pytest.approx([*whole[:4], *whole[3:]], rel=1e-4)


def test_a_run_goes_on_from_another_ones_adapter(walls: Path, decoder: Path, tmp_path: Path, models: Any) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shared = {"features": str(tmp_path / "features")}
    caption.run(read(content(walls, decoder, **shared)), models, first)
    seen = len(models.vision.batches)
    caption.run(read(content(walls, decoder, start=str(first), **shared)), models, second)
    again = [size for size in models.vision.batches[seen:] if size > 1]
    assert not again  # the features are there already; single frames are only what the captions in the log are of
    assert curve(second)[0] < curve(first)[0]


def test_photos_in_a_row_are_asked_for_their_times(walls: Path, decoder: Path, tmp_path: Path, models: Any) -> None:
    config = read(content(walls, decoder, sequences=1.0))
    looked = caption.look_at(config.data, models.vision, tmp_path, 2, 4, 0)
    sequences = Sequences(looked, 2)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        video, frames = sequences.draw(rng)
        assert 1 < len(frames) <= 8 and (np.diff(frames.times) > 0).all() and frames.times[-1] < video.duration
        assert {video.shot_at(float(time)).file for time in frames.times} == {shot.file for shot in video.shots}
        # Each frame's features are of the photo that is shown at its time, in one of its views.
        for i, time in enumerate(frames.times):
            number = next(n for n, s in enumerate(looked.samples) if s.file == video.shot_at(float(time)).file)
            assert any(np.array_equal(frames.tokens[i], looked.frames(number, view).tokens[0]) for view in range(2))
        lesson = sequences.question(np.random.default_rng(seed))
        assert lesson.frames is not None and lesson.target and "\n" in str(lesson.prompt)
    caption.run(config, models, tmp_path / "run")
    assert len(curve(tmp_path / "run")) == 6


def test_captions_are_taught_as_they_are_written() -> None:
    assert sentence_of("A dog , wet , runs .") == "A dog, wet, runs."
    assert sentence_of("two  men") == "Two men."


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"start": "nowhere"}, CheckpointError, "nowhere is no VideoChat folder"),
        ({"start": "{start}", "adapter": {"width": 32}}, CheckpointError, "width: expected 32, found 16"),
        ({"adapter": {"heads": 3}}, UsageError, "must be a multiple of heads"),
        ({"decoder": {"source": "path:nowhere"}}, CheckpointError, "nowhere"),
        ({"data": [{"reader": "tsv", "path": "{walls}/qa.tsv"}]}, UsageError, "has a caption to learn from"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(
    walls: Path, decoder: Path, tmp_path: Path, models: Any, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    if change.get("start") == "{start}":
        caption.run(read(content(walls, decoder, loop={"steps": 1})), models, tmp_path / "start")
        change = change | {"start": str(tmp_path / "start")}
    given = json.loads(json.dumps(change).replace("{walls}", str(walls)))
    with pytest.raises(error) as raised:
        caption.run(read(content(walls, decoder, **given)), models, tmp_path / "run")
    assert said in str(raised.value) and len(str(raised.value).splitlines()) == 1


def test_a_config_is_written_down_whole(walls: Path, decoder: Path, tmp_path: Path, models: Any) -> None:
    config = read(content(walls, decoder, loop={"steps": 1}))
    caption.run(config, models, tmp_path)
    recorded = json.loads((tmp_path / loop.RUN).read_text())["config"]
    assert recorded == dataclasses.asdict(config)
