"""The database schema as a numbered list of small steps; those already done are recorded in the table `migrations`."""

from __future__ import annotations

import functools
import sqlite3
import time

from model.errors import CuepointError


def _first_schema(db: sqlite3.Connection) -> None:
    for statement in _FIRST_SCHEMA.split(";\n\n"):
        db.execute(statement)


_FIRST_SCHEMA = """
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    created_at REAL NOT NULL
);

CREATE TABLE videos (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users(id),
    content_hash TEXT NOT NULL,
    title TEXT NOT NULL,
    file TEXT NOT NULL,
    source_path TEXT NOT NULL,
    media_path TEXT,
    bytes INTEGER NOT NULL,
    info TEXT NOT NULL,
    duration REAL NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting',
    error TEXT,
    warnings TEXT NOT NULL DEFAULT '[]',
    created_at REAL NOT NULL,
    index_seconds REAL,
    UNIQUE (owner, content_hash)
);

CREATE TABLE lanes (
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    lane TEXT NOT NULL,
    until REAL NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (video_id, lane)
);

CREATE TABLE clips (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    tags TEXT NOT NULL,
    colours TEXT NOT NULL,
    times BLOB NOT NULL,
    vectors BLOB NOT NULL,
    concepts BLOB NOT NULL,
    UNIQUE (video_id, number)
);

CREATE TABLE sightings (
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    time REAL NOT NULL,
    boxes TEXT NOT NULL,
    PRIMARY KEY (video_id, time)
);

CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    source TEXT NOT NULL CHECK (source IN ('visual', 'speech', 'text')),
    start REAL NOT NULL,
    end REAL NOT NULL,
    text TEXT NOT NULL
);

CREATE INDEX passages_by_video ON passages (video_id, source, start);

CREATE VIRTUAL TABLE passage_words USING fts5 (words, tokenize = 'porter unicode61 remove_diacritics 2');

CREATE TRIGGER passages_forget_words AFTER DELETE ON passages BEGIN
    DELETE FROM passage_words WHERE rowid = old.id;
END;

CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('visual', 'text')),
    passage_id INTEGER REFERENCES passages(id) ON DELETE CASCADE,
    clip_id INTEGER REFERENCES clips(id) ON DELETE CASCADE,
    vector BLOB NOT NULL
);

CREATE INDEX vectors_by_video ON vectors (video_id, kind);

CREATE INDEX vectors_by_passage ON vectors (passage_id);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued',
    worker TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    progress REAL NOT NULL DEFAULT 0,
    error TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    heartbeat_at REAL
);

CREATE INDEX jobs_by_status ON jobs (status, created_at);

CREATE TABLE chats (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users(id),
    title TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);

CREATE TABLE chat_videos (
    chat_id TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE,
    video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (chat_id, video_id)
);

CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    answer TEXT,
    created_at REAL NOT NULL
);

CREATE INDEX messages_by_chat ON messages (chat_id, id)
"""


def _name_the_models(db: sqlite3.Connection) -> None:
    """Vectors of different models cannot be compared: each video says whose its vectors are."""
    db.execute("ALTER TABLE videos ADD COLUMN vision_model TEXT")
    db.execute("ALTER TABLE videos ADD COLUMN text_model TEXT")
    db.execute("UPDATE videos SET vision_model = 'label-start/1', text_model = 'all-minilm-l6-v2'")


def _comments(db: sqlite3.Connection) -> None:
    """What people write at moments of a video."""
    db.execute(
        "CREATE TABLE comments (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE,"
        " seconds REAL NOT NULL, text TEXT NOT NULL, created_at REAL NOT NULL)"
    )
    db.execute("CREATE INDEX comments_by_video ON comments (video_id, seconds)")


def _logins(db: sqlite3.Connection) -> None:
    """A user may have a password; a login is known by the hash of its token."""
    db.execute("ALTER TABLE users ADD COLUMN password_hash TEXT")
    db.execute(
        "CREATE TABLE logins (token_hash TEXT PRIMARY KEY,"
        " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, created_at REAL NOT NULL,"
        " expires_at REAL NOT NULL)"
    )


def _claims(db: sqlite3.Connection) -> None:
    """A job's claim has a number, which each write of its worker must carry, and heartbeats that are counted."""
    db.execute("ALTER TABLE jobs ADD COLUMN claim INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE jobs ADD COLUMN beats INTEGER NOT NULL DEFAULT 0")


def _languages(db: sqlite3.Connection) -> None:
    """A passage knows its language and its track; a video knows what is spoken when, and what its user chose."""
    db.execute("ALTER TABLE passages ADD COLUMN language TEXT")
    db.execute("ALTER TABLE passages ADD COLUMN origin TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE videos ADD COLUMN choices TEXT NOT NULL DEFAULT '{}'")
    db.execute(
        "CREATE TABLE spoken (video_id TEXT NOT NULL REFERENCES videos(id) ON DELETE CASCADE, start REAL NOT NULL,"
        " end REAL NOT NULL, language TEXT, likelihood REAL NOT NULL, PRIMARY KEY (video_id, start))"
    )


def _visitors(db: sqlite3.Connection) -> None:
    """Where nobody logs in, a chat belongs to the browser that began it; older chats to all."""
    db.execute("ALTER TABLE chats ADD COLUMN visitor TEXT")


MIGRATIONS = [_first_schema, _name_the_models, _comments, _logins, _claims, _languages, _visitors]


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database up to date; safe when two processes start at once (the first one holds the write lock)."""
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT, applied_at REAL)")
        done = {number for (number,) in db.execute("SELECT number FROM migrations")}
        if done == set(range(1, len(done) + 1)) and len(done) > len(MIGRATIONS):
            raise CuepointError("This library was written by a newer Cuepoint; use that one, or another --data-dir.")
        for number, step in enumerate(MIGRATIONS, start=1):
            if number not in done:
                step(db)
                db.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, step.__name__, time.time()))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def missing_tables(db: sqlite3.Connection) -> list[str]:
    """Names of tables that a library has and this database has not."""
    here = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    return [name for name in _table_names() if name not in here]


@functools.cache
def _table_names() -> tuple[str, ...]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(db)
        return tuple(name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    finally:
        db.close()
