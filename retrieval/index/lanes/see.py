"""The see lane: cuts the video into clips, encodes their frames, and hands on the pictures that may hold text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from model.media.frames import Frame, FrameReader, open_frames
from model.reading.reading_gate import GATE_PX, ReadingGate
from model.vision.colour import describe_colours
from retrieval.index.clips import SAMPLE_EVERY_S, ClipSpan, split_into_clips
from retrieval.index.lanes.read import Page, Pages
from retrieval.index.lanes.work import Work
from retrieval.index.pictures import save_clip_pictures, save_filmstrip
from retrieval.store.records import Clip

LOOK_PX = 480  # longest side of the pictures that vision and thumbnails work from
READ_PX = 1280  # longest side of the pictures that on-screen text is read from
SEGMENT_S = 4.0  # one search vector for at most this much of a clip
_TAGS = 5
_TAG_SHARE = 0.04  # labels less likely than this say nothing


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
        return split_into_clips(frames, start, duration, self._look, shown, self._glance)

    def _look(self, frame: Frame) -> np.ndarray:
        self._glance(frame)
        return frame.rgb(LOOK_PX)

    def _glance(self, frame: Frame) -> None:
        self.work.check()
        if self.pages and frame.time >= self.read_until - 1e-3:
            worth = self.gate.worth_reading(frame.time, frame.grey(GATE_PX))
            if worth is not None:
                self.pages.put(Page(frame.time, frame.rgb(READ_PX), again=worth == "lines"))

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
