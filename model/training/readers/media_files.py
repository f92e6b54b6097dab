"""Where the picture or video is that a row names: beside the annotations, in a usual folder, or anywhere below.

Looks at names and sizes only; whether a file decodes is found out by whoever decodes it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath

from model.training.readers.tally import Tally

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
VIDEOS = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".ts", ".3gp")
_SUFFIXES = frozenset(PICTURES + VIDEOS)
_USUAL = ("", "images", "videos", "video", "clips")


class MediaFiles:
    """The pictures and videos below `root`. A look-up that fails in the usual places searches all of `root`, once."""

    def __init__(self, root: Path, tally: Tally, folders: Sequence[str] = (), search: bool = True) -> None:
        """folders: further places, relative to `root`. search: False where there are too many files to list."""
        self._root, self._tally, self._search = root, tally, search
        self._folders = [root / folder for folder in (*_USUAL, *folders)]
        self._known: dict[str, Path | None] = {}
        self._by_stem: dict[str, list[Path]] | None = None

    def find(self, *names: str) -> Path | None:
        """The first of `names` that is there: paths relative to `root` or a usual folder, with or without suffix.

        A name that holds folders must be found in folders of those names. None, and counted, if none is there.
        """
        for name in names:
            if name not in self._known:
                self._known[name] = self._look(name) if name.strip() else None
            found = self._known[name]
            if found is not None:
                return found
        self._tally.skip("missing file", names[0] if names else "")
        return None

    def _look(self, name: str) -> Path | None:
        suffixes = [""] if PurePath(name).suffix.lower() in _SUFFIXES else [".jpg", ".mp4", ".png", ".avi"]
        for folder in self._folders:
            for suffix in suffixes:
                path = folder / f"{name}{suffix}"
                if _has_content(path):
                    return path
        if not self._search:
            return None
        if self._by_stem is None:
            self._by_stem = _list_media(self._root)
        wanted = PurePath(name)
        has_suffix = wanted.suffix.lower() in _SUFFIXES
        for path in self._by_stem.get(wanted.stem if has_suffix else wanted.name, ()):
            tail = path.parts[-len(wanted.parts) :]
            if tail[:-1] == wanted.parts[:-1] and (not has_suffix or tail[-1] == wanted.name) and _has_content(path):
                return path
        return None


def _has_content(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):  # a name that no file can have
        return False


def _list_media(root: Path) -> dict[str, list[Path]]:
    """Every picture and video below `root`, by its name without suffix, in a fixed order."""
    listed: dict[str, list[Path]] = defaultdict(list)
    seen = set()
    for folder, inner, names in os.walk(root, followlinks=True):  # data sets are often linked together
        place = Path(folder).stat()
        if (place.st_dev, place.st_ino) in seen:  # a link back up
            inner.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        inner.sort()
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a million names: no object each
            if suffix.lower() in _SUFFIXES:
                listed[stem].append(Path(folder, name))
    return dict(listed)
