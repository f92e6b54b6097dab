"""llama.cpp in a process of its own, run by `model/language/llama_process.py`.

Reads its settings as one line of JSON from stdin, listens on the socket that they name, says "ready", and leaves when
stdin ends: with whoever started it. Imports nothing of Cuepoint's, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from typing import Any

LAST_WORDS_S = 0.5


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    said = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the library prints is no answer of ours
    try:
        import xllamacpp
    except ImportError as error:
        raise SystemExit(f"ImportError: {error}") from None
    parameters = xllamacpp.CommonParams()
    for name, value in settings.items():
        put(parameters, name, value)
    try:
        server = xllamacpp.Server(parameters)
    except RuntimeError as error:  # the library says why on stderr, in a thread of its own that must come to it
        time.sleep(LAST_WORDS_S)
        raise SystemExit(f"RuntimeError: {error}") from None
    print("ready", file=said, flush=True)
    sys.stdin.read()
    with contextlib.suppress(OSError):
        shutil.rmtree(os.path.dirname(settings["hostnames"][0]))  # noqa: PTH120
    del server
    os._exit(0)  # not by way of the library's own end, which waits for the answer in progress


def put(parameters: Any, name: str, value: Any) -> None:
    """Sets "outer.inner" to `value`."""
    *outer, last = name.split(".")
    for part in outer:
        parameters = getattr(parameters, part)
    setattr(parameters, last, value)


if __name__ == "__main__":
    main()
