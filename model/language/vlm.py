"""A vision-language model of transformers that looks at stills itself: Qwen3-VL, SmolVLM2, LLaVA-OneVision and so on.

`generate` runs in a thread of its own and hands over tokens; whoever reads the answer waits beside it, so that a stop
request, an error or a reader who leaves is never behind a long prefill. Knows nothing of videos or evidence.
"""

from __future__ import annotations

import atexit
import queue
import re
import threading
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig
from transformers.generation.streamers import BaseStreamer

from model import hardware
from model.errors import CuepointError
from model.language.chat import GenerationStats, Message, OwnStats, Still, parts_of
from model.language.network import Halted
from model.language.text_tokens import TextStream
from model.language.turns import Turns
from model.language.visible_text import VisibleText
from model.language.vlm_checkpoint import OUT_OF_MEMORY, load
from model.language.vlm_prompt import SIDES_PX, PromptWriter, SeeingPrompt
from model.profile import DecoderChoice

NEW_TOKENS = 4096  # the most that one answer may have: with the budget of the prompt it bounds the memory of a request
POLL_S = 0.05  # how often a waiting reader asks whether to stop
LEAVE_S = 1.0  # how long the end of the program waits for a network to notice
SIDES_WITHOUT_GPU_PX = SIDES_PX[1:]
WARM_UP_PX = 64

_leaving = threading.Event()
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@dataclass(eq=False)
class Generation:
    """One answer between the thread that makes it and the one that reads it."""

    messages: Sequence[Message]
    max_new_tokens: int
    halt: threading.Event = field(default_factory=threading.Event)
    # In this order: the prompt, tokens, then None or what went wrong.
    news: queue.SimpleQueue[SeeingPrompt | int | BaseException | None] = field(default_factory=queue.SimpleQueue)


