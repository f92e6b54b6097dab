"""What the lanes of indexing share.

Each lane stores what it found together with how far it is, in one transaction, so that a killed process goes on from
there and ends with the same index. Clips and speech stretches are the steps: all state starts afresh with each.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from model.errors import Cancelled
from model.loading import Models
from model.media.probe import MediaInfo
from retrieval.store.library import Library


@dataclass
class Work:
    """The video that is being indexed, and what its lanes share."""

    library: Library
    models: Models
    video_id: str
    path: Path
    info: MediaInfo
    stop: threading.Event

    def check(self) -> None:
        if self.stop.is_set():
            raise Cancelled("Indexing was stopped; retry goes on from where it was.")

    def until(self, lane: str) -> float:
        return self.library.lane_until(self.video_id, lane)

    def finish(self, lane: str) -> None:
        self.library.finish_lane(self.video_id, lane)
