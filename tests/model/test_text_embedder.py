"""Our own BERT against transformers', and what callers rely on: order, unit length, independence of company."""

import numpy as np
import pytest

from model.pack import part
from model.text.minilm import MAX_TOKENS, MiniLM, _batches

TEXTS = ["A dog runs over the grass.", "", "coffee", "Ünïcödé 東京 😀", "one two three four five " * 100, "coffee"]


@pytest.fixture(scope="module")
def exact() -> MiniLM:
    return MiniLM(bf16=False)


def by_transformers(texts: list[str]) -> np.ndarray:
    import torch
    from transformers import AutoTokenizer, BertModel

    tokenizer, bert = AutoTokenizer.from_pretrained(part("text")), BertModel.from_pretrained(part("text")).eval()
    rows = []
    for text in texts:  # one by one: no padding, no mask, nothing to get wrong
        ids = tokenizer(text, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            rows.append(bert(**ids).last_hidden_state[0].mean(0))
    return torch.nn.functional.normalize(torch.stack(rows), dim=1).numpy()


@pytest.mark.models
def test_equals_transformers(exact: MiniLM) -> None:
    expected = by_transformers(TEXTS)
    np.testing.assert_allclose(exact.embed(TEXTS), expected, atol=1e-5)
    half = MiniLM(bf16=True).embed(TEXTS)
    assert (half * expected).sum(1).min() > 0.999


@pytest.mark.models
def test_vectors_are_unit_float32_in_the_order_asked_for(exact: MiniLM) -> None:
    vectors = exact.embed(TEXTS)
    assert vectors.shape == (6, exact.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[2], vectors[5])
    assert exact.embed([]).shape == (0, exact.dim)


@pytest.mark.models
def test_a_text_means_the_same_in_any_company(exact: MiniLM) -> None:
    crowd = [f"{'very ' * (i % 20)}long text {i}" for i in range(40)]
    np.testing.assert_allclose(exact.embed([*crowd, "a red car"])[-1], exact.embed(["a red car"])[0], atol=1e-5)


@pytest.mark.models
def test_meaning_decides_what_is_near(exact: MiniLM) -> None:
    query, near, far = exact.embed(["a puppy plays", "a young dog has fun", "the stock market fell"])
    assert query @ near > query @ far + 0.3


@pytest.mark.models
def test_a_query_is_computed_once(exact: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    first = exact.embed(["where is the blue kettle?"])
    monkeypatch.setattr(exact, "_bert", None)  # any computation now fails
    np.testing.assert_array_equal(exact.embed(["where is the blue kettle?"]), first)


@pytest.mark.models
def test_a_returned_vector_is_the_callers_to_change(exact: MiniLM) -> None:
    exact.embed(["a green hat"])[:] = 0
    assert np.linalg.norm(exact.embed(["a green hat"])) == pytest.approx(1, abs=1e-5)


def test_batches_hold_every_text_once_and_like_lengths_together() -> None:
    lengths = [3, 250, 4, 250, 3, 250, 250, 250, 5]
    batches = list(_batches(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(9))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 1024 for batch in batches)
    assert len(batches) == 3
