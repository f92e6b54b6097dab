"""From chat messages with stills to what a vision-language model reads: its own template, within a budget of tokens.

Every still goes in as an image behind its time in text, never as a video: processors sample videos in their own ways
and make up times. Knows nothing of networks: only the processor (tokenizer, image processor, chat template) is asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from model.errors import CheckpointError, UsageError
from model.language.chat import Message, Part, Still, keep_evenly, parts_of, stills_of

# Longest sides that stills are shrunk to, tried in turn until all fit. 672 reads captions on a slide; 448 tells people,
# things and actions, and is the native size of several of these models; below 224 faces and objects get lost, so from
# there on stills are dropped instead. A processor without a GPU begins at 448: prefill is what takes time there.
SIDES_PX = (672, 448, 336, 224)
MIN_SIDE_PX = 32  # a patch of the coarsest model; it also keeps slivers below the aspect ratios that processors refuse
CUT = "\n[...]\n"  # stands where the middle of a text was left out
CHARS_A_TOKEN = 16  # more than any prose has: a longer text is cut before it costs time and memory to tokenise
SHORTEST_CHARS = 64  # no text is cut below this

# What would make several views of one still, with several times the tokens: a still of a video is one of many.
ONE_VIEW = {"do_image_splitting": False, "crop_to_patches": False}


@dataclass(frozen=True)
class SeeingPrompt:
    inputs: Any  # BatchFeature on the CPU: input_ids [1, T] int64, pixel_values and what else the network asks for
    tokens: int  # T
    stills: int  # that are in it


class PromptWriter:
    """Of one processor. Not for several threads at once: tokenizers refuse that."""

    def __init__(
        self, processor: Any, folder: Path, context_tokens: int, max_stills: int, sides_px: Sequence[int] = SIDES_PX
    ) -> None:
        """`folder` is where the processor is from, for errors. Raises CheckpointError if its template has no images."""
        self.processor = processor
        self.context_tokens = context_tokens
        self.max_stills = max_stills
        self.sides_px = tuple(sides_px)
        self._images = {key: value for key, value in ONE_VIEW.items() if hasattr(processor.image_processor, key)}
        self._control = control_tokens(processor)
        self._tokens_of: dict[tuple[int, int, bool], int] = {}
        # What templates ask their caller: Qwen3's whether to think aloud, VideoLLaMA3's what an image is called.
        known: dict[str, Any] = {"enable_thinking": False, "image_token": processor.image_token}
        self._options = {name: value for name, value in known.items() if name in str(processor.chat_template)}
        self._in_place = self._keeps_order(folder / "chat_template.jinja")

    def count(self, text: str) -> int:
        return len(self.processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    def write(self, messages: Sequence[Message]) -> SeeingPrompt:
        """At most `context_tokens`, of which pictures take half: they are made smaller, then fewer; then texts are cut.

        Raises UsageError if too many messages do not fit whatever is cut.
        """
        messages = [Message(role=message["role"], content=self._clean(message)) for message in messages]
        stills, side_px = self._fit(keep_evenly(stills_of(messages), self.max_stills))
        for message in messages:
            message["content"] = [part for part in parts_of(message) if isinstance(part, str) or part in stills]
        pictures = [shrink(still, side_px) for still in stills]
        visual = sum(self._picture_tokens(*picture.size, len(pictures) == 1) - 1 for picture in pictures)
        room = self.context_tokens
        while True:
            text = self._render(shorten(messages, room - visual, self._rendered_tokens, self.count))
            inputs = self._process(text, pictures)
            tokens = int(inputs["input_ids"].shape[1])
            if tokens <= self.context_tokens:
                return SeeingPrompt(inputs, tokens, len(pictures))
            room -= tokens - self.context_tokens  # stills of mixed shapes can cost a little more than foreseen

    def _clean(self, message: Message) -> list[Part]:
        """Stills get an identity of their own: the same one may stand in a conversation twice."""
        return clean(message, self._control, self.context_tokens)

    def _fit(self, stills: list[Still]) -> tuple[list[Still], int]:
        """The stills that fit into half of the context, and the longest side in pixels that they are to have."""
        room = self.context_tokens // 2
        for side_px in self.sides_px:
            if self._cost(stills, side_px) <= room:
                return stills, side_px
        kept = stills
        while kept and self._cost(kept, self.sides_px[-1]) > room:
            kept = keep_evenly(stills, len(kept) - 1)
        return kept, self.sides_px[-1]

    def _cost(self, stills: list[Still], side_px: int) -> int:
        """Tokens of the stills and, as an upper bound, of the times before them."""
        sizes = [shrunk_size(still, side_px) for still in stills]
        labels = sum(len(still.label) for still in stills)
        return labels + sum(self._picture_tokens(*size, len(stills) == 1) for size in sizes)

    def _picture_tokens(self, width: int, height: int, alone: bool) -> int:
        """Counted by the processor on blank pictures, since every family has its own rule. One alone may get more."""
        key = (width, height, alone)
        if key not in self._tokens_of:
            blanks = [Image.new("RGB", (width, height))] * (1 if alone else 2)
            inputs = self._process(self.processor.image_token * len(blanks), blanks)
            self._tokens_of[key] = math.ceil(inputs["input_ids"].shape[1] / len(blanks))
        return self._tokens_of[key]

    def _process(self, text: str, pictures: list[Image.Image]) -> Any:
        bos = self.processor.tokenizer.bos_token
        return self.processor(
            text=[text],
            images=[pictures] if pictures else None,  # nested: the images of one prompt, not a batch of prompts
            images_kwargs=self._images if pictures else {},
            text_kwargs={"add_special_tokens": not (bos and text.startswith(bos))},
            return_tensors="pt",
        )

    def _rendered_tokens(self, messages: Sequence[Message]) -> int:
        """Each image counted as one token."""
        return self.count(self._render(messages))

    def _render(self, messages: Sequence[Message]) -> str:
        """The text of the prompt, one image token a still. Ends where the answer begins; no thinking before it."""
        conversation = [{"role": message["role"], "content": self._template_parts(message)} for message in messages]
        text: str = self.processor.apply_chat_template(conversation, add_generation_prompt=True, **self._options)
        if text.rstrip().endswith("<think>"):  # the template of a model that always thinks: its thought ends here
            text = text.rstrip() + "\n\n</think>\n\n"
        return text

    def _template_parts(self, message: Message) -> list[dict[str, str]]:
        if not self._in_place:
            image: str = self.processor.image_token
            parts = [part if isinstance(part, str) else f"{part.label}{image}\n" for part in parts_of(message)]
            return [{"type": "text", "text": "".join(parts)}]
        found: list[dict[str, str]] = []
        for part in parts_of(message):
            text = part if isinstance(part, str) else part.label
            if found and found[-1]["type"] == "text":
                found[-1]["text"] += text
            else:
                found.append({"type": "text", "text": text})
            if isinstance(part, Still):
                found.append({"type": "image"})
        return found or [{"type": "text", "text": ""}]

    def _keeps_order(self, template: Path) -> bool:
        """Whether images come out between the texts they were put between.

        LLaVA-OneVision's template puts them before all text, away from their times: there our text holds the image
        tokens itself.
        """
        parts = [{"type": "text", "text": "first"}, {"type": "image"}, {"type": "text", "text": "last"}]
        try:
            text = self.processor.apply_chat_template([{"role": "user", "content": parts}], **self._options)
        except Exception as error:  # a template is a program: it can fail in any way
            raise CheckpointError(
                f"{template}: expected a template for messages of texts and images, found one that fails ({error})."
            ) from error
        image = self.processor.image_token
        if image not in text:
            raise CheckpointError(f"{template}: expected {image} where an image stands, found {text!r}.")
        return bool(text.index("first") < text.index(image) < text.rindex("last"))


def control_tokens(processor: Any) -> re.Pattern[str]:
    """Whatever the tokenizer takes for one token by its spelling, or the processor for an image's or video's place."""
    added = {token.content for token in processor.tokenizer.added_tokens_decoder.values()}
    own = {value for name, value in vars(processor).items() if name.endswith("_token") and isinstance(value, str)}
    # Blanks are no control tokens, though some tokenizers list runs of them.
    spelled = sorted((token for token in added | own if len(token.strip()) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, spelled)) or r"(?!)")


def clean(message: Message, control: re.Pattern[str], context_tokens: int) -> list[Part]:
    """Its parts, texts without control tokens and none far longer than the context; stills as objects of its own."""
    most = context_tokens * CHARS_A_TOKEN
    return [
        as_text(part if len(part) <= most else cut_middle(part, most), control)
        if isinstance(part, str)
        else Still(part.seconds, part.picture)
        for part in parts_of(message)
    ]


def as_text(text: str, control: re.Pattern[str]) -> str:
    """What people and videos say, with every control token in it broken up: "<|im_end|>" becomes "< |im_end|>"."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
    while control.search(text):  # breaking one up can only rarely make another: twice, then
        text = control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
    return text


