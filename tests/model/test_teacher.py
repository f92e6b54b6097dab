"""The align stage with a teacher: a tiny random CLIP, whose opinions no caption would teach."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from torch.nn import functional

from model.errors import CheckpointError, UnreadableMedia, UsageError
from model.strict_json import read_section
from model.training import align, loop
from model.training.config import AlignConfig, as_json
from model.training.samples import Sample
from model.training.teacher import Opinions, Teacher, affinity_loss
from model.vision.alignment import AlignmentHeads, load_heads
from model.vision.encoder import FrameFeatures
from tests.checkpoints.clip import tiny_clip
from tests.checkpoints.pictures import painted_walls
from tests.checkpoints.videochat import Quadrants
from tests.fakes import BagOfWords
from tests.media_factory import Scene, make_video


class Eyes(Quadrants):
    """With as many numbers a token as the heads can share out."""

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        seen = super().encode_frames(frames)
        return dataclasses.replace(seen, tokens=np.pad(seen.tokens, ((0, 0), (0, 0), (0, 2))))


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted_walls(tmp_path_factory.mktemp("walls") / "data")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("teacher") / "clip")


@pytest.fixture
def models() -> Any:
    return SimpleNamespace(vision=Eyes(), text=BagOfWords())


@pytest.fixture(autouse=True)
def fresh_accelerate() -> Iterator[None]:
    """A process keeps the precision that it first computed in."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def content(walls: Path, clip: Path | str | None, **changes: Any) -> dict[str, Any]:
    settings = {"steps": 8, "batch": 8, "learning_rate": 0.003, "warmup_steps": 2, "evaluate_every": 4,
                "checkpoint_every": 4, "precision": "fp32"}  # fmt: skip
    taught = {"teacher": {"source": f"path:{clip}"} | changes.pop("teacher", {})} if clip else {}
    return {
        "stage": "align",
        "data": [{"reader": "tsv", "path": str(walls / "captions.tsv"), "split": "train"}],
        "loop": settings | changes.pop("loop", {}),
        "views": 2, "dim": 16, "width": 32, "dropout": 0.0,
    } | taught | changes  # fmt: skip


def read(given: dict[str, Any]) -> AlignConfig:
    return read_section(AlignConfig, given, Path("align.json"))


def curve(folder: Path) -> list[float]:
    with (folder / loop.CURVE).open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def likeness(heads: AlignmentHeads, task: align.Align) -> float:
    """Correlation of what the heads and the task's teacher think of every caption with every picture."""
    assert task.opinions is not None
    pairs, rows = task.pairs, task.pairs.store.rows
    with torch.inference_mode():
        tokens, concepts = (torch.from_numpy(a[rows, 0]) for a in (pairs.store.tokens, pairs.store.concepts))
        texts, frames = heads.texts(torch.from_numpy(pairs.vectors)), heads.encode_frames(tokens, concepts)
    theirs = task.opinions.captions @ task.opinions.frames.T
    return float(np.corrcoef((texts @ frames.T).numpy().ravel(), theirs.ravel())[0, 1])


def test_a_student_comes_to_think_as_its_teacher_does_and_not_as_captions_alone_would_have_it(
    walls: Path, clip: Path, tmp_path: Path, models: Any
) -> None:
    changes: dict[str, Any] = {"loop": {"steps": 60, "batch": 12, "averaging": 0.9}}
    taught = read(content(walls, clip, teacher={"weight": 1.0}, **changes))
    task = align.begin(taught, models, tmp_path / "taught" / "features")
    before = likeness(task.module, task)
    align.run(taught, models, tmp_path / "taught")
    align.run(read(content(walls, None, **changes)), models, tmp_path / "alone")
    after, alone = (likeness(load_heads(tmp_path / name), task) for name in ("taught", "alone"))
    losses = curve(tmp_path / "taught")
    assert after > 0.85 and after > before + 0.3 and after > alone + 0.2, (before, after, alone)
    assert max(losses[-5:]) < 0.1 * losses[0]


def test_without_a_teacher_or_with_one_that_weighs_nothing_the_losses_are_the_same_to_the_digit(
    walls: Path, clip: Path, tmp_path: Path, models: Any
) -> None:
    align.run(read(content(walls, None)), models, tmp_path / "alone")
    align.run(read(content(walls, clip, teacher={"weight": 0.0})), models, tmp_path / "unheard")
    assert curve(tmp_path / "unheard") == curve(tmp_path / "alone")
    assert not (tmp_path / "unheard" / "features" / "teacher").exists()
    # A folder of a run from before there were teachers goes on.
    assert "teacher" not in json.loads((tmp_path / "alone" / loop.RUN).read_text())["config"]


