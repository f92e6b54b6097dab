"""The answer stage on a tiny data set drawn by code, with the pack's own encoder, and its head in the app."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from model.loading import Models
from model.profile import read_profile
from model.training import loop
from model.training.answer import Vocabulary, agreed, key_of
from model.training.features import read_picture
from model.training.samples import Answered
from tests.checkpoints.pictures import COLOURS, painted_walls


def test_annotators_make_an_answer_right_as_far_as_they_agree() -> None:
    question = Answered("What is it?", ("dog", "Dog.", "the dog", "puppy", "cat", "cat"))
    assert agreed(question) == {"dog": 1.0, "puppy": pytest.approx(1 / 3), "cat": pytest.approx(2 / 3)}
    assert agreed(Answered("What is it?", ("chair, table",))) == {"chair, table": 1.0}
    assert key_of("table, chair") == key_of("chair, the table")


def test_answers_are_learned_that_several_questions_have_and_said_as_people_say_them() -> None:
    given = ("in a field", "in a field", "in field", "garbage_bin", "garbage_bin", "a clown")
    asked = [Answered("What is it?", (answer,)) for answer in given]
    vocabulary = Vocabulary(asked, 2)
    assert vocabulary.answers == ["in a field", "garbage bin"]
    assert vocabulary.right(asked[2]) == {0: 1.0} and vocabulary.right(asked[5]) == {}


def content(walls: Path, **changes: Any) -> dict[str, Any]:
    settings = {"steps": 60, "batch": 16, "learning_rate": 0.003, "warmup_steps": 5, "evaluate_every": 30,
                "checkpoint_every": 30, "precision": "fp32"}  # fmt: skip
    sets = [str(walls / name) for name in ("captions.tsv", "qa.tsv")]
    return {
        "stage": "answer",
        "data": [{"reader": "tsv", "path": path, "split": "train"} for path in sets],
        "validation": [{"reader": "tsv", "path": path, "split": "val"} for path in sets],
        "loop": settings | changes.pop("loop", {}),
        "views": 2, "width": 32, "dropout": 0.1,
    } | changes  # fmt: skip


def train(given: dict[str, Any], folder: Path, *options: str) -> int:
    file = folder / "answer.json"
    file.write_text(json.dumps(given))
    return main(["--profile", "embedded", "train", str(file), "--output", str(folder / "run"), *options])


@pytest.mark.models
def test_what_was_learned_is_answered_by_the_app_and_judged_by_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walls = painted_walls(tmp_path / "walls")
    assert train(content(walls), tmp_path, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["stage"] == "answer" and figures["asked"] >= 0.85  # of four colours, and of what is never dark
    with (tmp_path / "run" / loop.CURVE).open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 60 and np.mean(losses[-5:]) < 0.5 * np.mean(losses[:3])

    profile = json.loads((Path(loop.__file__).parents[1] / "profiles" / "embedded.json").read_text())
    profile["vision"]["answers"] = f"path:{tmp_path / 'run'}"
    own = tmp_path / "own.json"
    own.write_text(json.dumps(profile))
    answers = Models(read_profile(str(own))).short_answers
    assert answers is not None
    for number, name in enumerate(COLOURS):  # the last four pictures, which no training saw
        picture = read_picture(walls / "images" / f"{16 + number}.png")
        best = answers.to("What colour is the wall?", [picture])[0]
        assert best.text == name and best.likelihood > 0.5
    assert main(["--profile", str(own), "evaluate", "qa", "--data", f"tsv:{walls / 'qa.tsv'}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"]["answers"] == f"path:{tmp_path / 'run'}"
    assert found["figures"]["exact_match"]["value"] >= 0.85


@pytest.mark.models
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"least_seen": 1000}, "no answer that several questions have"),
        ({"colour": "red"}, "colour"),
        ({"dropout": 2.0}, "dropout"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    assert train(content(painted_walls(tmp_path / "walls"), **changes), tmp_path) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
