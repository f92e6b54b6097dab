"""Profiles: which models see, hear, read and speak, as data. One JSON file each; this module reads, checks and picks.

A profile says what to load, never how: `model/loading.py` does that. A wrong key or value is refused with the file and
the key, so that a typing mistake cannot silently mean a default.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from model import hardware, hub
from model.errors import UsageError
from model.strict_json import read_file

FOLDER = Path(__file__).with_name("profiles")
DEFAULT = "embedded"
WITH_GPU = "vlm"
VARIABLE = "CUEPOINT_PROFILE"

Precision = Literal["auto", "bf16", "fp32", "nf4", "int8"]

# What each kind of model can be read from: prefixes of `model/hub.py`'s sources.
SOURCES = {
    "embedded": ("pack",),
    "open_clip": ("hub", "path"),
    "minilm": ("pack", "path"),
    "e5": ("package",),
    "sentence-transformers": ("hub", "path"),
    "moonshine": ("pack",),
    "whisper": ("hub", "path"),
    "faster-whisper": ("pack", "hub", "path"),
    "rapidocr": ("pack",),
    "causal-lm": ("pack", "hub", "path"),
    "vlm": ("hub", "path"),
    "gguf": ("pack", "hub", "path"),
    "openai": ("server",),
}


@dataclass(frozen=True)
class VisionChoice:
    """`source` of every choice: see `model/hub.py`, which finds it on this machine."""

    kind: Literal["embedded", "open_clip"]
    source: str
    # Whose words it can be searched with: "en" for encoders that were trained with English alone.
    languages: Literal["en", "any"] = "any"
    architecture: str = ""  # open_clip's name for it, where the source is a bare checkpoint that does not say
    heads: str = ""  # of the embedded encoder: what `cuepoint train` made of its features (stage align)
    answers: str = ""  # in a word or two, said where decoder.adapter looks: what `cuepoint train` made (stage answer)
    colours: str = ""  # of things, said where decoder.adapter looks: what `cuepoint train` made (stage colour)
    things: str = ""  # that the encoder would notice, so that their absence tells: a file, see model/known_things.py


@dataclass(frozen=True)
class TextChoice:
    kind: Literal["minilm", "e5", "sentence-transformers"]
    source: str


@dataclass(frozen=True)
class SpeechChoice:
    kind: Literal["moonshine", "whisper", "faster-whisper"]
    source: str
    language: str  # as in ISO 639-1, or "auto"
    precision: Precision = "auto"


@dataclass(frozen=True)
class OcrChoice:
    kind: Literal["rapidocr"]
    source: str


@dataclass(frozen=True)
class DecoderChoice:
    kind: Literal["causal-lm", "vlm", "gguf", "openai"]
    source: str
    precision: Precision = "auto"
    projector: str = ""  # of a gguf: the mmproj file that gives it eyes
    adapter: str = ""  # of a causal-lm: the VideoChat folder that gives it eyes
    model: str = ""  # of a server: which of its models; by default the first it names
    context_tokens: int = field(default=1500, metadata={"low": 128, "high": 131_072})  # prompt, not the answer
    new_tokens: int = field(default=96, metadata={"low": 1, "high": 4096})  # an answer's most
    # How many sentences of an answer a strong reader keeps: what a small model adds to its first is rarely true.
    sentences: int = field(default=6, metadata={"low": 1, "high": 20})
    stills: int = field(default=8, metadata={"low": 0, "high": 256})  # looked at for one answer, by a model that can
    threads: int = field(default=0, metadata={"low": 0, "high": 256})  # of a gguf; 0: as many as help
    slots: int = field(default=2, metadata={"low": 1, "high": 64})  # of a gguf: answers at once; memory grows with them
    # Who reads the evidence (retrieval/ask/readers): "strong" is for models that can cite; "auto" goes by the kind.
    reader: Literal["auto", "quoting", "embedded", "strong"] = "auto"
    planner: Literal["rules", "model"] = "rules"  # who says what a question asks for
    history: int = field(default=4, metadata={"low": 0, "high": 50})  # earlier questions that a strong reader is told
    looks: int = field(default=2, metadata={"low": 0, "high": 20})  # times that it may ask for more frames an answer

    @property
    def reads(self) -> Literal["quoting", "embedded", "strong"]:
        """The reader, chosen where the profile leaves it open."""
        if self.reader != "auto":
            return self.reader
        return "strong" if self.kind in ("openai", "vlm") or self.projector else "embedded"


@dataclass(frozen=True)
class Profile:
    name: str
    title: str  # as the page shows it
    summary: str  # one honest sentence: what it is good for
    vision: VisionChoice
    text: TextChoice  # of questions, for the eye and what it was trained with
    speech: SpeechChoice
    ocr: OcrChoice
    decoder: DecoderChoice
    passages: TextChoice | None = None  # of what is said and written, and of what is looked for in it; else `text`
    languages: SpeechChoice | None = None  # of speech that `speech` does not understand; tells languages apart

    @property
    def languages_here(self) -> SpeechChoice | None:
        """What tells languages apart and hears the others on this machine: `languages`, else Whisper base of the pack.

        None where neither is here, and where `speech` hears all languages and nothing else was asked for.
        """
        if self.languages and hub.is_here(self.languages.source):
            return self.languages
        wanted = self.languages or self.speech.language != "auto"
        return WHISPER_BASE if wanted and hub.is_here(WHISPER_BASE.source) else None

    @property
    def passages_here(self) -> TextChoice:
        """What embeds passages on this machine: `passages`, or `text` where that is not given or cannot run."""
        return self.passages if self.passages and can_run(self.passages) else self.text

    @property
    def sources(self) -> tuple[str, ...]:
        """All that it reads or asks, each once; voice activity, which every profile needs, included."""
        choices = (self.vision, self.text, self.passages_here, self.speech, self.ocr, self.decoder)
        named = [
            *(choice.source for choice in choices),
            self.languages.source if self.languages else "",
            self.vision.heads,
            self.vision.answers,
            self.vision.colours,
            self.vision.things,
            self.decoder.adapter,
            self.decoder.projector,
            "pack:voice",
        ]
        return tuple(dict.fromkeys(source for source in named if source))


WHISPER_BASE = SpeechChoice("faster-whisper", "pack:languages", "auto")


def can_run(choice: TextChoice) -> bool:
    """Whether this machine can: E5's engine is made for Linux on x86-64 with AVX2, all others run everywhere."""
    return choice.kind != "e5" or (hub.is_here(choice.source) and "avx2" in hardware.describe_cpu()[1])


