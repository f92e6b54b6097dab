"""`cuepoint pull`: fetch the models of a profile. The only command that uses the network unasked."""

from __future__ import annotations

import argparse

from app.commands import say, settings_of
from model import hub
from model.download import fetch
from model.pack import ensure_pack
from model.profile import DEFAULT, missing, read_profile


def run(arguments: argparse.Namespace) -> None:
    name = arguments.name or settings_of(arguments).profile or DEFAULT
    profile = read_profile(name)
    ensure_pack(say, [source.removeprefix("pack:") for source in profile.sources if source.startswith("pack:")])
    for source in profile.sources:
        if source.startswith("hub:"):
            fetch(source, say)
    for source in missing(profile):
        hub.locate(source)  # of one's own: no pull brings it; raises with the path that is not there
    say(f"The models of profile {profile.name} are here.")
    if profile.decoder.kind == "openai":
        say(f"Answers come from the server at {profile.decoder.source.removeprefix('server:')}: start it yourself.")
