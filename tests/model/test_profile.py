from __future__ import annotations

import json

import pytest

from model import hardware
from model.errors import UsageError
from model.pack import MANIFEST
from model.profile import FOLDER, choose_profile, list_profiles, read_profile
from model.wheels import read_manifest


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    monkeypatch.delenv("CUEPOINT_PROFILE", raising=False)
    monkeypatch.setattr(hardware, "find_gpu", lambda: None)


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


def test_all_that_come_with_cuepoint_can_be_read_and_say_why_if_unavailable():
    profiles = list_profiles()
    assert {profile.name for profile in profiles} == {"embedded", "clip", "vlm", "server"}
    assert profiles[0].available
    assert all(profile.available or profile.reason.endswith(".") for profile in profiles)
    assert all((FOLDER / f"{profile.name}.json").exists() for profile in profiles)


def test_embedded_names_parts_of_the_pack():
    profile = read_profile("embedded")
    choices = (profile.vision, profile.text, profile.speech, profile.reader, profile.decoder)
    assert {choice.source.removeprefix("pack:") for choice in choices} <= set(read_manifest(MANIFEST))


def test_argument_wins_over_environment_and_environment_over_default(altered, monkeypatch):
    profile, reason = choose_profile()
    assert profile.name == "embedded" and "no GPU" in reason
    monkeypatch.setenv("CUEPOINT_PROFILE", altered(title="Mine"))
    profile, reason = choose_profile()
    assert profile.title == "Mine" and "CUEPOINT_PROFILE" in reason
    profile, reason = choose_profile("embedded")
    assert profile.title != "Mine" and "--profile" in reason


def test_gpu_is_named_even_where_nothing_uses_it(monkeypatch):
    monkeypatch.setattr(hardware, "find_gpu", lambda: hardware.Gpu("RTX 4090", "cuda", 24.0))
    profile, reason = choose_profile()
    assert profile.available and "RTX 4090" in reason


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
        ({"reader": []}, "reader must be an object"),
        ({"available": False}, "reason"),
    ],
)
def test_wrong_key_or_value_is_named_with_its_file(altered, changes, words):
    path = altered(**changes)
    with pytest.raises(UsageError) as refusal:
        choose_profile(path)
    assert path in str(refusal.value) and words in str(refusal.value)


def test_unavailable_profile_is_refused_with_its_reason(altered):
    with pytest.raises(UsageError, match="Comes later"):
        choose_profile(altered(available=False, reason="Comes later."))


@pytest.mark.parametrize("name", ["nonsense", "../embedded", "/etc/passwd", "missing.json", "Embedded "])
def test_unknown_name_is_wrong_usage(name):
    with pytest.raises(UsageError, match="profile"):
        choose_profile(name)


def test_broken_json_is_wrong_usage(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        choose_profile(str(tmp_path / "broken.json"))
