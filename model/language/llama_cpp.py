"""A language model of a GGUF file, run by llama.cpp; with a projector file it looks at stills.

The file's own tokenizer and chat template are used. What two prompts have in common at their beginning is computed once
and kept, so a second question about the same notes begins at once. Knows nothing of videos or evidence.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model import hardware, pack
from model.errors import CheckpointError, CuepointError, UsageError
from model.hub import identity
from model.language.chat import GenerationStats, Message
from model.language.gguf_header import TOKEN_TYPES, TOKENS, Header, find_file, read_header
from model.language.llama_process import LlamaProcess, Refused
from model.language.llama_prompt import ONE_BATCH_TOKENS, Chat, LlamaPromptWriter
from model.language.openai_messages import constraint
from model.language.visible_text import VisibleText
from model.profile import DecoderChoice

NEW_TOKENS = 512  # the most that one answer may have, unless a profile allows more: bounds the memory of a request
DEFAULT_POSITIONS = 4096  # of files that do not say
# Tokens that are read in one go, which llama.cpp finishes after a stop. With half a billion weights 64 take two cores
# under half a second; 16 read a third slower, 512 a tenth faster.
BATCH_TOKENS = 64
BATCH_TOKENS_GPU = 512
THREADS = 8  # more do not help models of this size
# Writing a token is bound by memory, which half the cores fill: on two, one thread writes as fast as both or faster.
WRITING_SHARE = 0.5
KEPT_MIB = 256  # of prompts that were computed, beside those in the slots
CONNECTIONS = 64  # at once, those that wait for a slot included; each is a thread that sleeps
CHECKPOINTS = 4  # of models whose memory of a prompt cannot be cut back: states kept a slot
PICTURE_TOKENS = 512  # the most that one still becomes in models that take any size
# Pictures of this family are blown up to this size and cut into tiles, 13 for a still: we want the least, two.
TILED, TILED_SIZE, TILE_SIZE = "idefics3", "clip.vision.preproc_image_size", "clip.vision.image_size"
RECIPE = "one view a still, v1"  # change it when one_view() writes something else

COMPLETIONS, COUNT, TOKENISE = "/v1/chat/completions", "/v1/chat/completions/input_tokens", "/tokenize"
# The likeliest words, whatever the file recommends; no thinking aloud, which would use up the tokens of an answer.
LAYOUT: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": False}}
OPTIONS: dict[str, Any] = LAYOUT | {
    "temperature": 0,
    "top_k": 1,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "stream": True,
    "cache_prompt": True,
    "return_progress": True,  # a connection that is broken off is noticed when something is sent
    "timings_per_token": True,
    "logprobs": True,
    "top_logprobs": 1,
}


class LlamaCppDecoder:
    """Satisfies `chat.Decoder`. Safe to use from several threads: as many answers as the profile has slots run at once.

    A stop is answered within a twentieth of a second; llama.cpp itself ends at its next batch.
    """

    takes_schema = True

    def __init__(self, path: Path, choice: DecoderChoice, projector: Path | None = None) -> None:
        """`path`: a GGUF file, or a folder with one; `projector`: the mmproj file that gives it eyes.

        Raises CheckpointError if a file is damaged, or llama.cpp does not know it, or the two do not fit.
        """
        self.file = find_file(path)
        model = read_model(self.file)
        eyes = read_projector(projector) if projector is not None else None
        positions = int(model.of_architecture("context_length") or DEFAULT_POSITIONS)
        self._most_tokens = min(max(NEW_TOKENS, choice.new_tokens), positions // 2)
        context_tokens = min(choice.context_tokens, positions - self._most_tokens)
        self.max_stills = choice.stills if eyes is not None else 0
        self.last_stats: GenerationStats | None = None
        self._settings = settings_of(self.file, eyes, choice, context_tokens + self._most_tokens)
        self._lock = threading.Lock()
        self._process: LlamaProcess | None = None
        self._writer = LlamaPromptWriter(
            self._count, self.count_tokens, model.named_tokens, context_tokens, self.max_stills
        )
        self._greet()

    def count_tokens(self, text: str) -> int:
        clean = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
        return len(self._ask(TOKENISE, {"content": clean, "parse_special": False})["tokens"])

    def warm_up(self, messages: Sequence[Message] | None = None) -> None:
        """Runs once. What `messages` and a later prompt have in common is then computed."""
        conversation = list(messages or ())
        if not conversation or conversation[-1]["role"] != "user":  # which some templates insist on
            conversation.append({"role": "user", "content": "Hello."})
        for _ in self.stream(conversation, max_new_tokens=1):
            pass

    def stream(
        self,
        messages: Sequence[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
        schema: dict[str, Any] | None = None,
    ) -> Generator[str, None, None]:
        """See `chat.Decoder`. With a JSON `schema` the answer is JSON that obeys it, if it has tokens enough to end.

        Raises UsageError for a schema that is none, CuepointError if llama.cpp broke off.
        """
        asked = time.perf_counter()
        halted = stop or (lambda: False)
        most = max(0, min(max_new_tokens, self._most_tokens))
        self.last_stats = GenerationStats(0)
        if halted():
            return
        prompt = self._writer.write(messages)
        self.last_stats = GenerationStats(0, stills=prompt.stills)
        if not most:
            return
        body = OPTIONS | {"messages": prompt.messages, "max_tokens": most} | constraint(schema)
        text, heard = VisibleText(stop_strings), _Heard(asked, prompt.stills)
        try:
            with contextlib.closing(self._running().stream(COMPLETIONS, body, halted)) as events:
                for event in events:
                    piece = text.feed(heard.take(event))
                    self.last_stats = heard.stats
                    if piece:
                        yield piece
                    if text.stopped:
                        return
        except Refused as error:
            raise explained(error, schema is not None) from error
        if not halted() and (piece := text.rest()):
            yield piece

    def close(self) -> None:
        """Ends llama.cpp and frees its memory; the next answer starts it anew."""
        with self._lock:
            if self._process is not None:
                self._process.close()
            self._process = None

    def _running(self) -> LlamaProcess:
        with self._lock:
            if self._process is None or not self._process.running:
                self._process = LlamaProcess(self._settings, self.file)
            return self._process

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._running().ask(path, body)
        except Refused as error:
            raise explained(error) from error

    def _count(self, messages: Chat) -> int:
        return int(self._ask(COUNT, LAYOUT | {"messages": messages})["input_tokens"])

    def _greet(self) -> None:
        """Sees that the file's chat template works: it is a program, and can fail in any way."""
        conversation = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Hello."}]
        try:
            self._running().ask(COMPLETIONS, LAYOUT | {"messages": conversation, "max_tokens": 1})
        except Refused as error:
            self.close()
            raise CheckpointError(
                f"{self.file}: expected a chat template that llama.cpp can use, found: {error}"
            ) from error


