"""Comments at moments of a video: kept in order of time, checked, and gone with the video."""

from __future__ import annotations

import pytest

from model.errors import UsageError
from retrieval.store import comments as module
from retrieval.store.comments import MAX_CHARS, Comments
from retrieval.store.library import Library
from retrieval.store.records import Video


def test_they_come_in_order_of_time_and_go_one_by_one(library: Library, video: Video) -> None:
    comments = Comments(library)
    late, early = comments.add(video.id, 20.5, "  look \n there "), comments.add(video.id, 3.0, "哈哈 😀")
    assert [(c.seconds, c.text) for c in comments.of(video.id)] == [(3.0, "哈哈 😀"), (20.5, "look there")]
    comments.delete(video.id, early.id)
    assert comments.of(video.id) == [late]
    with pytest.raises(UsageError, match=f"no comment {early.id}"):
        comments.delete(video.id, early.id)


@pytest.mark.parametrize(
    ("seconds", "text", "words"),
    [
        (3.0, " \n ", "comment is empty"),
        (3.0, "x" * (MAX_CHARS + 1), "say it shorter"),
        (-1.0, "early", "inside it"),
        (30.5, "late", "ends at 0:30"),
        (float("nan"), "when", "inside it"),
    ],
)
def test_what_is_no_comment_is_refused(library: Library, video: Video, seconds: float, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Comments(library).add(video.id, seconds, text)
    assert Comments(library).of(video.id) == []


def test_there_is_an_end_to_it(library: Library, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    comments = Comments(library)
    comments.add(video.id, 1.0, "one"), comments.add(video.id, 1.0, "two")
    with pytest.raises(UsageError, match="has 2 comments; delete some"):
        comments.add(video.id, 1.0, "three")
    assert [c.text for c in comments.of(video.id)] == ["one", "two"]


def test_they_go_with_the_video_and_belong_to_it(library: Library, video: Video) -> None:
    comments = Comments(library)
    comment = comments.add(video.id, 1.0, "one")
    with pytest.raises(UsageError, match="no comment"):
        comments.delete("another", comment.id)
    library.delete_video(video.id)
    assert library.db.rows("SELECT * FROM comments") == []
