"""The second frame reader: decord, for those who have it installed. Slower to start, no damage count, no fast mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from model.errors import UnreadableMedia, UsageError
from model.media.container import check_local_file
from model.media.frames import Frame
from model.media.picture import luma_thumbnail, upright_rgb
from model.media.probe import MediaInfo


class DecordReader:
    """Raises UsageError if decord is not installed, UnreadableMedia if it cannot open the file."""

    damage = 0  # decord repeats the last picture where it cannot decode, and does not tell

    def __init__(self, path: Path, info: MediaInfo) -> None:
        try:
            import decord
        except ImportError as problem:
            raise UsageError(
                "The frame reader decord is not installed: pip install decord, or choose pyav."
            ) from problem
        check_local_file(path)
        self._info = info
        try:
            self._video: Any = decord.VideoReader(str(path.absolute()), num_threads=2)
        except (RuntimeError, decord.DECORDError) as problem:
            raise UnreadableMedia(f"{path.name} could not be read by decord: try the frame reader pyav.") from problem
        stamps = self._video.get_frame_timestamp(np.arange(len(self._video)))  # [frames, 2]: begin and end in seconds
        self._times = stamps[:, 0] - stamps[0, 0] if len(stamps) else np.zeros(0)

    def frames(self, start: float = 0.0) -> Iterator[Frame]:
        for index in range(int(np.searchsorted(self._times, start - 1e-3)), len(self._times)):
            picture = av.VideoFrame.from_ndarray(self._video[index].asnumpy(), format="rgb24")
            yield Frame(float(self._times[index]), luma_thumbnail(picture), self._converter(picture))

    def close(self) -> None:
        self._video = None

    def _converter(self, picture: Any) -> Any:
        """decord turns pictures upright itself, but leaves pixels that are not square as they are."""
        ratio = (self._info.width / self._info.height) / (picture.width / picture.height)
        return lambda max_side: upright_rgb(picture, 0, ratio, max_side)
