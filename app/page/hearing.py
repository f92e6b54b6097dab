"""What is told of a video beneath its player: its notices, what is spoken, and a small form to have it heard again.

And the tracks of a transcript: one for each source and language.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.i18n import Language
from model.media.probe import MediaInfo, Track
from model.speech.languages import SPOKEN, name_of
from model.timecode import clock
from retrieval.ask.translated import told
from retrieval.index.choose import AUTO, heard_sound
from retrieval.store.library import Library
from retrieval.store.records import Passage, Video
from retrieval.store.spoken import first_heard, spoken

# The form is sent as an event of its part of the page: which video, which sound, which language.
FORWARD_HEAR = """
element.addEventListener('submit', (event) => {
  const form = event.target.closest('form.hear-again');
  if (!form) return;
  event.preventDefault();
  const [sound, language] = ['sound', 'language'].map((name) => form.elements[name]?.value ?? '');
  trigger('hear', {id: form.dataset.video, sound: sound, language: language});
});
"""
FORWARD_TRACK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-track]');
  if (button) trigger('track', {track: button.dataset.track});
});
"""


@dataclass(frozen=True)
class About:
    """What is told beneath the player. languages: (code, the second in which it is spoken first)."""

    video: Video
    languages: tuple[tuple[str, float], ...]
    hearing: bool

    @classmethod
    def of(cls, library: Library, video: Video) -> About:
        busy = video.status in ("waiting", "indexing")
        return cls(video, tuple(_languages(library, video)), busy and not library.lane_done(video.id, "hear"))

    @property
    def key(self) -> tuple[object, ...]:
        """Changes with what is drawn."""
        video = self.video
        return (video.id, tuple(video.warnings), str(video.choices), self.languages, self.hearing)

    def html(self, language: Language) -> str:
        notes = "".join(f'<li class="note">{escape(told(text, language.code))}</li>' for text in self.video.warnings)
        listed = f'<ul class="notes">{notes}</ul>' if notes else ""
        if not self.video.info.get("audio_codec"):
            return listed
        return f'{listed}<div class="speech">{self._spoken(language)}{hear_form(self.video, language)}</div>'

    def _spoken(self, language: Language) -> str:
        words = []
        if chosen := self.video.choices.get("language"):
            words.append(language("spoken_by_choice", language=name_of(chosen, language.code)))
        elif self.languages:
            (first, _), *others = self.languages
            words = [name_of(first, language.code)]
            words += [
                language("spoken_from", language=name_of(code, language.code), time=clock(start))
                for code, start in others
            ]
        line = escape(language("spoken", languages=language("spoken_and").join(words))) if words else ""
        hearing = f'<span class="hearing">{language("hearing")}</span>' if self.hearing else ""
        return f'<span class="spoken">{line}</span>{hearing}'


def _languages(library: Library, video: Video) -> list[tuple[str, float]]:
    """By the passages where it was not noted what is spoken when."""
    rows = library.db.rows(
        "SELECT language, min(start) AS start FROM passages WHERE video_id = ? AND source = 'speech'"
        " AND language IS NOT NULL AND origin LIKE 'heard%' GROUP BY language ORDER BY start",
        (video.id,),
    )
    return first_heard(spoken(library, video.id)) or [(row["language"], row["start"]) for row in rows]


def hear_form(video: Video, language: Language) -> str:
    """Which sound, where there are several, and which language; the choice of now is selected."""
    sounds = [track for track in MediaInfo.from_json(video.info).tracks if track.kind == "sound"]
    heard = heard_sound(video)
    tracks = "".join(_option(str(t.index), _track_words(t, language), t.index == heard) for t in sounds)
    which = _select("sound", language("hear_sound"), tracks) if len(sounds) > 1 else ""
    chosen = video.choices.get("language")
    tongues = _option(AUTO, language("hear_auto"), chosen is None)
    tongues += "".join(_option(code, name, code == chosen) for code, name in _by_name(language.code))
    tongue = _select("language", language("hear_language"), tongues)
    return (
        f'<details class="hear"><summary>{language("hear_again")} …</summary>'
        f'<form class="hear-again" data-video="{video.id}">{which}{tongue}'
        f'<button type="submit" class="hear-go">{language("hear_again")}</button>'
        f'<p class="hear-explained">{language("hear_explained")}</p></form></details>'
    )


@functools.cache
def _by_name(locale: str) -> list[tuple[str, str]]:
    """All languages of speech; Chinese names in the order of GB 18030, which for the usual ones is that of pinyin."""
    named = [(code, name_of(code, locale)) for code in SPOKEN]
    return sorted(named, key=lambda pair: pair[1].encode("gb18030") if locale == "zh" else pair[1].lower().encode())


def _track_words(track: Track, language: Language) -> str:
    parts = [str(track.index), name_of(track.language, language.code) if track.language else "", track.title]
    return " · ".join(part for part in parts if part)


def _option(value: str, words: str, selected: bool) -> str:
    return f'<option value="{escape(value)}"{" selected" if selected else ""}>{escape(words)}</option>'


def _select(name: str, label: str, options: str) -> str:
    return f'<label>{escape(label)} <select name="{name}">{options}</select></label>'


# -- the tracks of a transcript --------------------------------------------------------------------


def track_of(passage: Passage) -> str:
    """What a passage's track is called in events: its origin and its language."""
    return f"{passage.origin}|{passage.language or ''}"


def track_buttons(passages: Sequence[Passage], wanted: str, language: Language) -> str:
    """A button for each track and one for all; nothing where there is one track alone."""
    tracks = {track_of(passage): passage for passage in passages}
    if len(tracks) < 2:
        return ""
    several = len({passage.origin for passage in passages}) > 1
    named = [("", language("track_all"))]
    named += [(track, _track_name(passage, several, language)) for track, passage in tracks.items()]
    buttons = "".join(
        f'<button class="track" data-track="{escape(track)}" aria-pressed="{"true" if track == wanted else "false"}">'
        f"{escape(name)}</button>"
        for track, name in named
    )
    return f'<div class="tracks" role="group">{buttons}</div>'


def _track_name(passage: Passage, with_origin: bool, language: Language) -> str:
    """ "English", or where there are several sources "English · subtitles" """
    parts = [name_of(passage.language, language.code)] if passage.language else []
    kind, _, which = passage.origin.partition(":")
    if kind == "file":
        parts.append(which)
    elif with_origin:
        name = f"track_{'subtitles' if kind == 'subtitles' else 'heard'}"
        parts.append(language(f"{name}_of", number=which) if which else language(name))
    return " · ".join(parts) or language("track_unknown")
