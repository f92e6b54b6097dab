"""Every way in which a language model is loaded and run, on tiny checkpoints saved as their makers save them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.errors import CheckpointError
from model.hardware import find_gpu
from model.language.causal_lm import TransformersNetwork
from model.language.chat import Message, Still
from model.language.decoder import CausalDecoder, load_decoder, load_network
from model.language.llama import Llama
from model.profile import DecoderChoice, Precision
from tests.checkpoints import language

WITHOUT_GPU = pytest.mark.skipif(find_gpu() is not None, reason="on a GPU the network is transformers' own")
SAID: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is shown in these pictures of the video?"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    language.tiny_llama(folder / "llama")
    language.tiny_qwen(folder / "qwen")
    language.tiny_sentencepiece(folder / "sentencepiece")
    language.tiny_lora(folder / "lora", folder / "llama")
    language.tiny_gguf(folder / "tiny.gguf")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Conversions of this test alone."""
    monkeypatch.setenv("CUEPOINT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def choose(precision: Precision = "fp32", **options: int) -> DecoderChoice:
    return DecoderChoice("causal-lm", "path:somewhere", precision, **options)


def answer(decoder: CausalDecoder, messages: list[Message] = SAID, tokens: int = 8) -> str:
    return "".join(decoder.stream(messages, tokens))


def first_logits(decoder: CausalDecoder) -> torch.Tensor:
    prompt = decoder.tokens.prompt(SAID, 500)
    network = decoder.network
    with torch.inference_mode():
        tokens = [*prompt.prefix, *prompt.rest]
        return network.extend(network.embed(tokens), network.new_cache(len(tokens))).float()


@pytest.mark.parametrize("name", ["llama", "qwen", "sentencepiece"])
@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "nf4", "int8"])
def test_every_precision_answers_near_the_exact_one(made: Path, name: str, precision: Precision) -> None:
    decoder = load_decoder(made / name, choose(precision))
    exact = load_decoder(made / name, choose("fp32"))
    near = 0.7 if precision == "nf4" else 0.9  # sixteen levels for large random weights
    assert torch.nn.functional.cosine_similarity(first_logits(decoder), first_logits(exact), dim=0) > near
    answer(decoder)
    assert decoder.last_stats is not None and decoder.last_stats.new_tokens > 0


@pytest.mark.parametrize("name", ["llama", "qwen", "sentencepiece"])
def test_the_answer_is_that_of_transformers_own_generate(made: Path, name: str) -> None:
    decoder = load_decoder(made / name, choose("fp32"))
    prompt = decoder.tokens.prompt(SAID, 500)
    network = TransformersNetwork(made / name, "fp32")
    whole = torch.tensor([[*prompt.prefix, *prompt.rest]])
    with torch.inference_mode():
        expected = network.model.generate(whole, do_sample=False, max_new_tokens=8)[0, whole.shape[1] :].tolist()
    expected = [token for token in expected if token not in decoder.tokens.layout.ends]
    out = decoder.tokens.stream()
    assert answer(decoder) == "".join([*map(out.feed, expected), out.rest()])


@WITHOUT_GPU
def test_the_lean_network_and_transformers_agree(made: Path) -> None:
    lean = load_network(made / "llama", "fp32")
    other = TransformersNetwork(made / "llama", "fp32")
    assert isinstance(lean, Llama)
    with torch.inference_mode():
        logits = [n.extend(n.embed([5, 6, 7]), n.new_cache(3)) for n in (lean, other)]
    torch.testing.assert_close(*logits, atol=1e-4, rtol=1e-4)
    assert (lean.width, lean.positions) == (other.width, other.positions)
    for ours, theirs in zip(lean.embedding_statistics(), other.embedding_statistics(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["qwen", "sentencepiece"])
@pytest.mark.parametrize("steps", [[40], [25, 15], [39, 1], [10, 1, 29]])
def test_it_does_not_matter_how_the_tokens_arrive(made: Path, name: str, steps: list[int]) -> None:
    network = load_network(made / name, "fp32")
    tokens = torch.randint(10, 300, (40,), generator=torch.Generator().manual_seed(2)).tolist()
    with torch.inference_mode():
        whole = network.extend(network.embed(tokens), network.new_cache(40))
        cache = network.new_cache(40)
        for step in steps:
            if cache.length:  # as the system prompt's is: taken over, and left as it was
                kept, cache = cache, network.new_cache(40)
                cache.take(kept)
                network.extend(network.embed([1, 2, 3]), kept)
            logits = network.extend(network.embed(tokens[cache.length : cache.length + step]), cache)
    torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["llama", "qwen", "sentencepiece"])
