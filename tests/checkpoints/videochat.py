"""Tiny VideoChat folders, and a tiny decoder that can speak and has never seen."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.language.chat import Still
from model.language.chat_tokens import ChatTokenizer
from model.language.decoder import load_network
from model.videochat.caption import answer_loss, encode_answer, make_batch
from model.videochat.config import AdapterConfig, DecoderReference, VideoChatConfig, VisionReference
from model.videochat.conversation import ask
from model.videochat.video_chat import NO_PICTURE, VideoChat
from model.vision.encoder import FrameFeatures, VisionEncoder, check_frames
from tests.checkpoints.language import tiny_llama

SMALL: dict[str, Any] = {"width": 16, "heads": 2, "queries": 2, "depth": 1, "concept_tokens": 1}
# Each word is one token of the tiny tokenizer.
WHO = ("car", "speaker", "harbour", "video", "sentence", "crossing")
DOES = ("stops", "says", "opens", "shown")
WHERE = ("crossing", "video", "May", "pictures", "seconds")
QUESTION = "What?"
TOKENS, WIDTH, CONCEPTS = 4, 6, 5  # of Quadrants


class Quadrants:
    """An encoder for frames of any size: means and deviations of the four quarters of each."""

    dim, name, concepts = WIDTH, "quadrants/1", [(str(number),) for number in range(CONCEPTS)]

    def __init__(self, tokens: int = TOKENS, width: int = WIDTH) -> None:
        """Of another shape than its own it can only say that it has it."""
        self.batches: list[int] = []
        self.shape = (tokens, width)

    def encode_frames(self, frames: np.ndarray) -> FrameFeatures:
        check_frames(frames)
        if not len(frames):
            nothing = np.zeros((0, *self.shape), np.float16), np.zeros((0, CONCEPTS), np.float16)
            return FrameFeatures(np.zeros((0, WIDTH), np.float32), nothing[0], [], nothing[1])
        self.batches.append(len(frames))
        high, wide = (max(1, size // 2) for size in frames.shape[1:3])
        quarters = [frames[:, y, x] for y in (np.s_[:high], np.s_[-high:]) for x in (np.s_[:wide], np.s_[-wide:])]
        tokens = np.stack([np.concatenate([q.mean((1, 2)), q.std((1, 2))], 1) / 64 for q in quarters], 1)
        pooled = tokens.mean(1)
        return FrameFeatures(pooled, tokens.astype(np.float16), [], -np.abs(pooled[:, :CONCEPTS]).astype(np.float16))

    def encode_text(self, texts: Any) -> np.ndarray:
        return np.zeros((len(texts), self.dim), np.float32)

    def tags(self, frames: Any) -> list[list[tuple[str, float]]]:
        return [[] for _ in range(len(frames))]

    def chance(self, frame: np.ndarray, query: np.ndarray) -> float:
        return 1.0


def tiny_videochat(
    folder: Path, decoder: Path, clip: Path | None = None, vision: VisionEncoder | None = None, **adapter: Any
) -> Path:
    """Saves config.json and adapter.safetensors (random) into `folder`, and returns it.

    `decoder`: a causal LM's folder. The encoder: `clip`, an open_clip folder, or `vision`, named as the pack's.
    `adapter`: fields of its config other than SMALL's.
    """
    if clip is not None:
        from model.vision.open_clip_encoder import OpenClipEncoder

        vision, reference = OpenClipEncoder(clip), VisionReference("open_clip", f"path:{clip}")
    else:
        reference = VisionReference("embedded", "pack:image")
    assert vision is not None, "give a clip folder or an encoder"
    shape = vision.encode_frames(np.empty((0, 1, 1, 3), np.uint8)).tokens.shape
    network = load_network(decoder, "fp32")
    config = VideoChatConfig(
        reference,
        DecoderReference(f"path:{decoder}", precision="fp32"),
        AdapterConfig(shape[2], shape[1], network.width, **{**SMALL, **adapter}),
    )
    torch.manual_seed(0)
    VideoChat.create(config, vision, network, ChatTokenizer(decoder)).save_pretrained(folder)
    return folder


def captions() -> list[str]:
    """All that `tiny_speaker` can say: 112 sentences."""
    return [f"The {a} {b} in the {c}" for a, b, c in itertools.product(WHO, DOES, WHERE) if a != c]


def tiny_speaker(folder: Path, frames: int, still_tokens: int, steps: int = 200) -> Path:
    """A decoder that has learned to answer with the caption whose three words stand anywhere among the frames' tokens.

    Learned from words alone, of which half fill the places that embeddings of pictures will have: so a small copy of
    a language model that can speak and has never seen. About four seconds.
    """
    from transformers import AutoModelForCausalLM

    tiny_llama(folder, initializer_range=0.05)
    tokens = ChatTokenizer(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    torch.manual_seed(0)
    chance = random.Random(0)
    stills = [Still(float(second), NO_PICTURE) for second in range(frames)]
    prompt = tokens.prompt(ask(stills, QUESTION, "frame"), 1000, frames, still_tokens)
    embeddings = model.get_input_embeddings()
    words = {word: tokens.encode(f" {word}", "text")[0] for word in {*WHO, *DOES, *WHERE}}
    fillers = sorted(set(range(3, len(embeddings.weight))) - set(words.values()))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0)
    sentences, places = captions(), frames * still_tokens
    for step in range(steps):
        said = chance.choices(sentences, k=32)
        shown = []
        for sentence in said:
            hints = [words[word] for word in sentence.split()[1::4] + sentence.split()[2:3]] * 2
            shown += chance.sample(hints + chance.choices(fillers, k=places - len(hints)), places)
        batch = make_batch([prompt] * len(said), [encode_answer(tokens, sentence, 50) for sentence in said])
        loss = answer_loss(model, batch, embeddings(torch.tensor(shown)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, (step + 1) / 10) * (1 - step / steps)
        optimizer.step()
    model.save_pretrained(folder)
    return folder
