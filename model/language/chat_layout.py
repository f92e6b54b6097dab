"""How a model's conversations are laid out: what stands before, between and after the messages.

ChatML is written out here; other layouts are read off the model's own chat template, by rendering it with marks where
the messages go. Knows nothing of what the messages say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from model.errors import CheckpointError
from model.language.text_tokens import After, TextEncoder

DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"  # as in the model's template
MARK = re.compile("\ue000(\\d+)\ue001")  # stands for a message while a template is rendered; of the private-use area
# A template that lays messages out as ChatML does, spaces and quotes aside; the system message is its default one.
CHATML = re.compile(
    r"{%formessageinmessages%}"
    r"({%ifloop\.firstandmessages\[0\]\['role'\]!='system'%}{{'<\|im_start\|>systemN(?P<system>.*?)<\|im_end\|>N'}}{%endif%})?"
    r"{{'<\|im_start\|>'\+message\['role'\]\+'N'\+message\['content'\]\+'<\|im_end\|>'\+'N'}}{%endfor%}"
    r"{%ifadd_generation_prompt%}{{'<\|im_start\|>assistantN'}}{%endif%}"
)


@dataclass(frozen=True)
class Slot:
    """The place of one message in a layout."""

    message: int  # its number
    opening: list[int]
    lead: str  # text before the message's own, to be tokenised with it: "user\n"
    after: After  # what the lead stands behind
    closing: list[int]


class Layout(Protocol):
    default_system: str  # goes before messages that begin with no system message, unless empty
    ends: frozenset[int]  # tokens that end an answer
    stops: tuple[str, ...]  # texts that do

    def slots(self, roles: Sequence[str]) -> tuple[list[Slot], list[int]]:
        """The places of messages with these roles, in the order in which they are read, and what opens the answer."""
        ...


class ChatML:
    """<|im_start|>role, newline, content, <|im_end|>, newline."""

    stops: tuple[str, ...] = ()

    def __init__(self, encoder: TextEncoder, default_system: str) -> None:
        self.default_system = default_system
        self.ends = frozenset(encoder.added.values())
        self._start, self._end = encoder.added["<|im_start|>"], encoder.added["<|im_end|>"]
        self._newline = encoder.encode("\n")
        self._assistant = encoder.encode("assistant\n")

    def slots(self, roles: Sequence[str]) -> tuple[list[Slot], list[int]]:
        closing = [self._end, *self._newline]
        slots = [Slot(i, [self._start], f"{role}\n", "control", closing) for i, role in enumerate(roles)]
        return slots, [self._start, *self._assistant]


class TemplateLayout:
    """Of any template, by rendering it once for each new sequence of roles."""

    default_system = ""

    def __init__(
        self,
        encoder: TextEncoder,
        render: Callable[[list[dict[str, str]]], str],
        ends: frozenset[int],
        stops: tuple[str, ...],
    ) -> None:
        """`render` raises whatever the template raises where it refuses the roles."""
        self.ends, self.stops = ends, stops
        self._encoder, self._render = encoder, render
        self._known: dict[tuple[str, ...], tuple[list[Slot], list[int]]] = {}

    def slots(self, roles: Sequence[str]) -> tuple[list[Slot], list[int]]:
        key = tuple(roles)
        if key not in self._known:
            if len(self._known) > 64:  # conversations of many lengths: each is read off in milliseconds
                self._known.clear()
            self._known[key] = self._read(key)
        return self._known[key]

    def _read(self, roles: tuple[str, ...]) -> tuple[list[Slot], list[int]]:
        pieces = MARK.split(self._rendered(roles))  # text, number, text, number, ..., text
        slots: list[Slot] = []
        before: After = "nothing"
        for frame, number in zip(pieces[:-1:2], pieces[1::2], strict=True):
            opening, lead, after = self._frame(frame, before)
            slots.append(Slot(int(number), opening, lead, after, []))
            before = "text"
        ending, lead, after = self._frame(pieces[-1], before)
        return slots, ending + (self._encoder.encode(lead, after) if lead else [])

    def _rendered(self, roles: tuple[str, ...]) -> str:
        """Messages of their own if the template takes them so, else folded into as few as it may take."""
        refusal: Exception | None = None
        for messages in (separate(roles), folded(roles)):
            try:
                text = self._render(messages)
            except Exception as error:  # templates raise of jinja's, and whatever their Python does
                refusal = error
                continue
            if sorted(map(int, MARK.findall(text))) == list(range(len(roles))):
                return text
            refusal = ValueError("it leaves messages out")
        raise CheckpointError(
            f"The model's chat template does not take a conversation of {', '.join(roles)}: {refusal}."
        )

    def _frame(self, text: str, before: After) -> tuple[list[int], str, After]:
        """The tokens of the template's own text up to its last control token, what follows that, and what that is."""
        tokens: list[int] = []
        begin, after = 0, before
        for control in self._encoder.pattern.finditer(text):
            flags = self._encoder.flags[control[0]]
            literal = text[begin : control.start()]
            literal = literal.rstrip() if flags.lstrip else literal
            tokens += self._encoder.encode(literal, after) if literal else []
            tokens.append(self._encoder.added[control[0]])
            begin, after = control.end(), "control"
            if flags.rstrip:
                begin = len(text) - len(text[begin:].lstrip())
        return tokens, text[begin:], after


