"""The lanes of indexing: see and read (one decoding pass feeds both), hear, and making a playable copy.

Each lane stores what it found together with how far it is, in one transaction, so that a killed process goes on from
there and ends with the same index. Clips and speech stretches are the steps: all state starts afresh with each.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.errors import Cancelled, UnreadableMedia
from model.loading import Models
from model.media.audio import read_audio
from model.media.frames import Frame, FrameReader, open_frames
from model.media.probe import MediaInfo
from model.media.remux import make_playable
from model.reading.reading_gate import ReadingGate
from model.reading.screen_text import Sighting, merge_sightings
from model.speech.voice import Speech, VoiceActivity
from model.vision.colour import describe_colours
from retrieval.index.clips import MAX_CLIP_S, SAMPLE_EVERY_S, ClipSpan, split_into_clips
from retrieval.index.pictures import save_clip_pictures, save_filmstrip
from retrieval.store.library import Library
from retrieval.store.records import Clip

LOOK_PX = 480  # longest side of the pictures that vision and thumbnails work from
READ_PX = 1280  # longest side of the pictures that on-screen text is read from
SEGMENT_S = 4.0  # one search vector for at most this much of a clip
TEXT_GAP_S = MAX_CLIP_S + 1  # the first picture of every clip is read, then those that changed: text may go on so long
_WAITING_PICTURES = 8  # pictures waiting to be read, about 3 MB each
_MERGE_EVERY_S = 10.0  # wall time between two updates of the searchable on-screen text, at least
_MERGE_SHARE = 0.1  # of the time may go into them: they take longer, the longer the video is
_TAGS = 5
_TAG_SHARE = 0.04  # labels less likely than this say nothing


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


@dataclass(frozen=True)
class Page:
    """A picture to be read; `picture` is None at the end of a clip: all before `time` has been handed over."""

    time: float
    picture: np.ndarray | None


class Pages:
    """A short queue between seeing and reading that neither side can hang on."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._queue: queue.Queue[Page | None] = queue.Queue(_WAITING_PICTURES)

    def put(self, page: Page | None) -> None:
        while True:
            self._work.check()
            try:
                return self._queue.put(page, timeout=0.5)
            except queue.Full:
                continue

    def __iter__(self) -> Iterator[Page]:
        while True:
            self._work.check()
            try:
                page = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            if page is None:
                return
            yield page


class SeeLane:
    """Cuts the video into clips, encodes their frames, and hands pictures that may hold text to the read lane."""

    def __init__(self, work: Work, pages: Pages | None) -> None:
        """`pages` is None when all is read already and the pictures are only seen anew."""
        self.work, self.pages = work, pages
        self.gate = ReadingGate()
        self.seen_until = work.until("see")
        self.read_until = work.until("read") if pages else work.info.duration

    def run(self) -> None:
        work = self.work
        number = len(work.library.clips(work.video_id))
        reader = open_frames(work.path, work.info) if work.info.has_video else None
        try:
            for span in self._spans(reader):
                work.check()
                if span.start >= self.seen_until - 1e-3:
                    self._store(span, number)
                    number += 1
                self.gate.reset()
                if self.pages:
                    self.pages.put(Page(span.end, None))
            if self.pages:
                self.pages.put(None)
        finally:
            if reader is not None:
                reader.close()
        if reader is not None and reader.damage:
            work.library.add_warning(
                work.video_id, f"The file is damaged: {reader.damage} frames could not be decoded; the rest is indexed."
            )
        save_filmstrip(work.library, work.video_id)
        work.finish("see")

    def _spans(self, reader: FrameReader | None) -> Iterator[ClipSpan]:
        start, duration = min(self.seen_until, self.read_until), self.work.info.duration
        if start >= duration - 1e-3:
            return iter(())
        if reader is None:
            return split_into_clips((), start, duration, self._look)
        frames = reader.frames(start)
        first = next(frames, None)
        shown = None
        if start > 0 and (first is None or first.time - start > SAMPLE_EVERY_S):  # resumed inside a still stretch
            for frame in itertools.takewhile(lambda frame: frame.time < start, reader.frames(0.0)):
                self.work.check()
                shown = frame
            frames = reader.frames(start)
        elif first is not None:
            frames = itertools.chain([first], frames)
        return split_into_clips(frames, start, duration, self._look, shown)

    def _look(self, frame: Frame) -> np.ndarray:
        self.work.check()
        if self.pages and frame.time >= self.read_until - 1e-3:
            picture = frame.rgb(READ_PX)
            if self.gate.worth_reading(frame.time, picture):
                self.pages.put(Page(frame.time, picture))
        return frame.rgb(LOOK_PX)

    def _store(self, span: ClipSpan, number: int) -> None:
        work = self.work
        new = [sample.picture for sample in span.samples if sample.picture is not None]
        tags: list[tuple[str, float]] = []
        colours: list[tuple[str, float]] = []
        vectors, concepts = np.zeros((0, work.models.vision.dim), np.float32), np.zeros(0, np.float16)
        if new:
            features = work.models.vision.encode_frames(np.stack(new))
            tags = mean_shares(work.models.vision.tags(features), _TAGS, _TAG_SHARE)
            colours = mean_shares([describe_colours(picture) for picture in new], 6, 0.02)
            rows = (
                np.cumsum([sample.picture is not None for sample in span.samples]) - 1
            )  # a repeat shows the row before
            vectors, concepts = features.pooled[rows], features.probabilities.max(axis=0)
        clip = Clip(0, work.video_id, number, span.start, span.end, tags, colours)
        save_clip_pictures(work.library, clip, span, work.info.duration)
        times = np.array([max(sample.time, span.start) for sample in span.samples], np.float32)
        segments = segment_vectors(times, vectors, span.start, span.end)
        work.library.add_clip(clip, times, vectors, segments, concepts)


