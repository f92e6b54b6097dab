"""Looking again: stills of the moments that were found, for a model that can see. Times are those of the index."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Sequence

import numpy as np

from model.errors import UnreadableMedia
from model.language.chat import Still
from model.media.frames import grab
from retrieval.ask.evidence import Item
from retrieval.store.library import Library
from retrieval.store.originals import original_or_copy

logger = logging.getLogger(__name__)

LOOK_PX = 768  # longest side: small print stays legible, and a model shrinks what is more than it takes
_KEPT_STILLS = 64  # about 1 MB each: the next question is often about the same moments


class Looker:
    """Takes stills out of videos and keeps the last ones. Safe to use from several threads."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._kept: OrderedDict[tuple[str, float], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, items: Sequence[Item], most: int) -> list[list[Still]]:
        """Stills of each item, in order of time, at most `most` of all together; none where a file cannot be read."""
        shares = share_out(items, most)
        wanted: defaultdict[str, set[float]] = defaultdict(set)
        for item, times in zip(items, shares, strict=True):
            wanted[item.video_id].update(times)
        found = {(video_id, t): p for video_id, times in wanted.items() for t, p in self._grab(video_id, times).items()}
        return [
            [Still(time, found[item.video_id, time]) for time in times if (item.video_id, time) in found]
            for item, times in zip(items, shares, strict=True)
        ]

    def _grab(self, video_id: str, times: set[float]) -> dict[float, np.ndarray]:
        with self._lock:
            known = {time: self._kept[video_id, time] for time in times if (video_id, time) in self._kept}
        missing = sorted(times - set(known))
        if not missing:
            return known
        try:
            path, info = original_or_copy(self.library.video(video_id))
            pictures = grab(path, info, missing, LOOK_PX) if info.has_video else []
        except UnreadableMedia as error:
            logger.warning("No second look at %s: %s", video_id, error)
            return known
        taken = dict(zip(missing, pictures, strict=False))
        with self._lock:
            self._kept.update({(video_id, time): picture for time, picture in taken.items()})
            while len(self._kept) > _KEPT_STILLS:
                self._kept.popitem(last=False)
        return known | taken


def share_out(items: Sequence[Item], most: int) -> list[list[float]]:
    """The times (seconds) at which to look at each item, spread evenly over it.

    One for each item, the first items first, then a second for each, and so on.
    """
    counts = [most // len(items) + (number < most % len(items)) for number in range(len(items))] if items else []
    return [
        [round(item.start + (item.end - item.start) * (i + 0.5) / count, 3) for i in range(count)]
        for item, count in zip(items, counts, strict=True)
    ]
