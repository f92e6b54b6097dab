"""The command line: parses arguments, runs one command, turns errors into one sentence and an exit code.

Exit codes: 0 done; 2 wrong usage; 3 an input could not be read; 1 anything else. With --json stdout carries JSON alone.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from model.errors import CuepointError

_COMMANDS = {  # command -> (module in app.commands, help)
    "serve": ("serve", "run the web app (the default)"),
    "index": ("index", "index video files"),
    "search": ("find", "find moments"),
    "ask": ("find", "ask a question"),
    "summary": ("find", "summary, chapters and tags of a video"),
    "batch": ("batch", "answer JSON lines from stdin with JSON lines"),
    "list": ("library", "list the videos"),
    "show": ("library", "show what is known of a video"),
    "delete": ("library", "delete a video and all that came of it"),
    "export": ("library", "write a video's transcript as srt, vtt or json"),
    "doctor": ("doctor", "say what this machine has and which profile it will use"),
    "pull": ("pull", "fetch the models of a profile"),
    "train": ("train", "train a stage on your own data"),
    "evaluate": ("evaluate", "measure a profile's models on a data set"),
    "demo": ("demo", "index the example video and ask three questions"),
    "worker": ("worker", "index queued videos (started by serve)"),
}


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cuepoint", description="Chat with videos: every claim carries a moment to click."
    )
    parser.add_argument("--data-dir", type=Path, help="holds everything Cuepoint writes (default: CUEPOINT_HOME)")
    parser.add_argument("--profile", help="which models to use (default: CUEPOINT_PROFILE, or what fits this machine)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    made = {name: commands.add_parser(name, help=text, description=text) for name, (_, text) in _COMMANDS.items()}

    made["serve"].add_argument("--host", default="127.0.0.1")
    made["serve"].add_argument("--port", type=int, default=7860)
    made["index"].add_argument("paths", nargs="+", type=Path, metavar="PATH")
    add_search(made["search"])
    made["ask"].add_argument("text", metavar="QUESTION")
    made["ask"].add_argument("--video", action="append", metavar="ID", help="only in this video (repeatable)")
    for name in ("summary", "show", "delete", "export"):
        made[name].add_argument("video", metavar="ID")
    made["export"].add_argument("--format", choices=("srt", "vtt", "json"), default="srt")
    made["export"].add_argument("--output", type=Path, help="file to write (default: stdout)")
    made["pull"].add_argument(
        "name", nargs="?", metavar="PROFILE", help="a name, or a .json (default: the one in force)"
    )
    made["train"].add_argument("config", type=Path, metavar="CONFIG", help="the stage's JSON file")
    made["train"].add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="goes on with what is there"
    )
    made["train"].add_argument("--data", action="append", metavar="READER:PATH", help="instead of the config's own data")
    add_evaluate(made["evaluate"])
    made["worker"].add_argument("--parent", type=int, help="process to end with")
    for name in ("index", "search", "ask", "summary", "batch", "list", "show", "doctor", "train", "evaluate"):
        made[name].add_argument("--json", action="store_true", help="JSON on stdout, everything else on stderr")
    return parser


def add_search(command: argparse.ArgumentParser) -> None:
    command.add_argument("text", metavar="QUERY")
    command.add_argument("--video", action="append", metavar="ID", help="only in this video (repeatable)")
    command.add_argument("--top", type=int, default=5, metavar="K")
    command.add_argument("--from", dest="start", metavar="TIME", help="not before this time: seconds or m:ss")
    command.add_argument("--to", dest="end", metavar="TIME", help="not after this time")
    command.add_argument(
        "--source", action="append", metavar="SOURCE", help="only what was seen, heard or read (repeatable)"
    )


def add_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument("task", choices=("retrieval", "captions", "qa", "classification", "moments", "grounded"))
    command.add_argument("--data", required=True, metavar="READER:PATH", help="a data set, for instance tsv:FOLDER")
    command.add_argument("--split", default="test", help="train, val or test (the default)")
    command.add_argument("--train-split", default="train", metavar="SPLIT", help="what the baselines of qa learn from")
    command.add_argument("--limit", type=int, metavar="N", help="N samples, drawn at random, the same each time")
    command.add_argument("--output", type=Path, help="file to write with the figures and every prediction (JSON)")


def main(argv: Sequence[str] | None = None) -> int:
    parser = make_parser()
    arguments = list(sys.argv[1:] if argv is None else argv)
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parsed = parser.parse_args([*arguments, "serve"])
    logging.basicConfig(level=os.environ.get("CUEPOINT_LOG", "WARNING"), format="%(levelname)s %(name)s: %(message)s")
    if parsed.command != "pull":
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is fetched unasked
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    module = importlib.import_module(f"app.commands.{_COMMANDS[parsed.command][0]}")
    try:
        return int(module.run(parsed) or 0)
    except CuepointError as error:
        print(f"cuepoint: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("cuepoint: stopped; what is finished is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away; nobody is left to tell
        return 1
