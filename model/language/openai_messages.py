"""Messages as OpenAI's chat protocol has them: cut to a budget, stills as data URLs behind the times they are shown at.

Knows no tokenizer: the server has it, so tokens are estimated.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from model.errors import UsageError
from model.language.chat import Message, Part, Still, keep_evenly, parts_of, stills_of

LONGEST_PX = 768  # about what vision-language models look at; four hundred tokens in most of them
SHORTEST_PX = 32  # a patch or so: their image processors refuse less
JPEG_QUALITY = 85  # on-screen text stays legible, at a tenth of the size of PNG
CHARS_A_TOKEN = 3.5  # English prose has four to five, names and code fewer: rather too many tokens than too few
FRAME_TOKENS = 6  # what a chat template puts around a message or a still's time
SHORTEST_TOKENS = 16  # no text is cut below this
CUT = "\n[...]\n"  # stands where the middle of a text was left out

_WIDE = re.compile("[⺀-鿿가-힯豈-﫿\U00020000-\U0003ffff]")  # a token or so for each: Chinese, Japanese, Korean
# Marks that servers read as control tokens wherever they stand; what people and videos say must not steer with them.
_CONTROL = re.compile(
    r"(?:<(?=[|｜]|/?(?:s|bos|eos|think|image|video|audio|start_of_turn|end_of_turn|start_of_image)>)|\[(?=/?INST\]))"
)


@dataclass(frozen=True)
class Prompt:
    messages: list[dict[str, Any]]
    blind: list[dict[str, Any]]  # the same without stills, for a server whose model takes none
    stills: int
    tokens: int  # an estimate, of the text alone: what a picture costs only the server knows


def count_tokens(text: str) -> int:
    """An estimate, 3.5 characters a token, and one for each Chinese, Japanese or Korean character."""
    wide = len(_WIDE.findall(text))
    return wide + math.ceil((len(text) - wide) / CHARS_A_TOKEN)


def as_prompt(messages: Sequence[Message], context_tokens: int, most_stills: int) -> Prompt:
    """Stills are dropped evenly, then the longest texts lose their middle.

    Raises UsageError if so many messages do not fit whatever is cut.
    """
    kept = {id(still) for still in keep_evenly(stills_of(messages), most_stills)}
    contents: list[list[Part]] = []
    for message in messages:
        left: list[Part] = [p if isinstance(p, Still) else _clean(p) for p in parts_of(message) if _stays(p, kept)]
        contents.append(parts_of({"role": message["role"], "content": left}))
    texts = [part for content in contents for part in content if isinstance(part, str)]
    frames = FRAME_TOKENS * (len(contents) + len(kept))
    fitting = iter(_shorten(texts, context_tokens - frames))
    contents = [[next(fitting) if isinstance(part, str) else part for part in content] for content in contents]
    roles = [message["role"] for message in messages]
    blind = [
        {"role": role, "content": "".join(part for part in content if isinstance(part, str))}
        for role, content in zip(roles, contents, strict=True)
    ]
    tokens = sum(count_tokens(message["content"]) for message in blind) + frames
    seeing = [
        {"role": role, "content": _with_pictures(content)} if any(isinstance(p, Still) for p in content) else plain
        for role, content, plain in zip(roles, contents, blind, strict=True)
    ]
    return Prompt(seeing, blind, len(kept), tokens)


def constraint(schema: dict[str, Any] | None) -> dict[str, Any]:
    """What a request has more, for an answer in JSON that obeys a schema."""
    if schema is None:
        return {}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


def data_url(picture: np.ndarray) -> str:
    """uint8 [H, W, 3] RGB as a JPEG of at most 768 pixels on its longest side, and at least 32 on its shortest."""
    height, width = picture.shape[:2]
    scale = min(1.0, LONGEST_PX / max(height, width))
    size = (max(SHORTEST_PX, round(width * scale)), max(SHORTEST_PX, round(height * scale)))
    image = Image.fromarray(np.ascontiguousarray(picture))
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _stays(part: Part, kept: set[int]) -> bool:
    return bool(part) if isinstance(part, str) else id(part) in kept


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which JSON cannot carry, and with control tokens broken up."""
    return _CONTROL.sub(lambda mark: f"{mark[0]} ", text.encode("utf-8", "replace").decode("utf-8"))


def _with_pictures(content: Sequence[Part]) -> list[dict[str, Any]]:
    """Text parts and picture parts; a still's time ends the text before it."""
    parts: list[dict[str, Any]] = []
    text = ""
    for part in content:
        if isinstance(part, str):
            text += part
            continue
        parts.append({"type": "text", "text": f"{text}{part.label}"})
        parts.append({"type": "image_url", "image_url": {"url": data_url(part.picture)}})
        text = ""
    return [*parts, {"type": "text", "text": text}] if text else parts


def _shorten(texts: Sequence[str], budget: int) -> list[str]:
    """The texts, the longest of them without their middle, in at most `budget` tokens."""
    fitting, costs = list(texts), [count_tokens(text) for text in texts]
    while (excess := sum(costs) - budget) > 0:
        longest = max(range(len(costs)), key=costs.__getitem__, default=None)
        if longest is None or costs[longest] <= 2 * SHORTEST_TOKENS:
            raise UsageError(f"The conversation has too many messages ({len(texts)}): begin a new one.")
        text, cost = fitting[longest], costs[longest]
        share = max(cost - excess, cost // 2, SHORTEST_TOKENS) / cost
        keep = int(len(text) * share) - len(CUT) - 1
        fitting[longest] = text[: keep - keep // 2] + CUT + text[len(text) - keep // 2 :]
        costs[longest] = count_tokens(fitting[longest])
    return fitting
