"""Answers: evidence first, then sentences that are checked against it before anyone reads them.

The decoder only phrases. Times, quotes and citations come from the index; a sentence of the decoder that its evidence
does not support is dropped, and the quoted evidence stands alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from model.loading import Models
from retrieval.evidence import Evidence, Gatherer, Item
from retrieval.question import Question, parse
from retrieval.records import Citation, Message, Source
from retrieval.search import Searcher
from retrieval.summary import summarize
from retrieval.timecode import span
from retrieval.words import STOPWORDS, content_words, stem, words

SYSTEM_PROMPT = (
    "You answer questions about a video from numbered notes. Use only the notes. "
    "Answer in one short, complete sentence. Do not mention the notes, numbers in brackets or times."
)
_MAX_NEW_TOKENS = 48
_REPETITION = 0.8  # share of a sentence's words that stand in the quote: the quote says it better
_SUPPORT = 0.65  # share of a sentence's content words that the evidence or the question must have
_SOURCE_WORDS: dict[Source, str] = {"visual": "the pictures", "speech": "the speech", "text": "the on-screen text"}
_LEAN = re.compile(
    r"^(and|but|so|what about|how about|then)\b|\b(it|that|this|they|them|he|she|him|her|there|then)\b", re.IGNORECASE
)


# Where a citation stands in an answer's text. Quotes are rid of these brackets, so that none can be taken for a marker.
MARKER = re.compile("⟦(\\d+)⟧")


def marker(number: int) -> str:
    """The marker of the citation with this number, from one."""
    return f"⟦{number}⟧"


@dataclass
class Answer:
    """An answer as far as it has come. `text` has markers (see `marker`) that count `citations` from one."""

    question: str
    text: str = ""
    found: bool = False
    final: bool = False
    citations: list[Citation] = field(default_factory=list)
    searched: list[Source] = field(default_factory=list)
    seconds: float = 0.0
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None

    @property
    def plain_text(self) -> str:
        """The text with each marker replaced by the time it stands for: [0:42–0:51]."""
        return MARKER.sub(self._span, self.text)

    def _span(self, marker: re.Match[str]) -> str:
        number = int(marker[1])
        if not 1 <= number <= len(self.citations):
            return marker[0]  # echoed from a question
        citation = self.citations[number - 1]
        return f"[{span(citation.start, citation.end)}]"

    def as_json(self) -> dict[str, Any]:
        return {
            "answer": self.plain_text,
            "found": self.found,
            "citations": [citation.as_json() for citation in self.citations],
            "searched": self.searched,
            "seconds": round(self.seconds, 3),
            "first_token_seconds": self.first_token_seconds and round(self.first_token_seconds, 3),
            "tokens_per_second": self.tokens_per_second and round(self.tokens_per_second, 1),
        }


class Answerer:
    """Answers questions over one or several videos. Keep one a process."""

    def __init__(self, searcher: Searcher, models: Models) -> None:
        self.searcher = searcher
        self.models = models
        self.gatherer = Gatherer(searcher)

    def warm_up(self) -> None:
        """Load what the first question needs, and read the system prompt, so that nobody waits for it."""
        self.models.warm("text", "vision", "decoder")
        self.models.decoder.warm_up([{"role": "system", "content": SYSTEM_PROMPT}])

    def ask(
        self,
        text: str,
        video_ids: Sequence[str],
        history: Sequence[Message] = (),
        stop: Callable[[], bool] | None = None,
    ) -> Iterator[Answer]:
        """Stream an answer: first with the moments found and no text, then growing, at last with `final` set.

        Raises UsageError for an empty or over-long question.
        """
        began = time.monotonic()
        question = in_context(parse(text), history)
        answer = Answer(text)
        for sentence in self._sentences(question, video_ids, answer, stop):
            if answer.first_token_seconds is None and sentence:
                answer.first_token_seconds = time.monotonic() - began
            answer.text += sentence
            answer.seconds = time.monotonic() - began
            yield answer
        answer.final = True
        answer.seconds = time.monotonic() - began
        yield answer

    def _sentences(
        self, question: Question, video_ids: Sequence[str], answer: Answer, stop: Callable[[], bool] | None
    ) -> Iterator[str]:
        if question.kind == "summary":
            yield from self._summary(video_ids, answer)
            return
        evidence = self.gatherer.gather(question, video_ids)
        answer.found, answer.searched = evidence.found, evidence.searched
        if not evidence.found:
            yield not_found(evidence)
            return
        answer.citations = [item.as_citation() for item in evidence.items]
        yield ""  # the moments are known: show them before the first word
        if question.kind == "when":
            yield _when(evidence.items)
            return
        if all(item.source == "visual" for item in evidence.items):
            yield _quotes(
                numbered(evidence.items)
            )  # labels and colours are too little to let a small decoder talk about them
            return
        # What is written needs no other words than its own; what is said, and mixed evidence, the decoder may sum up.
        phrased = None if question.prefers == "text" else self._phrase(question, evidence.items, answer, stop)
        if phrased is None:
            yield _quotes(numbered(evidence.items))
            return
        sentence, number = phrased
        yield f"{sentence} {marker(number)}."
        yield " " + _quotes([(number, evidence.items[number - 1])])

    def _summary(self, video_ids: Sequence[str], answer: Answer) -> Iterator[str]:
        for video_id in video_ids:
            summary = summarize(self.searcher.library, self.models, video_id)
            answer.found = True
            for chapter in summary.chapters:
                answer.citations.append(Citation(video_id, chapter.start, chapter.end, "visual", chapter.title))
            yield summary.summary + "\n"

    def _phrase(
        self, question: Question, items: list[Item], answer: Answer, stop: Callable[[], bool] | None
    ) -> tuple[str, int] | None:
        """The decoder's sentence and the number of the item that supports it; None when no item does."""
        notes = "\n".join(item.as_prompt(number) for number, item in enumerate(items, start=1))
        messages = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": f"Notes:\n{notes}\n\nQuestion: {question.text}"},
        ]
        pending = ""
        for token in self.models.decoder.stream(messages, max_new_tokens=_MAX_NEW_TOKENS, stop=stop):
            pending += token
            if re.search(r"[.!?]\s*$", pending) and len(pending.split()) > 2:
                break  # one sentence is asked for; what a small decoder adds is rarely true
        stats = self.models.decoder.last_stats
        answer.tokens_per_second = stats.tokens_per_second if stats else None
        sentence = " ".join(pending.split()).rstrip(" .")
        number = supporting(sentence, question, items)
        return (sentence, number) if number and not _repeats(sentence, items[number - 1]) else None


