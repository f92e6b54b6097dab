from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import torch

from model.errors import CheckpointError
from model.hub import locate
from model.language.decoder import CausalDecoder, LoopGuard, load_decoder, only_if_likely
from model.language.precision import choose_lean
from model.language.turns import Turns
from model.profile import DEFAULT, read_profile

SYSTEM = {"role": "system", "content": "You answer in one short sentence."}


def ask(text: str) -> list[dict[str, str]]:
    return [SYSTEM, {"role": "user", "content": text}]


@pytest.fixture(scope="module")
def decoder() -> CausalDecoder:
    choice = read_profile(DEFAULT).decoder
    return load_decoder(locate(choice.source), choice)


@pytest.mark.models
def test_it_streams_an_answer_in_pieces(decoder: CausalDecoder) -> None:
    pieces = list(decoder.stream(ask("What is the capital of France?"), 30))
    assert len(pieces) > 3 and "Paris" in "".join(pieces)
    stats = decoder.last_stats
    assert stats is not None and stats.new_tokens <= 30 and 0 < stats.first_token_s < 30 and stats.tokens_per_second > 0


@pytest.mark.models
def test_a_known_system_prompt_is_not_computed_again_and_changes_nothing(decoder: CausalDecoder) -> None:
    messages = ask("Name three colours.")
    warm = "".join(decoder.stream(messages, 24))
    assert decoder.last_stats is not None and decoder.last_stats.cached_tokens > 5
    decoder._prefixes.clear()
    assert "".join(decoder.stream(messages, 24)) == warm


@pytest.mark.models
def test_it_stops_within_200_ms(decoder: CausalDecoder) -> None:
    stopped_at: list[float] = []
    pieces = decoder.stream(ask("Tell me a very long story about the sea."), 200, stop=lambda: bool(stopped_at))
    next(pieces)
    stopped_at.append(time.monotonic())
    assert list(pieces) == []
    assert time.monotonic() - stopped_at[0] < 0.2


@pytest.mark.models
def test_a_listener_who_leaves_frees_the_decoder(decoder: CausalDecoder) -> None:
    left = decoder.stream(ask("Count to one hundred."), 200)
    next(left)
    left.close()
    assert "".join(decoder.stream(ask("What is the capital of France?"), 20))


@pytest.mark.models
def test_waiting_for_another_generation_can_be_stopped(decoder: CausalDecoder) -> None:
    running = decoder.stream(ask("Count to one hundred."), 200)
    next(running)
    waited: list[list[str]] = []
    thread = threading.Thread(target=lambda: waited.append(list(decoder.stream(ask("Hello"), 5, stop=lambda: True))))
    thread.start()
    thread.join(5)
    running.close()
    assert waited == [[]]


@pytest.mark.models
def test_an_endless_prompt_is_cut_to_the_context(decoder: CausalDecoder) -> None:
    list(decoder.stream(ask("word " * 20_000 + "What is the capital of France?"), 8))
    assert decoder.last_stats is not None and decoder.last_stats.prompt_tokens <= 1500


@pytest.mark.models
def test_no_broken_characters(decoder: CausalDecoder) -> None:
    pieces = list(decoder.stream(ask("Repeat: 你好 🎬 café"), 30))
    assert "\ufffd" not in "".join(pieces)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="weights"):
        load_decoder(tmp_path, read_profile(DEFAULT).decoder)


@pytest.mark.models
def test_simultaneous_answers_are_those_given_one_at_a_time(decoder: CausalDecoder) -> None:
    questions = ["Name three colours.", "What is the capital of France?", "Describe the sea."]
    alone = ["".join(decoder.stream(ask(question), 20)) for question in questions]
    together: dict[int, str] = {}

    def answer(number: int) -> None:
        together[number] = "".join(decoder.stream(ask(questions[number]), 20))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [together[number] for number in range(3)] == alone


@pytest.mark.models
def test_a_listener_who_pauses_does_not_hold_others_up(decoder: CausalDecoder) -> None:
    paused = decoder.stream(ask("Count to one hundred."), 100)
    next(paused)
    others: list[str] = []
    thread = threading.Thread(target=lambda: others.extend(decoder.stream(ask("Name three colours."), 10)))
    thread.start()
    thread.join(20)
    assert others and not thread.is_alive()
    assert "".join(paused)


@pytest.mark.models
def test_stop_strings_end_the_answer(decoder: CausalDecoder) -> None:
    whole = "".join(decoder.stream(ask("What is the capital of France?"), 20))
    cut = "".join(decoder.stream(ask("What is the capital of France?"), 20, stop_strings=["Paris"]))
    assert cut == whole[: whole.index("Paris")]


@pytest.mark.models
def test_stop_during_a_long_prompt_is_honoured_before_the_first_word(decoder: CausalDecoder) -> None:
    began = time.monotonic()
    pieces = decoder.stream(ask("word " * 20_000), 8, stop=lambda: time.monotonic() - began > 0.02)
    assert list(pieces) == []
    assert decoder.last_stats is not None and decoder.last_stats.new_tokens == 0


@pytest.mark.models
def test_torch_threads_are_left_as_they_were(decoder: CausalDecoder) -> None:
    import torch

    before = torch.get_num_threads()
    next(iter(decoder.stream(ask("Name three colours."), 5)))
    assert torch.get_num_threads() == before


@pytest.mark.models
def test_no_tokens_wanted_gives_no_text(decoder: CausalDecoder) -> None:
    assert list(decoder.stream(ask("Hello"), 0)) == []


def test_a_run_is_not_written_twice() -> None:
    import torch

    guard = LoopGuard(3)
    likes = torch.tensor([0.0, 3.0, 2.0, 1.0])  # greedy would write 1 for ever
    written = [guard.choose(likes) for _ in range(12)]
    runs = [tuple(written[i : i + 3]) for i in range(len(written) - 2)]
    assert written[:3] == [1, 1, 1] and len(set(runs)) == len(runs)


def test_auto_precision_suits_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    for features, expected in {
        ("avx2", "avx512", "bf16"): ("bf16", True),
        ("avx2",): ("fp32", True),
        ("bf16", "neon"): ("bf16", False),
        (): ("fp32", False),
    }.items():
        monkeypatch.setattr("model.hardware.describe_cpu", lambda features=features: ("a processor", features))
        assert choose_lean("auto") == expected
    assert choose_lean("nf4") == ("nf4", False)


def test_a_refusal_wins_only_against_all_answers_together() -> None:
    """Three ways to begin an answer, none as likely as the refusal alone."""
    split = torch.tensor([0.4, 0.25, 0.2, 0.15]).log()
    assert int(only_if_likely(split, 0).argmax()) == 1 and int(split.argmax()) == 0
    sure = torch.tensor([0.6, 0.25, 0.1, 0.05]).log()
    assert torch.equal(only_if_likely(sure, 0), sure)


def test_turns_are_granted_in_order_to_so_many_at_once() -> None:
    turns, inside, most, order = Turns(2), 0, 0, list[int]()
    lock = threading.Lock()

    def take(number: int) -> None:
        nonlocal inside, most
        with turns:
            with lock:
                order.append(number)
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
        time.sleep(0.003)
    for thread in threads:
        thread.join(5)
    assert most == 2 and sorted(order) == list(range(6)) and order[:2] == [0, 1]
