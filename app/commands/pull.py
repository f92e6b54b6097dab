"""`cuepoint pull`: fetch the models of a profile. The only command that uses the network."""

from __future__ import annotations

import argparse

from app.commands import say
from model.pack import ensure_pack
from model.profile import read_available


def run(arguments: argparse.Namespace) -> None:
    profile = read_available(arguments.name)
    ensure_pack(say)
    say(f"The models of profile {profile.name} are here and verified.")
