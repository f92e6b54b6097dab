"""What is said in a video as one text, however many tracks there are of it.

A video may have been heard, and have subtitles in several languages; all of them are passages of the source "speech",
told apart by their origin, and all are searched. Whoever shows, exports or sums up what is said takes one: the language
that is asked for, else the one that is spoken. There subtitles come first, and what was heard fills their gaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from model.errors import UsageError
from model.media.probe import Track
from model.media.subtitle_files import is_partial
from model.media.subtitles import is_addition
from retrieval.store.library import Library
from retrieval.store.records import Passage, Video

HEARD = "heard"
STREAM, FILE = "subtitles:", "file:"  # origins of subtitles, with the stream's index or the file's name after it
_SAME_SHARE = 0.5  # of a line's time: so much of it that another line stands there too says the same


@dataclass(frozen=True)
class Transcript:
    """The lines of one track in order of time. `whole`: not foreign words or signs only."""

    origin: str
    language: str | None
    lines: Sequence[Passage]
    whole: bool = True

    @property
    def written(self) -> bool:
        return is_written(self.origin)


def is_written(origin: str) -> bool:
    """Whether a line of speech comes from subtitles, and was not heard."""
    return origin.startswith((STREAM, FILE))


def tracks(library: Library, video: Video) -> list[Transcript]:
    """All there is: subtitle files, subtitle tracks, what was heard; of each kind the longest first."""
    groups: dict[tuple[str, str | None], list[Passage]] = {}
    for line in library.passages(video.id, "speech"):
        origin = line.origin if is_written(line.origin) else HEARD
        groups.setdefault((origin, line.language), []).append(line)
    found = [
        Transcript(origin, language, lines, origin == HEARD or is_whole(video, origin))
        for (origin, language), lines in groups.items()
    ]
    kinds = (FILE, STREAM, HEARD)
    rank = {track.origin: next(n for n, kind in enumerate(kinds) if track.origin.startswith(kind)) for track in found}
    return sorted(found, key=lambda track: (rank[track.origin], -len(track.lines), track.origin))


def is_whole(video: Video, origin: str) -> bool:
    """Whether a track of subtitles has all that is said, as far as its name and its file tell."""
    if origin.startswith(FILE):
        return not is_partial(origin.removeprefix(FILE), video.title)
    index = int(origin.removeprefix(STREAM))
    return not any(track.index == index and is_addition(track) for track in _listed(video))


def languages(library: Library, video: Video) -> list[str]:
    """Those that a transcript can be had in, the spoken one first."""
    spoken = spoken_language(library, video)
    known = [track.language for track in tracks(library, video) if track.language]
    return list(dict.fromkeys(([spoken] if spoken in known else []) + known))


def transcript(library: Library, video: Video, language: str | None = None) -> list[Passage]:
    """What is said, each line once, in order of time: in a language, else in the one that is spoken.

    Raises UsageError when there is none in the language that is asked for.
    """
    every = tracks(library, video)
    if language is not None and language not in {track.language for track in every}:
        there = ", ".join(languages(library, video)) or "none"
        raise UsageError(f"There is no transcript of {video.title} in {language!r}; languages it has: {there}.")
    heard = [track for track in every if not track.written and language in (None, track.language)]
    written = [track for track in every if track.written]
    wanted = language or spoken_language(library, video)
    fitting = [track for track in written if track.language == wanted and wanted is not None]
    if not heard and not fitting and language is None:  # nothing is said, or nothing was understood
        fitting = [track for track in written if track.language == (written[0].language)] if written else []
    fitting.sort(key=lambda track: not track.whole)
    lines = list(fitting[0].lines) if fitting and fitting[0].whole else []
    additions = [track for track in fitting if not track.whole]
    for track in [*heard, *additions] if lines else [*additions, *heard]:
        lines = sorted([*lines, *_not_in(lines, track.lines)], key=lambda line: (line.start, line.id))
    return lines


def spoken_language(library: Library, video: Video) -> str | None:
    """The language most of a video is in: by its user's choice, by what was heard, by the tag of its sound track."""
    if video.choices.get("language"):
        return str(video.choices["language"])
    seconds: dict[str, float] = defaultdict(float)
    for row in library.db.rows("SELECT start, end, language FROM spoken WHERE video_id = ?", (video.id,)):
        if row["language"]:
            seconds[row["language"]] += row["end"] - row["start"]
    if not seconds:
        for line in library.passages(video.id, "speech"):
            if line.language and not is_written(line.origin):
                seconds[line.language] += line.end - line.start
    if seconds:
        return max(seconds, key=lambda language: seconds[language])
    heard = video.choices.get("sound", video.info.get("audio_index"))
    return next((track.language for track in _listed(video) if track.kind == "sound" and track.index == heard), None)


def _listed(video: Video) -> list[Track]:
    return [Track(**track) for track in video.info.get("tracks", ())]


def _not_in(lines: Sequence[Passage], others: Sequence[Passage]) -> list[Passage]:
    """Those of the others at whose time none of the lines stands."""
    return [o for o in others if shared(o.start, o.end, lines) < _SAME_SHARE * (o.end - o.start)]


def shared(start: float, end: float, lines: Sequence[Passage]) -> float:
    """Seconds of a stretch at which some line (in order of time) stands."""
    total, until = 0.0, start
    for line in lines:
        if line.start >= end:
            break
        begin, stop = max(line.start, until), min(line.end, end)
        if stop > begin:
            total += stop - begin
            until = stop
    return total
