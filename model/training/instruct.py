"""Stage 3, instruct: adapter and decoder (by LoRA, arXiv:2106.09685) learn to answer in the app's own prompts.

A mixture of questions about pictures, captions, questions of time about photos in a row, and numbered notes that answer
a question or do not. The encoder stays as it is, and so do the decoder's own weights.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from model.errors import CheckpointError, UsageError
from model.language.chat import Still
from model.language.lora import CONFIG, WEIGHTS
from model.language.weight_files import read_safetensors
from model.loading import Models
from model.profile import DecoderChoice
from model.training.config import InstructConfig, LoraChoice
from model.training.grounded import make_item
from model.training.grounded_words import Part
from model.training.lessons import (
    Lesson,
    Sequences,
    caption_lesson,
    chance_of,
    own_questions,
    picture_drawer,
    question_lesson,
)
from model.training.looking import Looked, join, look_at
from model.training.loop import Run, mixed_precision, train
from model.training.readers.questions import with_questions
from model.training.samples import Answered, Sample
from model.training.speaking import Speaking, features_folder, place, start_folder
from model.videochat.checkpoint import replace as replace_file
from model.videochat.config import read_config
from model.videochat.video_chat import LORA, NO_PICTURE, VideoChat

STILLS_SHARE = 0.5  # of the items with notes of pictures, in which the pictures are there to be seen
GENERATED = 8  # questions made from the captions of a sample, at most
STEPS_TO_DRAW = 1_000_000  # lessons are drawn by kind and by chance, so there is no number of them to go through

Draw = Callable[[np.random.Generator], Lesson]


class Instruct(Speaking):
    """The task of `loop.train`."""

    def __init__(
        self, config: InstructConfig, chat: VideoChat, looked: Looked, validation: Looked | None, output: Path
    ) -> None:
        per_clip = chat.config.adapter.per == "clip"
        weights = {kind: weight for kind, weight in asdict(config.mixture).items() if weight}
        self.kinds = kinds_of(looked, config.views, config.shifted, config.loop.seed, "train", per_clip)
        self.names = checked(weights, self.kinds)
        self.shares = np.cumsum([weights[name] for name in self.names]) / sum(weights.values())
        held_out: list[Lesson] = []
        if validation:
            there = kinds_of(validation, 1, 0.0, config.loop.seed, "test", per_clip)
            known = [name for name in self.names if name in there]
            each = max(1, config.held_out // len(known))
            held_out = [there[name](np.random.default_rng(i)) for name in known for i in range(each)]
        super().__init__(chat, validation, held_out, config.loop.batch, output, functools.partial(save, chat))

    def batch(self, indices: np.ndarray, dice: np.ndarray) -> list[Lesson]:
        """Each lesson of a kind by its weight, then by chance; `indices` only say how many."""
        return [self.draw(chance_of(row)) for row in dice]

    def draw(self, rng: np.random.Generator) -> Lesson:
        number = int(np.searchsorted(self.shares, rng.random(), side="right"))
        return self.kinds[self.names[min(number, len(self.names) - 1)]](rng)


def run(config: InstructConfig, models: Models, output: Path) -> dict[str, float]:
    """Train, or go on; the result lies in `output` as a VideoChat folder with LoRA weights.

    Raises UsageError if the data hold nothing of a kind that is wanted, CheckpointError for a start that does not fit,
    and CuepointError as `loop.train` does.
    """
    chat = begin(config, models)
    accelerator = Accelerator(mixed_precision=mixed_precision(config.loop))
    folder, seed = features_folder(config.features, output), config.loop.seed
    with accelerator.main_process_first():  # the others find the features made
        looked = look_at(config.data, models.vision, folder, config.views, config.frames, seed)
        held_out = config.validation
        validation = look_at(held_out, models.vision, folder, 1, config.frames, seed) if held_out else None
    place(chat, accelerator.device)
    task = Instruct(config, chat, looked, validation, output)
    figures = train(task, Run(output, config.loop, asdict(config)), STEPS_TO_DRAW, accelerator)
    if accelerator.is_main_process:
        save(chat, output)
    return figures


def begin(config: InstructConfig, models: Models) -> VideoChat:
    """The model as it is before the first step. Raises CheckpointError if its parts do not fit one another."""
    if not config.start:
        raise UsageError("The training config's start is empty: name the folder that the caption stage made.")
    source = config.decoder.source or read_config(start_folder(config.start)).decoder.source
    choice = DecoderChoice(config.decoder.kind, source, config.decoder.precision)
    chat = VideoChat.from_pretrained(start_folder(config.start), models.vision, choice, trainable=True)
    chat.config = replace(chat.config, decoder=replace(config.decoder, source=source))
    chat.adapter.requires_grad_(True)
    torch.manual_seed(config.loop.seed)
    add_low_rank(chat, config.lora, config.start)
    return chat


def add_low_rank(chat: VideoChat, choice: LoraChoice, start: str) -> None:
    """Changes to the decoder that can be learned: those it has, or new ones that change nothing yet.

    Raises CheckpointError where it has others than the config wants, UsageError for layers that it does not have.
    """
    from peft import LoraConfig, get_peft_model

    model = chat.network.model  # type: ignore[attr-defined]
    if hasattr(model, "peft_config"):
        known = model.peft_config["default"]
        if (known.r, known.lora_alpha) != (choice.rank, choice.alpha):
            raise CheckpointError(
                f"{start} has other LoRA weights than the config: expected rank {choice.rank} and alpha "
                f"{choice.alpha}, found {known.r} and {known.lora_alpha}."
            )
        known.base_model_name_or_path = None  # a source of ours, which peft would look for on the hub
        for name, weight in model.named_parameters():
            weight.requires_grad_(".lora_" in name)
        return
    wanted = LoraConfig(
        task_type="CAUSAL_LM", r=choice.rank, lora_alpha=choice.alpha, lora_dropout=choice.dropout,
        target_modules=choice.targets,
    )  # fmt: skip
    try:
        chat.network.model = get_peft_model(model, wanted)  # type: ignore[attr-defined]
    except ValueError as error:
        raise UsageError(
            f"The training config's lora.targets ({', '.join(choice.targets)}) are no layers of the decoder: {error}"
        ) from error
    chat.network.model.eval()  # type: ignore[attr-defined]


def kinds_of(looked: Looked, views: int, shifted: float, seed: int, part: Part, per_clip: bool) -> dict[str, Draw]:
    """How a lesson of each kind is drawn, of the kinds that these samples have anything for."""
    captioned = [i for i, sample in enumerate(looked.samples) if sample.captions]
    asked = {i: own for i, sample in enumerate(looked.samples) if (own := own_questions(sample, False))}
    made = with_questions([replace(looked.samples[i], questions=()) for i in captioned], seed, GENERATED)
    generated = {i: sample.questions for i, sample in zip(captioned, made, strict=True) if sample.questions}
    sequences = Sequences(looked, views)
    stills = [i for i in captioned if looked.is_still(i)]
    told = [looked.samples[i] for i in stills]
    found: dict[str, Draw] = {"grounded": lambda rng: grounded_lesson(looked, stills, told, rng, views, part, per_clip)}
    for name, questions in (("questions", asked), ("generated", generated)):
        if questions:
            found[name] = _asker(looked, questions, views, shifted)
    if captioned:
        found["captions"] = lambda rng: caption_lesson(looked, _one(captioned, rng), rng, views, shifted)
    if sequences:
        found |= {"times": sequences.question, "summaries": sequences.summary}
    return found


def _asker(looked: Looked, questions: Mapping[int, tuple[Answered, ...]], views: int, shifted: float) -> Draw:
    """A picture, then one of its questions."""
    drawn = picture_drawer(questions)

    def draw(rng: np.random.Generator) -> Lesson:
        index = drawn(rng)
        return question_lesson(looked, index, questions[index], rng, views, shifted)

    return draw


def grounded_lesson(
    looked: Looked,
    stills: Sequence[int],
    told: Sequence[Sample],
    rng: np.random.Generator,
    views: int,
    part: Part,
    per_clip: bool,
) -> Lesson:
    """Notes and a question, half of the time one that they do not answer; pictures are there to be seen, or not.

    stills: numbers of the photos with captions in `looked`; told: these photos' samples, in the same order.
    """
    item = make_item(told, rng, part, bool(rng.integers(2)))
    # Through an adapter for whole clips all pictures of a prompt would be one clip.
    places = (item.places[:1] if per_clip else item.places) if rng.random() < STILLS_SHARE else []
    messages = item.messages({at: Still(time, NO_PICTURE) for at, _, time in places})
    frames = join(
        [looked.frames(stills[number], int(rng.integers(views))) for _, number, _ in places],
        [time for _, _, time in places],
    ) if places else None  # fmt: skip
    return Lesson(messages, item.target, frames, "grounded")


def checked(weights: Mapping[str, float], kinds: Mapping[str, Draw]) -> list[str]:
    """The kinds that are wanted. Raises UsageError where the data have nothing for one."""
    if not weights:
        raise UsageError("The training config's mixture is empty: give at least one kind a weight above 0.")
    for name in weights:
        if name not in kinds:
            raise UsageError(f"The data have nothing for mixture.{name}: add a data set that has, or set it to 0.")
    return list(weights)


def save(chat: VideoChat, output: Path) -> None:
    """To be shipped: half the bytes, and the decoder named as the config does, not by its place on this machine."""
    chat.save_pretrained(output, torch.bfloat16)
    folder = output / LORA
    weights = {name: tensor.bfloat16().contiguous() for name, tensor in read_safetensors(folder / WEIGHTS).items()}
    described = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    described["base_model_name_or_path"] = chat.config.decoder.source
    text = json.dumps(described, indent=2) + "\n"

    from safetensors.torch import save as as_bytes

    for name, content in ((WEIGHTS, as_bytes(weights)), (CONFIG, text.encode())):
        replace_file(folder / name, functools.partial(Path.write_bytes, data=content))
    (folder / "README.md").unlink(missing_ok=True)  # peft's form for a model card, not filled in


def _one(numbers: list[int], rng: np.random.Generator) -> int:
    return numbers[int(rng.integers(len(numbers)))]