def test_a_known_system_prompt_is_not_computed_again_and_changes_nothing(made: Path, name: str) -> None:
    decoder = load_decoder(made / name, choose("fp32"))
    cold = answer(decoder)
    assert decoder.last_stats is not None and decoder.last_stats.cached_tokens == 0
    assert answer(decoder) == cold
    assert decoder.last_stats.cached_tokens > 5


def test_a_conversation_without_a_system_message_is_answered(made: Path) -> None:
    assert answer(load_decoder(made / "qwen", choose()), SAID[1:])


def test_a_gguf_file_is_converted_once_and_answers_as_its_source(made: Path, cache: Path) -> None:
    from_file = load_decoder(made / "tiny.gguf", choose("bf16"))
    assert answer(from_file) == answer(load_decoder(made / "llama", choose("bf16")))
    written = {path: path.stat().st_mtime_ns for path in cache.rglob("*.safetensors")}
    load_decoder(made / "tiny.gguf", choose("bf16"))
    assert len(written) == 1
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.safetensors")} == written


def test_a_folder_that_holds_one_gguf_file_is_that_file(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "tiny.gguf", tmp_path)
    assert answer(load_decoder(tmp_path, choose("bf16")))
    shutil.copy(made / "tiny.gguf", tmp_path / "other.gguf")
    with pytest.raises(CheckpointError, match=r"found other\.gguf, tiny\.gguf"):
        load_decoder(tmp_path, choose())


