"""The colour stage on a tiny data set drawn by code, with the pack's own encoder, and its head in the app."""

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
from model.training.colour import shares_of
from model.training.features import read_picture
from model.training.readers.colour_questions import colour_questions
from model.training.samples import Answered
from model.vision.colour import NAMES
from tests.checkpoints.pictures import COLOURS, painted_walls


def test_captions_ask_for_the_colour_of_what_has_one() -> None:
    made = colour_questions(
        [
            "A girl in a red dress throws a yellow tennis ball .",
            "A black and white dog and a brown dog run on green grass .",
            "The red dress is long, the tan and brown hat is old",
        ]
    )
    things = {q.question.rstrip("?").split(" the ")[-1].removesuffix(" have"): q.answer for q in made}
    assert things == {"dress": "red", "tennis ball": "yellow", "dog": "brown", "grass": "green"}
    assert all(q.generated for q in made)
    assert colour_questions(["a red car", "a blue car"]) == []


def test_annotators_share_a_question_between_the_colours_they_name() -> None:
    shares = dict(zip(NAMES, shares_of(Answered("?", ("red", "maroon", "Pink", "red ", "shiny"))), strict=True))
    assert shares == {name: {"red": 0.75, "pink": 0.25}.get(name, 0.0) for name in NAMES}
    assert shares_of(Answered("?", ("red", "shiny"))) == ()


def content(walls: Path, **changes: Any) -> dict[str, Any]:
    settings = {"steps": 60, "batch": 16, "learning_rate": 0.003, "warmup_steps": 5, "evaluate_every": 30,
                "checkpoint_every": 30, "precision": "fp32"}  # fmt: skip
    sets = [str(walls / name) for name in ("captions.tsv", "qa.tsv")]
    return {
        "stage": "colour",
        "data": [{"reader": "tsv", "path": path, "split": "train"} for path in sets],
        "validation": [{"reader": "tsv", "path": path, "split": "val"} for path in sets],
        "loop": settings | changes.pop("loop", {}),
        "width": 16, "dropout": 0.1,
    } | changes  # fmt: skip


def train(given: dict[str, Any], folder: Path, *options: str) -> int:
    file = folder / "colour.json"
    file.write_text(json.dumps(given))
    return main(["--profile", "embedded", "train", str(file), "--output", str(folder / "run"), *options])


@pytest.mark.models
def test_what_was_learned_is_answered_by_the_app_and_judged_by_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walls = painted_walls(tmp_path / "walls")
    assert train(content(walls), tmp_path, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["stage"] == "colour" and figures["asked"] == 1.0
    with (tmp_path / "run" / loop.CURVE).open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 60 and np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])

    profile = json.loads((Path(loop.__file__).parents[1] / "profiles" / "embedded.json").read_text())
    profile["vision"]["colours"] = f"path:{tmp_path / 'run'}"
    own = tmp_path / "own.json"
    own.write_text(json.dumps(profile))
    answers = Models(read_profile(str(own))).colour_answers
    assert answers is not None
    for number, name in enumerate(COLOURS):  # the last four pictures, which no training saw
        best = answers.to("What colour is the wall?", [read_picture(walls / "images" / f"{16 + number}.png")])[0]
        assert best.text == name and best.likelihood > 0.5
    assert main(["--profile", str(own), "evaluate", "qa", "--data", f"tsv:{walls / 'qa.tsv'}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"]["colours"] == f"path:{tmp_path / 'run'}"


@pytest.mark.models
def test_data_without_colours_are_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walls = painted_walls(tmp_path / "walls")
    for name in ("captions.tsv", "qa.tsv"):
        table = walls / name
        table.write_text(
            "".join(f"{line}\n" for line in table.read_text().splitlines() if not any(c in line for c in COLOURS))
        )
    assert train(content(walls, validation=[]), tmp_path) == 2
    error = capsys.readouterr().err
    assert "no question for a colour" in error
    assert "Traceback" not in error