def choose_profile(name: str | None = None) -> tuple[Profile, str]:
    """The profile to use, and why in a few words. `name`, else `CUEPOINT_PROFILE`, else what suits the machine.

    A name ending in ".json" is the path of a profile of one's own. Raises UsageError for one that is unknown, malformed
    or not fetched yet, CheckpointError for one whose models are here in pieces.
    """
    if name:
        return read_ready(name), "chosen by --profile"
    if name := os.environ.get(VARIABLE):
        return read_ready(name), f"chosen by {VARIABLE}"
    small = read_profile(DEFAULT)  # whatever of it is missing is named when it is needed
    gpu = hardware.find_gpu()
    if gpu is None:
        return small, "no GPU found, so the small offline profile"
    profile = read_profile(WITH_GPU)
    if missing(profile):
        return small, f"{gpu.name} found, but the models that use it are not here: `cuepoint pull {WITH_GPU}`"
    return profile, f"{gpu.name} found"


def list_profiles() -> list[Profile]:
    """All that come with Cuepoint, those whose models are here first."""
    profiles = [read_profile(path.stem) for path in sorted(FOLDER.glob("*.json"))]
    return sorted(profiles, key=lambda profile: bool(missing(profile)))


def missing(profile: Profile) -> list[str]:
    """Its sources that are not on this machine, or not whole; it does without those that hear other languages."""
    spared = profile.languages.source if profile.languages else ""
    return [source for source in profile.sources if source != spared and not hub.is_here(source)]


