"""The commands `tracks` and `hear`, `index --language`, and titles that would break a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from app.engine import Engine
from app.settings import Settings
from tests.fakes import DIM, FakeModels
from tests.media_factory import make_video
from tests.several_tracks import make_tracks


@pytest.fixture(autouse=True)
def quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def talk(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The id of an indexed video with two sounds, in which English and later Chinese was heard."""
    found = run(capsys, data, "index", str(make_tracks(tmp_path / "talk.mkv")))
    library = Engine(Settings(data)).library
    for text, language, origin in (("Hello", "en", "heard"), ("你好", "zh", "heard"), ("Hallo", "de", "subtitles:3")):
        vector = np.ones((1, DIM), np.float32)
        library.add_passages(found["video_id"], "speech", [(0, 1, text)], vector, language=language, origin=origin)
    with library.db.transaction() as db:
        for start, language in ((0.0, "en"), (0.5, "en"), (1.0, "zh")):
            db.execute("INSERT INTO spoken VALUES (?, ?, ?, ?, 0.9)", (found["video_id"], start, start + 0.5, language))
    return str(found["video_id"])


def run(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str) -> Any:
    assert main(["--data-dir", str(data), *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_tracks_lists_streams_languages_and_track_lines(
    data: Path, talk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(capsys, data, "tracks", talk)
    assert [(t["index"], t["kind"], t["language"], t["used"]) for t in told["tracks"]] == [
        (0, "picture", None, True), (1, "sound", "en", True), (2, "sound", "es", False), (3, "subtitles", "de", True),
    ]  # fmt: skip
    assert [(s["start"], s["end"], s["language"]) for s in told["spoken"]] == [(0, 1, "en"), (1, 1.5, "zh")]
    assert {"origin": "heard", "language": "zh", "lines": 1} in told["transcripts"] and told["choices"] == {}
    assert main(["--data-dir", str(data), "tracks", talk]) == 0
    printed = capsys.readouterr().out
    for line in ("*   1  sound      aac           English  “Main”", "    2  sound      aac           Spanish"):
        assert line in printed.splitlines()
    assert "0:00–0:01  English" in printed and "subtitles 3    German" in printed


def test_hear_chooses_and_hears_here_and_now(data: Path, talk: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(capsys, data, "hear", talk, "--sound", "2", "--language", "es")
    assert told["choices"] == {"sound": 2, "language": "es"}
    assert [track["index"] for track in told["tracks"] if track["used"]] == [0, 2, 3]
    assert [t["origin"] for t in told["transcripts"]] == ["subtitles:3"] and told["spoken"] == []
    library = Engine(Settings(data)).library
    assert library.video(talk).status == "ready" and library.lane_done(talk, "hear")
    told = run(capsys, data, "hear", talk, "--sound", "auto", "--language", "auto", "--subtitles", "none")
    assert told["choices"] == {"subtitles": []} and told["transcripts"] == []
    assert run(capsys, data, "hear", talk, "--subtitles", "3")["choices"] == {"subtitles": [3]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sound", "second"], "--sound 'second' is no stream; give a number"),
        (["--sound", "3"], "Stream 3 of talk.mkv is subtitles, not sound"),
        (["--subtitles", "3", "none"], "--subtitles 'none' is no stream"),
        (["--language", "xx"], "There is no language 'xx'"),
    ],
)
def test_what_cannot_be_heard_is_one_sentence(
    data: Path, talk: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["--data-dir", str(data), "hear", talk, *arguments]) == 2
    printed = capsys.readouterr()
    assert words in printed.err and printed.err.count("\n") == 1 and printed.out == ""
    assert run(capsys, data, "tracks", talk)["choices"] == {}


def test_index_takes_the_language_before_it_hears(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_tracks(tmp_path / "talk.mkv")
    assert main(["--data-dir", str(data), "index", "--language", "klingon", str(path)]) == 2
    assert "no language 'klingon'" in capsys.readouterr().err
    library = Engine(Settings(data)).library
    assert library.videos() == []
    found = run(capsys, data, "index", "--language", "es", str(path))
    assert library.video(found["video_id"]).choices == {"language": "es"}
    jobs = len(library.db.rows("SELECT id FROM jobs"))
    run(capsys, data, "index", "--language", "es", str(path))
    assert len(library.db.rows("SELECT id FROM jobs")) == jobs  # nothing is to be done
    run(capsys, data, "index", "--language", "fr", str(path))
    assert library.video(found["video_id"]).choices == {"language": "fr"}
    assert len(library.db.rows("SELECT id FROM jobs WHERE status = 'done'")) == jobs + 1
    silent = run(capsys, data, "index", "--language", "es", str(make_video(tmp_path / "silent.mp4", audio=None)))
    assert silent["clips"] >= 1 and library.video(silent["video_id"]).choices == {}


def test_a_list_keeps_to_a_line_a_video_and_tells_names_apart(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        run(capsys, data, "index", str(make_video(tmp_path / folder / "same.mp4", fps=10 + number)))
    odd = make_video(tmp_path / "new\nline\x1b[2J\u202e.mp4", fps=12)
    found = run(capsys, data, "index", str(odd))
    assert main(["--data-dir", str(data), "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and not any("\x1b" in line or "\u202e" in line for line in lines)
    assert any(line.startswith(found["video_id"]) and line.endswith("new line [2J.mp4") for line in lines)
    for folder in ("one", "two"):
        assert sum(line.endswith(f"same.mp4  ({tmp_path / folder})") for line in lines) == 1
    assert main(["--data-dir", str(data), "tracks", found["video_id"]]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "new line [2J.mp4"
