"""Chats that outlive the page: one table of chats, one of messages."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import UsageError
from retrieval.store.library import Library
from retrieval.store.records import Chat, Message
from retrieval.store.rows import marks_of
from retrieval.store.wellformed import well_formed

_TITLE_CHARS = 60  # of a question that becomes a title
_LONGEST_TITLE_CHARS = 120  # of one that a person gives
_MOST_WORDS = 12  # of a search: more only narrow nothing any more
_LISTED = 200
_FINDS = "(:visitor IS NULL OR c.visitor IS NULL OR c.visitor = :visitor)"


@dataclass(frozen=True)
class ChatEntry:
    """A chat in a list: `questions` counts them; `excerpt` is the question or answer that a search found, if any."""

    chat: Chat
    questions: int
    excerpt: str | None = None


class Chats:
    def __init__(self, library: Library) -> None:
        self.db = library.db

    # -- one chat ----------------------------------------------------------------------------------

    def start(self, owner: str, video_ids: Sequence[str], visitor: str | None = None) -> Chat:
        """A new, empty chat over the given videos. `visitor`: the browser that will find it in its list; None: all."""
        chat_id, now = uuid.uuid4().hex[:12], time.time()
        with self.db.transaction() as db:
            db.execute(
                "INSERT INTO chats (id, owner, title, created_at, updated_at, visitor) VALUES (?, ?, ?, ?, ?, ?)",
                (chat_id, owner, "", now, now, visitor),
            )
            _set_videos(db, chat_id, video_ids)
        return self.chat(chat_id, owner)

    def chat(self, chat_id: str, owner: str) -> Chat:
        """Raises UsageError if there is no such chat of this owner."""
        row = self.db.row("SELECT * FROM chats WHERE id = ? AND owner = ?", (chat_id, owner))
        if row is None:
            raise UsageError("This chat no longer exists; start a new one.")
        videos = self.db.rows("SELECT video_id FROM chat_videos WHERE chat_id = ? ORDER BY position", (chat_id,))
        return Chat(chat_id, owner, row["title"], [video["video_id"] for video in videos], row["updated_at"])

    def latest(self, owner: str, video_id: str | None = None, visitor: str | None = None) -> Chat | None:
        """The chat used last, if any; with `video_id`, the last one over that video; with `visitor`, of those that this
        one finds."""
        row = self.db.row(
            "SELECT id FROM chats c WHERE owner = :owner AND (:video IS NULL OR EXISTS (SELECT 1 FROM chat_videos v"
            f" WHERE v.chat_id = c.id AND v.video_id = :video)) AND {_FINDS} ORDER BY updated_at DESC LIMIT 1",
            {"owner": owner, "video": video_id, "visitor": visitor},
        )
        return self.chat(row["id"], owner) if row else None

    def set_videos(self, chat_id: str, video_ids: Sequence[str]) -> None:
        with self.db.transaction() as db:
            _set_videos(db, chat_id, video_ids)

    def rename(self, chat_id: str, owner: str, title: str) -> Chat:
        """Raises UsageError for an empty or over-long title, or no such chat."""
        self.chat(chat_id, owner)
        title = " ".join(well_formed(title, "The title").split())
        if not title or len(title) > _LONGEST_TITLE_CHARS:
            raise UsageError(f"A chat's title must have 1 to {_LONGEST_TITLE_CHARS} characters.")
        with self.db.transaction() as db:
            db.execute("UPDATE chats SET title = ? WHERE id = ?", (title, chat_id))
        return self.chat(chat_id, owner)

    def delete(self, chat_id: str, owner: str) -> None:
        """Remove a chat with its messages. Raises UsageError if there is none."""
        self.chat(chat_id, owner)
        with self.db.transaction() as db:
            db.execute("DELETE FROM chats WHERE id = ?", (chat_id,))

    # -- its messages ------------------------------------------------------------------------------

    def add(self, chat_id: str, message: Message) -> None:
        """Append a message; the first question becomes the chat's title. To a deleted chat nothing is added."""
        well_formed(message.text, "The message")
        with self.db.transaction() as db:
            if db.execute("SELECT 1 FROM chats WHERE id = ?", (chat_id,)).fetchone():
                _append(db, chat_id, message)

    def messages(self, chat_id: str) -> list[Message]:
        rows = self.db.rows("SELECT role, text, answer FROM messages WHERE chat_id = ? ORDER BY id", (chat_id,))
        return [Message(row["role"], row["text"], _loaded(row["answer"])) for row in rows]

    def edit(self, chat_id: str, owner: str, position: int, text: str) -> None:
        """Ask another question in the place of the one at `position` (from 0): what came after it is dropped.

        Raises UsageError if no question stands there, or the new one is empty.
        """
        if not well_formed(text, "The question").strip():
            raise UsageError("Type a question first.")
        title = self.chat(chat_id, owner).title
        with self.db.transaction() as db:
            old = _question_at(db, chat_id, position)
            db.execute("DELETE FROM messages WHERE chat_id = ? AND id >= ?", (chat_id, old["id"]))
            if position == 0 and title == old["text"][:_TITLE_CHARS]:  # nobody has named it
                db.execute("UPDATE chats SET title = '' WHERE id = ?", (chat_id,))
            _append(db, chat_id, Message("user", text.strip()))

    def answer_again(self, chat_id: str, position: int, answer: Message) -> None:
        """Put an answer behind the question at `position`, in the place of the one it had and of all that followed.

        Raises UsageError if no question stands there any more.
        """
        with self.db.transaction() as db:
            question = _question_at(db, chat_id, position)
            db.execute("DELETE FROM messages WHERE chat_id = ? AND id > ?", (chat_id, question["id"]))
            _append(db, chat_id, answer)

    # -- all of them -------------------------------------------------------------------------------

    def listed(self, owner: str, limit: int = _LISTED) -> list[ChatEntry]:
        """The owner's chats in which something was asked, last used first."""
        return self.search(owner, "", limit)

    def search(self, owner: str, text: str, limit: int = _LISTED, visitor: str | None = None) -> list[ChatEntry]:
        """Chats in whose title or messages every word of `text` occurs, in any letter case; last used first.

        With `visitor`, of those that this one finds.
        """
        wanted = [f"%{_literal(word)}%" for word in well_formed(text, "The search").split()[:_MOST_WORDS]]
        holds = "".join(
            f" AND (c.title LIKE :word{n} ESCAPE '\\'"
            f" OR EXISTS (SELECT 1 FROM messages m WHERE m.chat_id = c.id AND m.text LIKE :word{n} ESCAPE '\\'))"
            for n in range(len(wanted))
        )
        rows = self.db.rows(
            "SELECT c.*, (SELECT count(*) FROM messages m WHERE m.chat_id = c.id AND m.role = 'user') AS questions"
            f" FROM chats c WHERE c.owner = :owner AND questions > 0 AND {_FINDS}{holds}"
            " ORDER BY c.updated_at DESC LIMIT :limit",
            {"owner": owner, "limit": limit, "visitor": visitor, **{f"word{n}": word for n, word in enumerate(wanted)}},
        )
        videos = self._videos([row["id"] for row in rows])
        return [
            ChatEntry(
                Chat(row["id"], owner, row["title"], videos[row["id"]], row["updated_at"]),
                row["questions"],
                self._excerpt(row["id"], wanted),
            )
            for row in rows
        ]

    def _videos(self, chat_ids: Sequence[str]) -> defaultdict[str, list[str]]:
        """The videos of each chat, in their order."""
        marks, values = marks_of(chat_ids)
        found = defaultdict[str, list[str]](list)
        for row in self.db.rows(
            f"SELECT chat_id, video_id FROM chat_videos WHERE chat_id IN ({marks}) ORDER BY position", values
        ):
            found[row["chat_id"]].append(row["video_id"])
        return found

    def _excerpt(self, chat_id: str, wanted: Sequence[str]) -> str | None:
        """The first message with the first word that was searched for."""
        if not wanted:
            return None
        row = self.db.row(
            "SELECT text FROM messages WHERE chat_id = ? AND text LIKE ? ESCAPE '\\' ORDER BY id LIMIT 1",
            (chat_id, wanted[0]),
        )
        return row["text"] if row else None


def _literal(word: str) -> str:
    """A word as LIKE finds it and nothing else."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _question_at(db: sqlite3.Connection, chat_id: str, position: int) -> sqlite3.Row:
    row: sqlite3.Row | None = None
    if position >= 0:
        row = db.execute(
            "SELECT id, role, text FROM messages WHERE chat_id = ? ORDER BY id LIMIT 1 OFFSET ?", (chat_id, position)
        ).fetchone()
    if row is None or row["role"] != "user":
        raise UsageError("This question is no longer in the chat; reload the page to see how it stands.")
    return row


def _append(db: sqlite3.Connection, chat_id: str, message: Message) -> None:
    now = time.time()
    answer = json.dumps(message.answer) if message.answer is not None else None
    db.execute(
        "INSERT INTO messages (chat_id, role, text, answer, created_at) VALUES (?, ?, ?, ?, ?)",
        (chat_id, message.role, message.text, answer, now),
    )
    db.execute(
        "UPDATE chats SET updated_at = ?, title = CASE WHEN title = '' AND ? = 'user' THEN ? ELSE title END"
        " WHERE id = ?",
        (now, message.role, message.text[:_TITLE_CHARS], chat_id),
    )


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