class _Heard:
    """What an answer's events have told so far."""

    def __init__(self, asked: float, stills: int) -> None:
        self.stats = GenerationStats(0, stills=stills)
        self._asked, self._first_s = asked, 0.0
        self._doubts: list[float] = []

    def take(self, event: dict[str, Any]) -> str:
        """The text of an event; keeps what it says about time and tokens."""
        choice: dict[str, Any] = next(iter(event.get("choices") or []), {})
        text = str(choice.get("delta", {}).get("content") or "")
        tokens = (choice.get("logprobs") or {}).get("content") or []
        self._doubts += [-token["logprob"] for token in tokens]
        if text and not self._first_s:
            self._first_s = time.perf_counter() - self._asked
        if progress := event.get("prompt_progress"):
            self.stats = replace(self.stats, prompt_tokens=progress["total"])
        if timings := event.get("timings"):
            spent_s = timings["predicted_ms"] / 1000  # from the first token on
            count = timings["predicted_n"]
            self.stats = GenerationStats(
                prompt_tokens=max(self.stats.prompt_tokens, timings["cache_n"] + timings["prompt_n"]),
                new_tokens=count,
                first_token_s=self._first_s,
                tokens_per_second=(count - 1) / spent_s if count > 1 and spent_s > 0 else 0.0,
                cached_tokens=timings["cache_n"],
                stills=self.stats.stills,
                likelihood=math.exp(-sum(self._doubts) / len(self._doubts)) if self._doubts else None,
            )
        return text


