"""One module a command or family of commands: `run(arguments)` does it and returns an exit code or None."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from app.engine import Engine
from app.settings import Settings
from model.errors import UsageError


def settings_of(arguments: argparse.Namespace) -> Settings:
    try:
        return Settings.from_environment(arguments.data_dir, arguments.profile)
    except RuntimeError as error:  # "~nobody", of which there is no home
        raise UsageError(f"The data folder {arguments.data_dir} cannot be used ({error}).") from error


def engine_of(arguments: argparse.Namespace) -> Engine:
    return Engine(settings_of(arguments))


def print_json(value: Any) -> None:
    """One JSON object on one line of stdout, at once."""
    text = json.dumps(value, ensure_ascii=False)
    print(text.encode("utf-8", "replace").decode(), flush=True)  # what came in broken is given back readable


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
