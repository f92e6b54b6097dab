"""How well each time of the shown video fits what was asked last: an area a source, drawn under the timeline."""

from __future__ import annotations

from html import escape

import numpy as np

from app.i18n import Language
from app.page.html import SOURCE_NAMES, source_badge
from model.timecode import clock
from retrieval.search.relevance import Relevance
from retrieval.store.records import Source

_VIEW, _HEIGHT = 1000, 40  # of the drawing's own coordinates; it is stretched to the timeline's width
_TOP = 0.99  # of the highest: as good as that
_LEAST = 0.05  # a source that fits nowhere better than that is left out


def curve_html(relevance: Relevance, text: str, duration: float, language: Language) -> str:
    """The areas with a legend; empty when no source fits anywhere. duration in seconds, `text` as it was typed."""
    curves: dict[Source, np.ndarray] = {
        "visual": relevance.visual, "speech": relevance.speech, "text": relevance.text
    }  # fmt: skip
    drawn = {source: curve for source, curve in curves.items() if curve.max(initial=0.0) >= _LEAST}
    if not drawn:
        return ""
    peaks = "; ".join(
        language("curve_peak", source=language(SOURCE_NAMES[source]), time=clock(relevance.times[_peak(curve)]))
        for source, curve in drawn.items()
    )
    title = escape(f"{language('curve_title', text=text)}: {peaks}")
    areas = "".join(_area(source, curve) for source, curve in drawn.items())
    badges = "".join(source_badge(source, language) for source in drawn)
    return (
        f'<div class="curve"><svg class="curve-plot" viewBox="0 0 {_VIEW} {_HEIGHT}" preserveAspectRatio="none"'
        f' role="img" aria-label="{title}" data-duration="{duration:.3f}"><title>{title}</title>{areas}</svg>'
        f'<div class="curve-legend"><span class="curve-text">{escape(language("curve_title", text=text))}</span>'
        f"{badges}</div></div>"
    )


def _peak(curve: np.ndarray) -> int:
    """The middle of the first stretch that fits best."""
    first = int(curve.argmax())
    below = np.flatnonzero(curve[first:] < _TOP * curve[first])
    return first + (int(below[0]) if len(below) else len(curve) - first) // 2


def _area(source: Source, curve: np.ndarray) -> str:
    """The filled area of one curve [n], 0 to 1, with its outline."""
    heights = np.clip(curve, 0, 1)
    xs = (np.arange(len(heights)) + 0.5) * _VIEW / len(heights)
    ys = _HEIGHT - 1 - heights * (_HEIGHT - 3)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    return (
        f'<g class="source-{SOURCE_NAMES[source]}"><path class="curve-area" d="M0,{_HEIGHT} L0,{ys[0]:.1f} {line}'
        f' {_VIEW},{ys[-1]:.1f} {_VIEW},{_HEIGHT}Z"/><polyline class="curve-line" points="0,{ys[0]:.1f} {line}'
        f' {_VIEW},{ys[-1]:.1f}"/></g>'
    )
