"""VideoChat: answering, its folder, and what is said where the parts do not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import CheckpointError, UsageError
from model.hardware import find_gpu
from model.language.chat import Still, stills_of
from model.language.chat_tokens import PLACEHOLDER
from model.profile import DecoderChoice
from model.videochat.conversation import ask
from model.videochat.video_chat import FRAMES_AT_ONCE, VideoChat
from tests.checkpoints.clip import tiny_clip
from tests.checkpoints.language import tiny_llama, tiny_lora, tiny_qwen
from tests.checkpoints.videochat import TOKENS, WIDTH, Quadrants, tiny_videochat


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Path:
    return tiny_videochat(tmp_path_factory.mktemp("videochat"), llama, vision=Quadrants())


@pytest.fixture
def folder(tmp_path: Path, saved: Path) -> Path:
    """A copy, to be spoiled."""
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def frames(count: int, height: int = 20, width: int = 30, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


# Answering


def test_an_answer_streams_and_depends_on_the_pictures_and_their_times(saved: Path) -> None:
    chat = VideoChat.from_pretrained(saved, Quadrants())
    first, second = frames(3), frames(3, seed=1) // 4

    def say(pictures: np.ndarray, times: list[float]) -> str:
        return "".join(chat.answer(pictures, times, "What is shown?", max_new_tokens=24))

    answer = say(first, [0, 1, 2])
    assert answer
    assert chat.decoder.last_stats is not None
    assert chat.decoder.last_stats.stills == 3
    assert answer == say(first, [0, 1, 2])
    assert len({answer, say(second, [0, 1, 2]), say(first, [60, 61, 62])}) == 3


@pytest.mark.parametrize(
    ("count", "size"), [(0, (4, 4)), (1, (20, 30)), (2, (1, 1)), (1, (3000, 4000)), (1000, (2, 2))]
)
def test_any_number_of_frames_of_any_size_is_answered(saved: Path, count: int, size: tuple[int, int]) -> None:
    chat = VideoChat.from_pretrained(saved, Quadrants())
    answer = chat.answer(frames(count, *size), [float(n) for n in range(count)], "What is shown?", max_new_tokens=4)
    assert isinstance("".join(answer), str)
    assert chat.decoder.last_stats is not None
    assert chat.decoder.last_stats.stills == min(count, chat.choice.stills)


@pytest.mark.parametrize("per", ["frame", "clip"])
def test_a_thousand_frames_are_seen_in_batches(tmp_path: Path, llama: Path, per: str) -> None:
    encoder = Quadrants()
    chat = VideoChat.from_pretrained(tiny_videochat(tmp_path, llama, vision=encoder, per=per), encoder)
    encoder.batches.clear()
    stills = [Still(float(number), picture) for number, picture in enumerate(frames(1000, 2, 2))]
    seen = chat.see(stills_of(ask(stills, "What?", chat.config.adapter.per)))
    assert seen.shape == ((1000 if per == "frame" else 1) * chat.still_tokens, 64)
    assert sum(encoder.batches) == 1000
    assert max(encoder.batches) == FRAMES_AT_ONCE


def test_stills_of_different_sizes_are_seen_together(saved: Path) -> None:
    chat = VideoChat.from_pretrained(saved, Quadrants())
    pictures = [frames(1, 8, 8)[0], frames(1, 6, 10)[0], frames(1, 8, 8, seed=1)[0]]
    seen = chat.see([Still(float(second), picture) for second, picture in enumerate(pictures)])
    assert seen.shape == (3 * chat.still_tokens, 64)
    assert chat.see([]).shape == (0, 64)


def test_per_clip_all_times_stand_in_text_before_one_block_of_tokens(tmp_path: Path, llama: Path) -> None:
    chat = VideoChat.from_pretrained(tiny_videochat(tmp_path, llama, vision=Quadrants(), per="clip"), Quadrants())
    stills = [Still(second, picture) for second, picture in zip([1.0, 2.5], frames(2), strict=True)]
    prompt = chat.tokens.prompt(ask(stills, "What?", "clip"), 500, 8, chat.still_tokens)
    assert prompt.rest.count(PLACEHOLDER) == chat.still_tokens
    text = chat.tokens.tokenizer.decode([token for token in prompt.rest if token != PLACEHOLDER])
    assert "<1.0 seconds> <2.5 seconds>" in text
    assert "".join(chat.answer(frames(2), [1.0, 2.5], "What?", max_new_tokens=8))


def test_frames_without_their_times_are_refused(saved: Path) -> None:
    chat = VideoChat.from_pretrained(saved, Quadrants())
    with pytest.raises(ValueError, match="3 frames but 2 times"):
        chat.answer(frames(3), [0.0, 1.0], "What?")
    with pytest.raises(ValueError, match="uint8"):
        chat.answer(frames(3).astype(np.float32), [0.0, 1.0, 2.0], "What?")


@pytest.mark.skipif(find_gpu() is not None, reason="on a GPU the network is transformers' own, which can be trained")
def test_a_model_loaded_for_answering_says_how_to_train_it(saved: Path) -> None:
    chat = VideoChat.from_pretrained(saved, Quadrants())
    tokens, times, mask = torch.zeros(1, 1, TOKENS, WIDTH), torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool)
    with pytest.raises(UsageError, match="trainable=True"):
        chat.caption_loss(tokens, times, mask, ["What?"], ["A red car"])


# The folder


def test_what_was_saved_sees_and_says_the_same(tmp_path: Path, saved: Path) -> None:
    first = VideoChat.from_pretrained(saved, Quadrants())
    first.save_pretrained(tmp_path / "again")
    second = VideoChat.from_pretrained(tmp_path / "again", Quadrants())
    stills = [Still(float(second), picture) for second, picture in enumerate(frames(3))]
    assert torch.equal(first.see(stills), second.see(stills))
    answers = ["".join(chat.answer(frames(3), [0, 1, 2], "What?", max_new_tokens=16)) for chat in (first, second)]
    assert answers[0] == answers[1]
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["adapter.safetensors", "config.json"]


def test_in_half_the_bytes_it_sees_nearly_the_same(tmp_path: Path, saved: Path) -> None:
    exact = VideoChat.from_pretrained(saved, Quadrants())
    exact.save_pretrained(tmp_path, torch.bfloat16)
    half = VideoChat.from_pretrained(tmp_path, Quadrants())
    stills = [Still(1.0, frames(1)[0])]
    torch.testing.assert_close(exact.see(stills), half.see(stills), rtol=0, atol=0.05 * exact.see(stills).std().item())
    assert not torch.equal(exact.see(stills), half.see(stills))


def test_a_folder_alone_brings_its_encoder_and_decoder(tmp_path: Path) -> None:
    decoder, encoder = tiny_qwen(tmp_path / "qwen"), tiny_clip(tmp_path / "clip")
    folder = tiny_videochat(tmp_path / "chat", decoder, encoder, concepts=1000)
    chat = VideoChat.from_pretrained(folder)
    assert chat.vision.dim == 32
    assert isinstance("".join(chat.answer(frames(2), [0, 1], "What?", max_new_tokens=4)), str)


def test_lora_weights_lie_beside_and_are_used(tmp_path: Path, llama: Path, folder: Path) -> None:
    plain = VideoChat.from_pretrained(folder, Quadrants())
    tiny_lora(folder / "lora", llama)
    edit(folder, lambda config: config.update(lora="lora"))
    chat = VideoChat.from_pretrained(folder, Quadrants())
    trained = VideoChat.from_pretrained(folder, Quadrants(), trainable=True)
    lines = {"".join(c.answer(frames(2), [0, 1], "What?", max_new_tokens=16)) for c in (chat, trained)}
    assert len(lines) == 1
    assert lines != {"".join(plain.answer(frames(2), [0, 1], "What?", max_new_tokens=16))}
    for number, source in enumerate((chat, trained)):
        source.save_pretrained(tmp_path / f"copy{number}")
        again = VideoChat.from_pretrained(tmp_path / f"copy{number}", Quadrants())
        assert {"".join(again.answer(frames(2), [0, 1], "What?", max_new_tokens=16))} == lines


def test_a_save_that_fails_leaves_the_last_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = VideoChat.from_pretrained(folder, Quadrants())
    before = (folder / "adapter.safetensors").read_bytes()

    write = Path.write_bytes

    def fill_the_disk(path: Path, data: bytes) -> None:
        write(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        chat.save_pretrained(folder)
    assert (folder / "adapter.safetensors").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["adapter.safetensors", "config.json"]


# Bad input


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / "config.json").read_text())
    change(content)
    (folder / "config.json").write_text(json.dumps(content))


def spoil(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = load_file(folder / "adapter.safetensors")
    change(weights)
    save_file(weights, folder / "adapter.safetensors")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda config: config.update(colour="red"), r"unknown key colour"),
        (lambda config: config["adapter"].update(depth="two"), r"adapter\.depth is 'two'"),
        (lambda config: config["adapter"].update(width=15), r"adapter: width 15 must be a multiple of heads 2"),
        (lambda config: config["decoder"].pop("source"), r"decoder\.source is missing"),
        (lambda config: config.update(version=7), r"version is 7; this Cuepoint reads version 1"),
        (lambda config: config.update(lora="../lora"), r"lora is '\.\./lora'"),
        (lambda config: config.update(lora="lora"), r"expected a folder lora, found none"),
        (lambda config: config["adapter"].update(queries=3), r"expected queries of shape \[3, 16\], found \[2, 16\]"),
        (lambda config: config["adapter"].update(depth=2), r"expected a tensor layers\.1\..*, found none"),
        (lambda config: config["adapter"].update(temporal_depth=0), r"expected no tensor temporal\.0\..*, found one"),
    ],
)
def test_a_config_that_is_wrong_is_named_with_its_key(
    folder: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    edit(folder, change)
    with pytest.raises(CheckpointError, match=says) as caught:
        VideoChat.from_pretrained(folder, Quadrants())
    assert str(folder) in str(caught.value)


def test_files_that_are_missing_or_damaged_are_named(folder: Path) -> None:
    weights, config = folder / "adapter.safetensors", folder / "config.json"
    whole = weights.read_bytes()
    spoil(folder, lambda tensors: tensors["queries"].fill_(math.nan))
    assert_refused(folder, "adapter.safetensors is damaged: expected finite numbers, found others in queries")
    weights.write_bytes(whole[:-100])
    assert_refused(folder, f"adapter.safetensors is damaged: expected {len(whole)} bytes, found {len(whole) - 100}")
    weights.write_bytes(b"nonsense")
    assert_refused(folder, "adapter.safetensors is damaged")
    weights.unlink()
    assert_refused(folder, "expected adapter.safetensors, found none")
    config.write_text("{")
    assert_refused(folder, "config.json is not valid JSON")
    config.unlink()
    assert_refused(folder, "has no config.json")


def test_parts_that_were_not_made_for_one_another_are_refused(tmp_path: Path, folder: Path, llama: Path) -> None:
    assert_refused(
        folder, "encoder quadrants/1: expected 4 tokens of width 6 a frame, found 9 of width 7", Quadrants(9, 7)
    )
    wide = DecoderChoice("causal-lm", f"path:{tiny_llama(tmp_path / 'wide', hidden_size=128)}")
    assert_refused(folder, f"decoder {wide.source}: expected embeddings of width 64, found 128", choice=wide)
    other = DecoderChoice("causal-lm", f"path:{tiny_llama(tmp_path / 'other', initializer_range=0.1)}")
    assert_refused(folder, f"made for another decoder than {other.source}: expected embeddings of", choice=other)
    gone = DecoderChoice("causal-lm", f"path:{tmp_path / 'gone'}")
    assert_refused(folder, f"{tmp_path / 'gone'} does not exist", choice=gone)


def assert_refused(
    folder: Path, says: str, vision: Quadrants | None = None, choice: DecoderChoice | None = None
) -> None:
    """Refused in one sentence that contains `says`."""
    with pytest.raises(CheckpointError) as caught:
        VideoChat.from_pretrained(folder, vision or Quadrants(), choice)
    message = str(caught.value)
    assert says in message
    assert message.endswith(".")
    assert "\n" not in message