def shorten(
    messages: list[Message], room: int, cost: Callable[[Sequence[Message]], int], count: Callable[[str], int]
) -> list[Message]:
    """Takes the middle out of the longest texts, in place, until `cost(messages)` tokens are no more than `room`.

    Raises UsageError if too many messages do not fit whatever is cut.
    """
    while (excess := cost(messages) - room) > 0:
        message, longest = longest_text(messages)
        if message is None or len(longest) <= 2 * SHORTEST_CHARS:
            raise UsageError(f"The conversation has too many messages ({len(messages)}): begin a new one.")
        tokens = max(count(longest), 1)
        # Down to half at most in one go: then another text may be the longest.
        wanted = int(len(longest) * (tokens - excess) / tokens) - 2 * len(CUT)
        keep = min(max(wanted, len(longest) // 2), len(longest) - len(CUT) - 1)
        message["content"] = [cut_middle(longest, keep) if part is longest else part for part in parts_of(message)]
    return messages


def cut_middle(text: str, keep: int) -> str:
    return text[: keep // 2] + CUT + text[len(text) - (keep - keep // 2) :]


def longest_text(messages: Sequence[Message]) -> tuple[Message | None, str]:
    """And the message that it is a part of; None where there is no text at all."""
    texts = [(message, part) for message in messages for part in parts_of(message) if isinstance(part, str)]
    return max(texts, key=lambda found: len(found[1]), default=(None, ""))


def shrunk_size(still: Still, side_px: int) -> tuple[int, int]:
    """(width, height): no side longer than `side_px`, nor shorter than a patch; smaller pictures keep their size."""
    height, width = still.picture.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    return max(MIN_SIDE_PX, round(width * scale)), max(MIN_SIDE_PX, round(height * scale))


def shrink(still: Still, side_px: int) -> Image.Image:
    picture = Image.fromarray(still.picture)
    size = shrunk_size(still, side_px)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
