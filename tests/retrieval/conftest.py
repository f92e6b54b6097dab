from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.store.library import LOCAL_OWNER, Library
from retrieval.store.records import Video
from tests.fakes import BagOfWords, ColourEncoder, FakeModels


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "data")


@pytest.fixture
def models() -> FakeModels:
    return FakeModels()


@pytest.fixture
def video(library: Library, tmp_path: Path) -> Video:
    """A registered video of 30 s without anything indexed."""
    return register(library, tmp_path, "first")


def register(library: Library, folder: Path, name: str, owner: str = LOCAL_OWNER, duration: float = 30.0) -> Video:
    path = folder / f"{name}.mp4"
    path.write_bytes(name.encode())
    video = library.add_video(path, f"{name:0<64}", {"duration": duration, "warnings": []}, owner)
    library.update_video(video.id, vision_model=ColourEncoder.name, text_model=BagOfWords.name)
    return library.video(video.id)
