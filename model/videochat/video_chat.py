"""A language model with eyes: a frozen vision encoder, the learned adapter and a causal decoder.

A folder holds what was learned (adapter.safetensors, perhaps LoRA weights) and a config.json that names the encoder and
the decoder it was learned for. Knows nothing of clips, search or evidence.
"""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from model.errors import CheckpointError, UsageError
from model.hub import locate
from model.language.chat import Message, Still
from model.language.chat_tokens import ChatTokenizer
from model.language.decoder import CausalDecoder
from model.language.gguf import checkpoint_folder
from model.language.network import Network
from model.language.notes import NOT_FOUND
from model.profile import DecoderChoice
from model.videochat.adapter import Adapter, make_adapter
from model.videochat.caption import Batch, answer_loss, encode_answer, make_batch
from model.videochat.checkpoint import load_adapter, replace, save_adapter, save_config
from model.videochat.config import VideoChatConfig, read_config
from model.videochat.conversation import all_frames, ask, frames_in
from model.videochat.parts import (
    check_embeddings,
    check_vision,
    check_width,
    choose_decoder,
    load_decoder_network,
    load_vision,
)

if TYPE_CHECKING:
    from model.vision.encoder import VisionEncoder

FRAMES_AT_ONCE = 32  # given to the encoder together: copies of large pictures are never many
LORA = "lora"
NO_PICTURE = np.empty((0, 0, 3), np.uint8)  # of frames whose features are known


