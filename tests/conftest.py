"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints.serving import serve, tiny_chat_model


@pytest.fixture(scope="session")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a `transformers serve` process with a tiny chat model and a tiny one that sees."""
    from tests.checkpoints.vlm import tiny_qwen2_5_vl

    folder = tmp_path_factory.mktemp("served")
    with serve({"tiny/chat": tiny_chat_model, "tiny/seeing": tiny_qwen2_5_vl}, folder) as url:
        yield url


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Real speech, float32 mono 16 kHz [n], about 40 s: a reading of Dickens that comes with moonshine-voice."""
    found = importlib.util.find_spec("moonshine_voice")
    assert found is not None and found.origin is not None
    with wave.open(str(Path(found.origin).parent / "assets" / "two_cities.wav")) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels).mean(axis=1) / 32768
    wanted = round(len(samples) / rate * 16_000)
    return np.interp(np.arange(wanted) / 16_000, np.arange(len(samples)) / rate, samples).astype(np.float32)