def mark(number: int) -> str:
    return f"\ue000{number}\ue001"


def separate(roles: Sequence[str]) -> list[dict[str, str]]:
    return [{"role": role, "content": mark(number)} for number, role in enumerate(roles)]


def folded(roles: Sequence[str]) -> list[dict[str, str]]:
    """System messages become part of what the user says next, and neighbours of one role a single message."""
    messages: list[dict[str, str]] = []
    for number, role in enumerate(roles):
        taken = "assistant" if role == "assistant" else "user"
        if messages and messages[-1]["role"] == taken:
            messages[-1]["content"] += "\n\n" + mark(number)
        else:
            messages.append({"role": taken, "content": mark(number)})
    return messages


def read_layout(folder: Path) -> tuple[TextEncoder, Layout]:
    """Of a checkpoint's folder. Raises CheckpointError if it holds no tokenizer that can be read."""
    template = read_template(folder)
    if (folder / "tokenizer.json").is_file() and (system := chatml_system(template)) is not None:
        encoder = TextEncoder(read_tokenizer(folder / "tokenizer.json"))
        if {"<|im_start|>", "<|im_end|>"} <= set(encoder.added):
            return encoder, ChatML(encoder, system)
    return read_template_layout(folder, template)


def read_template(folder: Path) -> str:
    """The chat template's source; empty if there is none."""
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    template = read_json(folder / "tokenizer_config.json").get("chat_template") or ""
    return template if isinstance(template, str) else "several"  # a list of named ones: transformers picks


def chatml_system(template: str) -> str | None:
    """The default system message of a template that is plain ChatML, or None if it is something else."""
    if not template:
        return DEFAULT_SYSTEM
    spaceless = re.sub(r"'[^']*'|\s+", lambda part: part[0] if part[0].strip() else "", template.replace('"', "'"))
    found = CHATML.fullmatch(spaceless.replace("\\n", "N").replace("\n", "N"))
    return None if found is None else found["system"] or ""


def read_tokenizer(file: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more specific
        raise CheckpointError(f"{file} is no tokenizer that can be read: {error}.") from error


def read_template_layout(folder: Path, template: str) -> tuple[TextEncoder, Layout]:
    """By transformers, which knows all kinds of tokenizer files, and renders templates in a sandbox."""
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    expected = "expected tokenizer.json, or the tokenizer.model or vocabulary that its tokenizer_config.json speaks of"
    try:
        theirs = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        encoder = TextEncoder(Tokenizer.from_str(theirs.backend_tokenizer.to_str()))
    except Exception as error:  # whatever the tokenizer's own code raises over files it cannot use
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{folder} has no tokenizer that can be read: {expected}; found {found} ({reason})."
        ) from error

    def render(messages: list[dict[str, str]]) -> str:
        # Models that think aloud first are asked not to: nobody would see it, and everybody wait for it.
        text = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        return str(text)

    def lay_out(messages: list[dict[str, str]]) -> str:
        said = "".join(f"{message['role']}: {message['content']}\n\n" for message in messages)
        return f"{theirs.bos_token or ''}{said}assistant:"

    ends = frozenset(
        number
        for content, number in encoder.added.items()
        if encoder.flags[content].special and content != theirs.unk_token
    ) | read_ends(folder)
    if theirs.chat_template:
        return encoder, TemplateLayout(encoder, render, ends, ())
    return encoder, TemplateLayout(encoder, lay_out, ends, ("\nuser:", "\nsystem:", "\nassistant:"))


def read_ends(folder: Path) -> frozenset[int]:
    """Numbers of the tokens that end an answer, as the checkpoint has them."""
    ends: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        eos = read_json(folder / name).get("eos_token_id")
        ends |= {eos} if isinstance(eos, int) else set(eos or ())
    return frozenset(ends)


def read_json(file: Path) -> dict[str, Any]:
    """Empty if there is no such file. Raises CheckpointError if it is not JSON."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{file} is not JSON: {error}.") from error
    return content if isinstance(content, dict) else {}
