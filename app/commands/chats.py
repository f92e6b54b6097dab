"""`cuepoint chats`: list and search chats, show, export, rename and delete one."""

from __future__ import annotations

import argparse
import time

from app.chat_json import chat_json, entry_json
from app.commands import engine_of, print_json, say
from app.commands.library import write_text
from app.engine import Engine
from app.exporting import render_chat
from retrieval.store.library import LOCAL_OWNER


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    actions = {None: _list, "show": _show, "rename": _rename, "delete": _delete, "export": _export}
    actions[arguments.action](engine, arguments)


def _list(engine: Engine, arguments: argparse.Namespace) -> None:
    for entry in engine.chats.search(LOCAL_OWNER, arguments.search):
        if arguments.json:
            print_json(entry_json(entry))
        else:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.chat.updated_at))
            print(f"{entry.chat.id}  {when}  {entry.questions:>3}  {entry.chat.title}")


def _show(engine: Engine, arguments: argparse.Namespace) -> None:
    chat = engine.chats.chat(arguments.chat, LOCAL_OWNER)
    messages = engine.chats.messages(chat.id)
    if arguments.json:
        print_json(chat_json(chat, messages))
        return
    print(chat.title)
    for message in messages:
        print(f"\n{'> ' if message.role == 'user' else ''}{message.text.strip()}")


def _export(engine: Engine, arguments: argparse.Namespace) -> None:
    chat = engine.chats.chat(arguments.chat, LOCAL_OWNER)
    write_text(render_chat(engine, chat, arguments.format), arguments.output)


def _rename(engine: Engine, arguments: argparse.Namespace) -> None:
    chat = engine.chats.rename(arguments.chat, LOCAL_OWNER, arguments.title)
    if arguments.json:
        print_json({"chat_id": chat.id, "title": chat.title})
    else:
        say(f"Renamed to {chat.title}.")


def _delete(engine: Engine, arguments: argparse.Namespace) -> None:
    chat = engine.chats.chat(arguments.chat, LOCAL_OWNER)
    engine.chats.delete(chat.id, LOCAL_OWNER)
    if arguments.json:
        print_json({"chat_id": chat.id, "deleted": True})
    else:
        say(f"Deleted the chat {chat.title}.")
