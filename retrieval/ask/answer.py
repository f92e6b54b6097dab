"""Answers: plan, find, read, check. Times, quotes and citations come from the index, whoever words the sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from model.hardware import count_cores
from model.language.chat import GenerationStats
from model.loading import Models
from model.timecode import clock, span
from retrieval.ask.compare import compared
from retrieval.ask.context import in_context, may_stand_alone
from retrieval.ask.evidence import Evidence
from retrieval.ask.facts import facts_of, listed, transcript
from retrieval.ask.find import Finder
from retrieval.ask.look import Looker
from retrieval.ask.plan import Plan, Window, all_of
from retrieval.ask.planner import Planner, load_planner
from retrieval.ask.readers.loading import load_reader
from retrieval.ask.readers.reader import Claim, Report
from retrieval.ask.say import MARKER, Say, marker
from retrieval.ask.stages import Stage
from retrieval.ask.summary import summarize
from retrieval.ask.times import beside, timed
from retrieval.search.search import Searcher
from retrieval.store.records import Citation, Message, Source

# How many questions are looked up at once, and worded by a server; our own models word as many as there are cores, and
# two at least, so that a long answer holds up nobody. More would only share the same cores, and each would come later.
_FINDING, _WORDING_BY_A_SERVER, _WORDING = 2, 32, (2, 8)
_TIMED = ("first", "last", "how_long", "how_often", "gone")


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
    plan: str = ""  # one sentence: what was looked for, where

    @property
    def plain_text(self) -> str:
        """The text with each marker replaced by the time it stands for: [0:42–0:51]."""
        return MARKER.sub(self._span, self.text)

    def _span(self, marker: Any) -> str:
        number = int(marker[1])
        if not 1 <= number <= len(self.citations):
            return str(marker[0])  # echoed from a question
        citation = self.citations[number - 1]
        return f"[{span(citation.start, citation.end)}]"

    def as_json(self) -> dict[str, Any]:
        return {
            "answer": self.plain_text,
            "found": self.found,
            "citations": [citation.as_json() for citation in self.citations],
            "searched": self.searched,
            "plan": self.plan,
            "seconds": round(self.seconds, 3),
            "first_token_seconds": self.first_token_seconds and round(self.first_token_seconds, 3),
            "tokens_per_second": self.tokens_per_second and round(self.tokens_per_second, 1),
        }


class Answerer:
    """Answers questions over one or several videos. Keep one a process."""

    def __init__(self, searcher: Searcher, models: Models) -> None:
        self.searcher = searcher
        self.models = models
        self.finder = Finder(searcher)
        self.planner: Planner = load_planner(models)
        self.reader = load_reader(searcher, models, Looker(searcher.library))
        self.finding = Stage("finding", _FINDING)
        self.wording = Stage("wording", _WORDING_BY_A_SERVER if self.reader.waits_for_a_server else _own_width())

    def warm_up(self) -> None:
        """Load what the first question needs, and read the system prompt, so that nobody waits for it."""
        self.models.warm("text", "passages", "vision", "decoder")
        prompt = self.reader.prompt
        self.models.decoder.warm_up([{"role": "system", "content": prompt}] if prompt else None)

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
        plan = self.planner.plan(text)
        answer = Answer(text)
        for piece in self._pieces(plan, video_ids, history, answer, stop):
            if answer.first_token_seconds is None and piece:
                answer.first_token_seconds = time.monotonic() - began
            answer.text += piece
            answer.seconds = time.monotonic() - began
            yield answer
        answer.final = True
        answer.seconds = time.monotonic() - began
        yield answer

    def _pieces(
        self,
        plan: Plan,
        video_ids: Sequence[str],
        history: Sequence[Message],
        answer: Answer,
        stop: Callable[[], bool] | None,
    ) -> Iterator[str]:
        """The answer to each question of the message."""
        for number, one in enumerate(all_of(plan)):
            one = self._meant(replace(one, others=()), video_ids, history)
            if number:
                yield "\n\n"
            part = _Part(answer, one)
            yield from self._one(one, video_ids, history, part, stop)

    def _meant(self, plan: Plan, video_ids: Sequence[str], history: Sequence[Message]) -> Plan:
        """A question after others, together with the one before where it leans on that."""
        together = in_context(plan, history)
        leans = together == plan or not may_stand_alone(plan)
        return together if leans or not self.finder.stands_alone(plan, together, video_ids) else plan

    def _one(
        self,
        plan: Plan,
        video_ids: Sequence[str],
        history: Sequence[Message],
        part: _Part,
        stop: Callable[[], bool] | None,
    ) -> Iterator[str]:
        say = Say(plan.language)
        if plan.operation == "talk":
            part.answer.found = True
            yield say(plan.fact)
            return
        if plan.operation in ("summarise", "compare"):
            yield from self.finding.stream(lambda halted: self._summary(plan, video_ids, part), stop)
            return
        evidence = self.finding.run(lambda: self._evidence(plan, video_ids), stop)
        if evidence is None:
            return  # stopped
        part.begin(evidence)
        strong = self.reader.words_times
        readable = strong and evidence.too_late is None and not evidence.lacking and bool(evidence.searched)
        if not readable and (refusal := self._refusal(plan, evidence, video_ids)):
            yield part.shifted(refusal)
            return
        yield ""  # the moments are known: show them before the first word
        if evidence.telling and (not strong or plan.operation == "transcript"):  # which is not to be shortened
            yield part.shifted(evidence.telling)
            return
        evidence = replace(evidence, videos=tuple(video_ids))  # a strong reader reads on where little was found
        asked = replace(plan, question=_asked(plan), operation="answer") if plan.asked else plan
        yield from self.wording.stream(lambda halted: self._read(asked, evidence, history, part, halted), stop)

    def _read(
        self,
        plan: Plan,
        evidence: Evidence,
        history: Sequence[Message],
        part: _Part,
        stop: Callable[[], bool],
    ) -> Iterator[str]:
        report = Report()
        for claim in self.reader.read(plan, evidence, history, report, stop):
            part.note(report)
            yield part.take(claim, Say(plan.language))
        part.note(report)
        if report.problem:
            yield "\n\n" + Say(plan.language)("problem", problem=report.problem)

    def _evidence(self, plan: Plan, video_ids: Sequence[str]) -> Evidence:
        if plan.operation == "file":
            return facts_of(self.finder, plan, video_ids)
        if plan.window and plan.window.named and not self.finder.windows(plan, video_ids):
            return Evidence([], False, self.finder.searched(video_ids), too_late=plan.window.start)
        if plan.operation == "transcript":
            return transcript(self.finder, plan, video_ids)
        if plan.operation == "list":
            return listed(self.finder, plan, video_ids)
        if plan.operation in _TIMED:
            return timed(self.finder, plan, video_ids)
        if plan.operation in ("after", "before"):
            return beside(self.finder, plan, video_ids)
        return self.finder.find(plan, video_ids)

    def _refusal(self, plan: Plan, evidence: Evidence, video_ids: Sequence[str]) -> str:
        """What is said instead of an answer, if anything."""
        say, window = Say(plan.language), plan.window
        if evidence.too_late is not None and window:
            return self._outside(say, window, video_ids)
        if evidence.found:
            return ""
        if evidence.lacking or evidence.unseen or not (evidence.items or evidence.blind):
            return say.not_found(evidence)
        return say.cannot_tell(evidence)

    def _outside(self, say: Say, window: Window, video_ids: Sequence[str]) -> str:
        """Why there is nothing in a window."""
        if window.end is not None and 0 <= window.end <= window.start:
            return say("empty_window", start=clock(window.start), end=clock(window.end))
        duration = max(self.searcher.library.video(video_id).duration for video_id in video_ids)
        return say.too_late(window.asked, duration)

    def _summary(self, plan: Plan, video_ids: Sequence[str], part: _Part) -> Iterator[str]:
        if plan.operation == "compare":
            evidence = compared(self.finder, self.models, plan, video_ids)
            part.begin(evidence)
            yield ""
            yield part.shifted(evidence.telling)
            return
        for video_id in video_ids:
            within = dict(self.finder.windows(plan, [video_id])).get(video_id) if plan.window else None
            if plan.window and within is None:
                yield self._outside(Say(plan.language), plan.window, [video_id]) + "\n"
                continue
            summary = summarize(self.searcher.library, self.models, video_id, plan.language, within)
            part.answer.found = True
            for chapter in summary.chapters:
                part.answer.citations.append(Citation(video_id, chapter.start, chapter.end, "visual", chapter.title))
            yield summary.summary + "\n"


class _Part:
    """One question's share of an answer: its citations are counted on from those before it."""

    def __init__(self, answer: Answer, plan: Plan) -> None:
        self.answer, self.first = answer, len(answer.citations)
        self._plan = plan
        self._before = answer.found  # by the questions before it

    def begin(self, evidence: Evidence) -> None:
        answer = self.answer
        answer.found = self._before or evidence.found
        answer.searched = list(dict.fromkeys([*answer.searched, *evidence.searched]))
        answer.citations += [item.as_citation() for item in evidence.items]
        answer.plan = described(self._plan, evidence.blind)

    def take(self, claim: Claim, say: Say) -> str:
        """A claim as text, its markers behind it."""
        answer = self.answer
        if claim.item is not None:
            answer.citations.append(claim.item.as_citation())
            return ""
        if claim.verdict:
            answer.found = self._before
            if claim.verdict == "denial":
                answer.citations = answer.citations[: self.first]
        text = self.shifted(claim.text)
        if not claim.items:
            return text
        answer.found = True  # a strong reader found it where searching did not
        marks = " ".join(marker(self.first + number) for number in claim.items)
        return f"{text} {marks}{say.stop}"

    def shifted(self, text: str) -> str:
        """A text whose markers count this question's items, with markers that count the answer's."""
        return MARKER.sub(lambda found: marker(self.first + int(found[1])), text) if self.first else text

    def note(self, report: Report) -> None:
        self.answer.problem, self.answer.stats = report.problem, report.stats
        self.answer.tokens_per_second = report.stats.tokens_per_second if report.stats else None


def described(plan: Plan, blind: bool = False) -> str:
    """What is looked for and where, in one sentence; a blind search leaves the pictures out."""
    say = Say(plan.language)
    what = f"“{' '.join(plan.terms) if plan.sought else plan.look_for or plan.question}”"
    window = ""
    if plan.window and not plan.window.shares and not plan.window.scene and plan.window.start >= 0:
        end = plan.window.end if plan.window.end is not None else plan.window.start
        window = say("plan_window", span=span(plan.window.start, end))
    sources = [say(source) for source in plan.sources if not (blind and source == "visual")]
    return say("plan", what=what, sources=say.listed(sources), window=window)


def _asked(plan: Plan) -> str:
    return f"{plan.asked[:1].upper()}{plan.asked[1:]}?"


def _own_width() -> int:
    least, most = _WORDING
    return max(least, min(count_cores(), most))
