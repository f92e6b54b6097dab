"""What is known without searching: facts of the file, the transcript, lists of all that is said, written or seen."""

from __future__ import annotations

import time
from collections.abc import Sequence

from model.media.probe import PICTURE
from retrieval.ask.evidence import Evidence, Item, distinct
from retrieval.ask.find import Finder
from retrieval.ask.plan import EVERY_SOURCE, Plan
from retrieval.ask.say import Say, marker
from retrieval.search.filters import EVERYTHING, Filter
from retrieval.store.records import Source, Video

_MOST_LISTED = 24  # lines of a list that are still read
_MOST_NAMES = 8
_UNITS = ("B", "kB", "MB", "GB")


def facts_of(finder: Finder, plan: Plan, video_ids: Sequence[str]) -> Evidence:
    """The fact that is asked for, of each video."""
    say, videos = Say(plan.language), [finder.library.video(video_id) for video_id in video_ids]
    items = [Item(video.id, 0.0, video.duration, "visual", "", 1.0) for video in videos]
    told = []
    for number, video in enumerate(videos, 1):
        sentence = _fact(finder, say, plan.fact, video)
        name = f"{video.title}: " if len(videos) > 1 else ""
        told.append(f"{name}{sentence} {marker(number)}{say.stop}")
    return Evidence(items, bool(items), telling=" ".join(told))


def _fact(finder: Finder, say: Say, fact: str, video: Video) -> str:
    info = video.info
    picture = info.get("container") == PICTURE
    if fact == "length":
        return say("length" if info.get("fps") or not picture else "still", value=say.length(video.duration))
    if fact == "resolution" and info.get("width"):
        return say("resolution", width=info["width"], height=info["height"])
    if fact == "rate" and info.get("fps"):
        return say("rate", value=f"{info['fps']:.4g}")
    if fact == "size":
        return say("size", value=_size(video.bytes))
    if fact == "sound":
        codec = info.get("audio_codec")
        return say("has_sound", codec=codec) if codec else say("no_sound")
    if fact == "format" and picture:
        return say("picture_format", video=info["video_codec"])
    if fact == "format":
        audio = say("format_audio", codec=info["audio_codec"]) if info.get("audio_codec") else ""
        return say("format", container=info.get("container"), video=info.get("video_codec") or "-", audio=audio)
    if fact == "language":
        languages = finder.languages(video.id)
        return (
            say("language", value=say.listed([say.language(code) for code in languages]))
            if languages
            else say("no_language")
        )
    if fact == "date":
        return say("date", value=time.strftime("%Y-%m-%d", time.localtime(video.created_at)))
    if fact == "name":
        return say("file_name", value=video.title)
    return say("unknown_fact")


def transcript(finder: Finder, plan: Plan, video_ids: Sequence[str]) -> Evidence:
    """All that is said, in order, each line with its moment."""
    say = Say(plan.language)
    items = _passages(finder, plan, video_ids, ("speech",))
    if not items:  # in this part, or at all
        return _none(finder, plan, video_ids, "speech")
    lines = [f"{marker(number)} {item.quote}" for number, item in enumerate(items, 1)]
    return Evidence(items, True, finder.searched(video_ids), telling="\n\n".join([say("transcript"), *lines]))


def listed(finder: Finder, plan: Plan, video_ids: Sequence[str]) -> Evidence:
    """All texts, or all that is said, or what is seen; of what it cannot tell apart (people, voices) it says so."""
    say, searched = Say(plan.language), finder.searched(video_ids)
    kind = _kind(plan)
    if kind == "visual":
        names: dict[str, None] = {}
        items = []
        for video_id, part in _parts(finder, plan, video_ids).items():
            for clip in finder.library.clips(video_id):
                if not part.cut(clip.start, clip.end):
                    continue
                new = [name for name, _ in clip.tags[:2] if name not in names]
                if new and len(names) < _MOST_NAMES:
                    names |= dict.fromkeys(new)
                    items.append(Item(video_id, clip.start, clip.end, "visual", ", ".join(new), 0.5))
        if not items:
            return _none(finder, plan, video_ids, "visual")
        places = " ".join(f"{item.quote} {marker(n)}" for n, item in enumerate(items, 1))
        return Evidence(items, True, searched, telling=say("listed_visual", names=places) + say.stop)
    items = distinct(_passages(finder, plan, video_ids, (kind,)))
    if not items:
        return _none(finder, plan, video_ids, kind)
    lines = [f"- “{item.quote}” {marker(number)}" for number, item in enumerate(items[:_MOST_LISTED], 1)]
    if len(items) > _MOST_LISTED:
        lines.append(say("more_listed", count=len(items) - _MOST_LISTED))
    lead = say("listed_speech" if kind == "speech" else "listed_text")
    return Evidence(items[:_MOST_LISTED], True, searched, telling="\n".join([lead, "", *lines]))


def _none(finder: Finder, plan: Plan, video_ids: Sequence[str], source: Source) -> Evidence:
    """Nothing of a source in the part that a plan keeps to, or at all."""
    searched, parts = finder.searched(video_ids), finder.windows(plan, video_ids)
    span = (parts[0][1].low, min(parts[0][1].high, finder.library.video(parts[0][0]).duration)) if parts else None
    lacking = None if source in searched else source
    unheard = finder.unheard(video_ids)
    return Evidence([], False, searched, span, lacking=lacking, notices=finder.notices(video_ids), unheard=unheard)


def _kind(plan: Plan) -> Source:
    """What is to be listed; texts, unless what is said or seen is asked for."""
    if plan.leans:
        return plan.leans
    return plan.sources[0] if plan.sources != EVERY_SOURCE else "text"


def _passages(finder: Finder, plan: Plan, video_ids: Sequence[str], sources: Sequence[Source]) -> list[Item]:
    return [
        item
        for video_id, part in _parts(finder, plan, video_ids).items()
        for source in sources
        for item in _inside(finder, video_id, source, part)
    ]


def _parts(finder: Finder, plan: Plan, video_ids: Sequence[str]) -> dict[str, Filter]:
    return dict(finder.windows(plan, video_ids)) if plan.window else dict.fromkeys(video_ids, EVERYTHING)


def _inside(finder: Finder, video_id: str, source: Source, part: Filter) -> list[Item]:
    return [finder.line(p) for p in finder.lines_of(video_id, source) if part.cut(p.start, p.end)]


def _size(count: int) -> str:
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}"
