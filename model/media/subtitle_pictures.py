"""Subtitles that are pictures (Blu-ray, DVD, DVB): an image to read the text from.

PyAV hands out a picture's colour numbers, but not its palette. FFmpeg's own DVB encoder writes the palette of any such
picture down in a simple form (ETSI EN 300 743, 7.2.4), so that is where the colours are taken from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from av.subtitles.subtitle import SubtitleSet

MOST_PIXELS = 16_000_000  # of one subtitle: a whole screen of 4K has 8 million
_MARGIN_PX = 24  # around the text: OCR finds lines badly at a picture's edge
_LEAST_HEIGHT_PX = 64  # of a subtitle: small ones (DVD) are drawn larger
_CLUT, _SYNC = 0x12, 0x0F
_ENTRY_BYTES = 6


def drawn(subtitle: SubtitleSet, ground: int = 0) -> np.ndarray | None:
    """The pictures of one subtitle on an even ground: uint8 [H, W, 3] RGB; None where there is nothing to see.

    ground: brightness, 0 to 255, of what lies behind the text.
    """
    parts: list[Any] = list(subtitle)
    if not all(part.type == b"bitmap" and part.planes and part.width > 0 < part.height for part in parts):
        return None  # damaged
    left, top = min((p.x for p in parts), default=0), min((p.y for p in parts), default=0)
    width = max((p.x + p.width for p in parts), default=0) - left
    height = max((p.y + p.height for p in parts), default=0) - top
    if not parts or width * height > MOST_PIXELS:
        return None
    palettes = _palettes(subtitle)
    if len(palettes) < len(parts):
        return None
    canvas = np.full((height, width), float(ground), np.float32)
    seen = False
    for part, palette in zip(parts, palettes, strict=False):
        numbers = np.frombuffer(part.planes[0], np.uint8)[: part.width * part.height].reshape(part.height, part.width)
        grey, alpha = palette[numbers, 0], palette[numbers, 1]
        place = canvas[part.y - top :, part.x - left :][: part.height, : part.width]
        place += (grey - place) * alpha
        seen = seen or bool((alpha > 0).any())
    if not seen:
        return None
    times = max(1, -(-_LEAST_HEIGHT_PX // height))
    framed = np.pad(canvas.repeat(times, 0).repeat(times, 1), _MARGIN_PX, constant_values=float(ground))
    return np.repeat(framed.round().astype(np.uint8)[:, :, None], 3, axis=2)


def _palettes(subtitle: SubtitleSet) -> list[np.ndarray]:
    """For each picture float32 [256, 2]: brightness 0 to 255, opacity 0 to 1."""
    try:
        encoder: Any = av.CodecContext.create("dvbsub", "w")
        data = bytes(encoder.encode_subtitle(subtitle))
    except (av.FFmpegError, ValueError):
        return []
    found, at = [], 0
    while at + 6 <= len(data) and data[at] == _SYNC:
        kind, length = data[at + 1], int.from_bytes(data[at + 4 : at + 6], "big")
        if kind == _CLUT:
            found.append(_palette(data[at + 8 : at + 6 + length]))
        at += 6 + length
    return found


def _palette(entries: bytes) -> np.ndarray:
    table = np.zeros((256, 2), np.float32)
    whole = len(entries) // _ENTRY_BYTES * _ENTRY_BYTES
    rows = np.frombuffer(entries[:whole], np.uint8).reshape(-1, _ENTRY_BYTES).astype(np.float32)
    number, luma, clear = rows[:, 0].astype(int), rows[:, 2], rows[:, 5]
    table[number, 0] = np.clip((luma - 16) * 255 / 219, 0, 255)
    table[number, 1] = np.where(luma == 0, 0.0, 1 - clear / 255)  # a brightness of zero stands for "transparent"
    return table
