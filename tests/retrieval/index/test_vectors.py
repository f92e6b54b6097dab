from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.index.vectors import VectorIndex
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import BagOfWords
from tests.retrieval.conftest import register

MODEL = BagOfWords.name
VECTORS = np.eye(4, 8, dtype=np.float32)


@pytest.fixture
def filled(library: Library, video: Video, tmp_path: Path) -> Library:
    other = register(library, tmp_path, "second")
    library.add_passages(video.id, "speech", [(0, 1, "a"), (1, 2, "b")], VECTORS[:2])
    library.add_passages(other.id, "speech", [(0, 1, "c"), (1, 2, "d")], VECTORS[2:])
    return library


def test_the_nearest_comes_first_and_videos_filter(filled: Library, video: Video) -> None:
    index = VectorIndex(filled, "text", MODEL)
    everywhere = index.search(VECTORS[2], 4)
    assert everywhere[0][1] == pytest.approx(1.0)
    inside = index.search(VECTORS[2], 4, [video.id])
    assert len(inside) == 2 and everywhere[0][0] not in [i for i, _ in inside]


def test_additions_and_deletions_are_taken_over(filled: Library, video: Video) -> None:
    index = VectorIndex(filled, "text", MODEL)
    index.search(VECTORS[0], 1)
    filled.add_passages(video.id, "text", [(2, 3, "e")], VECTORS[:1] * -1)
    assert index.search(-VECTORS[0], 1)[0][1] == pytest.approx(1.0)
    filled.delete_video(video.id)
    assert index.search(-VECTORS[0], 1)[0][1] < 0.5
    assert index.size == 2


def test_another_process_is_noticed(filled: Library, video: Video) -> None:
    index = VectorIndex(filled, "text", MODEL)
    index.search(VECTORS[0], 1)
    Library(filled.data_dir).add_passages(video.id, "text", [(2, 3, "e")], VECTORS[:1] * -1)
    assert index.search(-VECTORS[0], 1)[0][1] == pytest.approx(1.0)


@pytest.mark.parametrize("damage", ["missing", "truncated", "noise"])
def test_a_lost_file_is_made_again(filled: Library, damage: str) -> None:
    index = VectorIndex(filled, "text", MODEL)
    index.save()
    before = index.search(VECTORS[1], 4)
    if damage == "missing":
        index.path.unlink()
    else:
        index.path.write_bytes(index.path.read_bytes()[:20] if damage == "truncated" else b"\x00\xff" * 200)
    assert VectorIndex(filled, "text", MODEL).search(VECTORS[1], 4) == before


def test_an_empty_index_finds_nothing(library: Library) -> None:
    assert VectorIndex(library, "visual", MODEL).search(VECTORS[0], 3) == []
