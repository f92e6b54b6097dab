"""Comments at moments of a video, which fly over the picture when it is played (danmaku, "bullet comments")."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from model.errors import UsageError
from model.timecode import clock
from retrieval.store.library import Library
from retrieval.store.wellformed import well_formed

MAX_CHARS = 140
_LARGEST_ID = 2**63 - 1  # that SQLite can look for
MOST = 5000  # of one video: more than that nobody can read


@dataclass(frozen=True)
class Comment:
    id: int
    seconds: float  # from the start of the video
    text: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"seconds": round(self.seconds, 3)}


class Comments:
    def __init__(self, library: Library) -> None:
        self.library = library

    def of(self, video_id: str) -> list[Comment]:
        """In order of time, those of one moment as they were written."""
        rows = self.library.db.rows(
            "SELECT id, seconds, text FROM comments WHERE video_id = ? ORDER BY seconds, id", (video_id,)
        )
        return [Comment(row["id"], row["seconds"], row["text"]) for row in rows]

    def add(self, video_id: str, seconds: float, text: str) -> Comment:
        """Raises UsageError for an empty or over-long text, a time outside the video, and one comment too many."""
        text = " ".join(well_formed(text, "The comment").split())
        duration = self.library.video(video_id).duration
        if not text:
            raise UsageError("The comment is empty; write a few words.")
        if len(text) > MAX_CHARS:
            raise UsageError(f"The comment has {len(text):,} characters and {MAX_CHARS} are allowed; say it shorter.")
        if not 0 <= seconds <= duration:
            raise UsageError(f"The video ends at {clock(duration)}; comment on a moment inside it.")
        with self.library.db.transaction() as db:
            (count,) = db.execute("SELECT count(*) FROM comments WHERE video_id = ?", (video_id,)).fetchone()
            if count >= MOST:
                raise UsageError(f"This video has {MOST:,} comments; delete some first.")
            row = db.execute(
                "INSERT INTO comments (video_id, seconds, text, created_at) VALUES (?, ?, ?, ?)",
                (video_id, seconds, text, time.time()),
            )
            return Comment(int(row.lastrowid or 0), seconds, text)

    def delete(self, video_id: str, comment_id: int) -> None:
        """Raises UsageError if the video has no such comment."""
        if abs(comment_id) > _LARGEST_ID:
            raise UsageError("This video has no comment of that number; `cuepoint comments ID` lists them.")
        with self.library.db.transaction() as db:
            gone = db.execute("DELETE FROM comments WHERE id = ? AND video_id = ?", (comment_id, video_id)).rowcount
        if not gone:
            raise UsageError(f"This video has no comment {comment_id}; `cuepoint comments ID` lists them.")
