"""The prompts that questions are put in: numbered notes of what was found, each with its stills, then the question; or
stills alone, for what only a look can tell.

Answering uses it, and training teaches it: what a model is asked and what it was taught are the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.language.chat import Message, Part, Still
from model.timecode import span

BLIND_PROMPT = (
    "You answer questions about a video from numbered notes. Use only the notes. "
    "Answer in one short, complete sentence. Do not mention the notes, numbers in brackets or times. "
    "If they do not answer the question, say only: Not in this video."
)
SEEING_PROMPT = (
    "You answer questions about a video from numbered notes and frames with their times. Use only these. "
    "Answer in one to three short, complete sentences. Do not mention the notes, the frames, numbers in brackets or "
    "times. If they do not answer the question, say only: Not in this video."
)
NOT_FOUND = "Not in this video."
FEW_WORDS = "Answer in a few words."


@dataclass(frozen=True)
class Note:
    """A piece of evidence. `quote` is verbatim for speech and text; for pictures, what was recognised, or nothing."""

    source: Literal["visual", "speech", "text"]
    start: float  # seconds, as `end`
    end: float
    quote: str
    stills: Sequence[Still] = ()

    def line(self, number: int) -> str:
        said = {"speech": f'someone says: "{self.quote}"', "text": f'text on screen: "{self.quote}"'}
        seen = f"the picture: {self.quote or 'nothing that is recognised'}"
        return f"[{number}] {span(self.start, self.end)} " + said.get(self.source, seen)


def ask_of(question: str, notes: Sequence[Note]) -> list[Message]:
    """Text alone where no note has a still."""
    content: list[Part] = ["Notes:\n"]
    for number, note in enumerate(notes, start=1):
        content += [note.line(number), *note.stills, "\n"]
    content.append(f"\nQuestion: {question}")
    if any(note.stills for note in notes):
        return [{"role": "system", "content": SEEING_PROMPT}, {"role": "user", "content": content}]
    text = "".join(part for part in content if isinstance(part, str))
    return [{"role": "system", "content": BLIND_PROMPT}, {"role": "user", "content": text}]


def look_of(question: str, stills: Sequence[Still]) -> list[Message]:
    """Stills with their times, and a question that is answered in a few words."""
    return [{"role": "user", "content": [*stills, in_few_words(question)]}]


def in_few_words(question: str) -> str:
    text = question.strip()
    return f"{text if text.endswith(('?', '.', ':', '!')) else f'{text}?'}\n{FEW_WORDS}"
