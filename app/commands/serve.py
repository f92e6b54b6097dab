"""`cuepoint serve`: the web app."""

from __future__ import annotations

import argparse

from app.commands import engine_of
from app.server import serve


def run(arguments: argparse.Namespace) -> None:
    serve(engine_of(arguments), arguments.host, arguments.port)
