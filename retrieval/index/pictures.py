"""Small pictures kept beside a video: a thumbnail for every clip and a filmstrip of the whole timeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.index.clips import ClipSpan
from retrieval.store.library import Library
from retrieval.store.records import Clip

THUMBNAIL_PX = 480  # longest side; the first is also the poster of the player
TILES = 24  # pictures in a filmstrip
TILE_HEIGHT_PX = 72


def save_clip_pictures(library: Library, clip: Clip, span: ClipSpan, duration: float) -> None:
    """Save the clip's thumbnail (its middle sample) and those filmstrip tiles that fall into it."""
    seen = [(sample.time, sample.picture) for sample in span.samples if sample.picture is not None]
    if not seen:
        return
    middle = (span.start + span.end) / 2
    _save(min(seen, key=lambda item: abs(item[0] - middle))[1], library.thumbnail(clip), THUMBNAIL_PX)
    for number in range(TILES):
        time = (number + 0.5) * duration / TILES
        if span.start <= time < span.end:
            picture = min(seen, key=lambda item: abs(item[0] - time))[1]
            _save(picture, _tile(library, clip.video_id, number), TILE_HEIGHT_PX * 2)


def save_filmstrip(library: Library, video_id: str) -> None:
    """Join the tiles into one picture [72, 24 * width]; moments without a picture repeat their neighbour."""
    tiles: list[Image.Image] = []
    for number in range(TILES):
        path = _tile(library, video_id, number)
        if path.exists():
            with Image.open(path) as stored:
                tiles.append(stored.resize((_tile_width(stored), TILE_HEIGHT_PX)))
        elif tiles:
            tiles.append(tiles[-1])
    if not tiles:
        return
    width = max(tile.width for tile in tiles)
    strip = Image.new("RGB", (width * TILES, TILE_HEIGHT_PX))
    for number, tile in enumerate([tiles[0]] * (TILES - len(tiles)) + tiles):
        strip.paste(tile, (number * width + (width - tile.width) // 2, 0))
    strip.save(library.filmstrip(video_id), quality=80)


def _tile_width(tile: Image.Image) -> int:
    return max(1, min(round(tile.width * TILE_HEIGHT_PX / tile.height), 2 * TILE_HEIGHT_PX))


def _tile(library: Library, video_id: str, number: int) -> Path:
    return library.folder(video_id) / "filmstrip" / f"{number:02d}.jpg"


def _save(picture: np.ndarray, path: Path, longest_px: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture)
    image.thumbnail((longest_px, longest_px))
    image.save(path, quality=82)