def settings_of(file: Path, eyes: Header | None, choice: DecoderChoice, slot_tokens: int) -> dict[str, Any]:
    """Of `model/language/llama_process.py`: names and values of xllamacpp's CommonParams."""
    gpu = hardware.find_gpu() is not None
    kind = eyes.values.get("clip.projector_type", "") if eyes is not None else ""
    batch = ONE_BATCH_TOKENS.get(str(kind), BATCH_TOKENS_GPU if gpu else BATCH_TOKENS)
    reading = choice.threads or min(hardware.count_cores(), THREADS)
    # The eyes look with as many threads as tokens are written with, and they are bound by arithmetic.
    writing = reading if choice.threads or eyes is not None else max(1, round(reading * WRITING_SHARE))
    settings: dict[str, Any] = {
        "model.path": str(file),
        "n_ctx": choice.slots * slot_tokens,
        "n_parallel": choice.slots,
        "n_batch": batch,
        "n_ubatch": batch,
        "n_threads_http": CONNECTIONS,
        "cache_ram_mib": KEPT_MIB,
        "n_ctx_checkpoints": CHECKPOINTS,
        "cpuparams.n_threads": writing,
        "cpuparams_batch.n_threads": reading,
        "cpuparams.poll": 0,
        "cpuparams_batch.poll": 0,
        "fit_params": False,  # what the profile says, or an error
        "warmup": False,
        "offline": True,
        "verbosity": 2,
    }
    if eyes is not None:
        settings |= {"mmproj.path": str(one_view(eyes)), "image_max_tokens": PICTURE_TOKENS}
    return settings


def check_files(path: Path, projector: Path | None) -> None:
    """Looks at both files without loading them. Raises CheckpointError if one is damaged, or not what it should be."""
    read_model(find_file(path))
    if projector is not None:
        read_projector(projector)


def read_model(file: Path) -> Header:
    """Raises CheckpointError if it is damaged, or only eyes."""
    header = read_header(file, (TOKENS, TOKEN_TYPES))
    if header.architecture == "clip":
        raise CheckpointError(f"{file}: expected a language model, found a projector: in the profile it is projector.")
    return header


def read_projector(file: Path) -> Header:
    """Raises CheckpointError if it is damaged, or no eyes."""
    header = read_header(find_file(file))
    if header.architecture != "clip":
        raise CheckpointError(
            f"{file}: expected a projector (mmproj), found a model of architecture {header.architecture or 'unknown'}."
        )
    if not header.values.get("clip.has_vision_encoder"):
        raise CheckpointError(f"{file}: expected a projector for pictures, found one for other things.")
    return header


def one_view(eyes: Header) -> Path:
    """The projector's file, or a copy of it that makes the least views of a still: one number in it is another."""
    tile = eyes.values.get(TILE_SIZE)
    if eyes.values.get("clip.projector_type") != TILED or eyes.values.get(TILED_SIZE) in (None, tile):
        return eyes.file
    name = f"projector-{identity(eyes.file)}"

    def write(folder: Path) -> None:
        with eyes.file.open("rb") as whole, (folder / eyes.file.name).open("wb") as copy:
            for block in iter(lambda: whole.read(1 << 20), b""):
                copy.write(block)
            copy.seek(eyes.places[TILED_SIZE])
            copy.write(int(tile).to_bytes(4, "little"))  # type: ignore[arg-type]

    source = {"recipe": RECIPE, "file": name}
    return pack.embedded_pack().keep(name, source, write, thorough=False) / eyes.file.name


def explained(error: Refused, with_schema: bool = False) -> CuepointError:
    """llama.cpp's refusal in a sentence."""
    if error.status == 400:
        about = "a schema" if with_schema else "a request"
        return UsageError(f"llama.cpp cannot take {about} like this: {error}")
    return CuepointError(f"llama.cpp could not answer: {error}")
