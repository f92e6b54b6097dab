"""`cuepoint search` with all it can be told, and the same through `cuepoint batch`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.cli import main
from app.engine import Engine
from app.settings import Settings
from tests.fakes import ColourEncoder, FakeModels
from tests.media_factory import Scene, make_video

RED, GREEN, BLUE = ColourEncoder.colours.values()
LINES = [(1.0, 2.5, "The ferry leaves at nine."), (6.0, 8.0, "The ferry is late.")]


@pytest.fixture(autouse=True)
def quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def video_id(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """3 s red, 3 s green, 3 s blue, and two lines of speech."""
    path = make_video(tmp_path / "a.mp4", [Scene(3, colour) for colour in (RED, GREEN, BLUE)])
    assert main(["--data-dir", str(data), "index", str(path), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    vectors = np.asarray(FakeModels().passages.embed([text for *_, text in LINES]), np.float32)
    Engine(Settings(data)).library.add_passages(found["video_id"], "speech", LINES, vectors)
    return str(found["video_id"])


def search(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str) -> list[dict[str, Any]]:
    assert main(["--data-dir", str(data), "search", *arguments, "--json"]) == 0
    results: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["results"]
    return results


def batch(capsys: pytest.CaptureFixture[str], data: Path, monkeypatch: pytest.MonkeyPatch, **request: Any) -> Any:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"id": 1, "op": "search"} | request) + "\n"))
    assert main(["--data-dir", str(data), "batch", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str, code: int = 2) -> str:
    """The one sentence on stderr."""
    assert main(["--data-dir", str(data), "search", *arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.strip().splitlines()) == 1
    return printed.err


def test_a_search_is_held_to_times_and_sources(data: Path, video_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = search(capsys, data, "ferry", "--from", "0:05", "--to", "8.5", "--source", "heard")
    assert [(m["start"], m["end"], m["quote"]) for m in found] == [(6.0, 8.0, "The ferry is late.")]
    seen = search(capsys, data, "green", "--source", "seen", "--source", "read")
    assert seen and all(m["sources"] == ["visual"] for m in seen)


def test_batch_filters_alike(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = batch(capsys, data, monkeypatch, text="ferry", start="0:05", end=8.5, sources=["heard"])
    assert [m["quote"] for m in reply["results"]] == ["The ferry is late."]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "0:20", "--to", "0:10"], "after the start"),
        (["--from", "0:45"], "the video ends at 0:09"),
        (["--from", "soon"], "is no time"),
        (["--source", "smelt"], "seen, heard and read"),
        (["--top", "0"], "--top"),
    ],
)
def test_contradictory_filters_are_refused_in_one_sentence(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, data, "ferry", *arguments)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"start": 5, "end": 2}, "after the start"),
        ({"start": [1]}, "is no time"),
        ({"sources": {"heard": True}}, "must be a list"),
        ({"sources": []}, "No source"),
        ({"top": 0}, "top must be"),
        ({"top": "many"}, "top must be"),
    ],
)
def test_batch_refuses_them_too(
    data: Path,
    video_id: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request_: dict[str, Any],
    words: str,
) -> None:
    assert words in batch(capsys, data, monkeypatch, text="ferry", **request_)["error"]


def test_a_still_and_a_moment_are_searched_for(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Image.new("RGB", (640, 360), BLUE).save(tmp_path / "blue.png")
    assert search(capsys, data, "--picture", str(tmp_path / "blue.png"), "--top", "1")[0]["start"] >= 5.9
    like = search(capsys, data, "--like", f"{video_id}:0:00-0:01.5")
    assert like and all(m["start"] >= 5.4 for m in like)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "in one way"),
        (["ferry", "--like", "x:1-2"], 2, "in one way"),
        (["--like", "0:10"], 2, "names no moment"),
        (["--like", "nobody:1-2"], 2, "no video"),
        (["--like", "nobody:5-2"], 2, "after the start"),
        (["--picture", "missing.png"], 3, "missing.png is missing"),
        (["--picture", __file__], 3, "could not be read"),
        (["ferry", "--curve"], 2, "--curve needs"),
    ],
)
def test_a_search_that_makes_no_sense_is_one_sentence(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert words in refused(capsys, data, *arguments, code=code)


def test_a_cut_off_picture_is_one_sentence(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Image.effect_noise((200, 200), 80).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    assert "half.png could not be read" in refused(capsys, data, "--picture", str(tmp_path / "half.png"), code=3)


def test_the_curve_comes_with_the_results(data: Path, video_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(data), "search", "green ferry", "--curve", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    curve = printed["curve"]
    assert set(curve) == {"times", "visual", "speech", "text"} and printed["results"]
    assert len({len(values) for values in curve.values()}) == 1 and 8 < curve["times"][-1] < 9.1


def test_regions_are_told_and_shown(
    capsys: pytest.CaptureFixture[str], data: Path, video_id: str, tmp_path: Path
) -> None:
    lit = tmp_path / "lit.jpg"
    asked = ["regions", video_id, "0:03", "0:06", "something green", "--output", str(lit)]
    assert main(["--data-dir", str(data), *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 3 <= told["seconds"] < 6 and told["fit"] == pytest.approx(1, abs=0.3) and told["file"] == str(lit)
    assert Image.open(lit).format == "JPEG"
    assert main(["--data-dir", str(data), *asked[:-2]]) == 0
    assert "from the left" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("0:50", "0:55", "green"), "There is no picture of"),
        (("0:03", "0:06", ""), "question is empty"),
        (("x", "0:06", "green"), "no time"),
        (("0:03", "0:06", "green", "--output", "/nowhere/lit.jpg"), "cannot be written"),
    ],
)
def test_regions_of_nothing_are_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], data: Path, video_id: str, arguments: tuple[str, ...], words: str
) -> None:
    assert main(["--data-dir", str(data), "regions", video_id, *arguments]) == 2
    assert words in capsys.readouterr().err
