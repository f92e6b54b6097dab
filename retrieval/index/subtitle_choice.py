"""Which subtitle tracks of a file are taken in: those its user chose, else each language once while they are few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model.media.probe import MediaInfo, Track
from model.media.subtitles import can_read, is_addition, is_picture, is_second_choice, track_name
from model.speech.languages import name_of

FEW_LANGUAGES = 4  # so many are all taken; a film with 30 would bury what is said under its translations
_ALWAYS = ("en", "zh")
_NAMED = 12  # languages in one notice


def choose_tracks(info: MediaInfo, choices: dict[str, Any]) -> tuple[list[Track], list[str]]:
    """The tracks to take in, in the order of the file, and one sentence for each kind of thing that is left out."""
    every = [track for track in info.tracks if track.kind == "subtitles"]
    readable = [track for track in every if can_read(track)]
    notices = [
        f"{track_name(track)} is left out: there is no reader for its format ({track.codec or 'unknown'})."
        for track in every
        if track not in readable
    ]
    if choices.get("subtitles") is not None:
        return [track for track in readable if track.index in choices["subtitles"]], notices
    languages = _wanted_languages(info, readable, choices)
    chosen: list[Track] = []
    for language in languages:
        chosen += _of_language([track for track in readable if track.language == language])
    chosen += [track for track in readable if track.language is None][:FEW_LANGUAGES]
    others = [track for track in readable if track not in chosen]
    if others:
        notices.append(f"{_counted(len(others))} not taken in, and can be chosen: {_listed(others)}.")
    return sorted(chosen, key=lambda track: track.index), notices


def spoken_by_tag(info: MediaInfo, choices: dict[str, Any]) -> str | None:
    """The language of the sound by its user's choice, else by the file."""
    index = choices.get("sound", info.audio_index)
    tagged = next((track.language for track in info.tracks if track.kind == "sound" and track.index == index), None)
    return choices.get("language") or tagged


def _wanted_languages(info: MediaInfo, tracks: Sequence[Track], choices: dict[str, Any]) -> list[str]:
    languages = list(dict.fromkeys(track.language for track in tracks if track.language))
    if len(languages) <= FEW_LANGUAGES:
        return languages
    default = [track.language for track in tracks if track.default and not is_addition(track)][:1]
    wanted = {spoken_by_tag(info, choices), *default, *_ALWAYS}
    return [language for language in languages if language in wanted]


def _of_language(tracks: Sequence[Track]) -> list[Track]:
    """The one with all that is said; where there is none, every one that has some of it."""
    whole = [track for track in tracks if not is_addition(track)]
    if not whole:
        return list(tracks)
    return [min(whole, key=lambda t: (is_second_choice(t), is_picture(t), not t.default, t.index))]


def _counted(count: int) -> str:
    return "1 more subtitle track is" if count == 1 else f"{count} more subtitle tracks are"


def _listed(tracks: Sequence[Track]) -> str:
    named = (name_of(track.language) if track.language else track.title or f"track {track.index}" for track in tracks)
    told = list(dict.fromkeys(named))
    return ", ".join(told[:_NAMED]) + (f" and {len(told) - _NAMED} more" if len(told) > _NAMED else "")
