"""A language model that answers: messages in, text out, as it is written.

Prefill, then decode, as two visible phases; greedy; one token's worth of work at a time, so that several answers can be
written at once and each can be stopped. Pictures enter in one step, as embeddings that stand where placeholders stand.
Knows nothing of videos or evidence, nor of what computes the network.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model import hardware
from model.errors import CuepointError
from model.language import gguf
from model.language.chat import GenerationStats, Message, OwnStats, Still
from model.language.chat_tokens import PLACEHOLDER, ChatTokenizer
from model.language.network import Cache, Halted, Network
from model.language.turns import Turns, torch_threads
from model.profile import DecoderChoice, Precision

if TYPE_CHECKING:
    import torch

PREFILL_TOKENS = 192  # a step of 0.1 to 0.2 s on two cores: what other answers wait for
# Of several answers, on the processor. Two side by side, each on one of two cores, take three quarters of the time that
# they take in turns: a token occupies one core, and so does what Python does between two.
STEPS_AT_ONCE = 8
PREFILL_TOKENS_GPU = 1024
PREFILL_THREADS = 8  # more do not help with so small a model
# A token of a small model is bound by memory, which one core nearly saturates: a second thread gains a third on an idle
# machine, but on a busy one each of 120 barriers a token waits for a thread that has lost its core, and 60 tokens/s
# become 2. Choosing by the kernel's count of running threads was tried: 54 tokens/s instead of 88 beside one other
# process, since a waiting thread of ours and a stranger cannot be told apart. The kernels of a large model are long.
DECODE_THREADS = 1
DECODE_THREADS_LARGE = 8
LARGE = 500_000_000  # parameters
NEW_TOKENS = 1024  # the most that one answer may have, unless a profile allows more: bounds the memory of a request
PREFIXES = 4  # system prompts kept computed: answer, summary, title and one to spare
_LIKELIER_THAN_NOT = 0.5
LOOP_TOKENS = 8  # a run of tokens this long is not written twice: small models fall into loops

See = Callable[[list[Still]], "torch.Tensor"]  # pictures -> embeddings [stills * still_tokens, W]


class CausalDecoder:
    """Safe to use from several threads; simultaneous answers take turns, token by token, or go side by side."""

    last_stats = OwnStats()

    def __init__(
        self,
        network: Network,
        tokens: ChatTokenizer,
        choice: DecoderChoice,
        see: See | None = None,
        still_tokens: int = 0,
        refusal: str = "",
    ) -> None:
        """`see` gives the model eyes: each still becomes `still_tokens` embeddings. Without it stills are left out.

        `refusal`: a sentence that the model was taught for what it cannot answer. An answer begins with it only where
        that is likelier than every answer together: greedily, it would win against many ways to say the same.
        """
        self.network, self.tokens = network, tokens
        # At most half of the positions are for the answer, whatever the profile asks of a small model.
        self.new_tokens = min(max(NEW_TOKENS, choice.new_tokens), network.positions // 2)
        self.context_tokens = min(choice.context_tokens, network.positions - self.new_tokens)
        self.max_stills = choice.stills if see and still_tokens else 0
        self._see, self._still_tokens = see, still_tokens
        self._refusal = tokens.encode(refusal)[0] if refusal else None
        self._cores = min(hardware.count_cores(), PREFILL_THREADS)
        self._chunk = PREFILL_TOKENS if network.device.type == "cpu" else PREFILL_TOKENS_GPU
        large = network.parameters >= LARGE
        self._decode_threads = min(hardware.count_cores(), DECODE_THREADS_LARGE) if large else DECODE_THREADS
        self._turns = Turns(min(hardware.count_cores(), STEPS_AT_ONCE) if network.side_by_side else 1)
        self._prefixes: OrderedDict[tuple[int, ...], Cache] = OrderedDict()

    def count_tokens(self, text: str) -> int:
        return len(self.tokens.encode(text))

    def warm_up(self, messages: Sequence[Message] | None = None) -> None:
        """Runs both phases once. With the system message that will be used, its part of every prompt is then done."""
        for _ in self.stream(messages or [{"role": "user", "content": "Hello."}], max_new_tokens=2):
            pass

    def stream(
        self,
        messages: Sequence[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]:
        """Pieces of the answer as they are certain. `stop` is asked before every layer: within 0.2 s on two cores.

        A prompt of more than the profile's `context_tokens` loses stills and the middle of its longest texts.
        `last_stats` is kept up to date while the answer runs. Raises UsageError if too many messages do not fit.
        """
        asked = time.perf_counter()
        halted = stop or (lambda: False)
        most = max(0, min(max_new_tokens, self.new_tokens))
        prompt = self.tokens.prompt(messages, self.context_tokens, self.max_stills, self._still_tokens)
        stats = self.last_stats = GenerationStats(len(prompt), stills=len(prompt.stills))
        text, first_s, doubts = self.tokens.stream(stop_strings), 0.0, 0.0
        with contextlib.suppress(Halted):
            cache = self.network.new_cache(len(prompt) + most)
            reused = self._reuse_prefix(prompt.prefix, cache, halted)
            logits = self._prefill(prompt.rest, cache, halted, self._look(prompt.stills, halted))
            for count, (token, doubt) in enumerate(self._decode(logits, cache, most, halted), start=1):
                doubts += doubt
                elapsed = time.perf_counter() - asked
                first_s = first_s or elapsed
                speed = (count - 1) / (elapsed - first_s) if count > 1 else 0.0
                self.last_stats = GenerationStats(
                    stats.prompt_tokens, count, first_s, speed, reused, stats.stills, math.exp(-doubts / count)
                )
                if piece := text.feed(token):
                    yield piece
                if text.stopped:
                    return
        if piece := text.rest():
            yield piece

    def _reuse_prefix(self, prefix: list[int], cache: Cache, halted: Callable[[], bool]) -> int:
        """Fills `cache` with the system message. Returns how many tokens were already computed.

        The prefix is always computed by itself, so an answer does not depend on whether it was there.
        """
        if not prefix:
            return 0
        key = tuple(prefix)
        kept = self._prefixes.get(key)
        reused = len(key) if kept else 0
        if kept is None:
            kept = self.network.new_cache(len(key))
            self._prefill(prefix, kept, halted)
        self._prefixes[key] = kept
        with contextlib.suppress(KeyError):  # another thread was quicker
            self._prefixes.move_to_end(key)
            if len(self._prefixes) > PREFIXES:
                self._prefixes.popitem(last=False)
        cache.take(kept)
        return reused

    def _look(self, stills: list[Still], halted: Callable[[], bool]) -> torch.Tensor | None:
        """Embeddings [stills * still_tokens, W]; None if there is nothing to see."""
        import torch

        if self._see is None or not stills:
            return None
        if halted():
            raise Halted
        with torch.inference_mode():
            seen = self._see(stills)
        expected = (len(stills) * self._still_tokens, self.network.width)
        if tuple(seen.shape) != expected:
            raise ValueError(f"The adapter gave embeddings of shape {tuple(seen.shape)} where {expected} was expected.")
        return seen.to(self.network.device, self.network.dtype)

    def _prefill(
        self, tokens: list[int], cache: Cache, halted: Callable[[], bool], seen: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits [V] after `tokens`. Raises Halted."""
        for begin in range(0, len(tokens), self._chunk):
            chunk = tokens[begin : begin + self._chunk]
            before = tokens[:begin].count(PLACEHOLDER)
            here = None if seen is None else seen[before : before + chunk.count(PLACEHOLDER)]
            logits = self._step(chunk, cache, self._cores, halted, here)
        return logits

    def _decode(
        self, logits: torch.Tensor, cache: Cache, most: int, halted: Callable[[], bool]
    ) -> Iterator[tuple[int, float]]:
        """Tokens, each with its negative log-likelihood."""
        guard = LoopGuard(LOOP_TOKENS)
        if self._refusal is not None:
            logits = only_if_likely(logits, self._refusal)
        for count in range(1, most + 1):
            token = guard.choose(logits)
            if token in self.tokens.layout.ends or halted():
                return
            yield token, float(logits.float().logsumexp(-1) - logits[token])
            if count < most:
                logits = self._step([token], cache, self._decode_threads, halted)

    def _step(
        self,
        tokens: list[int],
        cache: Cache,
        threads: int,
        halted: Callable[[], bool],
        seen: torch.Tensor | None = None,
    ) -> torch.Tensor:
        import torch

        with self._turns, torch_threads(threads), torch.inference_mode():
            if halted():
                raise Halted
            return self.network.extend(put_pictures(self.network, tokens, seen), cache, halted)