class VisionLanguageModel:
    """Safe to use from several threads; simultaneous answers take turns, whole answers in the order of asking.

    A stop is answered within POLL_S and a reader's step, whatever the network does; the network itself ends at its next
    block, in the prefill too. So what bounds the wait of the next answer is one block, not one prompt.
    """

    last_stats = OwnStats()

    def __init__(self, path: Path, choice: DecoderChoice) -> None:
        """`path`: a folder as transformers saves it. Raises CheckpointError if something in it is missing or unfit."""
        loaded = load(path, choice.precision)
        self.network, self.dtype = loaded.network, loaded.dtype
        self.max_stills = choice.stills
        # Tokenizers refuse a second thread, so counting has one of its own.
        self._tokenizer = loaded.processor.tokenizer.backend_tokenizer
        self._tokenizer = type(self._tokenizer).from_str(self._tokenizer.to_str())
        positions = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)
        room = choice.context_tokens
        if positions is not None:
            room = min(room, max(positions - choice.new_tokens, positions // 2))
        sides = SIDES_PX if self.network.device.type != "cpu" else SIDES_WITHOUT_GPU_PX
        self._writer = PromptWriter(loaded.processor, path, room, self.max_stills, sides)
        self._most_tokens = NEW_TOKENS if positions is None else min(NEW_TOKENS, positions - room)
        self._ends = self._end_tokens(loaded.processor.tokenizer)
        # What a checkpoint recommends (sampling, penalties) would make answers random or keep them from quoting.
        self.network.generation_config = GenerationConfig(
            do_sample=False, eos_token_id=sorted(self._ends), pad_token_id=loaded.processor.tokenizer.pad_token_id
        )
        self._turns = Turns()
        self._current: Generation | None = None
        self._watch_blocks()

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def warm_up(self, messages: Sequence[Message] | None = None) -> None:
        """Runs vision, prefill and decoding once, on one small still. Nothing of `messages` is kept computed."""
        conversation = [Message(role=message["role"], content=parts_of(message)) for message in messages or ()]
        if not conversation or conversation[-1]["role"] != "user":
            conversation.append(Message(role="user", content=["What is this?"]))
        still = Still(0.0, np.full((WARM_UP_PX, WARM_UP_PX, 3), 128, np.uint8))
        conversation[-1]["content"] = [still, *parts_of(conversation[-1])]
        for _ in self.stream(conversation, max_new_tokens=2):
            pass

    def stream(
        self,
        messages: Sequence[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
    ) -> Generator[str, None, None]:
        """Pieces of the answer as they are certain; thinking aloud is left out. See Decoder.stream.

        Raises CuepointError where memory does not suffice, and whatever else stops the network.
        """
        asked, stats, first_s = time.perf_counter(), GenerationStats(0), 0.0
        generation = Generation(messages, max(0, min(max_new_tokens, self._most_tokens)))
        characters, visible = TextStream(self._tokenizer), VisibleText(stop_strings)
        thread = threading.Thread(target=self._run, args=(generation,), name="vlm", daemon=True)
        _threads.add(thread)
        thread.start()
        try:
            while (news := self._next(generation, stop)) is not None:
                if isinstance(news, SeeingPrompt):
                    stats = self.last_stats = GenerationStats(news.tokens, stills=news.stills)
                    continue
                elapsed = time.perf_counter() - asked
                first_s = first_s or elapsed
                count = stats.new_tokens + 1
                speed = (count - 1) / (elapsed - first_s) if count > 1 else 0.0
                stats = self.last_stats = GenerationStats(stats.prompt_tokens, count, first_s, speed, 0, stats.stills)
                if piece := visible.feed(characters.feed(news)):
                    yield piece
                if visible.stopped:
                    return
            if piece := visible.feed(characters.rest()) + visible.rest():
                yield piece
        finally:
            generation.halt.set()

    def _next(self, generation: Generation, stop: Callable[[], bool] | None) -> SeeingPrompt | int | None:
        """What the network has to tell next; None at the end or when told to stop."""
        while not (stop and stop()):
            try:
                news = generation.news.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if isinstance(news, BaseException):
                raise news
            return news
        return None

    def _run(self, generation: Generation) -> None:
        """In the generation's own thread: its turn, from the prompt to the last token."""
        outcome: BaseException | None = None
        try:
            with self._turns:
                self._current = generation
                try:
                    self._generate(generation)
                finally:
                    self._current = None
        except Halted:
            pass
        except BaseException as error:  # to be raised where the answer is read
            outcome = CuepointError(OUT_OF_MEMORY) if is_out_of_memory(error) else error
        if outcome is not None and self.network.device.type == "cuda":
            torch.cuda.empty_cache()  # only now: what was raised held on to tensors
        generation.news.put(outcome)

    def _generate(self, generation: Generation) -> None:
        self._check(generation)
        hardware.set_threads()  # torch counts them per thread
        prompt = self._writer.write(generation.messages)
        generation.news.put(prompt)
        if generation.max_new_tokens:
            self._check(generation)
            self.network.generate(
                **prompt.inputs.to(self.network.device, dtype=self.dtype),
                max_new_tokens=generation.max_new_tokens,
                streamer=_Tokens(generation, self._ends),
            )

    def _watch_blocks(self) -> None:
        """Lets a generation end between any two blocks of the network, those of its vision tower among them."""

        def check(*_: object) -> None:
            if self._current is not None:
                self._check(self._current)

        for module in self.network.modules():
            if isinstance(module, torch.nn.ModuleList):
                for block in module:
                    block.register_forward_pre_hook(check)

    def _check(self, generation: Generation) -> None:
        if generation.halt.is_set() or _leaving.is_set():
            raise Halted

    def _end_tokens(self, tokenizer: Any) -> frozenset[int]:
        """As the checkpoint has them: one, several, or only the tokenizer's."""
        for source in (self.network.generation_config, self.network.config.get_text_config(), tokenizer):
            if (ends := getattr(source, "eos_token_id", None)) is not None:
                return frozenset([ends] if isinstance(ends, int) else ends)
        return frozenset()


def is_out_of_memory(error: BaseException) -> bool:
    """A GPU's, or the processor's and an Apple GPU's in torch's words."""
    said = isinstance(error, RuntimeError) and re.search("allocate memory|out of memory", str(error))
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or bool(said)


class _Tokens(BaseStreamer):
    """What `generate` tells its tokens to, the prompt first."""

    def __init__(self, generation: Generation, ends: frozenset[int]) -> None:
        self._generation, self._ends = generation, ends
        self._begun = False

    def put(self, value: torch.Tensor) -> None:
        if self._begun and (token := int(value.flatten()[0])) not in self._ends:
            self._generation.news.put(token)
        self._begun = True

    def end(self) -> None:
        pass


@atexit.register
def _leave() -> None:
    """A thread inside torch when Python is taken down can crash the process: let it come out first."""
    _leaving.set()
    for thread in list(_threads):
        thread.join(LEAVE_S)
