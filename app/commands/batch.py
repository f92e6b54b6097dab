"""`cuepoint batch`: many requests to one warm process, JSON lines in, JSON lines out."""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
from typing import Any

from app.commands import engine_of, print_json
from app.commands.find import chosen_videos, last, moment_json
from app.engine import Engine
from model.errors import CuepointError, UsageError
from retrieval.ask.summary import summarize
from retrieval.search.filters import make_filter

_TOP = 5  # results, where a request does not say

logger = logging.getLogger(__name__)


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    engine.answerer.warm_up()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a line that is no UTF-8 is a request like any other, if a bad one
    for line in sys.stdin:
        if line.strip():
            print_json(reply_to(engine, line))


def reply_to(engine: Engine, line: str) -> dict[str, Any]:
    """The reply to one request; one that cannot be served is answered with its `error` and does not end the batch."""
    request: dict[str, Any] = {}
    try:
        request = _parsed(line)
        return {"id": request.get("id")} | _served(engine, request)
    except CuepointError as error:
        return {"id": request.get("id"), "error": str(error)}
    except Exception as error:
        logger.exception("request %s failed", request.get("id"))
        return {"id": request.get("id"), "error": f"{type(error).__name__}: {error}"}


def _parsed(line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise UsageError(f"This line is not JSON: {error}.") from None
    if not isinstance(request, dict):
        raise UsageError("Each line must be a JSON object with id, op and text.")
    return request


def _served(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    op, text = request.get("op"), str(request.get("text") or "")
    video_ids = chosen_videos(engine, [request["video_id"]] if request.get("video_id") else None)
    if op == "search":
        within = make_filter(request.get("start"), request.get("end"), _listed(request.get("sources")))
        moments = engine.finder.search(text, video_ids, _top(request), within)
        return {"results": [moment_json(moment) for moment in moments]}
    if op == "ask":
        return last(engine, text, video_ids).as_json()
    if op == "summary":
        return summarize(engine.library, engine.models, video_ids[0]).as_json()
    raise UsageError(f"Unknown op {op!r}; there are search, ask and summary.")


def _top(request: dict[str, Any]) -> int:
    top = request.get("top")
    if top is None:
        return _TOP
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise UsageError(f"top must be a whole number from 1 on, not {top!r}.")
    return top


def _listed(sources: object) -> str | list[object] | None:
    if sources is None or isinstance(sources, str | list):
        return sources
    raise UsageError(f"sources must be a list of seen, heard and read, not {sources!r}.")
