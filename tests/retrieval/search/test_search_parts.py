"""Searches with two conditions, with one that must not be, and in Chinese."""

from __future__ import annotations

from retrieval.ask.find import Finder
from retrieval.search.joining import join
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Moment, Video
from tests.fakes import FakeModels
from tests.retrieval.search.test_search import add_shots, add_texts, harbour, searcher  # noqa: F401


def at(start: float, end: float, score: float = 1.0, video: str = "v") -> Moment:
    return Moment(video, start, end, score, ["visual"])


def test_then_gives_a_moment_with_both_in_that_order(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    best = Finder(searcher).search("green, then blue", [harbour.id], 3)[0]
    assert 14 <= best.start < 20 < best.end <= 24


def test_after_gives_the_later_and_before_the_earlier(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    after = Finder(searcher).search("something blue after something green", [harbour.id], 3)[0]
    assert 20 <= after.start < after.end <= 24
    before = Finder(searcher).search("something blue before something green", [harbour.id], 3)[0]
    assert 8 <= before.start < before.end <= 14


def test_while_needs_both_at_once(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    best = Finder(searcher).search("green while the ferry terminal", [harbour.id], 3)[0]
    assert 14 <= best.start < best.end <= 20.5 or {"visual", "text"} <= set(best.sources)


def test_conditions_of_different_videos_are_no_pair() -> None:
    assert join("then", [at(0, 2)], [at(5, 7, video="w")]) == []
    assert join("then", [at(5, 7)], [at(0, 2)]) == []
    assert join("while", [at(0, 2)], [at(2, 4)]) == []


def test_the_nearer_pair_is_better_and_both_parts_count() -> None:
    near, far = join("then", [at(0, 2)], [at(3, 5), at(40, 42)])
    assert (near.start, near.end) == (0, 5) and near.score > 2 * far.score
    assert join("then", [at(0, 2, 1.0), at(10, 12, 0.1)], [at(3, 5), at(13, 15)])[0].start == 0


def test_without_leads_away_from_what_must_not_be(
    searcher: Searcher,  # noqa: F811
    library: Library,
    models: FakeModels,
    video: Video,
) -> None:
    add_shots(library, models, video, [("street cars", 0, 8), ("street", 8, 12), ("forest", 12, 20)])
    add_texts(library, models, video, "speech", [(1, 3, "A street full of cars.")])
    best = Finder(searcher).search("a street without cars", [video.id], 5)
    assert 8 <= best[0].start < best[0].end <= 12
    assert all(moment.quote is None for moment in best)
    assert Finder(searcher).search("no cars", [video.id], 1)[0].start >= 8


def test_chinese_words_find_chinese_text(
    searcher: Searcher,  # noqa: F811
    library: Library,
    models: FakeModels,
    video: Video,
) -> None:
    lines = [(0, 2, "大家好"), (5, 8, "今天下午会下雨"), (10, 12, "苹果的收获很好"), (14, 16, "下一个问题")]
    add_texts(library, models, video, "speech", lines)
    assert Finder(searcher).search("什么时候下雨?", [video.id], 1)[0].quote == "今天下午会下雨"
    assert Finder(searcher).search("她说了什么关于苹果的?", [video.id], 1)[0].quote == "苹果的收获很好"
