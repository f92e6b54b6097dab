"""The encoder and the decoder that a VideoChat config names: loaded, and checked against the adapter made for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.errors import CheckpointError
from model.hub import locate
from model.language.decoder import load_network
from model.language.network import Network
from model.profile import DecoderChoice
from model.videochat.adapter import Adapter
from model.videochat.config import AdapterConfig, VideoChatConfig, VisionReference

if TYPE_CHECKING:
    from model.vision.encoder import VisionEncoder

# How much the mean and the deviation of a decoder's embeddings may differ from those the adapter was made for, as a
# share of the deviation. Another precision changes them by a thousandth, another model by a tenth and more.
SAME_EMBEDDINGS = 0.02


def load_vision(reference: VisionReference) -> VisionEncoder:
    """Raises CheckpointError or PackError if it is not here."""
    if reference.kind == "open_clip":
        from model.vision.open_clip_encoder import OpenClipEncoder

        return OpenClipEncoder(locate(reference.source), reference.architecture)
    from model.text.minilm import MiniLM
    from model.vision.embedded import EmbeddedEncoder

    return EmbeddedEncoder(MiniLM(), locate(reference.source))


def choose_decoder(config: VideoChatConfig) -> DecoderChoice:
    """As the config has it, where no profile says more."""
    return DecoderChoice(config.decoder.kind, config.decoder.source, config.decoder.precision)


def load_decoder_network(checkpoint: Path, choice: DecoderChoice, lora: Path | None, trainable: bool) -> Network:
    """`trainable`: transformers' network, which gradients go through, with LoRA weights of its own."""
    if not trainable:
        return load_network(checkpoint, choice.precision, lora)
    from model.language.causal_lm import TransformersNetwork

    return TransformersNetwork(checkpoint, choice.precision, lora, beside=True)


def check_vision(config: AdapterConfig, vision: VisionEncoder, name: str) -> None:
    """Raises CheckpointError unless the encoder's frames are what the adapter takes; `name` is how to call that."""
    nothing = vision.encode_frames(np.empty((0, 1, 1, 3), np.uint8))  # computes nothing, but has its shapes
    expected = (config.vision_tokens, config.vision_width)
    if nothing.tokens.shape[1:] != expected:
        tokens, width = nothing.tokens.shape[1:]
        raise CheckpointError(
            f"{name} does not fit the vision encoder {vision.name}: expected {expected[0]} tokens of width "
            f"{expected[1]} a frame, found {tokens} of width {width}."
        )
    if config.concepts and nothing.log_probabilities.shape[1] != config.concepts:
        raise CheckpointError(
            f"{name} does not fit the vision encoder {vision.name}: expected the probabilities of {config.concepts} "
            f"things a frame, found {nothing.log_probabilities.shape[1]}."
        )


def check_width(config: AdapterConfig, network: Network, source: str, name: str) -> None:
    if network.width != config.decoder_width:
        raise CheckpointError(
            f"{name} does not fit the decoder {source}: expected embeddings of width {config.decoder_width}, "
            f"found {network.width}."
        )


def check_embeddings(adapter: Adapter, network: Network, source: str, name: str) -> None:
    """Raises CheckpointError for a decoder of the right width whose words are embedded otherwise: another model."""
    mean, std = network.embedding_statistics()
    made_for = adapter.embedding_std.cpu().clamp(min=1e-9)
    difference = max(
        ((mean - adapter.embedding_mean.cpu()).abs() / made_for).mean().item(),
        ((std - made_for).abs() / made_for).mean().item(),
    )
    if not difference <= SAME_EMBEDDINGS:
        raise CheckpointError(
            f"{name} was made for another decoder than {source}: expected embeddings of deviation "
            f"{made_for.mean():.4f}, found {std.mean():.4f}, and {difference:.0%} of that between their values."
        )