@WITHOUT_GPU
def test_lora_merged_is_lora_beside_and_not_nothing(made: Path) -> None:
    merged = load_decoder(made / "llama", choose(), lora=made / "lora")
    beside = load_decoder(made / "llama", choose(), lora=made / "lora", beside=True)
    plain = load_decoder(made / "llama", choose())
    by_peft = TransformersNetwork(made / "llama", "fp32", made / "lora")
    assert isinstance(merged.network, Llama) and isinstance(beside.network, TransformersNetwork)
    assert type(by_peft.model).__name__ == "LlamaForCausalLM"
    torch.testing.assert_close(first_logits(merged), first_logits(beside), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(first_logits(merged), first_logits(plain), atol=0.1)
    with torch.inference_mode():
        logits = [n.extend(n.embed([5, 6]), n.new_cache(2)) for n in (merged.network, by_peft)]
    torch.testing.assert_close(*logits, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("precision", ["nf4", "int8"])
def test_lora_stays_beside_quantised_weights(made: Path, precision: Precision) -> None:
    changed = load_decoder(made / "llama", choose(precision), lora=made / "lora")
    exact = load_decoder(made / "llama", choose(), lora=made / "lora")
    assert type(changed.network.model).__name__.startswith("Peft")  # type: ignore[attr-defined]
    assert torch.nn.functional.cosine_similarity(first_logits(changed), first_logits(exact), dim=0) > 0.7


def test_an_uncommon_lora_is_left_to_peft(made: Path, tmp_path: Path) -> None:
    language.tiny_lora(tmp_path, made / "llama", use_dora=True)
    assert isinstance(load_network(made / "llama", "fp32", tmp_path), TransformersNetwork)


@pytest.mark.parametrize("name", ["llama", "qwen"])
def test_it_stops_between_layers(made: Path, tmp_path: Path, name: str) -> None:
    """A step of a large model takes longer than anybody should wait."""
    make = language.tiny_llama if name == "llama" else language.tiny_qwen
    decoder = load_decoder(make(tmp_path, num_hidden_layers=12), choose())
    stopped_at: list[float] = []

    def slow_stop() -> bool:  # asked once a layer: makes each last 60 ms, and a step 0.7 s
        time.sleep(0.06)
        return bool(stopped_at)

    timer = threading.Timer(0.3, lambda: stopped_at.append(time.monotonic()))
    timer.start()
    assert list(decoder.stream(SAID, 20, stop=slow_stop)) == []
    assert stopped_at and time.monotonic() - stopped_at[0] < 0.2
    assert answer(decoder), "and it is as good as new"


@pytest.mark.parametrize("name", ["llama", "sentencepiece"])
def test_an_endless_prompt_is_cut_to_the_context(made: Path, name: str) -> None:
    decoder = load_decoder(made / name, choose(context_tokens=200))
    answer(decoder, [SAID[0], {"role": "user", "content": "word " * 20_000}])
    assert decoder.last_stats is not None and 150 < decoder.last_stats.prompt_tokens <= 200


def test_the_context_and_the_answer_fit_a_small_model(tmp_path: Path) -> None:
    decoder = load_decoder(language.tiny_qwen(tmp_path, max_position_embeddings=256), choose(new_tokens=4096))
    answer(decoder, [SAID[0], {"role": "user", "content": "word " * 20_000}], 4096)
    assert decoder.last_stats is not None
    assert decoder.last_stats.prompt_tokens <= 128 and decoder.last_stats.new_tokens <= 128


def pictures(count: int) -> list[Message]:
    stills = [Still(float(second), torch.zeros(4, 4, 3, dtype=torch.uint8).numpy()) for second in range(count)]
    return [SAID[0], {"role": "user", "content": ["Look:", *stills, "What is shown?"]}]


@pytest.mark.parametrize("name", ["llama", "qwen"])
def test_pictures_stand_where_their_placeholders_stand(made: Path, name: str) -> None:
    looked: list[list[Still]] = []

    def see(stills: list[Still]) -> torch.Tensor:
        looked.append(stills)
        return torch.arange(1.0, 2 * len(stills) + 1)[:, None].expand(-1, 64)

    decoder = load_decoder(made / name, choose(stills=3), see, still_tokens=2)
    arrived: list[torch.Tensor] = []
    extend = decoder.network.extend

    def listen(x: torch.Tensor, cache: object, halted: Callable[[], bool] | None = None) -> torch.Tensor:
        arrived.append(x.clone())
        return extend(x, cache, halted)

    decoder.network.extend = listen  # type: ignore[method-assign]
    decoder._chunk = 16  # so that pictures lie across steps
    list(decoder.stream(pictures(9), 1))
    assert decoder.last_stats is not None and decoder.last_stats.stills == 3 == decoder.max_stills
    assert [[still.seconds for still in stills] for stills in looked] == [[0.0, 4.0, 8.0]]
    x = torch.cat(arrived)
    rows = [int(row[0]) for row in x if (row == row[0]).all()]
    assert rows == [1, 2, 3, 4, 5, 6]


def test_what_is_seen_changes_the_answer_and_the_blind_leave_it_out(made: Path) -> None:
    def eyes(value: float) -> Callable[[list[Still]], torch.Tensor]:
        return lambda stills: torch.full((len(stills) * 4, 64), value)

    answers = [answer(load_decoder(made / "qwen", choose(), eyes(value), 4), pictures(2)) for value in (0.5, -2.0)]
    assert answers[0] != answers[1]
    blind = load_decoder(made / "qwen", choose())
    told: list[Message] = [SAID[0], {"role": "user", "content": "Look:What is shown?"}]
    assert blind.max_stills == 0 and answer(blind, pictures(2)) == answer(blind, told)
