"""Chats as JSON, the same from the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrieval.store.chats import ChatEntry
from retrieval.store.records import Chat, Message


def entry_json(entry: ChatEntry) -> dict[str, Any]:
    """A chat in a list."""
    return head_json(entry.chat) | {"questions": entry.questions, "excerpt": entry.excerpt}


def head_json(chat: Chat) -> dict[str, Any]:
    return {"chat_id": chat.id, "title": chat.title, "video_ids": chat.video_ids, "updated_at": chat.updated_at}


def chat_json(chat: Chat, messages: Sequence[Message]) -> dict[str, Any]:
    """A chat with all that was said, and what each answer cites."""
    return head_json(chat) | {"messages": [message_json(message) for message in messages]}


def message_json(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "text": message.text.strip()}
    if message.role == "assistant":
        answer = message.answer or {}
        said |= {"found": bool(answer.get("found")), "citations": answer.get("citations", [])}
    return said