def read_ready(name: str) -> Profile:
    """A profile whose models are here. Raises as `choose_profile` does."""
    profile = read_profile(name)
    for source in missing(profile):
        try:
            if not source.startswith("pack:"):
                hub.locate(source)
        except hub.MissingModel:
            if source.startswith(("path:", "assets:")):  # which no pull would bring
                raise
        raise UsageError(f"The models of profile {name} are not here yet: `cuepoint pull {name}` fetches them.")
    return profile


def read_profile(name: str) -> Profile:
    """Raises UsageError naming the file and the key. Whether its models are here is left to the caller."""
    known = {path.stem: path for path in FOLDER.glob("*.json")}
    path = Path(name).expanduser() if name.endswith(".json") else known.get(name)
    if path is None:
        raise UsageError(f"There is no profile {name!r}; there are {', '.join(sorted(known))}.")
    profile = read_file(path, Profile, "The profile")
    check_sense(profile, path)
    return profile


def check_sense(profile: Profile, path: Path) -> None:
    """Raises UsageError for choices that are well-formed one by one and make no sense together."""
    for name in ("vision", "text", "passages", "speech", "languages", "ocr", "decoder"):
        choice = getattr(profile, name)
        if choice is not None:
            check_source(choice.source, SOURCES[choice.kind], f"{path}: {name}.source", f"of kind {choice.kind}")
    decoder, speech, vision = profile.decoder, profile.speech, profile.vision
    if profile.text.kind == "e5":
        raise UsageError(f"{path}: text.kind is 'e5', which does not run everywhere: give it to passages instead.")
    if vision.heads:
        check_source(vision.heads, ("assets", "hub", "path"), f"{path}: vision.heads", "that is trained heads")
        if vision.kind != "embedded":
            raise UsageError(f"{path}: vision.heads are for the embedded encoder; open_clip has its own: remove it.")
    if vision.answers:
        check_source(vision.answers, ("assets", "hub", "path"), f"{path}: vision.answers", "that is an answer head")
    if vision.colours:
        check_source(vision.colours, ("assets", "hub", "path"), f"{path}: vision.colours", "that is a colour head")
    if vision.things:
        check_source(vision.things, ("assets", "hub", "path"), f"{path}: vision.things", "that lists known things")
    if decoder.adapter:
        check_source(
            decoder.adapter, ("assets", "pack", "hub", "path"), f"{path}: decoder.adapter", "that is an adapter"
        )
        if decoder.kind != "causal-lm":
            raise UsageError(
                f"{path}: decoder.adapter gives eyes to a causal-lm; a {decoder.kind} has its own: remove it."
            )
    if decoder.projector:
        check_source(decoder.projector, SOURCES["gguf"], f"{path}: decoder.projector", "that is a projector")
        if decoder.kind != "gguf":
            raise UsageError(f"{path}: decoder.projector gives eyes to a gguf; a {decoder.kind} has none: remove it.")
    if decoder.kind == "gguf" and decoder.precision != "auto":
        raise UsageError(f"{path}: decoder.precision is {decoder.precision!r}, but a GGUF file has its own: remove it.")
    if decoder.model and decoder.kind != "openai":
        raise UsageError(f"{path}: decoder.model chooses among a server's models; a {decoder.kind} is one: remove it.")
    if profile.languages and profile.languages.kind != "faster-whisper":
        raise UsageError(
            f"{path}: languages.kind is {profile.languages.kind!r}, but only faster-whisper tells languages apart."
        )
    if speech.kind == "moonshine" and speech.language != "en":
        raise UsageError(
            f"{path}: speech.language is {speech.language!r}, but moonshine understands English only: "
            "choose whisper or faster-whisper."
        )


def check_source(source: str, prefixes: tuple[str, ...], where: str, what: str) -> None:
    try:
        prefix, _ = hub.parse(source)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    if prefix not in prefixes:
        wanted = " or ".join(f"{known}:" for known in prefixes)
        raise UsageError(f"{where} is {source!r}; one {what} must begin with {wanted}.")
