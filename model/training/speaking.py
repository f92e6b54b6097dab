"""A VideoChat as what is trained: the loss of a batch of lessons, the loss on lessons held out, and what is said.

Only what wants gradients (the adapter, low-rank weights) is part of the module, so a checkpoint holds no decoder.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from torch import nn

from model.errors import UnreadableMedia
from model.evaluation.pictures import LOOK_PX, stills_of
from model.evaluation.tasks import CAPTION_PROMPT, CAPTION_TOKENS, STILLS
from model.hub import PREFIXES, locate
from model.language.chat import text_of
from model.language.decoder import CausalDecoder
from model.training.lessons import Lesson
from model.training.looking import Looked
from model.training.samples import Sample
from model.videochat.conversation import ask
from model.videochat.video_chat import VideoChat

logger = logging.getLogger(__name__)
# Of the longest lesson of a part of a batch over its shortest. A processor pays for every token that pads; a GPU, with
# lessons so short, for every part: launching a part's kernels takes longer than they run.
LENGTHENING, LENGTHENING_GPU = 1.4, 4.0
FRAME_TOKENS, CHARS_A_TOKEN, OPENING_TOKENS = 16, 4, 6  # roughly: a frame with its time; words; what opens an answer
SAID_ALOUD = 3  # samples whose captions are logged whenever there are new figures
BEST, LOSS = "best", "loss.json"  # folder in a run's own with what did best on the lessons held out; its loss


class Speaker(nn.Module):
    """`chat` must have been loaded to be trained. A module called with lessons, so that processes share gradients."""

    def __init__(self, chat: VideoChat) -> None:
        super().__init__()
        self.chat = chat  # is no module, so its decoder is no part of this one
        self.adapter = chat.adapter
        self.low_rank = nn.ParameterList(p for p in chat.network.model.parameters() if p.requires_grad)  # type: ignore[attr-defined]
        self.train()

    def train(self, mode: bool = True) -> Speaker:
        """Dropout in what is trained, never in the decoder."""
        super().train(mode)
        for name, part in self.chat.network.model.named_modules():  # type: ignore[attr-defined]
            if "lora_dropout" in name:
                part.train(mode)
        return self

    def forward(self, lessons: Sequence[Lesson]) -> torch.Tensor:
        """Mean cross entropy of the targets' tokens."""
        with cast_once(self.chat):
            lengthening = LENGTHENING if self.chat.network.device.type == "cpu" else LENGTHENING_GPU
            parts = by_length(lessons, lengthening)
            losses = [self._loss(alike) * (len(alike) / len(lessons)) for alike in parts]
        return torch.stack(losses).sum()

    def _loss(self, lessons: Sequence[Lesson]) -> torch.Tensor:
        config = self.chat.config.adapter
        most = max(1, max(map(frames_of, lessons)))
        tokens = np.zeros((len(lessons), most, config.vision_tokens, config.vision_width), np.float16)
        concepts = np.zeros((len(lessons), most, config.concepts), np.float16)
        times = np.zeros((len(lessons), most), np.float32)
        mask = np.zeros((len(lessons), most), bool)
        for i, frames in enumerate(lesson.frames for lesson in lessons):
            if frames is not None:
                place = (i, slice(len(frames)))
                tokens[place], times[place], mask[place] = frames.tokens, frames.times, True
                if config.concepts:
                    concepts[place] = frames.concepts
        return self.chat.caption_loss(
            torch.from_numpy(tokens),
            torch.from_numpy(times),
            torch.from_numpy(mask),
            [lesson.prompt for lesson in lessons],
            [lesson.target for lesson in lessons],
            torch.from_numpy(concepts) if config.concepts else None,
        )


class Speaking:
    """What the tasks of `loop.train` that teach to speak share; `batch` is theirs."""

    def __init__(
        self,
        chat: VideoChat,
        validation: Looked | None,
        held_out: Sequence[Lesson],
        batch: int,
        output: Path,
        save: Callable[[Path], None],
    ) -> None:
        """held_out: lessons that are judged, so many at once as `batch`. `save` puts what was learned into a folder."""
        self.module = Speaker(chat)
        self.held_out, self._batch, self._output, self._save = held_out, batch, output, save
        self.aloud = [sample for sample in validation.samples if sample.captions] if validation else []

    def loss(self, module: nn.Module, batch: list[Lesson]) -> torch.Tensor:
        found: torch.Tensor = module(batch)
        return found

    def evaluate(self) -> dict[str, float]:
        """The loss on lessons held out, of each kind where there are several. Saves, so that it can be tried.

        What has the lowest loss so far is saved in the folder `best` too: few photos are soon known by heart.
        """
        first = PartialState().is_main_process  # the loop asks every process at the end
        if first:
            self._save(self._output)
        if not self.held_out:
            return {}
        say_captions(self.module, self.aloud)
        figures = held_out_loss(self.module, self.held_out, self._batch)
        if first:
            self._keep_best(figures)
        return figures

    def _keep_best(self, figures: dict[str, float]) -> None:
        """In the folder, so that a run that goes on knows it."""
        folder = self._output / BEST
        file = folder / LOSS
        if not file.exists() or figures["loss"] < json.loads(file.read_text(encoding="utf-8"))["loss"]:
            self._save(folder)
            file.write_text(json.dumps(figures) + "\n", encoding="utf-8")


