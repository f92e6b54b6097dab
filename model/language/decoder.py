"""The language model that puts found moments into words: SmolLM2-135M-Instruct on the processor.

Prefill, then decode, as two visible phases; greedy; one token's worth of work at a time, so that several answers can be
written at once and each can be stopped. Knows nothing of videos or evidence: messages in, text out.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from model import hardware, pack
from model.errors import PackError
from model.language.chat_tokens import ChatTokenizer, Message, Prompt, TextStream
from model.profile import DEFAULT, Precision, Profile, read_profile

if TYPE_CHECKING:
    import torch

    from model.language.llama import KeyValues

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
RECIPE = "bf16 safetensors by transformers, v1"  # change it when convert() writes something else
PREFILL_TOKENS = 192  # a step of 0.1 to 0.2 s on two cores: how long a stop request waits
PREFILL_THREADS = 8  # more do not help with so small a model
# A token is bound by memory, which one core nearly saturates: a second thread gains a third on an idle machine, but on
# a busy one each of 120 barriers a token waits for a thread that has lost its core, and 60 tokens/s become 2.
DECODE_THREADS = 1
NEW_TOKENS = 1024  # the most that one answer may have: bounds the memory of a request (23 kB a token)
PREFIXES = 4  # system prompts kept computed: answer, summary, title and one to spare
LOOP_TOKENS = 8  # a run of tokens this long is not written twice: small models fall into loops


@dataclass(frozen=True)
class GenerationStats:
    prompt_tokens: int
    new_tokens: int = 0
    first_token_s: float = 0.0  # from the call, waiting for other answers included
    tokens_per_second: float = 0.0  # of the tokens after the first
    cached_tokens: int = 0  # of the prompt, that were already computed


class Decoder(Protocol):
    last_stats: GenerationStats | None

    def count_tokens(self, text: str) -> int: ...

    def warm_up(self, messages: list[Message] | None = None) -> None:
        """Do now what the first of many prompts that begin with `messages` would have to wait for."""
        ...

    def stream(
        self,
        messages: list[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]: ...


class SmolLM:
    """Safe to use from several threads; simultaneous answers take turns, token by token."""

    def __init__(self, profile: Profile | None = None, folder: Path | None = None) -> None:
        """The embedded profile's settings if None; `folder` is a checkpoint other than the pack's.

        Raises PackError if the pack is missing, or the folder holds another kind of network.
        """
        from model.language.llama import Llama

        choice = (profile or read_profile(DEFAULT)).decoder
        folder = folder or converted()
        precision, packed = choose_precision(choice.precision)
        self.network = Llama(folder, precision, packed)
        self.tokens = ChatTokenizer(folder)
        self.context_tokens = min(choice.context_tokens, self.network.positions - NEW_TOKENS)
        self.last_stats: GenerationStats | None = None
        self._cores = min(hardware.count_cores(), PREFILL_THREADS)
        self._turns = Turns()
        self._prefixes: OrderedDict[tuple[int, ...], KeyValues] = OrderedDict()

    def count_tokens(self, text: str) -> int:
        return len(self.tokens.encode(text))

    def warm_up(self, messages: list[Message] | None = None) -> None:
        """Runs both phases once. With the system message that will be used, its part of every prompt is then done."""
        for _ in self.stream(messages or [{"role": "user", "content": "Hello."}], max_new_tokens=2):
            pass

    def stream(
        self,
        messages: list[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]:
        """Pieces of the answer as they are certain. `stop` is asked before every step: within 0.2 s on two cores.

        A prompt of more than the profile's `context_tokens` loses the middle of its longest messages. `last_stats` is
        kept up to date while the answer runs. Raises UsageError if too many messages do not fit.
        """
        asked = time.perf_counter()
        halted = stop or (lambda: False)
        most = max(0, min(max_new_tokens, NEW_TOKENS))
        prompt = self.tokens.prompt(messages, self.context_tokens)
        cache = self.network.new_cache(len(prompt.prefix) + len(prompt.rest) + most)
        reused = self._reuse_prefix(prompt, cache, halted)
        logits = None if reused is None else self._prefill(prompt.rest, cache, halted)
        stats = GenerationStats(len(prompt.prefix) + len(prompt.rest), cached_tokens=reused or 0)
        self.last_stats = stats
        if logits is None:
            return
        text, first_s = TextStream(self.tokens, stop_strings), 0.0
        for count, token in enumerate(self._decode(logits, cache, most, halted), start=1):
            elapsed = time.perf_counter() - asked
            first_s = first_s or elapsed
            speed = (count - 1) / (elapsed - first_s) if count > 1 else 0.0
            self.last_stats = GenerationStats(stats.prompt_tokens, count, first_s, speed, stats.cached_tokens)
            if piece := text.feed(token):
                yield piece
            if text.stopped:
                return
        if piece := text.rest():
            yield piece

    def _reuse_prefix(self, prompt: Prompt, cache: KeyValues, halted: Callable[[], bool]) -> int | None:
        """Fills `cache` with the system message. Returns how many tokens were already computed; None if halted.

        The prefix is always computed by itself, so an answer does not depend on whether it was there.
        """
        key = tuple(prompt.prefix)
        kept = self._prefixes.get(key)
        reused = len(key) if kept else 0
        if kept is None:
            kept = self.network.new_cache(len(key))
            if self._prefill(prompt.prefix, kept, halted) is None:
                return None
        self._prefixes[key] = kept
        with contextlib.suppress(KeyError):  # another thread was quicker
            self._prefixes.move_to_end(key)
            if len(self._prefixes) > PREFIXES:
                self._prefixes.popitem(last=False)
        cache.take(kept)
        return reused

    def _prefill(self, tokens: list[int], cache: KeyValues, halted: Callable[[], bool]) -> torch.Tensor | None:
        """Logits [V] after `tokens`; None if halted on the way."""
        logits = None
        for begin in range(0, len(tokens), PREFILL_TOKENS):
            if halted():
                return None
            logits = self._step(tokens[begin : begin + PREFILL_TOKENS], cache, self._cores)
        return logits

    def _decode(self, logits: torch.Tensor, cache: KeyValues, most: int, halted: Callable[[], bool]) -> Iterator[int]:
        guard = LoopGuard(LOOP_TOKENS)
        for count in range(1, most + 1):
            token = guard.choose(logits)
            if token in self.tokens.special or halted():
                return
            yield token
            if count < most and not halted():
                logits = self._step([token], cache, DECODE_THREADS)

    def _step(self, tokens: list[int], cache: KeyValues, threads: int) -> torch.Tensor:
        import torch

        with self._turns, torch_threads(threads), torch.inference_mode():
            return self.network.extend(self.network.embed(tokens), cache)


class LoopGuard:
    """Greedy choice that does not write the same run of `length` tokens twice (https://arxiv.org/abs/1705.04304, 2.5).

    Only what was generated counts: quoting the prompt word for word is wanted.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._written: list[int] = []
        self._followers: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)

    def choose(self, logits: torch.Tensor) -> int:
        """The likeliest token of logits [V] that repeats no run."""
        begun = tuple(self._written[1 - self._length :])
        banned = self._followers[begun] if len(begun) == self._length - 1 else set[int]()
        token = int(logits.argmax())
        if token in banned:
            logits = logits.clone()
            logits[list(banned)] = -float("inf")
            token = int(logits.argmax())
        banned.add(token)
        self._written.append(token)
        return token


