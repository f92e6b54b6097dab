"""The nouns of the library. All times are seconds (float) from the start of the picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Source = Literal["visual", "speech", "text"]
VideoStatus = Literal["waiting", "indexing", "ready", "failed", "cancelled"]
JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]
LANES = ("media", "see", "read", "hear")  # making it playable, pictures, on-screen text, speech


@dataclass(frozen=True)
class Video:
    """One video of one owner. `file` is the name or path it came with; `media` the playable copy, once there is one."""

    id: str
    owner: str
    content_hash: str
    title: str
    file: str
    source_path: str
    media_path: str | None
    bytes: int
    info: dict[str, Any]
    duration: float
    status: VideoStatus
    error: str | None
    warnings: list[str]
    created_at: float
    index_seconds: float | None
    vision_model: str | None  # whose vectors its frames have, and whose its texts: None before indexing begins
    text_model: str | None
    # What its user chose: {"sound": stream index, "language": ISO 639-1, "subtitles": [stream index]}, each optional.
    choices: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Clip:
    """A stretch of one shot, at most 15 s. `tags` are (label, share) pairs, most likely first."""

    id: int
    video_id: str
    number: int
    start: float
    end: float
    tags: list[tuple[str, float]]
    colours: list[tuple[str, float]]


@dataclass(frozen=True)
class ClipFrames:
    """The sampled frames of a clip: times [n] in seconds, vectors float32 [n, D] of unit length."""

    clip: Clip
    times: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Passage:
    """A piece of text with a place in time: a transcript line, on-screen text, or a caption of a clip."""

    id: int
    video_id: str
    source: Source
    start: float
    end: float
    text: str
    language: str | None = None  # ISO 639-1, where it is known
    origin: str = ""  # which track of the source: "heard", "subtitles:3" (a stream of the file), "file:talk.srt"


@dataclass(frozen=True)
class Moment:
    """A search result. `score` is comparable inside one result list only; `quote` is verbatim from the index."""

    video_id: str
    start: float
    end: float
    score: float
    sources: list[Source]
    quote: str | None = None
    passage_id: int | None = None


@dataclass(frozen=True)
class Citation:
    """A moment that supports a sentence of an answer."""

    video_id: str
    start: float
    end: float
    source: Source
    quote: str
    written: bool = False  # speech that comes from subtitles, and was not heard

    def as_json(self) -> dict[str, Any]:
        """With "track": "subtitles" where speech was not heard."""
        track = {"track": "subtitles"} if self.written else {}
        return track | {
            "video_id": self.video_id,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "source": self.source,
            "quote": self.quote,
        }


@dataclass
class Job:
    """One indexing job. `lanes` maps a lane to the seconds of video it has finished."""

    id: str
    video_id: str
    owner: str
    status: JobStatus
    worker: str | None  # name of the process that has it (see retrieval.store.claims)
    attempts: int
    error: str | None
    cancel_requested: bool
    created_at: float
    started_at: float | None
    finished_at: float | None
    heartbeat_at: float | None
    lanes: dict[str, float] = field(default_factory=dict)
    claim: int = 0  # its number: only the newest one may write


@dataclass(frozen=True)
class Chat:
    id: str
    owner: str
    title: str
    video_ids: list[str]
    updated_at: float


@dataclass(frozen=True)
class Message:
    role: Literal["user", "assistant"]
    text: str
    answer: dict[str, Any] | None = None  # the answer's JSON: citations, evidence, found
