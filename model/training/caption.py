"""Stage 2, caption: the adapter learns to show a frozen decoder what a frozen encoder sees, from captions.

The prompt is the one that captions are asked for with, letter for letter. The adapter alone is trained; gradients go
through the decoder, none stay in it. Some lessons are several photos in a row, asked for the time.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from model.errors import CheckpointError, UsageError
from model.hub import locate
from model.language.causal_lm import TransformersNetwork
from model.language.chat_tokens import ChatTokenizer
from model.language.gguf import checkpoint_folder
from model.loading import Models
from model.profile import DecoderChoice, VisionChoice
from model.training.config import AdapterChoice, CaptionConfig
from model.training.lessons import Lesson, Sequences, caption_lesson, chance_of
from model.training.looking import Looked, look_at
from model.training.loop import Run, mixed_precision, train
from model.training.speaking import Speaking, features_folder, place, start_folder
from model.videochat.config import AdapterConfig, VideoChatConfig, VisionReference
from model.videochat.video_chat import VideoChat
from model.vision.encoder import VisionEncoder


class Caption(Speaking):
    """The task of `loop.train`."""

    def __init__(
        self, config: CaptionConfig, chat: VideoChat, looked: Looked, validation: Looked | None, output: Path
    ) -> None:
        held_out = lessons_held_out(validation, config.held_out) if validation else []
        super().__init__(chat, validation, held_out, config.loop.batch, output, partial(save, chat))
        self.config, self.looked = config, looked
        self.numbers = [i for i, sample in enumerate(looked.samples) if sample.captions]
        self.sequences = Sequences(looked, config.views)

    def batch(self, indices: np.ndarray, dice: np.ndarray) -> list[Lesson]:
        return [self._lesson(self.numbers[index], chance_of(row)) for index, row in zip(indices, dice, strict=True)]

    def _lesson(self, index: int, rng: np.random.Generator) -> Lesson:
        if rng.random() < self.config.sequences and self.sequences:
            return self.sequences.question(rng)
        return caption_lesson(self.looked, index, rng, self.config.views, self.config.shifted)


def run(config: CaptionConfig, models: Models, output: Path) -> dict[str, float]:
    """Train the adapter, or go on; the result lies in `output` as a VideoChat folder.

    Raises UsageError if the data hold no captions, CheckpointError for a start or a decoder that does not fit, and
    CuepointError as `loop.train` does.
    """
    chat = begin(config, models)  # before features are computed, which takes longest
    accelerator = Accelerator(mixed_precision=mixed_precision(config.loop))
    folder, seed = features_folder(config.features, output), config.loop.seed
    with accelerator.main_process_first():  # the others find the features made
        looked = look_at(config.data, models.vision, folder, config.views, config.frames, seed)
        held_out = config.validation
        validation = look_at(held_out, models.vision, folder, 1, config.frames, seed) if held_out else None
    place(chat, accelerator.device)
    task = Caption(config, chat, looked, validation, output)
    if not task.numbers:
        raise UsageError(f"No sample of {', '.join(c.path for c in config.data)} has a caption to learn from.")
    figures = train(task, Run(output, config.loop, asdict(config)), len(task.numbers), accelerator)
    if accelerator.is_main_process:
        save(chat, output)
    return figures


def begin(config: CaptionConfig, models: Models) -> VideoChat:
    """The model as it is before the first step. Raises CheckpointError if its parts do not fit one another."""
    choice = DecoderChoice(config.decoder.kind, config.decoder.source, config.decoder.precision)
    torch.manual_seed(config.loop.seed)
    if config.start:
        chat = VideoChat.from_pretrained(start_folder(config.start), models.vision, choice, trainable=True)
        expected = adapter_config(config.adapter, models.vision, chat.network.width)
        if chat.config.adapter != expected:
            raise CheckpointError(f"{config.start} has another adapter than the config: {differences(expected, chat)}.")
        chat.config = replace(chat.config, decoder=config.decoder)
    else:
        folder = checkpoint_folder(locate(config.decoder.source))
        network = TransformersNetwork(folder, config.decoder.precision)
        described = VideoChatConfig(
            reference_of(models.profile.vision),
            config.decoder,
            adapter_config(config.adapter, models.vision, network.width),
        )
        chat = VideoChat.create(described, models.vision, network, ChatTokenizer(folder), choice)
    chat.adapter.requires_grad_(True)
    return chat


def adapter_config(choice: AdapterChoice, vision: VisionEncoder, decoder_width: int) -> AdapterConfig:
    """Raises UsageError for numbers that do not go together."""
    features = vision.encode_frames(np.zeros((1, 64, 64, 3), np.uint8))
    given = asdict(choice)
    given["concepts"] = features.log_probabilities.shape[1] if choice.concepts else 0
    try:
        return AdapterConfig(features.tokens.shape[2], features.tokens.shape[1], decoder_width, **given)
    except ValueError as error:
        raise UsageError(f"The training config's adapter makes no sense: {error}.") from error


def differences(expected: AdapterConfig, chat: VideoChat) -> str:
    """What the config asks for and what is there, of each number in which they differ."""
    there = asdict(chat.config.adapter)
    return ", ".join(
        f"{name}: expected {value}, found {there[name]}"
        for name, value in asdict(expected).items()
        if value != there[name]
    )


def reference_of(vision: VisionChoice) -> VisionReference:
    """The encoder by its own source; heads matter to search alone."""
    return VisionReference(vision.kind, vision.source, vision.architecture)


def lessons_held_out(looked: Looked, most: int) -> list[Lesson]:
    """One caption each of at most so many samples, spread over all, always the same."""
    numbers = [i for i, sample in enumerate(looked.samples) if sample.captions]
    kept = numbers[:: max(1, len(numbers) // most)][:most]
    return [caption_lesson(looked, index, np.random.default_rng(index), 1, 0.0) for index in kept]


def save(chat: VideoChat, output: Path) -> None:
    chat.save_pretrained(output, torch.bfloat16)
