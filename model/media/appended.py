"""A second recording at the end of a file, joined to it as `cat` does, that no player gets to."""

from __future__ import annotations

import mmap
from pathlib import Path

# What a container begins with: the first bytes of the same program's next recording are the same.
_HEAD_BYTES = 12
_LEAST_BYTES = 32 << 10  # less holds no recording worth a sentence
_LEAST_SHARE = 0.1


def has_appended(path: Path, read_until: int) -> bool:
    """Whether a file begins anew after the byte behind which FFmpeg finds no packets (0: not known)."""
    size = path.stat().st_size
    if not read_until or size - read_until < max(_LEAST_BYTES, _LEAST_SHARE * size):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        head = data[:_HEAD_BYTES]
        return len(set(head)) > 2 and data.find(head, read_until) >= 0
