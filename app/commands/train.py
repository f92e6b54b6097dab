"""`cuepoint train`: one stage of training, as its config says. Also under `accelerate launch -m app train ...`."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.commands import print_json, say, settings_of
from app.commands.data import parse_data
from model.errors import UsageError
from model.loading import Models
from model.profile import Profile, choose_profile
from model.strict_json import read_file
from model.training.config import AlignConfig, AnswerConfig, CaptionConfig, ColourConfig, DataChoice, InstructConfig

Config = AlignConfig | AnswerConfig | CaptionConfig | ColourConfig | InstructConfig
KINDS: dict[str, type[Config]] = {
    "align": AlignConfig, "answer": AnswerConfig, "caption": CaptionConfig, "colour": ColourConfig,
    "instruct": InstructConfig,
}  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    logging.getLogger("model.training").setLevel(logging.INFO)
    stage = stage_of(arguments.config)
    config = config_of(stage, arguments.config, arguments.data)
    figures = train(config, Models(untrained(arguments, stage)), arguments.output)
    if arguments.json:
        print_json({"stage": stage, "output": str(arguments.output), **figures})
        return
    say(f"{stage}: done, in {arguments.output}")
    for name, value in figures.items():
        print(f"{name:>8}  {value:.3f}")


def config_of(stage: str, path: Path, data: Sequence[str] | None) -> Config:
    """The stage's config; `data` (READER:PATH each) takes the place of its own. Raises UsageError."""
    config = read_file(path, KINDS[stage], "The training config")
    if not data:
        return config
    own = [DataChoice(reader, str(folder)) for reader, folder in map(parse_data, data)]
    return replace(config, data=own, validation=[])


def train(config: Config, models: Models, output: Path) -> dict[str, float]:
    """The last figures of the stage. Each brings its own heavy parts, so they are loaded here."""
    if isinstance(config, AlignConfig):
        from model.training import align

        return align.run(config, models, output)
    if isinstance(config, AnswerConfig):
        from model.training import answer

        return answer.run(config, models, output)
    if isinstance(config, CaptionConfig):
        from model.training import caption

        return caption.run(config, models, output)
    if isinstance(config, ColourConfig):
        from model.training import colour

        return colour.run(config, models, output)
    from model.training import instruct

    return instruct.run(config, models, output)


def untrained(arguments: argparse.Namespace, stage: str) -> Profile:
    """The profile whose encoder is trained for, without the heads that it may have already."""
    profile, _ = choose_profile(settings_of(arguments).profile)
    if stage == "align" and profile.vision.kind != "embedded":
        raise UsageError(f"Profile {profile.name} sees with {profile.vision.kind}, which is aligned; choose embedded.")
    return replace(profile, vision=replace(profile.vision, heads="", answers="", colours="", things=""))


def stage_of(path: Path) -> str:
    """Which stage a config is for. Raises UsageError for a file that does not say."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The training config {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"The training config {path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict) or "stage" not in content:
        raise UsageError(f"The training config {path} names no stage: it must have a key stage.")
    if content["stage"] not in KINDS:
        raise UsageError(f"{path}: stage is {content['stage']!r}; it must be one of {', '.join(KINDS)}.")
    return str(content["stage"])
