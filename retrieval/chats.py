"""Chats that outlive the page: one table of chats, one of messages."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Sequence
from typing import Any

from model.errors import UsageError
from retrieval.library import Library
from retrieval.records import Chat, Message

_TITLE_CHARS = 60


class Chats:
    def __init__(self, library: Library) -> None:
        self.db = library.db

    def start(self, owner: str, video_ids: Sequence[str]) -> Chat:
        """A new, empty chat over the given videos."""
        chat_id, now = uuid.uuid4().hex[:12], time.time()
        with self.db.transaction() as db:
            db.execute("INSERT INTO chats VALUES (?, ?, ?, ?, ?)", (chat_id, owner, "", now, now))
            _set_videos(db, chat_id, video_ids)
        return self.chat(chat_id, owner)

    def chat(self, chat_id: str, owner: str) -> Chat:
        """Raises UsageError if there is no such chat of this owner."""
        row = self.db.row("SELECT * FROM chats WHERE id = ? AND owner = ?", (chat_id, owner))
        if row is None:
            raise UsageError("This chat no longer exists; start a new one.")
        videos = self.db.rows("SELECT video_id FROM chat_videos WHERE chat_id = ? ORDER BY position", (chat_id,))
        return Chat(chat_id, owner, row["title"], [video["video_id"] for video in videos], row["updated_at"])

    def latest(self, owner: str, video_id: str | None = None) -> Chat | None:
        """The chat used last, if any; with `video_id`, the last one over that video."""
        row = self.db.row(
            "SELECT id FROM chats WHERE owner = :owner AND (:video IS NULL OR EXISTS (SELECT 1 FROM chat_videos v"
            " WHERE v.chat_id = chats.id AND v.video_id = :video)) ORDER BY updated_at DESC LIMIT 1",
            {"owner": owner, "video": video_id},
        )
        return self.chat(row["id"], owner) if row else None

    def set_videos(self, chat_id: str, video_ids: Sequence[str]) -> None:
        with self.db.transaction() as db:
            _set_videos(db, chat_id, video_ids)

    def add(self, chat_id: str, message: Message) -> None:
        """Append a message; the first question becomes the chat's title."""
        now = time.time()
        answer = json.dumps(message.answer) if message.answer is not None else None
        with self.db.transaction() as db:
            db.execute(
                "INSERT INTO messages (chat_id, role, text, answer, created_at) VALUES (?, ?, ?, ?, ?)",
                (chat_id, message.role, message.text, answer, now),
            )
            db.execute(
                "UPDATE chats SET updated_at = ?, title = CASE WHEN title = '' AND ? = 'user' THEN ? ELSE title END"
                " WHERE id = ?",
                (now, message.role, message.text[:_TITLE_CHARS], chat_id),
            )

    def messages(self, chat_id: str) -> list[Message]:
        rows = self.db.rows("SELECT role, text, answer FROM messages WHERE chat_id = ? ORDER BY id", (chat_id,))
        return [Message(row["role"], row["text"], _loaded(row["answer"])) for row in rows]


def _set_videos(db: sqlite3.Connection, chat_id: str, video_ids: Sequence[str]) -> None:
    db.execute("DELETE FROM chat_videos WHERE chat_id = ?", (chat_id,))
    known = [row["id"] for row in db.execute("SELECT id FROM videos")]
    rows = [(chat_id, video_id, position) for position, video_id in enumerate(video_ids) if video_id in known]
    db.executemany("INSERT INTO chat_videos VALUES (?, ?, ?)", rows)


def _loaded(answer: str | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    loaded: dict[str, Any] = json.loads(answer)
    return loaded
