"""A decoder behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp, `transformers serve`, a cloud.

We take the stills and tell their times; the server gets pictures and text, never a video. Nothing is asked of it
before the first use, so that Cuepoint starts while it is down.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from model.language.chat import GenerationStats, Message, OwnStats
from model.language.endpoint import MODEL_VARIABLE, Endpoint, Failure
from model.language.exchange import Exchange, Heard, list_models, listen
from model.language.openai_messages import as_prompt, constraint, count_tokens
from model.language.visible_text import VisibleText

if TYPE_CHECKING:
    from model.errors import CuepointError
    from model.profile import DecoderChoice

# What is asked for where the server takes it: the likeliest words, its own count of tokens, and of models that can do
# both an answer without thinking aloud, which would use up the few tokens that an answer has.
OPTIONS: dict[str, Any] = {
    "temperature": 0,
    "stream_options": {"include_usage": True},
    "extra_body": {"chat_template_kwargs": {"enable_thinking": False}},
}
OVERRUN = 4  # times the pieces that were asked for: a server that ignores the limit is left then


class ServerDecoder:
    """Satisfies `chat.Decoder`. Safe to use from several threads: the server queues and batches."""

    last_stats = OwnStats()
    takes_schema = True

    def __init__(self, url: str, choice: DecoderChoice) -> None:
        """`url` may be empty if CUEPOINT_SERVER_URL is set. Raises UsageError if it or the key cannot be one."""
        self.endpoint = Endpoint.from_environment(url)
        self.model = choice.model or os.environ.get(MODEL_VARIABLE, "")  # empty: the first that the server names
        self.max_stills = choice.stills
        self._choice = choice
        self._options = OPTIONS

    def __repr__(self) -> str:
        return f"ServerDecoder({self.endpoint.url!r}, model={self.model!r})"

    def count_tokens(self, text: str) -> int:
        """An estimate, rather too high: the tokenizer is the server's."""
        return count_tokens(text)

    def warm_up(self, messages: Sequence[Message] | None = None) -> None:
        """Sees whether the server is there and takes the key. Raises ServerError."""
        for _ in listen(self._greet, lambda: False):
            pass

    def stream(
        self,
        messages: Sequence[Message],
        max_new_tokens: int = 96,
        stop: Callable[[], bool] | None = None,
        stop_strings: Sequence[str] = (),
        schema: dict[str, Any] | None = None,
    ) -> Generator[str, None, None]:
        """See `chat.Decoder`. The text alone is held to the profile's `context_tokens`, stills to its `stills`.

        A server that refuses stills, or a JSON `schema`, answers without. Raises ServerError in one sentence.
        """
        asked = time.perf_counter()
        halted = stop or (lambda: False)
        most = min(max_new_tokens, self._choice.new_tokens)
        prompt = as_prompt(messages, self._choice.context_tokens, self.max_stills)
        stats = self.last_stats = GenerationStats(prompt.tokens, stills=prompt.stills)
        if most <= 0 or halted():
            return
        exchange = Exchange(self.endpoint, self.model, prompt, most, self._options | constraint(schema))
        text, times = VisibleText(stop_strings), list[float]()
        with contextlib.closing(listen(exchange.run, halted)) as answer:
            for heard in answer:
                if heard.text:
                    times.append(heard.at - asked)
                    self._options = {name: v for name, v in exchange.options.items() if name not in constraint({})}
                    self.model = exchange.model
                piece = text.feed(heard.text) if heard.text and not heard.thinking else ""
                stats = self.last_stats = _counted(stats, heard, times, exchange.stills)
                if piece:
                    yield piece
                if text.stopped or len(times) >= OVERRUN * most:
                    return
        if not halted() and (piece := text.rest()):
            yield piece

    async def _greet(self, emit: Callable[[Heard | CuepointError], None]) -> None:
        async with self.endpoint.client() as client:
            models = await list_models(self.endpoint, client)
        if not isinstance(models, Failure):
            self.model = self.model or (models[0] if models else "")
        elif models.status not in (404, 405, 501):  # not every server lists its models
            emit(models.error())


def _counted(stats: GenerationStats, heard: Heard, times: Sequence[float], stills: int) -> GenerationStats:
    """The stats so far with what was just heard. `times` are those at which text came, in seconds from the call."""
    count = heard.new_tokens or len(times)
    lasted = times[-1] - times[0] if times else 0.0
    return GenerationStats(
        prompt_tokens=heard.prompt_tokens or stats.prompt_tokens,
        new_tokens=count,
        first_token_s=times[0] if times else 0.0,
        tokens_per_second=(count - 1) / lasted if lasted > 0 else 0.0,
        cached_tokens=heard.cached_tokens or stats.cached_tokens,
        stills=stills,
    )
