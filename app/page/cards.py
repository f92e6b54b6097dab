"""The library as cards: thumbnail, title, length, and what indexing is doing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape

from app.example import EXAMPLE_VIDEO
from app.i18n import Language
from app.page.html import Shelf, empty_state
from app.page.session import Session
from app.titles import additions
from model.timecode import clock
from retrieval.ask.translated import told
from retrieval.store.jobs import JobQueue
from retrieval.store.library import Library
from retrieval.store.records import LANES, Job, Video

_ETA_AFTER = 0.02  # share of the work that must be done before a guess means anything
_LANE_ORDER = ("see", "hear", "read", "media")


def library_cards(
    library: Library, jobs: JobQueue, videos: Sequence[Video], session: Session, shelf: Shelf, language: Language
) -> str:
    """All cards of an owner's videos, newest first."""
    heading = f'<h2 class="area-title">{language("library")}</h2>'
    if not videos:
        example = (
            f'<button class="primary" data-act="example">{language("example")}</button>'
            if EXAMPLE_VIDEO.is_file()
            else ""
        )
        return f'{heading}<div class="no-videos">{empty_state(language("library_empty"))}{example}</div>'
    apart = additions(videos)
    cards = "".join(_card(library, jobs, video, session, shelf, language, apart.get(video.id, "")) for video in videos)
    return f'{heading}<ul class="cards">{cards}</ul>'


def overall(lanes: dict[str, float], duration: float) -> float:
    """How much of all lanes is done, 0 to 1: the mean over the lanes."""
    return sum(_share(lanes, lane, duration) for lane in LANES) / len(LANES)


def eta_s(job: Job, duration: float, now: float) -> float | None:
    """Seconds that a running job will still take at its pace so far; None while that cannot be said."""
    done = overall(job.lanes, duration)
    if job.status != "running" or job.started_at is None or done < _ETA_AFTER:
        return None
    return (now - job.started_at) * (1 - done) / done


def _share(lanes: dict[str, float], lane: str, duration: float) -> float:
    return min(1.0, lanes.get(lane, 0.0) / duration) if duration > 0 else 0.0


def _card(
    library: Library, jobs: JobQueue, video: Video, session: Session, shelf: Shelf, language: Language, apart: str
) -> str:
    """`apart`: what tells the video from others of its title."""
    title = escape(video.title)
    more = f'<span class="card-apart"><bdi>{escape(apart)}</bdi></span>' if apart else ""
    shown, asked = video.id == session.shown, video.id in session.asked
    label = escape(language("show_video", title=video.title, duration=clock(video.duration)))
    state = f"card{' is-shown' if shown else ''}{' is-asked' if asked else ''} status-{video.status}"
    return (
        f'<li class="{state}"><button class="card-main" data-act="show" data-id="{video.id}" aria-label="{label}"'
        f' aria-current="{"true" if shown else "false"}" title="{title}"><span class="card-picture">'
        f'{shelf.thumbnail(video.id, video.duration / 3)}<span class="duration">{clock(video.duration)}</span></span>'
        f'<span class="card-words"><span class="card-title">{title}</span>{more}{_status(video, language)}</span>'
        "</button>"
        f'<span class="card-actions">{_actions(video, asked, language)}</span>{_progress(jobs, video, language)}</li>'
    )


def _status(video: Video, language: Language) -> str:
    if video.status == "ready":
        return f'<span class="card-status">{language("status_ready")}</span>'
    if video.status == "failed":
        reason = escape(told(video.error or "", language.code))
        return f'<span class="card-status bad" title="{reason}">{language("status_failed")}<br>{reason}</span>'
    return ""


def _actions(video: Video, asked: bool, language: Language) -> str:
    title = video.title
    busy = video.status in ("waiting", "indexing")
    buttons = [_button("toggle", video.id, language("forget" if asked else "ask_too", title=title), pressed=asked)]
    if busy:
        buttons.append(_button("cancel", video.id, language("cancel", title=title)))
    if video.status in ("failed", "cancelled"):
        buttons.append(_button("retry", video.id, language("retry", title=title)))
    sure = {"confirm": language("delete_sure", title=title), "yes": language("delete"), "no": language("keep")}
    buttons.append(_button("delete", video.id, language("delete_video", title=title), data=sure))
    return "".join(buttons)


def _button(
    act: str, video_id: str, label: str, pressed: bool | None = None, data: Mapping[str, str] | None = None
) -> str:
    extra = "".join(f' data-{name}="{escape(value)}"' for name, value in (data or {}).items())
    state = "" if pressed is None else f' aria-pressed="{"true" if pressed else "false"}"'
    return (
        f'<button class="icon act-{act}" data-act="{act}" data-id="{video_id}" aria-label="{escape(label)}"'
        f' title="{escape(label)}"{state}{extra}></button>'
    )


def _progress(jobs: JobQueue, video: Video, language: Language) -> str:
    if video.status not in ("waiting", "indexing", "cancelled"):
        return ""
    job = jobs.latest(video.id)
    lanes = job.lanes if job else {}
    done = overall(lanes, video.duration)
    percent = int(100 * done)
    if video.status == "cancelled":
        words = language("status_cancelled", share=percent)
    elif video.status == "waiting":
        words = language("status_waiting")
    else:
        words = f"{language('status_indexing')} · {percent} %"
        left = eta_s(job, video.duration, time.time()) if job else None
        words += f" · {language('eta', time=clock(left + 1))}" if left is not None else ""
    bars = "".join(_lane(lane, round(100 * _share(lanes, lane, video.duration)), language) for lane in _LANE_ORDER)
    return (
        f'<div class="progress"><div class="progress-words">{words}</div>'
        f'<div class="progress-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"'
        f' aria-label="{escape(video.title)}"><span style="width:{percent}%"></span></div>'
        f'<div class="lanes">{bars}</div></div>'
    )


def _lane(lane: str, percent: int, language: Language) -> str:
    name = language(f"lane_{lane}")
    return (
        f'<span class="lane lane-{lane}" title="{name}: {percent} %"><span class="lane-name">{name}</span>'
        f'<span class="lane-bar"><span style="width:{percent}%"></span></span></span>'
    )
