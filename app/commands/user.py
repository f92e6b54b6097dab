"""`cuepoint user reset`: another password for the page; whoever is logged in must log in again."""

from __future__ import annotations

import argparse
import getpass
import sys

from app.commands import engine_of
from model.errors import UsageError
from retrieval.store.accounts import Accounts


def run(arguments: argparse.Namespace) -> None:
    accounts = Accounts(engine_of(arguments).library)
    if arguments.generate:
        print(accounts.make_password())
        return
    accounts.set_password(_asked())
    print("The password is set; all logins have ended.", file=sys.stderr)


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != first:
        raise UsageError("The two were not the same; nothing was changed.")
    return first
