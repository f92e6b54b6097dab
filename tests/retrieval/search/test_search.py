from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model.errors import UsageError
from retrieval.ask.find import Finder
from retrieval.search.filters import make_filter
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Clip, Source, Video
from tests.fakes import FakeModels
from tests.retrieval.conftest import register

SHOTS = [("red", 0.0, 8.0), ("blue", 8.0, 14.0), ("green", 14.0, 20.0), ("blue", 20.0, 24.0), ("red", 24.0, 30.0)]
LINES = [(2.0, 5.0, "The ferry leaves at nine."), (21.0, 23.0, "The ferry is late again."), (25.0, 28.0, "Good night.")]
SIGN = (3.0, 29.0, "FERRY TERMINAL")


@pytest.fixture
def searcher(library: Library, models: FakeModels) -> Searcher:
    return Searcher(library, models)  # type: ignore[arg-type]


@pytest.fixture
def harbour(library: Library, video: Video, models: FakeModels) -> Video:
    """30 s: red, blue, green, blue, red; two lines about a ferry and one that is not; a sign that stays."""
    add_shots(library, models, video, SHOTS)
    add_texts(library, models, video, "speech", LINES)
    add_texts(library, models, video, "text", [SIGN])
    return video


def add_shots(library: Library, models: FakeModels, video: Video, shots: Sequence[tuple[str, float, float]]) -> None:
    """Shots of one thing each, or of several ("a dog and a car"), with two frames a second."""
    for number, (shown, start, end) in enumerate(shots):
        times = np.arange(start, end, 0.5, dtype=np.float32)
        vectors = np.repeat(models.vision.encode_text([shown]), len(times), axis=0)
        clip = Clip(0, video.id, number, start, end, [(shown, 0.9)], [])
        library.add_clip(clip, times, vectors, vectors[:1], np.zeros(len(models.vision.colours), np.float32))


def add_texts(
    library: Library, models: FakeModels, video: Video, source: Source, pieces: Sequence[tuple[float, float, str]]
) -> None:
    library.add_passages(video.id, source, pieces, models.passages.embed([text for *_, text in pieces]))


def test_a_stretch_of_time_holds_every_result(searcher: Searcher, harbour: Video) -> None:
    found = Finder(searcher).search("the late ferry", [harbour.id], 10, make_filter(10, 22.5))
    assert found and all(10 <= m.start < m.end <= 22.5 for m in found)
    assert found[0].quote == "The ferry is late again."


def test_a_text_that_stays_is_found_where_the_stretch_begins(searcher: Searcher, harbour: Video) -> None:
    (sign,) = Finder(searcher).search("terminal", [harbour.id], 10, make_filter("0:12", None, "read"))
    assert (sign.start, sign.end, sign.sources) == (12, 24, ["text"])


@pytest.mark.parametrize(("name", "source"), [("seen", "visual"), ("heard", "speech"), ("read", "text")])
def test_a_source_alone_is_searched(searcher: Searcher, harbour: Video, name: str, source: Source) -> None:
    found = Finder(searcher).search("a red ferry", [harbour.id], 10, make_filter(sources=name))
    assert found and all(moment.sources == [source] for moment in found)


def test_the_picture_is_found_inside_the_stretch_even_where_it_is_better_outside(
    searcher: Searcher, harbour: Video
) -> None:
    found = Finder(searcher).search("something blue", [harbour.id], 1, make_filter(15, 30, "seen"))[0]
    assert 20 <= found.start < found.end <= 24


def test_a_filter_does_not_starve_in_a_long_video(
    searcher: Searcher, library: Library, video: Video, models: FakeModels
) -> None:
    lines = [(i * 0.1, i * 0.1 + 0.1, f"the ferry number {i}") for i in range(280)]
    add_texts(library, models, video, "speech", lines)
    found = Finder(searcher).search("the ferry", [video.id], 5, make_filter(27.0, 28.0))
    assert len(found) == 5 and all(27 <= m.start < m.end <= 28 for m in found)


def test_a_stretch_behind_the_end_is_refused(searcher: Searcher, harbour: Video) -> None:
    with pytest.raises(UsageError, match="the video ends at 0:30"):
        Finder(searcher).search("red", [harbour.id], 5, make_filter("0:45"))


def test_a_stretch_may_lie_behind_the_end_of_some_videos(
    searcher: Searcher, harbour: Video, library: Library, models: FakeModels, tmp_path: Path
) -> None:
    other = register(library, tmp_path, "second", duration=60)
    add_shots(library, models, other, [("green", 0, 50), ("red", 50, 60)])
    found = Finder(searcher).search("red", None, 5, make_filter(45))
    assert {m.video_id for m in found} == {other.id} and found[0].start >= 50


def test_no_video_chosen_is_not_all_videos(searcher: Searcher, harbour: Video) -> None:
    with pytest.raises(UsageError, match="No video"):
        Finder(searcher).search("red", [])


def test_the_first_results_are_different_moments(searcher: Searcher, harbour: Video) -> None:
    """Both blue shots are among the first three, though one has windows enough for all of them."""
    found = Finder(searcher).search("blue", [harbour.id], 3, make_filter(sources="seen"))
    assert any(8 <= m.start < m.end <= 14 for m in found) and any(20 <= m.start < m.end <= 24 for m in found)


def test_the_same_text_shown_again_stands_back(
    searcher: Searcher, library: Library, video: Video, models: FakeModels
) -> None:
    pieces = [(float(i), i + 1.0, "ferry times") for i in range(0, 20, 2)] + [(25.0, 26.0, "ferry times in winter")]
    add_texts(library, models, video, "text", pieces)
    assert "ferry times in winter" in [m.quote for m in Finder(searcher).search("ferry times", [video.id], 2)]


def test_a_changed_video_is_searched_as_it_is_now(
    searcher: Searcher, library: Library, video: Video, models: FakeModels
) -> None:
    add_shots(library, models, video, [("red", 0, 4)])
    assert Finder(searcher).search("green", [video.id])[0].end <= 4
    library.add_clip(
        Clip(0, video.id, 1, 4, 8, [], []),
        np.arange(4, 8, 0.5, dtype=np.float32),
        np.repeat(models.vision.encode_text(["green"]), 8, axis=0),
        models.vision.encode_text(["green"]),
        np.zeros(3, np.float32),
    )
    assert Finder(searcher).search("green", [video.id])[0].start >= 4
