"""`cuepoint serve`: the web app."""

from __future__ import annotations

import argparse

from app import zerogpu
from app.commands import engine_of
from app.server import serve


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    engine.library.db.check()
    zerogpu.lend(engine)
    serve(engine, arguments.host, arguments.port)
