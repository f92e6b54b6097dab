"""A whole `ask` through every way of seeing and speaking: tiny random checkpoints, loaded as big ones are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.commands.index import index_file
from app.engine import Engine
from app.settings import Settings
from model.profile import FOLDER
from model.text.minilm import MiniLM
from model.vision.embedded import EmbeddedEncoder
from retrieval.ask.answer import Answer
from tests.checkpoints import clip, gguf_files, language, videochat, vlm
from tests.media_factory import Scene, make_video
from tests.ports import free_port

pytestmark = pytest.mark.models  # hearing, reading and text embeddings are the pack's

SIGN = "HARBOUR FERRY 1842"
QUESTION = "Which ferry is at the harbour?"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenes = [Scene(3, (200, 40, 40)), Scene(3, (20, 30, 60), text=SIGN), Scene(3, (40, 180, 60))]
    return make_video(tmp_path_factory.mktemp("film") / "harbour.mp4", scenes, fps=10, size=(640, 360))


@pytest.fixture(scope="module")
def library(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film, indexed once by the embedded profile: profiles that see with the same encoder can ask at once."""
    data_dir = tmp_path_factory.mktemp("library")
    index_file(Engine(Settings(data_dir=data_dir, profile="embedded")), film)
    return data_dir


def engine_with(folder: Path, data_dir: Path | None = None, **sections: dict[str, Any]) -> Engine:
    """An engine whose profile is the embedded one, but for the sections given; its adapter fits its own eyes alone."""
    embedded = json.loads((FOLDER / "embedded.json").read_text())
    embedded["decoder"].pop("adapter")
    profile = embedded | {"name": "own"} | sections
    path = folder / "own.json"
    path.write_text(json.dumps(profile))
    return Engine(Settings(data_dir=data_dir or folder / "data", profile=str(path)))


def whole_ask(engine: Engine, film: Path) -> Answer:
    """Index unless it is, ask, and hold the answer against what is always true of one."""
    video = index_file(engine, film)
    *_, answer = engine.answerer.ask(QUESTION, [video["video_id"]])
    assert answer.final and answer.found and answer.citations
    assert any(SIGN in citation.quote and 2.5 <= citation.start <= 4 for citation in answer.citations)
    assert all(0 <= c.start < c.end <= video["duration"] for c in answer.citations)
    return answer


def speaks(**choice: Any) -> dict[str, Any]:
    return {"kind": "causal-lm", "reader": "strong", "context_tokens": 1000, "new_tokens": 12} | choice


@pytest.mark.parametrize("family", ["vit", "siglip"])
def test_open_clip_finds_the_moments(film: Path, tmp_path: Path, family: Any) -> None:
    clip.tiny_clip(tmp_path / "clip", family)
    engine = engine_with(tmp_path, vision={"kind": "open_clip", "source": f"path:{tmp_path / 'clip'}"})
    whole_ask(engine, film)
    assert engine.models.vision.name.startswith("open_clip/")
    (frames, *_) = engine.library.video_frames(engine.library.videos()[0].id)
    assert frames.vectors.shape[1] == engine.models.vision.dim != 384
    assert any("visual" in moment.sources for moment in engine.finder.search("a red wall"))


@pytest.mark.parametrize(
    ("build", "precision"),
    [
        (language.tiny_gguf, "auto"),
        (language.tiny_qwen, "nf4"),
        (language.tiny_qwen, "int8"),
        (language.tiny_qwen, "bf16"),
        (language.tiny_llama, "fp32"),
        (language.tiny_sentencepiece, "bf16"),
    ],
)
def test_any_causal_language_model_words_the_answer(
    film: Path, library: Path, tmp_path: Path, build: Callable[[Path], Path], precision: str
) -> None:
    source = f"path:{build(tmp_path / ('model.gguf' if build is language.tiny_gguf else 'model'))}"
    engine = engine_with(tmp_path, library, decoder=speaks(source=source, precision=precision))
    stats = whole_ask(engine, film).stats
    assert stats and stats.new_tokens > 0 and stats.prompt_tokens > 50 and stats.stills == 0


@pytest.mark.parametrize("eyes", ["embedded", "vit", "siglip"])
def test_videochat_looks_again(film: Path, library: Path, tmp_path: Path, eyes: Any) -> None:
    llama = language.tiny_llama(tmp_path / "llama")
    choice = speaks(source=f"path:{llama}", adapter=f"path:{tmp_path / 'chat'}", stills=3)
    if eyes == "embedded":
        videochat.tiny_videochat(tmp_path / "chat", llama, vision=EmbeddedEncoder(MiniLM()))
        engine = engine_with(tmp_path, library, decoder=choice)
    else:
        seeing = clip.tiny_clip(tmp_path / "clip", eyes)
        videochat.tiny_videochat(tmp_path / "chat", llama, seeing)
        engine = engine_with(tmp_path, vision={"kind": "open_clip", "source": f"path:{seeing}"}, decoder=choice)
    stats = whole_ask(engine, film).stats
    assert stats and stats.new_tokens > 0 and stats.stills == 3


@pytest.mark.parametrize(
    ("build", "precision"),
    [
        (vlm.tiny_qwen3_vl, "fp32"),
        (vlm.tiny_qwen2_5_vl, "fp32"),
        (vlm.tiny_smolvlm2, "bf16"),
        (vlm.tiny_llava_onevision, "fp32"),
        (vlm.tiny_videollama3, "fp32"),
        (vlm.tiny_internvl, "fp32"),
    ],
)
def test_a_vision_language_model_looks_at_the_frames_itself(
    film: Path, library: Path, tmp_path: Path, build: Callable[[Path], Path], precision: str
) -> None:
    source = f"path:{build(tmp_path / 'vlm')}"
    choice = speaks(kind="vlm", source=source, precision=precision, stills=3, context_tokens=3000)
    engine = engine_with(tmp_path, library, decoder=choice)
    stats = whole_ask(engine, film).stats
    assert stats and stats.new_tokens > 0 and stats.stills == 3


def test_a_gguf_file_with_its_projector_looks_at_the_frames(film: Path, library: Path, tmp_path: Path) -> None:
    source = f"path:{gguf_files.tiny_model(tmp_path / 'tiny.gguf')}"
    projector = f"path:{gguf_files.tiny_projector(tmp_path / 'mmproj.gguf')}"
    choice = speaks(kind="gguf", source=source, projector=projector, stills=3, context_tokens=3000, threads=1)
    engine = engine_with(tmp_path, library, decoder=choice)
    whole_ask(engine, film)
    stats = engine.models.decoder.last_stats
    assert stats and stats.new_tokens > 0 and stats.stills == 3 and stats.prompt_tokens > 100


def test_a_model_server_gets_the_notes_and_the_stills(
    film: Path, library: Path, tmp_path: Path, model_server: str
) -> None:
    choice = speaks(kind="openai", source=f"server:{model_server}", model="tiny/seeing", stills=3, context_tokens=3000)
    engine = engine_with(tmp_path, library, decoder=choice)
    stats = whole_ask(engine, film).stats
    assert stats and stats.new_tokens > 0 and stats.stills == 3 and stats.prompt_tokens > 100


def test_a_server_that_is_down_costs_the_words_not_the_moments(film: Path, library: Path, tmp_path: Path) -> None:
    choice = speaks(kind="openai", source=f"server:http://127.0.0.1:{free_port()}/v1", model="any")
    answer = whole_ask(engine_with(tmp_path, library, decoder=choice), film)
    assert SIGN in answer.text and "127.0.0.1" in answer.text
