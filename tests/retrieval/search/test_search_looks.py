"""Search by a still, more like a moment, and the curve of relevance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.errors import UsageError
from retrieval.search.filters import make_filter
from retrieval.search.query import Query
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import ColourEncoder, FakeModels
from tests.retrieval.conftest import register
from tests.retrieval.search.test_search import add_shots, add_texts, harbour, searcher  # noqa: F401


def still(colour: str) -> np.ndarray:
    return np.full((48, 64, 3), ColourEncoder.colours[colour], np.uint8)


def test_a_still_finds_what_looks_like_it(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    found = searcher.search_picture(still("green"), [harbour.id], 3)
    assert 14 <= found[0].start < found[0].end <= 20 and found[0].sources == ["visual"]


def test_a_still_keeps_to_the_filter(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    found = searcher.search_picture(still("blue"), [harbour.id], 3, make_filter(15))
    assert 20 <= found[0].start < found[0].end <= 24
    with pytest.raises(UsageError, match="choose seen"):
        searcher.search_picture(still("blue"), [harbour.id], 3, make_filter(sources="heard"))


def test_more_like_a_moment_is_elsewhere(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    """Of the two blue shots the other one, and nothing that touches the moment asked about."""
    found = searcher.more_like(harbour.id, 10, 12, [harbour.id], 10)
    assert 20 <= found[0].start < found[0].end <= 24
    assert all(m.end <= 6 or m.start >= 16 for m in found)


def test_more_like_a_moment_in_other_videos(
    searcher: Searcher,  # noqa: F811
    harbour: Video,  # noqa: F811
    library: Library,
    models: FakeModels,
    tmp_path: Path,
) -> None:
    other = register(library, tmp_path, "second")
    add_shots(library, models, other, [("red", 0, 10), ("green", 10, 12)])
    best = searcher.more_like(harbour.id, 15, 19)[0]
    assert best.video_id == other.id and 10 <= best.start < best.end <= 12


@pytest.mark.parametrize(("start", "end"), [(5, 5), (9, 3), (-2, 3), (31, 40)])
def test_more_like_nothing_is_refused(searcher: Searcher, harbour: Video, start: float, end: float) -> None:  # noqa: F811
    with pytest.raises(UsageError, match="is no moment of"):
        searcher.more_like(harbour.id, start, end)


def test_more_like_a_moment_without_a_picture_is_refused(searcher: Searcher, video: Video) -> None:  # noqa: F811
    with pytest.raises(UsageError, match="no picture"):
        searcher.more_like(video.id, 0, 5)


def test_the_curve_covers_the_whole_video_and_rises_where_it_fits(searcher: Searcher, harbour: Video) -> None:  # noqa: F811
    curve = searcher.relevance(Query.of("a green ferry"), harbour.id, 60)
    assert len(curve.times) == 60 and curve.times[0] == 0.25 and curve.times[-1] == 29.75
    green = (curve.times > 14) & (curve.times < 20)
    assert curve.visual[green].min() > 0.5 > curve.visual[~green].max()
    spoken = (curve.times > 2) & (curve.times < 5)
    assert curve.speech[spoken].min() > 0 and curve.speech[(curve.times > 8) & (curve.times < 20)].max() == 0
    assert curve.text[20] > 0 and curve.text[0] == 0
    for values in (curve.visual, curve.speech, curve.text):
        assert values.min() >= 0 and values.max() <= 1


def test_a_video_that_is_the_same_throughout_gives_a_flat_curve(
    searcher: Searcher,  # noqa: F811
    library: Library,
    models: FakeModels,
    video: Video,
) -> None:
    add_shots(library, models, video, [("red", 0, 30)])
    assert searcher.relevance(Query.of("something blue"), video.id).visual.max() < 0.05


def test_a_video_with_nothing_in_it_gives_zeros(searcher: Searcher, video: Video) -> None:  # noqa: F811
    curve = searcher.relevance(Query.of("red"), video.id, 10)
    assert [len(values) for values in curve.as_json().values()] == [10] * 4
    assert not np.any([curve.visual, curve.speech, curve.text])


def test_many_passages_are_all_on_the_curve(
    searcher: Searcher,  # noqa: F811
    library: Library,
    models: FakeModels,
    video: Video,
) -> None:
    add_texts(library, models, video, "speech", [(i * 0.2, i * 0.2 + 0.2, "the ferry") for i in range(150)])
    assert searcher.relevance(Query.of("ferry"), video.id, 100).speech.min() > 0
