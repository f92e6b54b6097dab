"""Whisper both ways, with random weights through the function that the app uses: what it hears is nonsense, but when
it hears it, in which language, and what it says of bad input, is not."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from model.errors import CheckpointError, UsageError
from model.profile import SpeechChoice
from model.speech.recognizer import Line, SpeechRecognizer, load_recognizer
from model.speech.whisper import FasterWhisperRecognizer, WhisperRecognizer
from tests.checkpoints.speech import tiny_faster_whisper, tiny_whisper

RATE = 16_000
KINDS = ("whisper", "faster-whisper")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("whisper")
    converted = tiny_faster_whisper(base / "faster-whisper")
    return {"whisper": base / "faster-whisper-source", "faster-whisper": converted}


@pytest.fixture(scope="module", params=KINDS)
def recognizer(request: pytest.FixtureRequest, folders: dict[str, Path]) -> SpeechRecognizer:
    return load_recognizer(choice(request.param, folders[request.param]))


@pytest.fixture
def copy(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the transformers checkpoint to spoil."""
    return Path(shutil.copytree(folders["whisper"], tmp_path / "copy"))


def choice(kind: str, folder: Path, language: str = "de", **more: str) -> SpeechChoice:
    return SpeechChoice(kind, f"path:{folder}", language, **more)  # type: ignore[arg-type]


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise under tones that change, float32 16 kHz."""
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time)) / 30
    return (noise + 0.1 * np.sin(2 * np.pi * (200 + 40 * np.floor(time)) * time)).astype(np.float32)


@pytest.fixture(autouse=True)
def nonsense_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What random weights say is nonsense, and would rightly be dropped."""
    monkeypatch.setattr("model.speech.whisper.looks_invented", lambda text, seconds: False)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Products this small are slower on two threads, and much slower beside a busy process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def hear(recognizer: SpeechRecognizer, offset: float = 0.0) -> list[Line]:
    lines = recognizer.transcribe(sound(14), offset)
    times = [offset, *(time for line in lines for time in (line.start, line.end)), offset + 14 + 1e-6]
    assert times == sorted(times)
    return lines


def test_lines_lie_inside_the_stretch_in_order_and_are_short(recognizer: SpeechRecognizer) -> None:
    lines = hear(recognizer, 100.0)
    assert lines and all(line.text.strip() == line.text != "" for line in lines)
    assert max(line.end - line.start for line in lines) < 9.5


def test_the_same_sound_is_heard_the_same_wherever_it_lies(recognizer: SpeechRecognizer) -> None:
    once, later = hear(recognizer, 0.0), hear(recognizer, 50.0)
    assert [line.text for line in once] == [line.text for line in later] != []
    assert [line.start + 50 for line in once] == pytest.approx([line.start for line in later])


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(3 * RATE, np.float32)])
def test_nothing_is_made_of_silence(recognizer: SpeechRecognizer, audio: np.ndarray) -> None:
    assert recognizer.transcribe(audio, 0.0) == []


@pytest.mark.parametrize("seconds", [0.01, 0.5, 40])
def test_very_short_and_very_long_stretches_are_no_trouble(recognizer: SpeechRecognizer, seconds: float) -> None:
    for line in recognizer.transcribe(sound(seconds), 0.0):
        assert 0 <= line.start <= line.end <= seconds + 1e-6


def test_threads_may_ask_at_once(recognizer: SpeechRecognizer) -> None:
    expected = [recognizer.transcribe(sound(12, seed), 0.0) for seed in range(3)]
    heard: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: heard.update({seed: recognizer.transcribe(sound(12, seed), 0.0)}))  # type: ignore[misc]
        for seed in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [heard[seed] for seed in range(3)] == expected


def test_words_can_be_timed_one_by_one(folders: dict[str, Path]) -> None:
    assert hear(WhisperRecognizer(folders["whisper"], "de", timestamps="word"), 10.0)
    hear(FasterWhisperRecognizer(folders["faster-whisper"], "de", timestamps="word"), 10.0)  # it may drop nonsense


@pytest.mark.parametrize("kind", KINDS)
def test_the_language_decides_what_is_heard_and_can_be_left_open(kind: str, folders: dict[str, Path]) -> None:
    heard = {}
    for language in ("de", "zh", "auto"):
        recognizer = load_recognizer(choice(kind, folders[kind], language))
        heard[language] = hear(recognizer)
    assert heard["de"] != heard["zh"]


def test_the_name_tells_kinds_and_languages_apart(folders: dict[str, Path]) -> None:
    names = [load_recognizer(choice(kind, folders[kind], code)).name for kind in KINDS for code in ("de", "zh")]
    assert len(set(names)) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_language_is_wrong_usage(kind: str, folders: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="'klingon'"):
        load_recognizer(choice(kind, folders[kind], "klingon"))


def test_an_english_only_checkpoint_refuses_other_languages(tmp_path: Path) -> None:
    folder = tiny_whisper(tmp_path / "english", english_only=True)
    hear(load_recognizer(choice("whisper", folder, "en")))
    with pytest.raises(UsageError, match="English only"):
        load_recognizer(choice("whisper", folder, "de"))


def test_moonshine_refuses_other_languages() -> None:
    with pytest.raises(UsageError, match="English only, not 'zh'"):
        load_recognizer(SpeechChoice("moonshine", "pack:speech", "zh"))


def test_a_precision_that_cannot_be_had_is_wrong_usage(folders: dict[str, Path]) -> None:
    for kind in KINDS:
        with pytest.raises(UsageError, match="nf4"):
            load_recognizer(choice(kind, folders[kind], precision="nf4"))


def test_a_folder_without_configuration_is_named(copy: Path) -> None:
    (copy / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"copy has no readable config\.json"):
        load_recognizer(choice("whisper", copy))


def test_a_model_of_another_type_is_named(copy: Path) -> None:
    (copy / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CheckpointError, match="type bert: expected whisper"):
        load_recognizer(choice("whisper", copy))


def test_cut_weights_are_named_with_what_was_found(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged: expected .* found 1,000 bytes"):
        load_recognizer(choice("whisper", copy))


def test_shapes_that_do_not_fit_are_one_sentence(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"d_model": 32}))
    with pytest.raises(CheckpointError, match="cannot be loaded: expected a Whisper checkpoint") as refusal:
        load_recognizer(choice("whisper", copy))
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_not_converted_is_refused_without_asking_the_hub(copy: Path, folders: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match=r"no model\.bin"):
        load_recognizer(choice("faster-whisper", copy))
    (copy / "model.bin").write_bytes(b"nonsense" * 9)
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_recognizer(choice("faster-whisper", copy))
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json"):
        load_recognizer(choice("faster-whisper", copy))
