"""Figures as tables that a README can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from benchmarks.answer_quality.judging import RATES
from benchmarks.answer_quality.splits import Split
from model.evaluation.bootstrap import Figure

_MEANS = {
    "hit@1": "moments, first result right", "hit@5": "moments, right among five", "qa": "questions that have an answer",
    "when": "when is it shown or said", "spoken": "what is said", "screen_text": "what is written",
    "visual": "what is seen", "colour": "what colour it is", "count": "how many there are", "where": "where it is",
    "absent": "absent, and said so", "citations": "first citation points there",
    "refused": "refused though it is there (fewer is better)", "file": "facts of the file",
    "precision": "right, of all that is not refused",
}  # fmt: skip
_TOTAL = {"moments_hit1": "hit@1", "moments_hit5": "hit@5", "qa": "qa", "when": "when", "spoken": "spoken",
          "screen_text": "screen_text", "visual": "visual", "absent": "absent", "citations": "citations",
          "refused": "refused"}  # fmt: skip
GAP = 0.08  # a part that is worse by more than this on unseen films was fitted to the films it was seen on
_COMPARED = {"qa": "qa", "when": "when", "spoken": "spoken", "screen_text": "screen_text", "visual": "visual",
             "absent": "absent", "precision": "precision", "refused": "false refusals"}  # fmt: skip
_ABLATED = (
    "hit@1",
    "hit@5",
    "qa",
    "when",
    "spoken",
    "screen_text",
    "visual",
    "colour",
    "absent",
    "citations",
    "refused",
)


def by_kind(figures: Mapping[str, Figure], counts: Mapping[str, int]) -> Iterator[str]:
    yield "| what | questions | right | 95 % interval |"
    yield "|---|---|---|---|"
    for name in RATES:
        if name in figures:
            figure = figures[name]
            yield f"| {_MEANS[name]} | {counts[name]} | {figure.value:.3f} | {figure.low:.2f} to {figure.high:.2f} |"


def total(figures: Mapping[str, Figure]) -> str:
    """One line for machines."""
    shown = (f"{name}={figures[rate].value:.3f}" if rate in figures else f"{name}=-" for name, rate in _TOTAL.items())
    return " ".join(("TOTAL", *shown))


def side_by_side(splits: Mapping[Split, tuple[Mapping[str, Figure], Mapping[str, int]]]) -> Iterator[str]:
    """Two splits and the gap between them, marked where the second is worse by more than GAP. Of false refusals fewer
    is better, so there a gap is what the second has more of."""
    (first, (one, asked)), (second, (other, also)) = splits.items()
    yield f"| what | {first} | {second} | gap | questions | |"
    yield "|---|---|---|---|---|---|"
    for rate, name in _COMPARED.items():
        if rate not in one or rate not in other:
            yield f"| {name} | {_cell(one, rate)} | {_cell(other, rate)} | - | - | |"
            continue
        gap = one[rate].value - other[rate].value
        worse = -gap if rate == "refused" else gap
        flag = f"**over {GAP}**" if worse > GAP else ""
        yield (
            f"| {name} | {one[rate].value:.3f} | {other[rate].value:.3f} | {gap:+.3f} | {asked[rate]}, {also[rate]}"
            f" | {flag} |"
        )


def _cell(figures: Mapping[str, Figure], rate: str) -> str:
    return f"{figures[rate].value:.3f}" if rate in figures else "-"


def ablated(rows: Iterable[tuple[str, Mapping[str, Figure]]]) -> Iterator[str]:
    """Yields the head at once and each row as it is ready."""
    yield "| with | " + " | ".join(_ABLATED) + " |"
    yield "|---|" + "---|" * len(_ABLATED)
    for name, figures in rows:
        cells = (f"{figures[rate].value:.2f}" if rate in figures else "-" for rate in _ABLATED)
        yield f"| {name} | " + " | ".join(cells) + " |"
