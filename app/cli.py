"""The command line: parses arguments, runs one command, turns errors into one sentence and an exit code.

Exit codes: 0 done; 2 wrong usage; 3 an input could not be read; 1 anything else. With --json stdout carries JSON alone.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sqlite3
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
    "tracks": ("hearing", "list a video's pictures, sounds, subtitles and languages"),
    "hear": ("hearing", "hear a video again: another sound, language or subtitles"),
    "chats": ("chats", "list, search, show, export, rename and delete chats"),
    "comments": ("comments", "list, add and delete comments at moments of a video"),
    "clip": ("making", "cut a moment of a video out into a file"),
    "regions": ("find", "show which part of a moment's picture fits a text"),
    "highlights": ("making", "cut the best moments of a video into one film"),
    "delete": ("library", "delete a video and all that came of it"),
    "export": ("library", "write a video's subtitles (srt, vtt) or a report (json, md, html)"),
    "user": ("user", "set the password that the page asks for"),
    "backup": ("keeping", "write the library into one file, also while it is in use"),
    "restore": ("keeping", "bring a backup back"),
    "repair": ("keeping", "save what can be read of a damaged database"),
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
    made["serve"].add_argument("--port", type=_port, default=7860)
    made["index"].add_argument("paths", nargs="+", type=Path, metavar="PATH")
    made["index"].add_argument("--language", metavar="CODE", help="what is spoken, as es (default: it is found out)")
    made["index"].add_argument(
        "--subtitles",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="srt, vtt or ass of the video (repeatable); files beside it with its name are found by themselves",
    )
    add_search(made["search"])
    made["ask"].add_argument("text", metavar="QUESTION")
    made["ask"].add_argument("--video", action="append", metavar="ID", help="only in this video (repeatable)")
    for name in ("summary", "show", "delete", "export", "comments", "clip", "regions", "highlights", "tracks", "hear"):
        made[name].add_argument("video", metavar="ID")
    for name in ("start", "end"):
        for command in ("clip", "regions"):
            made[command].add_argument(name, metavar=name.upper(), help="seconds, or minutes and seconds as in 0:42")
    made["comments"].add_argument("--at", metavar="TIME", help="the moment of a new comment")
    made["comments"].add_argument("--add", metavar="TEXT", help="its text")
    made["comments"].add_argument("--delete", type=int, metavar="NUMBER", help="as the list has it")
    made["hear"].add_argument("--sound", metavar="N", help="this stream, as `tracks` lists them, or auto")
    made["hear"].add_argument("--language", metavar="CODE", help="what is spoken, as es, or auto")
    made["hear"].add_argument("--subtitles", nargs="+", metavar="N", help="these streams, or auto, or none")
    made["regions"].add_argument("text", metavar="TEXT", help="what was asked for")
    made["regions"].add_argument(
        "--output", type=Path, metavar="FILE", help="write the picture, lit where it counts (jpg)"
    )
    for name in ("clip", "highlights"):
        made[name].add_argument(
            "--output", type=Path, metavar="FILE", help="file to write (default: named by the video)"
        )
    made["highlights"].add_argument(
        "--query", default="", metavar="WORDS", help="moments of this, not of every chapter"
    )
    made["highlights"].add_argument("--seconds", type=float, default=30.0, metavar="S", help="length at most (30)")
    made["export"].add_argument("--format", choices=("srt", "vtt", "json", "md", "html"), default="srt")
    made["export"].add_argument(
        "--language", metavar="CODE", help="of srt and vtt, as en or zh (default: the one that is spoken)"
    )
    made["export"].add_argument("--output", type=Path, help="file to write (default: stdout)")
    made["pull"].add_argument(
        "name", nargs="?", metavar="PROFILE", help="a name, or a .json (default: the one in force)"
    )
    made["train"].add_argument("config", type=Path, metavar="CONFIG", help="the stage's JSON file")
    made["train"].add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="goes on with what is there"
    )
    made["train"].add_argument(
        "--data", action="append", metavar="READER:PATH", help="instead of the config's own data"
    )
    for name in ("backup", "restore"):
        made[name].add_argument("file", type=Path, metavar="FILE", help="the backup (a zip)")
    made["backup"].add_argument("--with-media", action="store_true", help="with the videos' own files")
    made["restore"].add_argument("--force", action="store_true", help="move aside a library that has something in it")
    add_evaluate(made["evaluate"])
    add_chats(made["chats"])
    add_user(made["user"])
    made["worker"].add_argument("--parent", type=int, help="process to end with")
    for name in (
        "index",
        "search",
        "ask",
        "summary",
        "batch",
        "list",
        "show",
        "doctor",
        "train",
        "evaluate",
        "comments",
        "tracks",
        "hear",
        "clip",
        "regions",
        "highlights",
        "backup",
        "restore",
        "repair",
    ):
        made[name].add_argument("--json", action="store_true", help="JSON on stdout, everything else on stderr")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def add_user(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    reset = actions.add_parser("reset", help="set another password: asks for it, or reads a line from stdin")
    reset.add_argument("--generate", action="store_true", help="make one and print it")


def add_search(command: argparse.ArgumentParser) -> None:
    command.add_argument("text", nargs="?", metavar="QUERY")
    command.add_argument("--picture", type=Path, metavar="FILE", help="find what looks like this still")
    command.add_argument("--like", metavar="ID:START-END", help="find what looks like this moment")
    command.add_argument("--curve", action="store_true", help="with --json: how well each time of the video fits")
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


def add_chats(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--search", default="", metavar="WORDS", help="only chats that have all of these words in them"
    )
    command.add_argument("--json", action="store_true", help="JSON on stdout, everything else on stderr")
    actions = command.add_subparsers(dest="action", metavar="ACTION")
    made = {name: actions.add_parser(name, help=f"{name} a chat") for name in ("show", "export", "rename", "delete")}
    for name, action in made.items():
        action.add_argument("chat", metavar="ID")
        if name != "export":
            action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="JSON on stdout")
    made["rename"].add_argument("title", metavar="TITLE")
    made["export"].add_argument("--format", choices=("md", "json", "html"), default="md")
    made["export"].add_argument("--output", type=Path, metavar="FILE", help="file to write (default: stdout)")


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
    except Exception as error:
        damage = _damage_behind(error, parsed.data_dir)
        if damage is None:
            raise
        print(f"cuepoint: {damage}", file=sys.stderr)
        return damage.exit_code


def _damage_behind(error: Exception, data_dir: Path | None) -> CuepointError | None:
    """Bytes that changed on the disk can make anything fail: of an error that nobody expected, whether that is why."""
    from app.settings import Settings
    from retrieval.index.repair import find_damage
    from retrieval.store.damage import told
    from retrieval.store.folder import DATABASE

    path = Settings.from_environment(data_dir).data_dir / DATABASE
    return (told(error, path) if isinstance(error, sqlite3.Error) else None) or find_damage(path)
