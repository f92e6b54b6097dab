from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.engine import Engine
from app.i18n import Language
from app.page.cards import library_cards
from app.page.html import Shelf
from app.page.session import Session
from app.titles import additions, one_line
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Video
from tests.app.conftest import colour_video


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("a\r\n\tb\u2028c  d", "a b c d"),
        ("\x1b[2Jwipe", "[2Jwipe"),
        ("exe\u202egpj.mp4", "exegpj.mp4"),
        ("视频 é 👩\u200d🚀.mp4", "视频 é 👩\u200d🚀.mp4"),
        ("half \ud83d", "half ?"),
    ],
)
def test_a_title_is_one_line(title: str, shown: str) -> None:
    assert one_line(title) == shown


def test_titles_that_differ_need_no_addition(engine: Engine, indexed: Video, tmp_path: Path) -> None:
    engine.add(colour_video(tmp_path / "other.mp4", (9, 9, 9)))
    assert additions(engine.library.videos()) == {}


def test_files_of_one_name_are_told_apart_by_folder_and_uploads_by_their_time(engine: Engine, tmp_path: Path) -> None:
    colours = iter(((1, 1, 1), (90, 90, 90), (200, 200, 200)))
    (tmp_path / "here").mkdir()
    here, _ = engine.add(colour_video(tmp_path / "here" / "clip.mp4", next(colours)))
    uploads = []
    for number in range(2):
        video, _ = engine.add(colour_video(tmp_path / f"{number}.mp4", next(colours)), upload="clip.mp4")
        engine.library.update_video(video.id, created_at=1_700_000_000 + number)
        uploads.append(video.id)
    videos = engine.library.videos()
    told = additions(videos)
    assert told[here.id] == str(tmp_path / "here")
    assert len({told[upload] for upload in uploads}) == 2 and not any(os.sep in told[upload] for upload in uploads)
    shelf = Shelf(engine.library, LOCAL_OWNER)
    html = library_cards(engine.library, engine.jobs, videos, Session(), shelf, Language("en"))
    assert all(f'<span class="card-apart"><bdi>{text}</bdi></span>' in html for text in told.values())
