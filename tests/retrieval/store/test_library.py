from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from model.errors import CuepointError, UsageError
from model.reading.screen_text import Sighting, TextBox
from retrieval.store.library import Library
from retrieval.store.migrations import MIGRATIONS
from retrieval.store.records import Clip, Video
from tests.retrieval.conftest import register

VECTORS = np.eye(3, 8, dtype=np.float32)


def add_clip(library: Library, video: Video, number: int, start: float, end: float) -> int:
    clip = Clip(0, video.id, number, start, end, [("dog", 0.5)], [("red", 0.4)])
    return library.add_clip(clip, np.array([start, start + 0.5], np.float32), VECTORS[:2], VECTORS[:1], np.array([0.5]))


def test_the_same_content_is_one_video_an_owner(library: Library, tmp_path: Path) -> None:
    first = register(library, tmp_path, "same")
    assert register(library, tmp_path, "same").id == first.id
    assert register(library, tmp_path, "same", owner="somebody").id != first.id
    assert len(library.videos("somebody")) == 1


def test_an_unknown_video_and_that_of_another_owner_are_refused_alike(library: Library, video: Video) -> None:
    for video_id, owner in (("nothing", None), (video.id, "somebody")):
        with pytest.raises(UsageError, match="no video"):
            library.video(video_id, owner)


def test_what_is_stored_comes_back(library: Library, video: Video) -> None:
    add_clip(library, video, 0, 0.0, 4.0)
    [frames] = library.video_frames(video.id)
    assert frames.clip.tags == [("dog", 0.5)]
    assert frames.times.tolist() == [0.0, 0.5]
    np.testing.assert_allclose(frames.vectors, VECTORS[:2])
    library.add_sightings(video.id, [Sighting(1.0, [TextBox("HELLO", 0.9, (0.1, 0.1, 0.5, 0.2))])], 4.0)
    assert library.sightings(video.id)[0].boxes[0].text == "HELLO"
    assert library.lane_until(video.id, "see") == library.lane_until(video.id, "read") == 4.0


def test_words_are_found_by_stem_and_in_chinese(library: Library, video: Video) -> None:
    texts = [(0.0, 2.0, "The dogs were running"), (3.0, 4.0, "今天的天气很好"), (5.0, 6.0, "nothing else")]
    library.add_passages(video.id, "speech", texts, VECTORS)
    for query, expected in (('"dog"', 0.0), ('"run"', 0.0), ('"天 气"', 3.0)):
        [(passage, _)] = library.match_words(query, [video.id], 5)
        assert passage.start == expected


def test_replacing_passages_leaves_no_old_words(library: Library, video: Video) -> None:
    library.add_passages(video.id, "text", [(0.0, 1.0, "OLD TITLE")], VECTORS[:1], replace=True)
    library.add_passages(video.id, "text", [(0.0, 1.0, "NEW TITLE")], VECTORS[:1], replace=True)
    assert library.match_words('"old"', None, 5) == []
    assert len(library.db.rows("SELECT 1 FROM vectors WHERE kind = 'text'")) == 1


def test_deleting_a_video_leaves_nothing(library: Library, video: Video) -> None:
    add_clip(library, video, 0, 0.0, 4.0)
    library.add_passages(video.id, "speech", [(0.0, 1.0, "words")], VECTORS[:1])
    library.folder(video.id).mkdir(parents=True)
    (library.folder(video.id) / "filmstrip.jpg").write_bytes(b"x")
    library.delete_video(video.id)
    for table in ("videos", "clips", "passages", "passage_words", "vectors", "lanes"):
        assert library.db.rows(f"SELECT * FROM {table}") == [], table
    assert not library.folder(video.id).exists()


def test_deleting_keeps_a_file_of_the_users_own_and_removes_an_upload(library: Library, tmp_path: Path) -> None:
    own = register(library, tmp_path, "own")
    library.delete_video(own.id)
    assert Path(own.source_path).exists()
    folder = library.incoming / "abc"
    folder.mkdir()
    upload = register(library, folder, "upload")
    library.delete_video(upload.id)
    assert not folder.exists()


def test_a_failed_transaction_changes_nothing(library: Library, video: Video) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        library.add_passages(video.id, "nonsense", [(0.0, 1.0, "a")], VECTORS[:1])  # type: ignore[arg-type]
    assert library.passages(video.id) == []


def test_migrations_run_once(library: Library) -> None:
    again = Library(library.data_dir)
    numbers = [row["number"] for row in again.db.rows("SELECT number FROM migrations")]
    assert numbers == list(range(1, len(MIGRATIONS) + 1))


def test_a_data_folder_that_is_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CuepointError, match="--data-dir"):
        Library(tmp_path / "file")
