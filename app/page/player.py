"""The player and the filmstrip timeline beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from app.i18n import Language
from app.page.hearing import FORWARD_HEAR
from app.page.html import SOURCE_NAMES
from model.timecode import clock, span
from retrieval.store.comments import MAX_CHARS
from retrieval.store.records import Video

_VIEW = 1000  # width of the timeline's own coordinates
_MOST_MARKS = 600  # more would be a grey smear


@dataclass
class PlayerArea:
    player: gr.HTML
    about: gr.HTML
    timeline: gr.HTML
    curve: gr.HTML


def build_player() -> PlayerArea:
    return PlayerArea(
        gr.HTML(elem_id="player", js_on_load=None, apply_default_css=False),
        gr.HTML(elem_id="about", js_on_load=FORWARD_HEAR, apply_default_css=False),
        gr.HTML(elem_id="timeline", js_on_load=None, apply_default_css=False),
        gr.HTML(elem_id="curve", js_on_load=None, apply_default_css=False),
    )


def player_html(video: Video | None, language: Language) -> str:
    """The player. Its HTML changes only with the video, for a change would interrupt playback."""
    if video is None:
        return (
            '<div class="stage nothing" data-video=""><div class="stage-empty">'
            f"<strong>{language('player_empty_title')}</strong><span>{language('player_empty')}</span></div></div>"
        )
    comments = _comment_form(language) if video.media_path else ""
    return f'<div class="stage" data-video="{video.id}">{_picture(video, language)}</div>{_about(video)}{comments}'


def _picture(video: Video, language: Language) -> str:
    if video.media_path:
        sound_only = " sound-only" if not video.info.get("width") else ""
        poster = "" if sound_only else f' data-poster="media/{video.id}/thumbnail/0.jpg"'  # many videos begin in black
        return (
            f'<video class="video{sound_only}" src="media/{video.id}{_version(video)}" controls playsinline'
            f' preload="metadata"{poster} aria-label="{escape(language("player"))}: {escape(video.title)}"'
            f' data-subtitles="media/{video.id}/transcript.vtt"'
            f' data-subtitles-label="{escape(language("subtitles"))}"></video>'
        )
    preparing = video.status in ("waiting", "indexing")
    words = language("player_preparing" if preparing else "player_none")
    return f'<div class="stage-empty{" busy" if preparing else ""}"><span>{words}</span></div>'


def _version(video: Video) -> str:
    """A copy with another sound has another address, or browsers would play what they keep of the one before."""
    return f"?sound={video.choices['sound']}" if "sound" in video.choices else ""


def _comment_form(language: Language) -> str:
    """Where a comment on the moment that is shown is written; comments.js sends it and lets it fly."""
    words = {key: escape(language(f"comment_{key}")) for key in ("write", "send", "shown", "failed", "remove")}
    return (
        f'<form class="bullets" data-failed="{words["failed"]}" data-remove="{words["remove"]}">'
        f'<input class="bullet-text" maxlength="{MAX_CHARS}" autocomplete="off" placeholder="{words["write"]}"'
        f' aria-label="{words["write"]}"><button type="submit" class="bullet-send">{words["send"]}</button>'
        f'<label class="bullet-shown"><input type="checkbox" checked> {words["shown"]}</label>'
        '<p class="bullet-open" aria-live="polite"></p></form>'
    )


def _about(video: Video) -> str:
    info = video.info
    size = f" · {info['width']}×{info['height']}" if info.get("width") else ""
    return (
        f'<div class="about"><h2 class="video-title">{escape(video.title)}</h2>'
        f'<span class="facts">{clock(video.duration)}{size}</span></div>'
    )


def timeline_html(
    video: Video | None,
    starts: Sequence[float],
    moments: Sequence[tuple[float, float, str]],
    filmstrip: bool,
    speaks: bool,
    language: Language,
) -> str:
    """A slider over the video: filmstrip, clip boundaries at `starts`, highlighted (start, end, source) moments."""
    if video is None or video.duration <= 0:
        return ""
    strip = f' style="background-image:url(media/{video.id}/filmstrip.jpg)"' if filmstrip else ""
    label = language("timeline")
    if moments:
        label += ". " + language("moments_marked", count=len(moments))
    return (
        f'<div class="timeline" role="slider" tabindex="0" aria-label="{escape(label)}" aria-valuemin="0"'
        f' aria-valuemax="{video.duration:.2f}" aria-valuenow="0" aria-valuetext="0:00" data-video="{video.id}"'
        f' data-duration="{video.duration:.3f}" data-speaks="{"yes" if speaks else "no"}">'
        f'<div class="strip{"" if filmstrip else " blank"}"{strip}></div>{_marks(starts, video.duration)}'
        f"{''.join(_moment(moment, video.duration) for moment in moments)}"
        f'<span class="played"></span><span class="playhead"></span><span class="hover-time"></span></div>'
        f'<div class="scale"><span>0:00</span><span>{clock(video.duration / 2)}</span>'
        f"<span>{clock(video.duration)}</span></div>"
    )


def _marks(starts: Sequence[float], duration: float) -> str:
    inner = [start for start in starts if 0 < start < duration]
    step = max(1, -(-len(inner) // _MOST_MARKS))
    path = "".join(f"M{_VIEW * start / duration:.1f} 0V10" for start in inner[::step])
    return (
        f'<svg class="marks" viewBox="0 0 {_VIEW} 10" preserveAspectRatio="none" aria-hidden="true"><path d="{path}"'
        ' vector-effect="non-scaling-stroke"/></svg>'
    )


def _moment(moment: tuple[float, float, str], duration: float) -> str:
    start, end, source = moment
    left, width = 100 * start / duration, 100 * max(end - start, 0.0) / duration
    name = SOURCE_NAMES.get(source, "seen")  # type: ignore[call-overload]
    return (
        f'<span class="mark-moment source-{name}" style="left:{left:.2f}%;width:{width:.2f}%"'
        f' title="{span(start, end)}"></span>'
    )
