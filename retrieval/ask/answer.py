"""Answers: evidence first, then sentences that are checked against it before anyone reads them.

The decoder only phrases. Times, quotes and citations come from the index; a sentence of the decoder that its evidence
does not support is dropped, and the quoted evidence stands alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.closed_answers import closed_answers
from model.colour_questions import asks_for_a_colour
from model.errors import CuepointError
from model.hardware import count_cores
from model.language.chat import GenerationStats, Still
from model.language.chat import Message as ChatMessage
from model.language.notes import BLIND_PROMPT, SEEING_PROMPT, ask_of, look_of
from model.likely import Likely, as_likely, surest
from model.loading import Models
from model.timecode import span
from retrieval.ask.checking import denies, depicted, echoes, measured, repeats, support
from retrieval.ask.context import in_context
from retrieval.ask.evidence import Evidence, Gatherer, Item
from retrieval.ask.look import Looker
from retrieval.ask.occurrences import beside, counted
from retrieval.ask.phrases import MARKER, marker, not_found, numbered, quotes, when
from retrieval.ask.question import Question, parse
from retrieval.ask.stages import Stage
from retrieval.ask.summary import summarize
from retrieval.search.search import Searcher
from retrieval.store.records import Citation, Message, Source

# A full stop ends a sentence where white space follows and more than two words came before it ("Mr. Brown").
_SENTENCE = re.compile(r"\s*((?:\S+\s+){2,}?\S*[.!?][\"”')]*)\s")
_LIKELY = 0.3
# How many questions are looked up at once, and worded by a server; our own models word as many as there are cores, and
# two at least, so that a long answer holds up nobody. More would only share the same cores, and each would come later.
_FINDING, _WORDING_BY_A_SERVER, _WORDING = 2, 32, (2, 8)
# The likelihood of a few words from which on they are put so.
_DOUBT = ((0.6, ""), (_LIKELY, "Probably: "), (0.0, "Perhaps: "))


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
    problem: str = ""  # why no model could word it: one sentence
    stats: GenerationStats | None = None  # of the model that worded it

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
        self.looker = Looker(searcher.library)
        # Our own model was taught to say in a few words what is seen, and to phrase what is said; and is small.
        choice = models.profile.decoder
        self.ours = bool(choice.adapter)
        self.finding = Stage("finding", _FINDING)
        self.wording = Stage("wording", _WORDING_BY_A_SERVER if choice.kind == "openai" else _own_width())

    def warm_up(self) -> None:
        """Load what the first question needs, and read the system prompt, so that nobody waits for it."""
        self.models.warm("text", "vision", "decoder")
        self.models.decoder.warm_up(
            [{"role": "system", "content": BLIND_PROMPT if not self.models.decoder.max_stills else SEEING_PROMPT}]
        )

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
            yield from self.finding.stream(lambda halted: self._summary(video_ids, answer), stop)
            return
        if question.timed and question.timed.counted:
            yield from self.finding.stream(lambda halted: self._counted(question, video_ids, answer), stop)
            return
        evidence = self.finding.run(lambda: self._evidence(question, video_ids), stop)
        if evidence is None:
            return  # stopped
        answer.found, answer.searched = evidence.found, evidence.searched
        if not evidence.found:
            yield not_found(evidence)
            return
        answer.citations = [item.as_citation() for item in evidence.items]
        yield ""  # the moments are known: show them before the first word
        if question.kind == "when":
            yield when(evidence.items)
        elif question.prefers == "text" and self.ours:
            yield quotes(numbered(evidence.items))
        else:
            yield from self.wording.stream(lambda halted: self._words(question, evidence, answer, halted), stop)

    def _words(self, question: Question, evidence: Evidence, answer: Answer, stop: Callable[[], bool]) -> Iterator[str]:
        """What a model says of the evidence, where it may."""
        stills = self._look_again(question, evidence.items)
        # What is written needs no other words than its own, and labels and colours are too little to talk about; what
        # is said, and mixed evidence, a model may sum up, and one that sees may say what the pictures show.
        labels_only = all(item.source == "visual" for item in evidence.items)
        bare = question.prefers == "text" or (labels_only and not any(stills))
        if bare and (self.ours or not any(stills)):
            yield quotes(numbered(evidence.items))
        elif labels_only and self.ours:
            yield from self._seen(question, evidence, stills, answer, stop)
        else:
            yield from self._worded(question, evidence, stills, answer, stop)

    def _counted(self, question: Question, video_ids: Sequence[str], answer: Answer) -> Iterator[str]:
        """How often, how long, first or last: from the index."""
        assert question.timed is not None
        items, text = counted(self.gatherer, question, question.timed, video_ids)
        answer.found, answer.searched = bool(items), self.gatherer.searched(video_ids)
        answer.citations = [item.as_citation() for item in items]
        yield ""
        yield text or not_found(Evidence([], False, answer.searched, partly=question.scope is not None))

    def _evidence(self, question: Question, video_ids: Sequence[str]) -> Evidence:
        """Of what is asked for, or of what comes right before or after it."""
        if question.anchor and question.anchor[0] in video_ids:  # else it was deleted, or is not asked any more
            return beside(self.gatherer, question, question.anchor)
        if not question.timed:
            return self.gatherer.gather(question, video_ids)
        anchors = self.gatherer.gather(parse(question.subject), video_ids)
        if not anchors.found:
            return anchors
        first = anchors.items[0]
        return beside(self.gatherer, question, (first.video_id, first.start, first.end))

    def _summary(self, video_ids: Sequence[str], answer: Answer) -> Iterator[str]:
        for video_id in video_ids:
            summary = summarize(self.searcher.library, self.models, video_id)
            answer.found = True
            for chapter in summary.chapters:
                answer.citations.append(Citation(video_id, chapter.start, chapter.end, "visual", chapter.title))
            yield summary.summary + "\n"

    def _look_again(self, question: Question, items: list[Item]) -> list[list[Still]]:
        """Stills of each item for a model that can see; what is said is not to be seen."""
        most = 0 if question.prefers == "speech" else self.models.decoder.max_stills
        return self.looker.look(items, most) if most else [[] for _ in items]

    def _worded(
        self,
        question: Question,
        evidence: Evidence,
        stills: list[list[Still]],
        answer: Answer,
        stop: Callable[[], bool] | None,
    ) -> Iterator[str]:
        """The model's sentences as far as the evidence supports them, then the quotes they rest on."""
        items, used = evidence.items, list[int]()
        looked_at = [bool(pictures) for pictures in stills]
        notes = [item.as_note(pictures) for item, pictures in zip(items, stills, strict=True)]
        for sentence in self._said(ask_of(question.text, notes), answer, stop):
            if denies(sentence):
                if used or self.ours or not any(looked_at):
                    continue  # a small model, or a blind one, denies what stands in its notes
                answer.found, answer.citations = False, []
                yield not_found(evidence)
                return
            number = support(sentence, question, items, self.searcher, looked_at)
            if number is None or repeats(sentence, items[number - 1]):
                continue
            yield f"{' ' if used else ''}{sentence} {marker(number)}."
            used.append(number)
        # A picture that a model has described needs no labels under it; words are always shown as they are.
        quoted = [n for n in dict.fromkeys(used) if items[n - 1].source != "visual"]
        if quoted or not used:
            yield (" " if used else "") + quotes([(n, items[n - 1]) for n in quoted] or numbered(items))
        yield from self._problem(answer)

    def _seen(
        self,
        question: Question,
        evidence: Evidence,
        stills: list[list[Still]],
        answer: Answer,
        stop: Callable[[], bool] | None,
    ) -> Iterator[str]:
        """A few words about the best moment, with how sure our own models are of them."""
        number = next(number for number, pictures in enumerate(stills, start=1) if pictures)
        item, looked_at = evidence.items[number - 1], stills[number - 1]
        likely = self._few_words(question, looked_at, answer, stop)
        # A colour is believed that was measured in the moment; the colour head measures where the thing is.
        sure = self.models.colour_answers is not None and asks_for_a_colour(question.text)
        fitting = [w for w in likely if (sure or measured(question, w.text, item)) and not echoes(question, w.text)]
        if question.kind == "colour":  # where they are in doubt, the colours that were measured say more
            fitting = [words for words in fitting if words.likelihood >= _LIKELY]
        unseen = bool(fitting) and not depicted(self.searcher, question, fitting[0].text, item)
        if unseen or (likely and denies(likely[0].text)):
            answer.found, answer.citations = False, []
            yield not_found(evidence)
        elif not fitting:
            yield quotes(numbered(evidence.items))
        else:
            yield f"{_doubt(fitting[0])}{fitting[0].text} {marker(number)}."
            if question.kind == "colour" and _doubt(fitting[0]):
                yield " " + quotes([(number, item)])
        yield from self._problem(answer)

    def _few_words(
        self, question: Question, stills: list[Still], answer: Answer, stop: Callable[[], bool] | None
    ) -> list[Likely]:
        """What the decoder says of stills and what the answer head knows, likeliest first, unless the question has
        few answers."""
        pictures = [still.picture for still in stills]
        if few := closed_answers(self.models, question.text, pictures):
            return few
        said = next(self._said(look_of(question.text, stills), answer, stop), "")
        mine = [as_likely(said, answer.stats)] if said and said.isprintable() else []
        if self.models.short_answers is None:
            return mine
        return surest([*mine, *self.models.short_answers.to(question.text, pictures)])

    def _problem(self, answer: Answer) -> Iterator[str]:
        if answer.problem:
            yield f"\n\nThat is what was found; the model could not word an answer: {answer.problem}"

    def _said(self, messages: list[ChatMessage], answer: Answer, stop: Callable[[], bool] | None) -> Iterator[str]:
        """What the model writes, sentence by sentence, without the full stops; no more than the profile keeps.

        Where it fails (a server that is down, memory that is full) `answer.problem` says why.
        """
        choice, decoder = self.models.profile.decoder, self.models.decoder
        pending, count = "", 0
        try:
            for piece in decoder.stream(messages, max_new_tokens=choice.new_tokens, stop=stop):
                pending += piece
                while whole := _SENTENCE.match(pending):
                    pending, count = pending[whole.end() :], count + 1
                    self._note_speed(answer)
                    yield _bare(whole[1])
                    if count == choice.sentences:
                        return
        except CuepointError as error:
            answer.problem = str(error)
            return
        self._note_speed(answer)
        if pending.strip():
            yield _bare(pending)

    def _note_speed(self, answer: Answer) -> None:
        answer.stats = self.models.decoder.last_stats
        answer.tokens_per_second = answer.stats.tokens_per_second if answer.stats else None


def _own_width() -> int:
    least, most = _WORDING
    return max(least, min(count_cores(), most))


def _doubt(answer: Likely) -> str:
    """How likely an answer is, in words."""
    return next(words for least, words in _DOUBT if answer.likelihood >= least)


def _bare(sentence: str) -> str:
    return " ".join(sentence.split()).rstrip(" .")