def cast_once(chat: VideoChat) -> AbstractContextManager[None]:
    """Under autocast peft need not cast what enters its layers to fp32 and back: a tenth of a step."""
    from peft.helpers import disable_input_dtype_casting

    model = chat.network.model  # type: ignore[attr-defined]
    if not hasattr(model, "peft_config") or not torch.is_autocast_enabled(chat.network.device.type):
        return contextlib.nullcontext()
    quick: AbstractContextManager[None] = disable_input_dtype_casting(model)
    return quick


def by_length(lessons: Sequence[Lesson], lengthening: float = LENGTHENING) -> list[list[Lesson]]:
    """Parts of a batch that begin with the same system message and are about as long: padding costs as much as words.

    lengthening: how many times as long as the shortest of its part a lesson may be. A batch of one kind is one part, or
    few.
    """
    ordered = sorted(lessons, key=lambda lesson: (system_of(lesson), length_of(lesson)))
    parts = [[ordered[0]]]
    for lesson in ordered[1:]:
        first = parts[-1][0]
        if system_of(lesson) != system_of(first) or length_of(lesson) > lengthening * length_of(first):
            parts.append([])
        parts[-1].append(lesson)
    return parts


def system_of(lesson: Lesson) -> str:
    """The system message, empty where the model's own is used."""
    first = None if isinstance(lesson.prompt, str) else lesson.prompt[0]
    return text_of(first) if first and first["role"] == "system" else ""


def length_of(lesson: Lesson) -> int:
    """About how many tokens follow the system message."""
    written = lesson.prompt if isinstance(lesson.prompt, str) else "".join(map(text_of, lesson.prompt))
    chars = len(written) + len(lesson.target) - len(system_of(lesson))
    return FRAME_TOKENS * frames_of(lesson) + chars // CHARS_A_TOKEN + OPENING_TOKENS


def frames_of(lesson: Lesson) -> int:
    return len(lesson.frames) if lesson.frames else 0


def held_out_loss(module: nn.Module, lessons: Sequence[Lesson], batch: int) -> dict[str, float]:
    """Mean loss over batches of the lessons, and of each kind where there are several."""
    kinds: defaultdict[str, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        kinds[lesson.kind].append(lesson)
    module.eval()
    losses, counts = {}, {}
    with torch.no_grad():
        for kind, alike in kinds.items():
            parts = [alike[i : i + batch] for i in range(0, len(alike), batch)]
            total = sum(float(module(part)) * len(part) for part in parts)
            losses[kind], counts[kind] = total / len(alike), len(alike)
    module.train()
    figures = {"loss": sum(losses[kind] * counts[kind] for kind in losses) / max(1, sum(counts.values()))}
    return figures | ({f"loss_{kind}": loss for kind, loss in losses.items()} if len(losses) > 1 else {})


def say_captions(module: Speaker, samples: Sequence[Sample]) -> list[str]:
    """What is said of the first samples that can be read; into the log, beside what a person said."""
    chat, said = module.chat, []
    # A new decoder each time: what it keeps computed of prompts is of weights that have changed since.
    decoder = CausalDecoder(chat.network, chat.tokens, chat.choice, chat.see, chat.still_tokens)
    module.eval()
    for sample in samples[:SAID_ALOUD]:
        try:
            stills = stills_of(sample, min(STILLS, decoder.max_stills), LOOK_PX)
        except UnreadableMedia:
            continue
        messages = ask(stills, CAPTION_PROMPT, chat.config.adapter.per)
        said.append("".join(decoder.stream(messages, CAPTION_TOKENS)).strip())
        logger.info("%s: %s (a person: %s)", sample.id, said[-1], sample.captions[0])
    module.train()
    return said


def place(chat: VideoChat, device: torch.device) -> None:
    """Moves what is computed to the device of this process: several processes share out several GPUs."""
    model = chat.network.model  # type: ignore[attr-defined]
    if chat.network.device != device:
        model.to(device)
        chat.network.device = device
    if device.type == "cpu":  # lessons are short, and there the gradients of fused attention take a fifth of a step
        model.set_attn_implementation("eager")
    chat.adapter.to(device)


def features_folder(named: str, output: Path) -> Path:
    return Path(named) if named else output / "features"


def start_folder(named: str) -> Path:
    """Of the VideoChat to go on from: a folder or a source (assets:FOLDER). Raises CheckpointError."""
    return locate(named) if named.partition(":")[0] in PREFIXES else Path(named)
