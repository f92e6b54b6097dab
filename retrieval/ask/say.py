"""What an answer says without a model: quotes, moments, counts, that nothing was found; and the markers of citations.

Every word comes from the index or from the language file (`[say]`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.media.probe import NO_PICTURE, NO_SOUND
from model.speech.languages import name_of
from model.timecode import clock, span
from retrieval.ask.evidence import Evidence, Item
from retrieval.ask.translated import told
from retrieval.search.lexicon import lexicons
from retrieval.store.records import Source

# Where a citation stands in an answer's text. Quotes are rid of these brackets, so that none can be taken for a marker.
MARKER = re.compile("⟦(\\d+)⟧")
_MOST_OTHERS = 3


def marker(number: int) -> str:
    """The marker of the citation with this number, from one."""
    return f"⟦{number}⟧"


def numbered(items: Sequence[Item]) -> list[tuple[int, Item]]:
    return list(enumerate(items, start=1))


class Say:
    """The sentences of a language."""

    def __init__(self, language: str) -> None:
        self._lexicon = lexicons()[language if language in lexicons() else "en"]
        self._said = self._lexicon.say

    def __call__(self, name: str, /, **values: object) -> str:
        """A sentence of the language file, filled in."""
        return self._said[name].format(**values)

    @property
    def name(self) -> str:
        """The language's own name."""
        return self._lexicon.name

    def language(self, code: str) -> str:
        """What a language (ISO 639-1) is called in this one."""
        return name_of(code, self._lexicon.code)

    @property
    def stop(self) -> str:
        return "." if self._lexicon.spaced else "。"

    @property
    def _comma(self) -> str:
        return ", " if self._lexicon.spaced else "、"

    def listed(self, parts: Sequence[str]) -> str:
        if len(parts) < 2:
            return "".join(parts)
        return f"{self._comma.join(parts[:-1])}{self('and')}{parts[-1]}"

    def quotes(self, items: Sequence[tuple[int, Item]]) -> str:
        """The evidence itself: words verbatim, of pictures what was recognised; once where several say the same."""
        markers: dict[str, str] = {}
        for number, item in items:
            lead = self.lead(item)
            markers[lead] = markers.get(lead, "") + f" {marker(number)}"
        return " ".join(f"{lead}{marks}{self.stop}" for lead, marks in markers.items())

    def lead(self, item: Item) -> str:
        if item.source == "visual":
            return self("looks", names=item.quote) if item.quote else self("seen")
        heard = "subtitled" if item.written else "heard"
        return self(heard if item.source == "speech" else "read", quote=item.quote)

    def when(self, items: Sequence[Item]) -> str:
        first, *others = range(1, len(items) + 1)
        item = items[0]
        lead = self("seen") if item.source == "visual" else self(self._when_name(item), quote=item.quote)
        text = f"{lead} {marker(first)}{self.stop}"
        if others:
            text += " " + self("others", places=self._comma.join(map(marker, others[:_MOST_OTHERS])))
        return text

    @staticmethod
    def _when_name(item: Item) -> str:
        return "when_subtitled" if item.written else f"when_{item.source}"

    def not_found(self, evidence: Evidence) -> str:
        """What was searched, that it is not there, what no picture shows, and what the index says it lacks."""
        if not evidence.searched:
            return self("nothing_indexed") + self._notices(evidence)
        if evidence.lacking:
            return self("no_source", list=self._lacking(evidence, evidence.lacking)) + self._notices(evidence)
        text = self("not_found", **self._where(evidence), where=self("in_part" if evidence.span else "in_video"))
        if evidence.unseen:
            text += self("unseen", word=evidence.unseen)
        return text + self._notices(evidence)

    def cannot_tell(self, evidence: Evidence) -> str:
        """That nothing is likely enough, with the moments that fit best."""
        if not evidence.items:
            return self("cannot_tell_bare", **self._where(evidence)) + self._notices(evidence)
        places = self.places(min(len(evidence.items), _MOST_OTHERS))
        return self("cannot_tell", **self._where(evidence), places=places) + self._notices(evidence)

    def too_late(self, seconds: float, duration: float) -> str:
        return self("too_late", end=clock(duration), time=clock(seconds))

    def _where(self, evidence: Evidence) -> dict[str, str]:
        sources: tuple[Source, ...] = ("visual", "speech", "text")
        there = {*evidence.searched, *evidence.unsought}
        missing = [self._lacking(evidence, source) for source in sources if source not in there]
        place = self("part", span=span(*evidence.span)) if evidence.span else self("whole")
        return {
            "sources": self.listed([self(source) for source in evidence.searched]),
            "place": place,
            "lacking": self("lacking", list=self.listed(missing)) if missing else "",
        }

    def _lacking(self, evidence: Evidence, source: Source) -> str:
        if source == "visual" and evidence.blind:
            return self("not_looked")
        return self("not_understood" if source == "speech" and evidence.unheard else f"no_{source}")

    def _notices(self, evidence: Evidence) -> str:
        """What the index lacks; that there is no sound or no picture is said already, as what was not searched."""
        notices = [notice for notice in dict.fromkeys(evidence.notices) if notice not in (NO_SOUND, NO_PICTURE)]
        told_here = [told(notice, self._lexicon.code) for notice in notices]
        return "".join(" " + self("unknown_notice", notice=f"{n[:1].upper()}{n[1:]}") for n in told_here)

    def first_or_last(self, item: Item, last: bool) -> str:
        """With the citation numbered one."""
        words = f": “{item.quote}”" if item.source != "visual" else ""
        return f"{self('last' if last else 'first', perceived=self._perceived(item))}{words} {marker(1)}{self.stop}"

    def gone(self, count: int) -> str:
        return self("gone", places=self.places(count))

    def how_long(self, items: Sequence[Item], cited: int) -> str:
        """The length of all items together; the first `cited` of them are cited."""
        stretches = self("stretches", count=len(items)) if len(items) > 1 else ""
        about = self("about") if items[0].source == "visual" else ""
        seconds = sum(item.end - item.start for item in items)
        return self(
            "how_long", about=about, length=self.length(seconds), stretches=stretches, places=self.places(cited)
        )

    def how_often(self, items: Sequence[Item], times: int, cited: int) -> str:
        """The first `cited` of the items are cited."""
        counted = self({1: "once", 2: "twice"}.get(times, "times"), count=times)
        doubt = self("doubt") if items[0].source == "visual" else ""
        rest = self("rest", count=len(items) - cited) if len(items) > cited else ""
        perceived = self._perceived(items[0])
        return self(
            "how_often", counted=counted, perceived=perceived, doubt=doubt, places=self.places(cited), rest=rest
        )

    def length(self, seconds: float) -> str:
        """As people say it: 8 seconds, 2 minutes 5 seconds."""
        whole = max(1, round(seconds))
        parts = [(whole // 3600, "hour"), (whole % 3600 // 60, "minute"), (whole % 60, "second")]
        said = [self(name, count=count).split("|")[-1 if count > 1 else 0] for count, name in parts if count]
        return (" " if self._lexicon.spaced else "").join(said)

    def places(self, count: int) -> str:
        """The markers of the first `count` citations."""
        return " ".join(map(marker, range(1, count + 1)))

    def _perceived(self, item: Item) -> str:
        return self(f"perceived_{item.source}")
