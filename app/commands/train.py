"""`cuepoint train`: one stage of training, as its config says. Also under `accelerate launch -m app train ...`."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import replace
from pathlib import Path

from app.commands import print_json, say, settings_of
from model.errors import UsageError
from model.loading import Models
from model.profile import Profile, choose_profile
from model.strict_json import read_file

STAGES = ("align", "caption", "instruct")


def run(arguments: argparse.Namespace) -> None:
    logging.getLogger("model.training").setLevel(logging.INFO)
    stage = stage_of(arguments.config)
    figures = train(stage, arguments.config, Models(untrained(arguments, stage)), arguments.output)
    if arguments.json:
        print_json({"stage": stage, "output": str(arguments.output), **figures})
        return
    say(f"{stage}: done, in {arguments.output}")
    for name, value in figures.items():
        print(f"{name:>8}  {value:.3f}")


def train(stage: str, path: Path, models: Models, output: Path) -> dict[str, float]:
    """The last figures of the stage. Each brings its own heavy parts, so they are loaded here."""
    from model.training import config

    if stage == "align":
        from model.training import align

        return align.run(read_file(path, config.AlignConfig, "The training config"), models, output)
    if stage == "caption":
        from model.training import caption

        return caption.run(read_file(path, config.CaptionConfig, "The training config"), models, output)
    from model.training import instruct

    return instruct.run(read_file(path, config.InstructConfig, "The training config"), models, output)


def untrained(arguments: argparse.Namespace, stage: str) -> Profile:
    """The profile whose encoder is trained for, without the heads it may have already."""
    profile, _ = choose_profile(settings_of(arguments).profile)
    if stage == "align" and profile.vision.kind != "embedded":
        raise UsageError(f"Profile {profile.name} sees with {profile.vision.kind}, which is aligned; choose embedded.")
    return replace(profile, vision=replace(profile.vision, heads=""))


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
    if content["stage"] not in STAGES:
        raise UsageError(f"{path}: stage is {content['stage']!r}; it must be one of {', '.join(STAGES)}.")
    return str(content["stage"])
