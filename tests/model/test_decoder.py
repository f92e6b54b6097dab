from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from model.decoder import SmolLM
from model.errors import PackError

pytestmark = pytest.mark.models
SYSTEM = {"role": "system", "content": "You answer in one short sentence."}


def ask(text: str) -> list[dict[str, str]]:
    return [SYSTEM, {"role": "user", "content": text}]


@pytest.fixture(scope="module")
def decoder() -> SmolLM:
    return SmolLM()


def test_it_streams_an_answer_in_pieces(decoder: SmolLM) -> None:
    pieces = list(decoder.stream(ask("What is the capital of France?"), 30))
    assert len(pieces) > 3 and "Paris" in "".join(pieces)
    stats = decoder.last_stats
    assert stats is not None and stats.new_tokens <= 30 and 0 < stats.first_token_s < 30 and stats.tokens_per_second > 0


def test_a_known_system_prompt_is_not_computed_again_and_changes_nothing(decoder: SmolLM) -> None:
    messages = ask("Name three colours.")
    warm = "".join(decoder.stream(messages, 24))
    assert decoder.last_stats is not None and decoder.last_stats.cached_tokens > 5
    decoder._prefixes.clear()
    assert "".join(decoder.stream(messages, 24)) == warm


def test_it_stops_within_200_ms(decoder: SmolLM) -> None:
    stopped_at: list[float] = []
    pieces = decoder.stream(ask("Tell me a very long story about the sea."), 200, stop=lambda: bool(stopped_at))
    next(pieces)
    stopped_at.append(time.monotonic())
    assert list(pieces) == []
    assert time.monotonic() - stopped_at[0] < 0.2


def test_a_listener_who_leaves_frees_the_decoder(decoder: SmolLM) -> None:
    left = decoder.stream(ask("Count to one hundred."), 200)
    next(left)
    left.close()
    assert "".join(decoder.stream(ask("What is the capital of France?"), 20))


def test_waiting_for_another_generation_can_be_stopped(decoder: SmolLM) -> None:
    running = decoder.stream(ask("Count to one hundred."), 200)
    next(running)
    waited: list[list[str]] = []
    thread = threading.Thread(target=lambda: waited.append(list(decoder.stream(ask("Hello"), 5, stop=lambda: True))))
    thread.start()
    thread.join(5)
    running.close()
    assert waited == [[]]


def test_an_endless_prompt_is_cut_to_the_context(decoder: SmolLM) -> None:
    list(decoder.stream(ask("word " * 20_000 + "What is the capital of France?"), 8))
    assert decoder.last_stats is not None and decoder.last_stats.prompt_tokens <= 1500


def test_no_broken_characters(decoder: SmolLM) -> None:
    pieces = list(decoder.stream(ask("Repeat: 你好 🎬 café"), 30))
    assert "\ufffd" not in "".join(pieces)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(PackError, match="model_type"):
        SmolLM(folder=tmp_path)