class VideoChat:
    """`decoder` is what the app talks to. Safe to use from several threads, as it is; not while it is trained."""

    def __init__(
        self,
        config: VideoChatConfig,
        adapter: Adapter,
        vision: VisionEncoder,
        network: Network,
        tokens: ChatTokenizer,
        choice: DecoderChoice | None = None,
        name: str = "The adapter",
    ) -> None:
        """`name` is how messages call the adapter. Raises CheckpointError if the parts do not fit one another."""
        self.config, self.vision, self.network, self.tokens = config, vision, network, tokens
        self.choice = choice or choose_decoder(config)
        check_vision(config.adapter, vision, name)
        check_width(config.adapter, network, self.choice.source, name)
        self.adapter = adapter.to(network.device)
        self.decoder = CausalDecoder(network, tokens, self.choice, self.see, self.still_tokens, NOT_FOUND)
        self._lora: Path | None = None  # where the LoRA weights in the network came from

    @classmethod
    def create(
        cls,
        config: VideoChatConfig,
        vision: VisionEncoder,
        network: Network,
        tokens: ChatTokenizer,
        choice: DecoderChoice | None = None,
    ) -> VideoChat:
        """With an adapter that has learned nothing yet, scaled to the decoder's embeddings. Raises CheckpointError."""
        chat = cls(config, make_adapter(config.adapter), vision, network, tokens, choice)
        chat.adapter.scale_to(*network.embedding_statistics())
        return chat

    @classmethod
    def from_pretrained(
        cls,
        folder: Path,
        vision: VisionEncoder | None = None,
        choice: DecoderChoice | None = None,
        trainable: bool = False,
    ) -> VideoChat:
        """`vision` and `choice`: by default what the folder names. `trainable`: so that `caption_loss` works.

        Raises CheckpointError, one sentence, for files that are missing or damaged, or parts that do not fit.
        """
        config = read_config(folder)
        adapter = load_adapter(folder, config)
        vision = vision or load_vision(config.vision)
        check_vision(config.adapter, vision, str(folder))  # before a decoder is loaded, which takes longest
        choice = choice or choose_decoder(config)
        lora = folder / config.lora if config.lora else None
        if lora is not None and not lora.is_dir():
            raise CheckpointError(
                f"{folder} is no whole VideoChat folder: expected a folder {config.lora}, found none."
            )
        checkpoint = checkpoint_folder(locate(choice.source))
        network = load_decoder_network(checkpoint, choice, lora, trainable)
        chat = cls(config, adapter, vision, network, ChatTokenizer(checkpoint), choice, str(folder))
        check_embeddings(adapter, network, choice.source, str(folder))
        chat._lora = lora
        return chat

    def save_pretrained(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Encoder and decoder are named, not copied. `dtype` of the adapter: bfloat16 halves its file, to be shipped.

        A save that fails leaves the files of the last one.
        """
        folder.mkdir(parents=True, exist_ok=True)
        has_lora = self._save_lora(folder / LORA)
        save_adapter(folder, self.adapter, dtype)
        self.config = dataclasses.replace(self.config, lora=LORA if has_lora else "")
        save_config(folder, self.config)

    def _save_lora(self, folder: Path) -> bool:
        """In peft's format, from the network if it has them apart, else from where they came. False: there are none."""
        model, source = getattr(self.network, "model", None), self._lora

        def write(path: Path) -> None:
            if model is not None and hasattr(model, "peft_config"):
                model.save_pretrained(str(path))
            elif source is not None:
                shutil.copytree(source, path)

        if not hasattr(model, "peft_config") and source is None:
            return False
        if hasattr(model, "peft_config") or source != folder:
            replace(folder, write)
        return True

    @property
    def still_tokens(self) -> int:
        """K: placeholders that stand for a still, or for all the stills of a `Clip`."""
        return self.config.adapter.tokens_out(1)

    def see(self, stills: Sequence[Still]) -> torch.Tensor:
        """Embeddings [n * K, W] of n stills, which know of one another. Per clip, K for each `Clip` or single still."""
        together = [stills] if self.config.adapter.per == "frame" else [frames_in(still) for still in stills]
        with torch.inference_mode():
            seen = [self._see_clip(clip) for clip in together if clip]
        if not seen:
            return torch.empty(0, self.network.width, device=self.network.device)
        return torch.cat(seen)

    def _see_clip(self, stills: Sequence[Still]) -> torch.Tensor:
        tokens, concepts = self.features([still.picture for still in stills])
        times = torch.tensor([[still.seconds for still in stills]], dtype=torch.float32)
        device = self.network.device
        embeddings, _ = self.adapter(
            tokens[None].to(device), times.to(device), concepts=None if concepts is None else concepts[None].to(device)
        )
        return embeddings[0]

    def features(self, pictures: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What the adapter is given, for pictures uint8 [H, W, 3] of any sizes: tokens [N, T, D], concepts [N, C]."""
        tokens, concepts = [], []
        for _, alike in itertools.groupby(pictures, key=lambda picture: picture.shape):
            while batch := list(itertools.islice(alike, FRAMES_AT_ONCE)):
                features = self.vision.encode_frames(np.stack(batch))
                tokens.append(torch.from_numpy(features.tokens))
                concepts.append(torch.from_numpy(features.log_probabilities))
        return torch.cat(tokens), torch.cat(concepts) if self.config.adapter.concepts else None

    def answer(
        self,
        frames: np.ndarray,
        times: Sequence[float],
        prompt: str,
        max_new_tokens: int | None = None,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]:
        """Streams an answer about frames uint8 [N, H, W, 3] shown at `times` in seconds [N].

        Each frame's time stands in text before its tokens. Of more frames than the decoder looks at, some spread evenly
        are seen. Raises ValueError for frames of another shape or not as many times.
        """
        from model.vision.encoder import check_frames

        check_frames(frames)
        if len(frames) != len(times):
            raise ValueError(f"There are {len(frames)} frames but {len(times)} times.")
        stills = [Still(float(seconds), frame) for seconds, frame in zip(times, frames, strict=True)]
        messages = ask(stills, prompt, self.config.adapter.per)
        return self.decoder.stream(messages, max_new_tokens or self.choice.new_tokens, stop, stop_strings)

    def caption_loss(
        self,
        tokens: torch.Tensor,
        times: torch.Tensor,
        mask: torch.Tensor,
        prompts: Sequence[str | Sequence[Message]],
        targets: Sequence[str],
        concepts: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Mean cross entropy of the targets' tokens, for the features of B clips (as `Adapter.forward` takes them).

        A prompt is a question, or messages whose stills stand for the clip's frames in order. The sequence is the very
        one that `answer` sees; what does not fit into the decoder's budget is left out as there, and a target is cut at
        the profile's `new_tokens`. Raises UsageError unless the network is transformers' (`trainable=True`).
        """
        model = getattr(self.network, "model", None)
        if model is None:
            raise UsageError("This model was loaded for answering: load it with trainable=True to train it.")
        batch, kept = self._conversations(times, mask, prompts, targets)
        device = self.network.device
        embeddings, seen = self.adapter(
            tokens.to(device), times.to(device), kept.to(device), None if concepts is None else concepts.to(device)
        )
        return answer_loss(model, batch, embeddings[seen])

    def _conversations(
        self,
        times: torch.Tensor,
        mask: torch.Tensor,
        prompts: Sequence[str | Sequence[Message]],
        targets: Sequence[str],
    ) -> tuple[Batch, torch.Tensor]:
        """The batch, and which frames [B, N] are in it."""
        kept, built = torch.zeros_like(mask, device="cpu"), []
        for i, prompt in enumerate(prompts):
            places = mask[i].nonzero().flatten().tolist()
            if isinstance(prompt, str):
                stills = [Still(float(times[i, place]), NO_PICTURE) for place in places]
                messages: Sequence[Message] = ask(stills, prompt, self.config.adapter.per)
            else:
                messages = prompt
            frames = all_frames(messages)
            if len(frames) != len(places):
                raise ValueError(
                    f"The messages of clip {i} hold {len(frames)} stills, but it has {len(places)} frames."
                )
            decoder = self.decoder
            built.append(self.tokens.prompt(messages, decoder.context_tokens, decoder.max_stills, self.still_tokens))
            chosen = {id(frame) for still in built[-1].stills for frame in frames_in(still)}
            kept[i, [place for place, frame in zip(places, frames, strict=True) if id(frame) in chosen]] = True
        answers = [encode_answer(self.tokens, target, self.choice.new_tokens) for target in targets]
        return make_batch(built, answers), kept
