"""Two parts, two things or two videos, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.loading import Models
from retrieval.ask.evidence import Evidence, Item
from retrieval.ask.find import Finder
from retrieval.ask.plan import Plan
from retrieval.ask.rules import RulesPlanner
from retrieval.ask.say import Say, marker
from retrieval.ask.summary import summarize


def compared(finder: Finder, models: Models, plan: Plan, video_ids: Sequence[str]) -> Evidence:
    """What each of two parts, things or videos shows, side by side."""
    say, planner = Say(plan.language), RulesPlanner()
    named = [(part, planner.plan(part)) for part in plan.parts]
    windowed = [(name, one) for name, one in named if one.window is not None]
    items: list[Item] = []
    told = []
    if len(video_ids) > 1 and len(windowed) < len(named):
        for video_id in video_ids:
            video = finder.library.video(video_id)
            items.append(Item(video_id, 0.0, video.duration, "visual", "", 1.0))
            summary = summarize(finder.library, models, video_id, plan.language).summary
            told.append(f"{say('compare', name=video.title, what=summary.rstrip('. '))} {marker(len(items))}{say.stop}")
        return Evidence(items, True, finder.searched(video_ids), telling="\n".join(told))
    for name, one in named:
        if one.window is not None:
            parts = finder.windows(one, video_ids)[:1]
            for video_id, part in parts:
                end = min(part.high, finder.library.video(video_id).duration)
                items.append(Item(video_id, part.low, end, "visual", "", 1.0))
                what = summarize(finder.library, models, video_id, plan.language, part).summary.rstrip(". ")
                told.append(f"{say('compare', name=name, what=what)} {marker(len(items))}{say.stop}")
            continue
        found = finder.find(replace(one, question=name, look_for=name, operation="when"), video_ids)
        if not found.found:
            told.append(f"{say('compare', name=name, what=say('nothing_there'))}{say.stop}")
            continue
        items.append(found.items[0])
        told.append(f"{say('compare', name=name, what=say.lead(found.items[0]))} {marker(len(items))}{say.stop}")
    return Evidence(items, bool(items), finder.searched(video_ids), telling="\n".join(told))
