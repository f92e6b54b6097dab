"""Which sound tracks of a file are heard, in which order; what is not heard is said.

The chosen track comes first; without a choice it is the one that the file itself puts first, for that is what its maker
wants heard and what players play. A track in another language says things that somebody may ask for in its words, so it
is heard too, as a transcript of its own, while the file is short: nobody can tell which of its languages the questions
will be in. Commentary, description and dubs say other things than the film does: they wait to be chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from model.media.probe import MediaInfo, Track
from model.speech.recognizer import Line
from retrieval.index.choose import describe
from retrieval.index.coverage import units
from retrieval.store.records import Passage

# Sound of all further tracks together: a quarter of an hour takes about as long to hear as the rest of the work on it.
FURTHER_SOUND_S = 900.0
_SAME_WORDS = 0.8  # share of a line's words: two recognitions of one sound differ in a few
NOT_HEARD = "Not heard: sound track "

Understood = Callable[[str], bool]  # whether a language (ISO 639-1) is recognised


@dataclass(frozen=True)
class Sound:
    """A track to hear: `info` reads it, `origin` is that of its passages, `language` what the file says, if it does."""

    info: MediaInfo
    origin: str
    language: str | None
    first: bool


def choose_sounds(info: MediaInfo, understood: Understood, chosen: bool) -> tuple[list[Sound], list[str]]:
    """The tracks to hear, the one that `info` reads first, and a sentence for each that is not heard.

    chosen: whether a person chose that first track; if nobody did, and its language is not understood, it is left to
    the tracks whose language is.
    """
    tracks = [track for track in info.tracks if track.kind == "sound"]
    main = next((track for track in tracks if track.index == info.audio_index), None)
    if main is None:
        return [Sound(info, "heard", None, True)] if info.has_audio else [], []
    sounds, notices, heard, left = list[Sound](), list[str](), set[str | None](), FURTHER_SOUND_S
    instead = [track for track in tracks if track is not main and not _reason(track, heard, understood, True)]
    for track in (main, *(track for track in tracks if track is not main)):
        if track is main:
            foreign = track.language is not None and not understood(track.language)
            reason = "because its language is not recognised" if foreign and instead and not chosen else None
        else:
            reason = _reason(track, heard, understood, not sounds or left >= info.duration)
        if reason:
            notices.append(f"{NOT_HEARD}{describe(track)}, {reason}. Choose it to have it heard.")
            continue
        left -= info.duration if sounds else 0.0
        heard |= {track.language} - {None}
        this = replace(info, audio_index=track.index, audio_codec=track.codec)
        sounds.append(Sound(this, f"heard:{track.index}" if sounds else "heard", track.language, not sounds))
    return sounds, notices


def _reason(track: Track, heard: set[str | None], understood: Understood, time_left: bool) -> str | None:
    """Why a further track is not heard; None if it is."""
    if track.codec is None:
        return "because its format is unknown"
    if track.aside:
        return "because it is a commentary, a description or a dub"
    if track.language is not None and not understood(track.language):
        return "because its language is not recognised"
    if track.language in heard:
        return "because another one in the same language is"
    return None if time_left else "because the file is long"


def without_repeats(lines: Iterable[Line], known: Iterable[Passage]) -> list[Line]:
    """The lines that are not said at the same time in `known`: two tracks may be mixes of one sound."""
    before = [(passage.start, passage.end, units(passage.text)) for passage in known]
    new = []
    for line in lines:
        words = units(line.text)
        others = set().union(*(said for start, end, said in before if start < line.end and end > line.start))
        if not words or sum(count for word, count in words.items() if word in others) < _SAME_WORDS * words.total():
            new.append(line)
    return new
