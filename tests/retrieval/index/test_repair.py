"""A damaged database: what is found, what is saved, and that nothing else is touched."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from model.errors import CuepointError
from retrieval.index.renew import is_current
from retrieval.index.repair import find_damage, repair
from retrieval.store.chats import Chats
from retrieval.store.comments import Comments
from retrieval.store.damage import DamagedLibrary
from retrieval.store.folder import DATABASE, LOCK
from retrieval.store.library import Library
from retrieval.store.pages import PageReader
from retrieval.store.records import Clip, Message, Video
from tests.fakes import FakeModels
from tests.retrieval.conftest import register

TABLES = ("videos", "lanes", "clips", "passages", "vectors", "chats", "chat_videos", "messages", "comments")
VIDEOS, CLIPS, PASSAGES = 4, 6, 30


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    """Some videos with clips, words, a chat and comments; its connection is closed."""
    models, comments, chats = FakeModels(), Comments(library), Chats(library)
    for number in range(VIDEOS):
        video = register(library, tmp_path, f"video{number}")
        for place in range(CLIPS):
            vectors = np.eye(CLIPS, 512, place, dtype=np.float32)[:1]
            clip = Clip(0, video.id, place, 5.0 * place, 5.0 * place + 5, [("red", 0.9)], [("red", 1.0)])
            times = np.array([5.0 * place], np.float32)
            library.add_clip(clip, times, vectors, vectors, np.zeros(300, np.float16))
        pieces = [
            (float(i), i + 1.0, f"The ferry number {i} leaves at nine from quay {number}.") for i in range(PASSAGES)
        ]
        library.add_passages(video.id, "speech", pieces, models.passages.embed([text for _, _, text in pieces]))
        for lane in ("media", "see", "read", "hear"):
            library.finish_lane(video.id, lane)
        library.update_video(video.id, status="ready")
        comments.add(video.id, 1.0, "so it begins")
        chat = chats.start("local", [video.id])
        chats.add(chat.id, Message("user", "When does it leave?"))
        chats.add(chat.id, Message("assistant", "At nine." * 900, {"found": True, "citations": []}))
    library.db.close()
    return library


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as db:
        return [tuple(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid")]


def closed(library: Library) -> Path:
    """The folder of a library that nobody uses any more."""
    library.db.close()
    folder = library.data_dir
    library.db._use.lock.close()
    return folder


def flip(path: Path, count: int, seed: int) -> None:
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(count):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def test_a_sound_library_is_left_alone(filled: Library) -> None:
    folder = closed(filled)
    before = (folder / DATABASE).read_bytes()
    assert find_damage(folder / DATABASE) is None
    assert not repair(folder).damaged
    assert (folder / DATABASE).read_bytes() == before and not list(folder.glob("*.damaged-*"))


def test_pages_are_read_as_sqlite_reads_them(filled: Library) -> None:
    path = filled.db.path
    reader = PageReader(path.read_bytes())
    tables = reader.tables()
    for table in TABLES:
        found = [row.number for row in reader.rows(reader.leaves(tables[table]))]
        with sqlite3.connect(path) as db:
            assert found == [number for (number,) in db.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]


def test_everything_is_saved_where_only_the_header_is_damaged(filled: Library) -> None:
    folder = closed(filled)
    path = folder / DATABASE
    before = {table: rows(path, table) for table in TABLES}
    content = bytearray(path.read_bytes())
    content[:16], content[18] = b"nonsense" * 2, 200
    path.write_bytes(content)
    damaged = path.read_bytes()
    with pytest.raises(DamagedLibrary):
        Library(folder)
    done = repair(folder)
    assert done.damaged and not +done.lost
    assert {table: rows(path, table) for table in TABLES} == before
    assert done.kept_as is not None and done.kept_as.read_bytes() == damaged
    library = Library(folder)
    assert len(library.match_words("ferry", None, 1000)) == VIDEOS * PASSAGES, "full text is made again"


def test_a_broken_page_costs_its_own_rows_alone(filled: Library) -> None:
    folder = closed(filled)
    path = folder / DATABASE
    reader = PageReader(path.read_bytes())
    page = reader.leaves(reader.tables()["passages"])[1]
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(content)
    before = len(reader.leaves(reader.tables()["passages"]))
    done = repair(folder)
    library = Library(folder)
    kept = sum(len(library.passages(video.id)) for video in library.videos())
    assert VIDEOS * PASSAGES * (before - 1.5) / before < kept < VIDEOS * PASSAGES
    assert done.lost["passages"] and done.lost["clips"] == done.lost["videos"] == 0
    assert len(library.videos()) == VIDEOS and all(len(library.clips(v.id)) == CLIPS for v in library.videos())
    assert find_damage(path) is None


def test_a_lost_root_does_not_lose_what_was_below_it(filled: Library) -> None:
    folder = closed(filled)
    path = folder / DATABASE
    root = PageReader(path.read_bytes()).tables()["passages"]
    content = bytearray(path.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = bytes(4096)
    path.write_bytes(content)
    repair(folder)
    library = Library(folder)
    assert sum(len(library.passages(video.id)) for video in library.videos()) == VIDEOS * PASSAGES


def test_lost_clips_are_seen_anew_and_lost_vectors_made_again(filled: Library) -> None:
    folder = closed(filled)
    path = folder / DATABASE
    with sqlite3.connect(path) as db:
        first, second, third, _ = [row[0] for row in db.execute("SELECT id FROM videos ORDER BY id")]
        db.execute("DELETE FROM vectors WHERE video_id = ? AND kind = 'visual'", (first,))
        db.execute("DELETE FROM vectors WHERE video_id = ? AND kind = 'text'", (second,))
        db.execute("DELETE FROM clips WHERE video_id = ? AND number = 2", (third,))
        db.execute("UPDATE chats SET updated_at = 'never'")  # no row of chats makes sense
    done = repair(folder)
    library, models = Library(folder), FakeModels()
    assert done.seen_anew == 2
    current = {video.id: is_current(models, video) for video in library.videos()}  # type: ignore[arg-type]
    assert current[first] and not current[second] and not current[third]
    made = library.db.rows("SELECT 1 FROM vectors WHERE video_id = ? AND kind = 'visual'", (first,))
    assert len(made) == CLIPS
    assert done.lost["chats"] == VIDEOS and done.lost["messages"] == 2 * VIDEOS


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_is_found_and_repaired(filled: Library, seed: int) -> None:
    folder = closed(filled)
    (folder / "videos" / "x").mkdir(parents=True)
    (folder / "videos" / "x" / "playable.mp4").write_bytes(b"a film")
    path = folder / DATABASE
    flip(path, 200, seed)
    damaged = path.read_bytes()
    done = repair(folder)
    assert done.damaged and done.kept_as is not None and done.kept_as.read_bytes() == damaged
    library = Library(folder)
    library.db.check()
    assert find_damage(path) is None
    for video in library.videos():
        assert library.clips(video.id) is not None and library.passages(video.id) is not None
    assert sum(done.saved.values()) > 150, "most rows are not hit"
    assert (folder / "videos" / "x" / "playable.mp4").read_bytes() == b"a film"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_database_is_named_and_repaired(filled: Library, share: float) -> None:
    folder = closed(filled)
    path = folder / DATABASE
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CuepointError, match="repair"):
        Library(folder)
    done = repair(folder)
    assert done.damaged and (done.saved["videos"] > 0) is (share > 0)
    assert Library(folder).videos() is not None


def test_what_still_stands_in_the_log_is_saved(filled: Library, video: Video) -> None:
    filled.update_video(video.id, title="renamed a moment ago")
    folder = filled.data_dir
    beside = {suffix: (folder / f"{DATABASE}{suffix}").read_bytes() for suffix in ("", "-wal")}
    assert len(beside["-wal"]) > 0
    closed(filled)
    for suffix, content in beside.items():
        (folder / f"{DATABASE}{suffix}").write_bytes(content)
    with (folder / DATABASE).open("r+b") as file:
        file.write(b"nonsense")
    repair(folder)
    assert Library(folder).video(video.id).title == "renamed a moment ago"


def test_a_library_in_use_is_not_repaired(filled: Library) -> None:
    with pytest.raises(CuepointError, match="in use"):
        repair(filled.data_dir)


def test_a_folder_without_a_library_has_nothing_to_repair(tmp_path: Path) -> None:
    with pytest.raises(CuepointError, match="no library"):
        repair(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK]


def test_damage_that_shows_later_is_one_sentence(filled: Library) -> None:
    path = filled.db.path
    reader = PageReader(path.read_bytes())
    with path.open("r+b") as file:
        for page in reader.leaves(reader.tables()["passages"]):
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
    library = Library(path.parent)
    with pytest.raises(DamagedLibrary, match="cuepoint repair"):
        for video in library.videos():
            library.passages(video.id)
    with pytest.raises(DamagedLibrary):
        library.delete_video(library.videos()[0].id)
    with pytest.raises(DamagedLibrary):
        library.db.check()
