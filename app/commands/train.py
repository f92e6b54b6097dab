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


def run(arguments: argparse.Namespace) -> None:
    logging.getLogger("model.training").setLevel(logging.INFO)
    stage = stage_of(arguments.config)
    if stage == "align":
        from model.strict_json import read_file
        from model.training.align import run as align
        from model.training.config import AlignConfig

        config = read_file(arguments.config, AlignConfig, "The training config")
        figures = align(config, Models(untrained(arguments)), arguments.output)
    else:
        raise UsageError(f"{arguments.config}: stage is {stage!r}; it must be align.")
    if arguments.json:
        print_json({"stage": stage, "output": str(arguments.output), **figures})
        return
    say(f"{stage}: done, in {arguments.output}")
    for name, value in figures.items():
        print(f"{name:>8}  {value:.3f}")


def untrained(arguments: argparse.Namespace) -> Profile:
    """The profile whose encoder is trained for, without the heads it may have already."""
    profile, _ = choose_profile(settings_of(arguments).profile)
    if profile.vision.kind != "embedded":
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
    return str(content["stage"])
