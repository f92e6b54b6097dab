"""Learning to word what is seen: the caption loss, and what an adapter learns by it."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.language.causal_lm import TransformersNetwork
from model.language.chat import Message, Still
from model.language.chat_tokens import ChatTokenizer
from model.language.decoder import put_pictures
from model.profile import Precision
from model.videochat.caption import encode_answer
from model.videochat.config import AdapterConfig, DecoderReference, VideoChatConfig, VisionReference
from model.videochat.conversation import ask
from model.videochat.video_chat import NO_PICTURE, VideoChat
from tests.checkpoints.language import tiny_llama, tiny_qwen, tiny_sentencepiece
from tests.checkpoints.videochat import CONCEPTS, QUESTION, TOKENS, WIDTH, Quadrants, captions, tiny_speaker


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama"))


def clip(chat: VideoChat, batch: int, count: int) -> dict[str, torch.Tensor]:
    """Random features of clips, as `caption_loss` takes them."""
    noise = torch.Generator().manual_seed(4)
    config = chat.config.adapter
    return {
        "tokens": torch.randn(batch, count, config.vision_tokens, config.vision_width, generator=noise),
        "times": torch.arange(count).float().expand(batch, -1),
        "mask": torch.ones(batch, count, dtype=torch.bool),
    }


def trainable(decoder: Path, precision: Precision = "fp32", **adapter: Any) -> VideoChat:
    """An adapter that has learned nothing yet, and a decoder through transformers."""
    settings = {"width": 32, "heads": 4, "queries": 4, "vision_width": WIDTH, "vision_tokens": TOKENS, **adapter}
    config = VideoChatConfig(
        VisionReference("embedded", "pack:image"),
        DecoderReference(f"path:{decoder}"),
        AdapterConfig(decoder_width=64, **settings),
    )
    vision = Quadrants(settings["vision_tokens"], settings["vision_width"])
    torch.manual_seed(0)
    return VideoChat.create(config, vision, TransformersNetwork(decoder, precision), ChatTokenizer(decoder))


@pytest.mark.parametrize("adapter", [{}, {"per": "clip"}, {"kind": "mlp", "shuffle": 2}, {"concepts": CONCEPTS}])
def test_the_caption_loss_reaches_every_parameter_of_the_adapter_and_none_of_the_decoder(
    llama: Path, adapter: dict[str, Any]
) -> None:
    chat = trainable(llama, **adapter)
    concepts = torch.randn(2, 3, CONCEPTS) if "concepts" in adapter else None
    loss = chat.caption_loss(
        **clip(chat, 2, 3), prompts=["What?", "What is it?"], targets=["A red car", "The harbour"], concepts=concepts
    )
    loss.backward()
    for name, parameter in chat.adapter.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
    model = chat.network.model  # type: ignore[attr-defined]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_clip_in_a_batch_of_longer_ones_has_the_loss_it_has_alone(llama: Path) -> None:
    chat = trainable(llama)
    given = clip(chat, 2, 3)
    given["mask"][0, 1:] = False
    prompts, targets = ["What?", "What is shown in these pictures?"], ["A red car", "The harbour opens in May."]
    together = chat.caption_loss(**given, prompts=prompts, targets=targets)
    alone, lengths = [], []
    for row, count in enumerate([1, 3]):
        one = {name: value[row : row + 1, :count] for name, value in given.items()}
        alone.append(chat.caption_loss(**one, prompts=prompts[row : row + 1], targets=targets[row : row + 1]))
        lengths.append(len(encode_answer(chat.tokens, targets[row], 96)))
    expected = sum(loss * length for loss, length in zip(alone, lengths, strict=True)) / sum(lengths)
    torch.testing.assert_close(together, expected, atol=1e-4, rtol=1e-4)


def test_what_is_learned_is_the_sequence_that_answering_sees(llama: Path) -> None:
    """The loss of a first token is what the network, asked as `answer` asks it, gives that token."""
    chat, target = trainable(llama), "A red car"
    pictures = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), np.uint8)
    times = [3.0, 4.5]
    chat.choice = dataclasses.replace(chat.choice, new_tokens=1)
    tokens, _ = chat.features(list(pictures))
    stills = [Still(second, picture) for second, picture in zip(times, pictures, strict=True)]
    prompt = chat.tokens.prompt(ask(stills, "What?", "frame"), chat.decoder.context_tokens, 8, chat.still_tokens)
    with torch.inference_mode():
        mask = torch.ones(1, 2, dtype=torch.bool)
        loss = chat.caption_loss(tokens[None], torch.tensor([times]), mask, ["What?"], [target])
        whole = put_pictures(chat.network, [*prompt.prefix, *prompt.rest], chat.see(stills))
        logits = chat.network.extend(whole, chat.network.new_cache(len(prompt)))
    wanted = chat.tokens.encode(target, "text")[0]
    assert loss.item() == pytest.approx(-logits.log_softmax(-1)[wanted].item(), abs=1e-3)


def test_messages_of_the_app_can_be_learned_and_lose_frames_as_in_the_app(llama: Path) -> None:
    chat = trainable(llama)
    given = clip(chat, 1, 12)  # more than the eight stills of a profile
    messages: list[Message] = [
        {"role": "system", "content": "Answer from the evidence."},
        {"role": "user", "content": ["[1] ", *(Still(float(n), NO_PICTURE) for n in range(12)), "What?"]},
    ]
    loss = chat.caption_loss(**given, prompts=[messages], targets=["A red car"])
    kept = [0, 2, 3, 5, 6, 8, 9, 11]
    fewer = {name: value[:, kept] for name, value in given.items()}
    messages[1] = {"role": "user", "content": ["[1] ", *(Still(float(n), NO_PICTURE) for n in kept), "What?"]}
    torch.testing.assert_close(loss, chat.caption_loss(**fewer, prompts=[messages], targets=["A red car"]))
    with pytest.raises(ValueError, match="clip 0 hold 8 stills, but it has 12 frames"):
        chat.caption_loss(**given, prompts=[messages], targets=["A red car"])


@pytest.mark.parametrize("precision", ["nf4", "bf16"])
def test_gradients_come_through_a_decoder_of_less_precision(llama: Path, precision: Any) -> None:
    chat = trainable(llama, precision)
    chat.caption_loss(**clip(chat, 1, 2), prompts=["What?"], targets=["A red car"]).backward()
    gradients = [parameter.grad for parameter in chat.adapter.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() and gradient.any() for gradient in gradients)


def test_twenty_steps_teach_four_clips_to_a_frozen_decoder(tmp_path: Path) -> None:
    """The decoder can speak and has never seen: that an adapter learns to tell it what is there is all that changes."""
    chat = trainable(tiny_speaker(tmp_path, frames=3, still_tokens=4), width=256, vision_width=64, vision_tokens=9)
    model = chat.network.model  # type: ignore[attr-defined]
    before = copy.deepcopy(model.state_dict())
    given = clip(chat, 4, 3)
    targets = [
        "The car stops in the crossing",
        "The speaker says in the video",
        "The harbour opens in the May",
        "The sentence shown in the pictures",
    ]
    assert set(targets) <= set(captions())
    optimizer = torch.optim.AdamW(chat.adapter.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0)
    chat.adapter.train()
    losses = []
    for _ in range(20):
        loss = chat.caption_loss(**given, prompts=[QUESTION] * 4, targets=targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(chat.adapter.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    chat.adapter.eval()
    with torch.inference_mode():
        learned = chat.caption_loss(**given, prompts=[QUESTION] * 4, targets=targets).item()
        exchanged = chat.caption_loss(**given, prompts=[QUESTION] * 4, targets=targets[::-1]).item()
    assert losses[0] > 1
    assert learned < 0.1
    assert exchanged > 1  # it is the pictures that tell which caption it is
    after = model.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


@pytest.mark.parametrize("make", [tiny_llama, tiny_qwen, tiny_sentencepiece])
def test_a_system_message_that_all_share_is_read_once_and_changes_nothing(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.videochat import caption

    chat = trainable(make(tmp_path))
    if chat.network.device.type != "cpu":
        pytest.skip("a GPU reads it in each")
    prompts = [
        [
            {"role": "system", "content": "Answer from the notes."},
            *ask([Still(n, NO_PICTURE) for n in (0, 1, 2)], q, "frame"),
        ]
        for q in ("What?", "What is shown in these pictures?")
    ]
    given = clip(chat, 2, 3) | {"prompts": prompts, "targets": ["A red car", "The harbour opens"]}
    gradients, losses, read = [], [], []
    whole = caption.read_once
    for stand_in in (lambda *arguments: read.append(arguments) or whole(*arguments), lambda *_: None):
        monkeypatch.setattr(caption, "read_once", stand_in)
        loss = chat.caption_loss(**given)
        chat.adapter.zero_grad()
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in chat.adapter.parameters() if p.grad is not None]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-6)
    assert len(read) == 1