class Turns:
    """A lock that is granted in the order of asking, so that no answer starves beside another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked = self._done = 0

    def __enter__(self) -> None:
        with self._changed:
            ticket = self._asked
            self._asked += 1
            self._changed.wait_for(lambda: ticket == self._done)

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._done += 1
            self._changed.notify_all()


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """torch keeps the number per thread once a thread has computed, so this leaves other threads alone."""
    import torch

    before = torch.get_num_threads()
    if before != count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)


def choose_precision(wanted: Precision) -> tuple[Literal["bf16", "fp32", "nf4"], bool]:
    """What to compute in, and whether single tokens read 4-bit copies. "auto" is what this processor does fastest."""
    if wanted in ("bf16", "fp32", "nf4"):
        return wanted, False
    machine = hardware.describe()
    # torch's 4-bit product is fast with AVX2 and better, and a slow reference elsewhere.
    return ("bf16" if machine.bf16 else "fp32"), bool({"avx2", "avx512"} & set(machine.features))


def converted() -> Path:
    """Folder of the pack's decoder as a checkpoint; converting the GGUF takes about 20 s, once. Raises PackError."""
    return pack.derived("smollm2-135m-instruct", "decoder", RECIPE, convert)


def convert(destination: Path) -> None:
    """The GGUF's weights (Q4_1, exact in bf16 to 0.03 of a step) and tokenizer, as transformers saves them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = pack.part("decoder")
    model = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=GGUF,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
        local_files_only=True,
    )
    model.bfloat16().save_pretrained(destination)
    AutoTokenizer.from_pretrained(source, gguf_file=GGUF, local_files_only=True).save_pretrained(destination)


def main() -> int:
    """Set-up: converts the decoder now, so that the first question does not wait for it."""
    try:
        print(f"decoder: ready in {converted()}", file=sys.stderr)
    except PackError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
