"""Right or wrong, question by question, and the figures that follow.

A result points at a moment when its midpoint lies in the true interval widened by a second and it is no longer than
twice the interval (12 s at least). An answer is right when it matches what is accepted; one about a time, when one of
its first two citations points there; one about a colour by what it says first, up to a time, since an answer that goes
through the film names every colour; one about something absent, when it says that it is not found. Precision is the
share of right answers among those that are no refusal, questions about something absent included.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.answer_quality.script import Interval, Question
from model.evaluation.bootstrap import Figure, weighted_mean, with_intervals
from retrieval.ask.answer import Answer
from retrieval.ask.say import MARKER
from retrieval.store.records import Citation, Moment

KINDS = ("when", "spoken", "screen_text", "visual", "colour", "count", "where", "file")
RATES = ("hit@1", "hit@5", "qa", *KINDS, "absent", "citations", "refused", "precision")
_TOLERANCE_S = 1.0
_CITATION_TOLERANCE_S = 2.0
_LONGEST_S = 12.0


@dataclass(frozen=True)
class Verdict:
    """One number of one question: 1 or 0 for the rates, seconds for "seconds"."""

    film: int
    metric: str
    value: float


def points_at(span: Moment | Citation, truth: Interval, tolerance_s: float = _TOLERANCE_S) -> bool:
    middle, length = (span.start + span.end) / 2, span.end - span.start
    longest = max(_LONGEST_S, 2 * (truth[1] - truth[0]))
    return 0 <= length <= longest and truth[0] - tolerance_s <= middle <= truth[1] + tolerance_s


def judge_search(film: int, found: Sequence[Moment], truth: Interval) -> list[Verdict]:
    hits = [points_at(moment, truth) for moment in found[:5]]
    return [Verdict(film, "hit@1", any(hits[:1])), Verdict(film, "hit@5", any(hits))]


def judge_answer(film: int, question: Question, answer: Answer) -> list[Verdict]:
    verdicts = [Verdict(film, "seconds", answer.seconds)]
    if question.interval is None:
        false = [Verdict(film, "precision", 0)] if answer.found else []
        return [*verdicts, Verdict(film, "absent", not answer.found), *false]
    if question.kind == "when":
        right = any(points_at(citation, question.interval) for citation in answer.citations[:2])
    else:
        said = MARKER.split(answer.text)[0] if question.kind == "colour" else answer.plain_text
        text = " ".join(said.split())
        right = re.search(question.accept, text, re.IGNORECASE) is not None
        right = right and not (question.reject and re.search(question.reject, text, re.IGNORECASE))
    verdicts += [Verdict(film, metric, right) for metric in ("qa", question.kind)]
    verdicts.append(Verdict(film, "refused", not answer.found))
    if answer.found:
        verdicts.append(Verdict(film, "precision", right))
    if answer.found and question.kind != "file":
        first = answer.citations[:1]
        near = any(points_at(citation, question.interval, _CITATION_TOLERANCE_S) for citation in first)
        verdicts.append(Verdict(film, "citations", near))
    return verdicts


def is_right(verdicts: Iterable[Verdict]) -> bool:
    """Of the verdicts on one answer."""
    return any(verdict.value for verdict in verdicts if verdict.metric in ("qa", "absent"))


def figures(verdicts: Sequence[Verdict]) -> dict[str, Figure]:
    """The rates with their 95 % intervals, films drawn anew; those that nothing was asked for are left out."""
    films = max((verdict.film for verdict in verdicts), default=-1) + 1
    if not films:
        return {}
    by_metric: Mapping[str, list[Verdict]] = _grouped(verdicts)
    known = [name for name in RATES if name in by_metric]
    values = {name: np.array([verdict.value for verdict in by_metric[name]], float) for name in known}
    groups = {name: np.array([verdict.film for verdict in by_metric[name]], int) for name in known}

    def rates(weights: np.ndarray) -> dict[str, float]:
        return {name: weighted_mean(values[name], weights[groups[name]]) for name in known}

    return with_intervals(rates, films)


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many questions each rate rests on."""
    return {name: len(group) for name, group in _grouped(verdicts).items()}


def _grouped(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    grouped: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        grouped[verdict.metric].append(verdict)
    return grouped
