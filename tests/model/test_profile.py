from __future__ import annotations

import json

import pytest
from huggingface_hub import constants

from model import hardware
from model.errors import CheckpointError, UsageError
from model.pack import MANIFEST, embedded_pack
from model.profile import FOLDER, WHISPER_BASE, choose_profile, list_profiles, missing, read_profile
from model.wheels import read_manifest


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    monkeypatch.delenv("CUEPOINT_PROFILE", raising=False)
    monkeypatch.setattr(hardware, "find_gpu", lambda: None)


@pytest.fixture
def nothing_fetched(tmp_path, monkeypatch):
    """A machine with the pack and no model of the hub; the folder for models of one's own, which is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(type(embedded_pack()), "has", lambda pack, name: True)
    monkeypatch.setenv("CUEPOINT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def altered(tmp_path):
    """Path of a profile file: the embedded one with changes; None removes a key, "a__b" reaches inside."""

    def write(**changes: object) -> str:
        profile = json.loads((FOLDER / "embedded.json").read_text())
        for key, value in changes.items():
            *outer, last = key.split("__")
            section = profile[outer[0]] if outer else profile
            section[last] = value
            if value is None:
                del section[last]
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(profile))
        return str(path)

    return write


def test_all_that_come_with_cuepoint_can_be_read_and_say_what_is_missing(nothing_fetched):
    profiles = list_profiles()
    assert {profile.name for profile in profiles} == {"embedded", "laptop", "clip", "vlm", "server"}
    assert all((FOLDER / f"{profile.name}.json").exists() for profile in profiles)
    assert missing(read_profile("vlm")) == ["hub:timm/ViT-B-16-SigLIP2-256", "hub:Qwen/Qwen3-VL-4B-Instruct"]
    files = "hub:ggml-org/SmolVLM2-500M-Video-Instruct-GGUF/{}SmolVLM2-500M-Video-Instruct-Q8_0.gguf"
    eye = "hub:timm/ViT-B-32-SigLIP2-256"
    assert missing(read_profile("laptop")) == [eye, files.format(""), files.format("mmproj-")]
    assert missing(read_profile("server")) == ["hub:timm/ViT-B-16-SigLIP2-256"]


def test_embedded_names_parts_of_the_pack():
    profile = read_profile("embedded")
    choices = (profile.vision, profile.text, profile.speech, profile.ocr, profile.decoder)
    assert {choice.source.removeprefix("pack:") for choice in choices} <= set(read_manifest(MANIFEST))


def test_argument_wins_over_environment_and_environment_over_default(altered, monkeypatch):
    profile, reason = choose_profile()
    assert profile.name == "embedded" and "no GPU" in reason
    monkeypatch.setenv("CUEPOINT_PROFILE", altered(title="Mine"))
    profile, reason = choose_profile()
    assert profile.title == "Mine" and "CUEPOINT_PROFILE" in reason
    profile, reason = choose_profile("embedded")
    assert profile.title != "Mine" and "--profile" in reason


def test_a_gpu_is_used_once_the_models_for_it_are_here(nothing_fetched, monkeypatch):
    monkeypatch.setattr(hardware, "find_gpu", lambda: hardware.Gpu("RTX 4090", "cuda", 24.0))
    profile, reason = choose_profile()
    assert profile.name == "embedded" and "RTX 4090" in reason and "`cuepoint pull vlm`" in reason
    for source in missing(read_profile("vlm")):
        own = nothing_fetched / source.removeprefix("hub:")
        own.mkdir(parents=True)
        (own / "config.json").write_text("{}")
        (own / "model.safetensors").write_bytes(b"weights")
    profile, reason = choose_profile()
    assert profile.name == "vlm" and "RTX 4090" in reason


def test_a_profile_chosen_before_its_models_are_here_says_how_to_get_them(nothing_fetched, altered):
    with pytest.raises(UsageError, match="models of profile vlm are not here yet: `cuepoint pull vlm` fetches them"):
        choose_profile("vlm")
    path = altered(text={"kind": "sentence-transformers", "source": "hub:lab/nothing"})
    with pytest.raises(UsageError, match=f"`cuepoint pull {path}`"):
        choose_profile(path)


def test_models_of_ones_own_are_looked_for_where_the_profile_says(nothing_fetched, altered, tmp_path):
    path = altered(text={"kind": "sentence-transformers", "source": f"path:{tmp_path / 'text'}"})
    with pytest.raises(CheckpointError, match="text does not exist"):
        choose_profile(path)
    (tmp_path / "text").mkdir()
    assert choose_profile(path)[0].text.kind == "sentence-transformers"


def test_a_folder_of_ones_own_in_pieces_is_named_instead_of_a_pull(nothing_fetched):
    (nothing_fetched / "timm" / "ViT-B-16-SigLIP2-256").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="SigLIP2-256 holds no weights"):
        choose_profile("vlm")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vison": {}}, "unknown key vison"),
        ({"decoder__precison": "bf16"}, "unknown key decoder.precison"),
        ({"decoder__precision": "int3"}, "decoder.precision is 'int3'"),
        ({"decoder__context_tokens": "many"}, "decoder.context_tokens is 'many'"),
        ({"decoder__context_tokens": True}, "decoder.context_tokens is True"),
        ({"decoder__context_tokens": 5}, "decoder.context_tokens is 5"),
        ({"decoder__source": "https://example.org"}, "decoder.source"),
        ({"speech__language": None}, "speech.language is missing"),
        ({"ocr": []}, "ocr must be an object"),
        ({"available": False}, "unknown key available"),
        ({"decoder": {"kind": "openai", "source": "hub:lab/model"}}, "one of kind openai must begin with server:"),
        ({"decoder": {"kind": "openai", "source": "server:localhost"}}, "must name an address"),
        ({"decoder__kind": "vlm"}, "one of kind vlm must begin with hub: or path:"),
        ({"text__source": "hub:lab/model"}, "one of kind minilm must begin with pack: or path:"),
        ({"text__source": "pack:legs"}, "no part 'legs'"),
        ({"vision": {"kind": "open_clip", "source": "hub:nobody"}}, "hub:OWNER/NAME"),
        ({"decoder__adapter": "server:http://x"}, "decoder.adapter is 'server:http://x'"),
        ({"vision__answers": "server:http://x"}, "vision.answers is 'server:http://x'"),
        ({"vision__colours": "server:http://x"}, "vision.colours is 'server:http://x'"),
        ({"decoder__projector": "pack:language"}, "decoder.projector gives eyes to a gguf; a causal-lm has none"),
        (
            {"decoder": {"kind": "gguf", "source": "hub:a/b/c.gguf", "projector": "server:http://x"}},
            "decoder.projector",
        ),
        ({"decoder": {"kind": "gguf", "source": "hub:a/b/c.gguf", "precision": "nf4"}}, "a GGUF file has its own"),
        (
            {"decoder": {"kind": "gguf", "source": "assets:x"}},
            "one of kind gguf must begin with pack: or hub: or path:",
        ),
        ({"decoder__slots": 0}, "decoder.slots is 0"),
        ({"decoder__model": "big"}, "decoder.model chooses among a server's models"),
        ({"speech__language": "zh"}, "moonshine understands English only"),
    ],
)
def test_wrong_key_or_value_is_named_with_its_file(altered, changes, words):
    path = altered(**changes)
    with pytest.raises(UsageError) as refusal:
        choose_profile(path)
    assert path in str(refusal.value) and words in str(refusal.value)


@pytest.mark.parametrize("name", ["nonsense", "../embedded", "/etc/passwd", "missing.json", "Embedded "])
def test_unknown_name_is_wrong_usage(name):
    with pytest.raises(UsageError, match="profile"):
        choose_profile(name)


def test_broken_json_is_wrong_usage(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        choose_profile(str(tmp_path / "broken.json"))


def test_a_profile_does_without_the_recogniser_of_other_languages(altered, monkeypatch):
    absent = {"languages"}
    monkeypatch.setattr(type(embedded_pack()), "has", lambda pack, name: name not in absent)
    own = read_profile(altered(languages={"kind": "faster-whisper", "source": "path:/nowhere", "language": "auto"}))
    older = read_profile(altered(languages=None))
    for profile in (read_profile("embedded"), own, older):
        assert missing(profile) == [] and profile.languages_here is None
    assert "pack:languages" in read_profile("embedded").sources
    absent.clear()
    for profile in (read_profile("embedded"), own, older):
        assert profile.languages_here == WHISPER_BASE
    everything = {"kind": "whisper", "source": "hub:openai/whisper-small", "language": "auto"}
    assert read_profile(altered(languages=None, speech=everything)).languages_here is None


def test_only_a_model_that_tells_languages_apart_may_hear_the_others(altered):
    choice = {"kind": "whisper", "source": "hub:openai/whisper-small", "language": "auto"}
    with pytest.raises(UsageError, match=r"languages\.kind is 'whisper', but only faster-whisper"):
        read_profile(altered(languages=choice))