def test_the_loss_is_shared_out_between_captions_and_teacher(
    walls: Path, clip: Path, tmp_path: Path, models: Any
) -> None:
    indices, dice = np.arange(12), np.random.default_rng(0).random((12, loop.DICE))
    losses = {}
    for weight in (None, 0.25, 1.0):
        given = content(walls, clip if weight else None, **({"teacher": {"weight": weight}} if weight else {}))
        task = align.begin(read(given), models, tmp_path)
        losses[weight] = task.loss(task.module, task.batch(indices, dice)).item()
    assert losses[0.25] == pytest.approx(0.75 * losses[None] + 0.25 * losses[1.0], rel=1e-5)
    assert losses[1.0] != pytest.approx(losses[None], rel=0.1)


def test_the_affinity_loss_is_the_divergence_of_both_ways_and_nothing_where_both_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (3 * torch.randn(2, 5, 5, generator=generator) for _ in range(2))
    assert float(affinity_loss(theirs, theirs)) == pytest.approx(0, abs=1e-6)
    for temperature in (1.0, 3.0):
        expected = []
        for student, teacher in zip(ours / temperature, theirs / temperature, strict=True):
            for mine, right in [*zip(student, teacher, strict=True), *zip(student.T, teacher.T, strict=True)]:
                p, q = functional.softmax(right, 0), functional.softmax(mine, 0)
                expected.append(float((p * (p / q).log()).sum()))
        assert float(affinity_loss(ours, theirs, temperature)) == pytest.approx(
            temperature**2 * np.mean(expected), rel=1e-4
        )
    assert float(affinity_loss(ours, theirs)) != pytest.approx(float(affinity_loss(theirs, ours)), rel=0.01)


@pytest.mark.parametrize("family", ["vit", "siglip"])
def test_what_the_teacher_thinks_is_computed_once_and_goes_on_where_it_broke_off(
    walls: Path, tmp_path: Path, models: Any, monkeypatch: pytest.MonkeyPatch, family: Any
) -> None:
    clip = tiny_clip(tmp_path / "clip", family)
    seen: list[str] = []
    was_read: list[str] = []
    see, reading = Teacher.see, Teacher.read

    def watched(self: Teacher, sample: Sample, frames: int) -> np.ndarray:
        if len(seen) == 5 and not was_read:
            seen.append("plug")
            raise KeyboardInterrupt
        seen.append(sample.id)
        return see(self, sample, frames)

    monkeypatch.setattr(Teacher, "see", watched)
    monkeypatch.setattr(Teacher, "read", lambda self, texts: (was_read.extend(texts), reading(self, texts))[1])
    config = read(content(walls, clip))
    with pytest.raises(KeyboardInterrupt):
        align.run(config, models, tmp_path / "run")
    seen.remove("plug")
    was_read.append("from here on the plug stays in")
    align.run(config, models, tmp_path / "run")
    assert len(seen) == len(set(seen)) == 12 and len(was_read) == 1 + 24
    kept = align.begin(config, models, tmp_path / "run" / "features").opinions
    assert len(seen) == 12 and len(was_read) == 1 + 24

    monkeypatch.undo()
    whole = align.begin(config, models, tmp_path / "whole").opinions
    assert isinstance(kept, Opinions) and isinstance(whole, Opinions) and isinstance(kept.frames, np.memmap)
    np.testing.assert_allclose(kept.frames, whole.frames, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(kept.captions, axis=1), 1, atol=1e-3)
    assert kept.scale == pytest.approx(np.exp(4.6), rel=0.01)


def test_other_captions_or_another_teacher_are_not_taken_for_those_that_are_kept(
    clip: Path, walls: Path, tmp_path: Path
) -> None:
    teacher = Teacher(read(content(walls, clip)).teacher)
    picture = walls / "images" / "0.png"
    first, second = (
        teacher.consult([Sample("0", picture, "train", captions=(said,))], 1, tmp_path).captions
        for said in ("a wall painted red", "the harbour at night")
    )
    assert float(first[0] @ second[0]) < 0.999 and len(list(tmp_path.iterdir())) == 2
    other = Teacher(read(content(walls, tiny_clip(tmp_path / "siglip", "siglip"))).teacher)
    sample = Sample("0", picture, "train", captions=("a wall painted red",))
    assert other.consult([sample], 1, tmp_path).captions.shape == (1, 96)


