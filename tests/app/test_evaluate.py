"""`cuepoint evaluate` on a few coloured pictures, with models that take milliseconds, once with the real encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from app.cli import main
from model.loading import Models
from model.profile import Profile, read_profile
from tests.fakes import ColourEncoder, FakeModels

QUESTION = "What colour is it?"


@pytest.fixture(autouse=True)
def quick_models(monkeypatch: pytest.MonkeyPatch) -> FakeModels:
    fake = FakeModels("red")
    fake.decoder.max_stills = 4
    monkeypatch.setattr("app.commands.evaluate.Models", lambda profile: fake)
    return fake


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three pictures in the test split, one in train, and a row whose picture is broken."""
    folder = tmp_path / "colours"
    folder.mkdir()
    rows = ["image\tsplit\tcaption"]
    asked = ["image\tsplit\tquestion\tanswer"]
    for colour, rgb in ColourEncoder.colours.items():
        Image.new("RGB", (32, 24), rgb).save(folder / f"{colour}.png")
        rows += [f"{colour}.png\ttest\ta {colour} picture", f"{colour}.png\ttest\t{colour}"]
        asked.append(f"{colour}.png\ttest\t{QUESTION}\t{colour}")
    Image.new("RGB", (32, 24)).save(folder / "train.png")
    (folder / "broken.png").write_bytes(b"no picture")
    rows.append("broken.png\ttest\tnothing")
    asked.append(f"train.png\ttrain\t{QUESTION}\tgreen")
    (folder / "captions.tsv").write_text("\n".join(rows) + "\n")
    (folder / "qa.tsv").write_text("\n".join(asked) + "\n")
    return folder


def evaluate(tmp_path: Path, *arguments: str, code: int = 0) -> None:
    assert main(["--data-dir", str(tmp_path / "home"), "--profile", "embedded", "evaluate", *arguments]) == code


def test_json_says_what_was_measured_on_what(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(tmp_path, "retrieval", "--data", f"tsv:{data}", "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["figures"]["text_to_image_recall@1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (found["samples"], found["of"], found["items"], found["skipped"]["samples"]) == (3, 4, 6, 1)
    assert "broken.png" in found["skipped"]["why"][0]
    assert (found["profile"], found["models"], found["split"]) == ("embedded", {"vision": "colours"}, "test")
    assert found["seconds"] >= 0 and not (tmp_path / "home").exists()


def test_a_markdown_table_for_people(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(tmp_path, "retrieval", "--data", f"tsv:{data}")
    printed = capsys.readouterr().out
    assert "| text to image recall@1 | 100.0 % | 100.0 % to 100.0 % |" in printed
    assert "3 of 4 samples, 6 captions; skipped 1 sample and 0 rows; profile embedded (vision colours)" in printed


def test_questions_stand_beside_their_baselines_and_every_prediction_is_kept(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "predictions.json"
    evaluate(tmp_path, "qa", "--data", f"tsv:{data}", "--output", str(output), "--json")
    printed, kept = json.loads(capsys.readouterr().out), json.loads(output.read_text())
    value = {name: figure["value"] for name, figure in printed["figures"].items()}
    assert value["exact_match"] == value["exact_match_majority"] == value["exact_match_question_only"] == 0.3333
    assert [p["reply"] for p in kept["predictions"]] == ["red"] * 3 and kept["predictions"][0]["majority"] == "green"
    assert kept["figures"] == printed["figures"] and "predictions" not in printed


def test_a_limit_draws_some_samples(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(tmp_path, "qa", "--data", f"tsv:{data}", "--limit", "2", "--train-split", "val", "--json")
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["samples"], found["of"]) == (2, 3)
    assert "No baselines" in printed.err and "exact_match_majority" not in found["figures"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["qa", "--data", "tsv"], "READER:PATH"),
        (["qa", "--data", "nothing:here"], "READER:PATH"),
        (["qa", "--data", "tsv:nowhere"], "nowhere"),
        (["moments", "--data", "tsv:{data}"], "nothing for moments"),
        (["retrieval", "--data", "tsv:{data}", "--split", "val"], "val"),
        (["retrieval", "--data", "tsv:{data}", "--limit", "0"], "--limit"),
        (["retrieval", "--data", "tsv:{data}", "--output", "no/such/folder.json"], "no such folder"),
    ],
)
def test_wrong_requests_are_one_sentence(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    evaluate(tmp_path, *(argument.replace("{data}", str(data)) for argument in arguments), code=2)
    printed = capsys.readouterr()
    assert words in printed.err and len(printed.err.strip().splitlines()) == 1 and printed.out == ""


def test_a_profile_without_eyes_cannot_caption(
    tmp_path: Path, data: Path, quick_models: FakeModels, capsys: pytest.CaptureFixture[str]
) -> None:
    quick_models.decoder.max_stills = 0
    evaluate(tmp_path, "captions", "--data", f"tsv:{data}", code=2)
    assert "without seeing pictures" in capsys.readouterr().err


@pytest.mark.models
def test_the_embedded_encoder_is_measured(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def real(profile: Profile) -> Models:
        return Models(profile)

    monkeypatch.setattr("app.commands.evaluate.Models", real)
    drawn = Image.new("RGB", (260, 260), (60, 60, 60))
    ImageDraw.Draw(drawn).ellipse([40, 40, 220, 220], fill=(240, 140, 20))
    drawn.save(data / "red.png")
    evaluate(tmp_path, "retrieval", "--data", f"tsv:{data}", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["models"] == {"vision": Models(read_profile("embedded")).vision.name}
    assert 0 <= found["figures"]["text_to_image_recall@1"]["value"] <= 1 and found["samples"] == 3