class ReadLane:
    """Reads on-screen text and merges what was read frame by frame into texts with a start and an end."""

    def __init__(self, work: Work, pages: Pages) -> None:
        self.work, self.pages = work, pages
        self._merge_at = time.monotonic() + _MERGE_EVERY_S

    def run(self) -> None:
        work, sightings = self.work, list[Sighting]()
        work.models.ocr.forget()
        for page in self.pages:
            work.check()
            if page.picture is not None:
                sightings.append(Sighting(page.time, work.models.ocr.read(page.picture)))
            elif page.time > work.until("read"):
                work.library.add_sightings(work.video_id, sightings, page.time)
                sightings = []
                work.models.ocr.forget()
                if time.monotonic() > self._merge_at:
                    self._merge()
        self._merge()
        work.finish("read")

    def _merge(self) -> None:
        work, began = self.work, time.monotonic()
        texts = merge_sightings(work.library.sightings(work.video_id), TEXT_GAP_S)
        pieces = [(text.start, min(text.end, work.info.duration), text.text) for text in texts]
        vectors = work.models.passages.embed([text for _, _, text in pieces])
        work.library.add_passages(work.video_id, "text", pieces, vectors, replace=True)
        took = time.monotonic() - began
        self._merge_at = time.monotonic() + max(_MERGE_EVERY_S, took / _MERGE_SHARE)


class HearLane:
    """Finds speech and writes it down, one stretch of speech after the other."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        try:
            self._listen()
        except UnreadableMedia as error:
            self.work.library.add_warning(self.work.video_id, f"The sound could not be read: {error}")
        self.work.finish("hear")

    def _listen(self) -> None:
        work = self.work
        if work.info.has_audio:
            voice = VoiceActivity()
            for begin, block in read_audio(work.path, work.info, work.until("hear")):
                for speech in voice.feed(begin, block):
                    self._store(speech)
                work.check()
                if voice.resume_at > work.until("hear"):
                    self._advance(voice.resume_at)
            for speech in voice.flush():
                self._store(speech)

    def _store(self, speech: Speech) -> None:
        work = self.work
        work.check()
        lines = work.models.speech.transcribe(speech.samples, speech.start)
        pieces = [(line.start, min(line.end, work.info.duration), line.text) for line in lines]
        pieces = [piece for piece in pieces if piece[0] < work.info.duration]
        vectors = work.models.passages.embed([text for _, _, text in pieces])
        work.library.add_passages(work.video_id, "speech", pieces, vectors, lane_until=("hear", speech.end))

    def _advance(self, until: float) -> None:
        self.work.library.add_passages(self.work.video_id, "speech", [], np.zeros((0, 1)), lane_until=("hear", until))


class MediaLane:
    """Makes the copy that browsers play and seek."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        work = self.work
        video = work.library.video(work.video_id)
        if not (video.media_path and Path(video.media_path).exists()):
            destination = work.library.folder(work.video_id) / "playable"
            destination.parent.mkdir(parents=True, exist_ok=True)
            try:
                made = make_playable(work.path, work.info, destination, cancel=work.stop.is_set)
            except UnreadableMedia as error:
                work.library.add_warning(work.video_id, f"No copy for the browser could be made: {error}")
            else:
                work.library.update_video(work.video_id, media_path=str(made))
        work.finish("media")


def mean_shares(lists: list[list[tuple[str, float]]], top: int, least: float) -> list[tuple[str, float]]:
    """The mean share of every name over several (name, share) lists: the `top` largest of at least `least`."""
    totals: dict[str, float] = {}
    for name, share in itertools.chain.from_iterable(lists):
        totals[name] = totals.get(name, 0.0) + share / len(lists)
    ranked = sorted(totals.items(), key=lambda item: -item[1])[:top]
    return [(name, round(share, 4)) for name, share in ranked if share >= least]


def segment_vectors(times: np.ndarray, vectors: np.ndarray, start: float, end: float) -> np.ndarray:
    """Mean vectors [m, D] of unit length of equal parts of a clip, none longer than 4 s.

    times: [n] seconds, vectors: [n, D]; parts without a frame are left out.
    """
    parts = max(1, int(np.ceil((end - start) / SEGMENT_S - 1e-6)))
    index = np.clip(((times - start) / max(end - start, 1e-6) * parts).astype(int), 0, parts - 1)
    means = [vectors[index == part].mean(axis=0) for part in range(parts) if (index == part).any()]
    if not means:
        return np.zeros((0, vectors.shape[1]), np.float32)
    stacked = np.stack(means)
    normalised: np.ndarray = stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)
    return normalised
