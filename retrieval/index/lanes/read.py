"""The read lane: reads the pictures that the see lane hands on, and joins the readings to texts with times."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model.reading.screen_text import Sighting, merge_sightings
from model.reading.scripts import MOST_TOLD, believable, unread_stretches
from model.timecode import span
from retrieval.index.clips import MAX_CLIP_S
from retrieval.index.lanes.work import Work

TEXT_GAP_S = MAX_CLIP_S + 1  # the first picture of every clip is read, then those that changed: text may go on so long
_WAITING_PICTURES = 8  # pictures waiting to be read, about 3 MB each
_MERGE_EVERY_S = 10.0  # wall time between two updates of the searchable on-screen text, at least
_MERGE_SHARE = 0.1  # of the time may go into them: they take longer, the longer the video is


@dataclass(frozen=True)
class Page:
    """A picture to be read; `picture` is None at the end of a clip: all before `time` has been handed over."""

    time: float
    picture: np.ndarray | None
    again: bool = False  # no more than some letters changed since the page before


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
                read = work.models.ocr.read_again if page.again else work.models.ocr.read
                sightings.append(Sighting(page.time, read(page.picture)))
            elif page.time > work.until("read"):
                work.library.add_sightings(work.video_id, sightings, page.time)
                sightings = []
                work.models.ocr.forget()
                if time.monotonic() > self._merge_at:
                    self._merge()
        self._merge()
        self._tell_unread()
        work.finish("read")

    def _tell_unread(self) -> None:
        work = self.work
        stretches = unread_stretches(work.library.sightings(work.video_id), TEXT_GAP_S)
        if stretches:
            told = [span(start, min(end, work.info.duration)) for start, end in stretches[:MOST_TOLD]]
            more = len(stretches) - len(told)
            told += [f"{more} more {'time' if more == 1 else 'times'}"] if more else []
            times = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
            sentence = f"At {times} there is text on the screen in a script that Cuepoint cannot read."
            work.library.add_warning(work.video_id, sentence)

    def _merge(self) -> None:
        work, began = self.work, time.monotonic()
        sightings = work.library.sightings(work.video_id)
        texts = believable(merge_sightings(sightings, TEXT_GAP_S), unread_stretches(sightings, TEXT_GAP_S))
        pieces = [(text.start, min(text.end, work.info.duration), text.text) for text in texts]
        vectors = work.models.passages.embed([text for _, _, text in pieces])
        work.library.add_passages(work.video_id, "text", pieces, vectors, replace=True)
        took = time.monotonic() - began
        self._merge_at = time.monotonic() + max(_MERGE_EVERY_S, took / _MERGE_SHARE)
