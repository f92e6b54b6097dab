"""What an answer says without a model: quotes, moments, and that nothing was found; and the markers of citations.

Every word comes from the index or stands here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.ask.evidence import Evidence, Item
from retrieval.store.records import Source

_SOURCE_WORDS: dict[Source, str] = {"visual": "the pictures", "speech": "the speech", "text": "the on-screen text"}
_LACKING: dict[Source, str] = {"visual": "no picture", "speech": "no speech", "text": "no on-screen text"}
_PERCEIVED: dict[Source, str] = {"visual": "seen", "speech": "said", "text": "shown as text"}
# Where a citation stands in an answer's text. Quotes are rid of these brackets, so that none can be taken for a marker.
MARKER = re.compile("⟦(\\d+)⟧")


def marker(number: int) -> str:
    """The marker of the citation with this number, from one."""
    return f"⟦{number}⟧"


def numbered(items: Sequence[Item]) -> list[tuple[int, Item]]:
    return list(enumerate(items, start=1))


def not_found(evidence: Evidence) -> str:
    """A sentence that says what was searched, and one that names what no picture shows."""
    named = [_SOURCE_WORDS[source] for source in evidence.searched]
    if not named:
        return "There is no picture, no speech and no on-screen text that could be searched."
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    missing = [name for source, name in _LACKING.items() if source not in evidence.searched]
    nothing = f" (there is {' and '.join(missing)})" if missing else ""
    place, seems = ("that part of the video", "there") if evidence.partly else ("the whole video", "in this video")
    unseen = f" Nothing in the pictures looks like “{evidence.unseen}”." if evidence.unseen else ""
    return (
        f"I searched {listed} of {place}{nothing} and found nothing that answers this: it does not seem to be {seems}."
        f"{unseen}"
    )


def when(items: list[Item]) -> str:
    first, *others = range(1, len(items) + 1)
    text = f"{_intro(items[0])} {marker(first)}."
    if others:
        text += f" Other places that may fit: {', '.join(map(marker, others[:3]))}."
    return text


def first_or_last(item: Item, last: bool) -> str:
    """With the citation numbered one."""
    how = _PERCEIVED[item.source]
    words = f": “{item.quote}”" if item.source != "visual" else ""
    return f"It is {'last' if last else 'first'} {how}{words} {marker(1)}."


def not_seen(items: Sequence[Item]) -> str:
    return f"It is not seen here, though it is elsewhere: {_markers(len(items))}."


def how_long(items: Sequence[Item], cited: int) -> str:
    """The length of all items together; the first `cited` of them are cited."""
    seconds = sum(item.end - item.start for item in items)
    places = f", in {len(items)} stretches" if len(items) > 1 else ""
    about = "about " if items[0].source == "visual" else ""
    return f"For {about}{length(seconds)}{places}: {_markers(cited)}."


def how_often(items: Sequence[Item], times: int, cited: int) -> str:
    """The first `cited` of the items are cited."""
    how = _PERCEIVED[items[0].source]
    counted = "Once" if times == 1 else "Twice" if times == 2 else f"{times} times"
    digits = "" if times > 2 else f" ({times} time{'s' if times > 1 else ''})"
    rest = f", and {len(items) - cited} more" if len(items) > cited else ""
    about = " as far as the pictures tell" if how == "seen" else ""
    return f"{counted}{digits} it is {how}{about}: {_markers(cited)}{rest}."


def length(seconds: float) -> str:
    """As people say it: 8 seconds, 2 minutes 5 seconds."""
    whole = max(1, round(seconds))
    parts = [(whole // 3600, "hour"), (whole % 3600 // 60, "minute"), (whole % 60, "second")]
    return " ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in parts if count)


def _markers(count: int) -> str:
    """Those of the first `count` citations."""
    return " ".join(map(marker, range(1, count + 1)))


def _intro(item: Item) -> str:
    if item.source == "speech":
        return f"It is said: “{item.quote}”"
    if item.source == "text":
        return f"It is shown as text: “{item.quote}”"
    return "The picture that fits best is at"


def quotes(items: Sequence[tuple[int, Item]]) -> str:
    """The evidence itself: words verbatim, of pictures what was recognised; once where several say the same."""
    markers: dict[str, str] = {}
    for number, item in items:
        if item.source == "visual":
            lead = item.quote or "The picture that fits best is at"
        else:
            lead = f"{'Heard' if item.source == 'speech' else 'On screen'}: “{item.quote}”"
        markers[lead] = markers.get(lead, "") + f" {marker(number)}"
    return " ".join(f"{lead}{marks}." for lead, marks in markers.items())