def put_pictures(network: Network, tokens: list[int], seen: torch.Tensor | None) -> torch.Tensor:
    """Embeddings [T, W] of `tokens`, with the rows of `seen` where placeholders stand: how pictures enter the model."""
    import torch

    embeddings = network.embed([max(token, 0) for token in tokens])  # [T, W]
    if seen is not None:
        embeddings[torch.tensor(tokens, device=embeddings.device) == PLACEHOLDER] = seen
    return embeddings


def only_if_likely(logits: torch.Tensor, token: int) -> torch.Tensor:
    """Logits [V] without `token`, unless it is likelier than all others together."""
    if float(logits.float().softmax(-1)[token]) >= _LIKELIER_THAN_NOT:
        return logits
    banned = logits.clone()
    banned[token] = -math.inf
    return banned


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


def load_decoder(
    path: Path,
    choice: DecoderChoice,
    see: See | None = None,
    still_tokens: int = 0,
    lora: Path | None = None,
    beside: bool = False,
) -> CausalDecoder:
    """The model of a checkpoint's folder or a GGUF file; GGUF is converted the first time. `lora`: see load_network.

    Raises CheckpointError if the files are not a model that can be loaded.
    """
    folder = gguf.checkpoint_folder(path)
    network = load_network(folder, choice.precision, lora, beside)
    return CausalDecoder(network, ChatTokenizer(folder), choice, see, still_tokens)


def load_network(folder: Path, precision: Precision, lora: Path | None = None, beside: bool = False) -> Network:
    """The lean network where it computes this checkpoint and no GPU is at hand, else transformers' own.

    `lora` is a folder that peft saved; its weights are merged into the model's unless `beside` or quantised.
    """
    from model.language import llama
    from model.language import lora as low_rank

    mergeable = lora is None or (not beside and precision != "nf4" and low_rank.is_plain(lora))
    # So small a model waits for a GPU's launches, not for its arithmetic: the pack's stays on the processor.
    on_processor = hardware.find_gpu() is None or gguf.is_packed(folder)
    if on_processor and mergeable and precision != "int8" and llama.computes(folder):
        from model.language.precision import choose_lean

        return llama.Llama(folder, *choose_lean(precision), lora=lora)
    from model.language.causal_lm import TransformersNetwork

    return TransformersNetwork(folder, precision, lora, beside)


def main() -> int:
    """Set-up: converts the pack's decoder now, so that the first question does not wait for it."""
    try:
        print(f"decoder: ready in {gguf.packed_checkpoint()}", file=sys.stderr)
    except CuepointError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