def numbered(items: Sequence[Item]) -> list[tuple[int, Item]]:
    return list(enumerate(items, start=1))


def supporting(sentence: str, question: Question, items: Sequence[Item]) -> int | None:
    """The number of the item that supports a sentence best, or None when none does.

    Support is the share of the sentence's content words that an item (or the question) has, by stem; a number in the
    sentence must stand in the item; the sentence or the item must speak of what is asked; and the sentence must say
    something that the question does not.
    """
    asked = {stem(word) for word in words(question.text)}
    said = [word for word in content_words(sentence) if word not in STOPWORDS]
    new = [word for word in said if stem(word) not in asked]
    if not new or sentence.count('"') % 2 or re.search(r"\bnotes?\b", sentence, re.IGNORECASE):
        return None
    best, best_share = None, 0.0
    for number, item in enumerate(items, start=1):
        has = {stem(word) for word in words(item.quote)}
        strays = not question.is_open and not {stem(w) for w in question.terms} & (
            has | {stem(w) for w in words(sentence)}
        )
        if strays or any(word.isdigit() and word not in has for word in new):
            continue
        share = sum(stem(word) in has for word in new) / len(new)
        if share > best_share:
            best, best_share = number, share
    return best if best_share >= _SUPPORT else None


def _repeats(sentence: str, item: Item) -> bool:
    """Whether a sentence says nothing but what the quote under it says anyway."""
    said, quoted = words(sentence), set(words(item.quote))
    return sum(word in quoted for word in said) >= _REPETITION * len(said)


def in_context(question: Question, history: Sequence[Message]) -> Question:
    """A follow-up that leans on the turn before is searched together with that turn's question."""
    asked = [message.text for message in history if message.role == "user"]
    if not asked or not (len(question.terms) <= 1 or _LEAN.search(question.text)):
        return question
    before = parse(asked[-1])
    return replace(
        question,
        kind=before.kind if question.is_open and question.kind == "visual" else question.kind,
        prefers=question.prefers or before.prefers,
        topic=question.topic or before.topic,
        subject=f"{question.subject} {before.subject}",
        terms=list(dict.fromkeys([*question.terms, *before.terms])),
    )


def not_found(evidence: Evidence) -> str:
    """One sentence that says what was searched."""
    named = [_SOURCE_WORDS[source] for source in evidence.searched]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    missing = [name for source, name in _SOURCE_WORDS.items() if source not in evidence.searched and source != "visual"]
    nothing = f" (there is no {' and no '.join(name.removeprefix('the ') for name in missing)})" if missing else ""
    return (
        f"I searched {listed} of the whole video{nothing} and found nothing that answers this:"
        " it does not seem to be in this video."
    )


def _when(items: list[Item]) -> str:
    first, *others = range(1, len(items) + 1)
    text = f"{_intro(items[0])} {marker(first)}."
    if others:
        text += f" Other places that may fit: {', '.join(map(marker, others[:3]))}."
    return text


def _intro(item: Item) -> str:
    if item.source == "speech":
        return f"It is said: “{item.quote}”"
    if item.source == "text":
        return f"It is shown as text: “{item.quote}”"
    return "The picture that fits best is at"


def _quotes(items: Sequence[tuple[int, Item]]) -> str:
    """The evidence itself: words verbatim, of pictures what was recognised; once where several say the same."""
    markers: dict[str, str] = {}
    for number, item in items:
        if item.source == "visual":
            lead = item.quote or "The picture that fits best is at"
        else:
            lead = f"{'Heard' if item.source == 'speech' else 'On screen'}: “{item.quote}”"
        markers[lead] = markers.get(lead, "") + f" {marker(number)}"
    return " ".join(f"{lead}{marks}." for lead, marks in markers.items())