def test_of_a_video_the_teacher_sees_the_mean_of_its_frames(clip: Path, walls: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "two.mp4", [Scene(2.0, (220, 30, 30)), Scene(2.0, (30, 60, 220))])
    teacher = Teacher(read(content(walls, clip)).teacher)
    sample = Sample("two", video, "train")
    whole = teacher.see(sample, 2)
    parts = [teacher.see(dataclasses.replace(sample, start=at, end=at + 2.0), 1) for at in (0.0, 2.0)]
    mean = np.mean(parts, axis=0)
    assert whole.shape == (1, 32) and float(parts[0][0] @ parts[1][0]) < 0.9999
    np.testing.assert_allclose(whole, mean / np.linalg.norm(mean), atol=2e-3)


def test_a_taught_run_that_was_broken_off_goes_on_as_if_it_had_not_been(
    walls: Path, clip: Path, tmp_path: Path, models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read(content(walls, clip))
    align.run(config, models, tmp_path / "whole")
    taken = loop.take_step

    def pull_the_plug(*arguments: Any) -> float:
        if arguments[3] == 6:
            raise KeyboardInterrupt
        return taken(*arguments)

    monkeypatch.setattr(loop, "take_step", pull_the_plug)
    with pytest.raises(KeyboardInterrupt):
        align.run(config, models, tmp_path / "broken")
    monkeypatch.setattr(loop, "take_step", taken)
    align.run(config, models, tmp_path / "broken")
    whole, broken = curve(tmp_path / "whole"), curve(tmp_path / "broken")
    assert broken == pytest.approx([*whole[:6], *whole[4:]], rel=1e-3)


def test_a_teacher_may_be_left_out_or_null_and_is_written_down_as_it_was_read(walls: Path) -> None:
    assert read(content(walls, None)).teacher is None
    assert read(content(walls, None) | {"teacher": None}).teacher is None
    config = read(content(walls, "clip", teacher={"weight": 1}))
    assert config.teacher is not None and config.teacher.weight == 1.0 and config.teacher.temperature == 1.0
    assert read(json.loads(as_json(config))) == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight": 1.5}, "align.json: teacher.weight is 1.5; it must lie between 0.0 and 1.0."),
        ({"weight": -0.1}, "teacher.weight is -0.1"),
        ({"temperature": 0}, "teacher.temperature is 0.0; it must lie between"),
        ({"wieght": 1.0}, "unknown key teacher.wieght; known here: source, architecture, weight, temperature."),
        ({"source": "pack:image"}, "teacher.source is 'pack:image'; one that is a teacher must begin with assets: or"),
        ({"source": "ViT-B-32"}, "teacher.source: 'ViT-B-32' names no model"),
    ],
)
def test_a_teacher_that_makes_no_sense_is_refused_by_its_key(
    walls: Path, clip: Path, tmp_path: Path, models: Any, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        align.run(read(content(walls, clip, teacher=change)), models, tmp_path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_teacher_that_is_not_there_or_unknown_is_refused_before_anything_is_computed(
    walls: Path, clip: Path, tmp_path: Path, models: Any
) -> None:
    weights = tmp_path / "bare" / "weights.safetensors"
    weights.parent.mkdir()
    weights.write_bytes((clip / "open_clip_model.safetensors").read_bytes())
    for choice, said in (
        ({"source": f"path:{tmp_path}/nowhere"}, "nowhere does not exist"),
        ({"source": f"path:{weights}", "architecture": "ViT-B-33"}, "such as ViT-B-32"),
        ({"source": f"path:{weights}"}, "does not say what its model is"),
        ({"source": f"path:{weights}", "architecture": "ViT-B-32"}, "does not fit"),
    ):
        with pytest.raises(CheckpointError) as caught:
            align.run(read(content(walls, clip, teacher=choice)), models, tmp_path / "run")
        assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_picture_that_went_away_since_the_student_saw_it_is_named(
    walls: Path, clip: Path, tmp_path: Path, models: Any
) -> None:
    sample = Sample("gone", tmp_path / "gone.png", "train", captions=("a wall",))
    with pytest.raises(UnreadableMedia, match=r"gone\.png can no longer be read"):
        Teacher(read(content(walls, clip)).teacher).consult([sample], 1, tmp_path)
