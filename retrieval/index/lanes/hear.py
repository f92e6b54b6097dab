"""The hear lane: what is spoken, in which language; and a notice for each thing that was not written down."""

from __future__ import annotations

import json
from collections.abc import Sequence

from babel import Locale

from model.errors import UnreadableMedia
from model.media.probe import MediaInfo
from model.speech.ears import Ears, load_ears
from model.timecode import span
from retrieval.index.lanes.listening import Listener
from retrieval.index.lanes.work import Work
from retrieval.store.heard import Run, spoken_runs

_NAMED_TIMES = 6  # stretches that a notice names one by one
_UNCHECKED = "Speech was taken for "
_NOT_WRITTEN = "Speech at "


class HearLane:
    """Listens to the sound of a video and says what of it was not written down."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        work = self.work
        if work.info.has_audio:
            ears = load_ears(work.models, spoken_by_tag(work.info), self._chosen())
            try:
                Listener(work, work.info, ears).run()
            except UnreadableMedia as error:
                work.library.add_warning(work.video_id, f"The sound could not be read: {error}")
            self._tell(find_notices(spoken_runs(work.library, work.video_id), ears))
        work.finish("hear")

    def _chosen(self) -> str | None:
        chosen: str | None = self.work.library.video(self.work.video_id).choices.get("language")
        return chosen

    def _tell(self, notices: Sequence[str]) -> None:
        """Puts the notices in the place of those of an earlier hearing."""
        work = self.work
        warnings = work.library.video(work.video_id).warnings
        kept = [sentence for sentence in warnings if not sentence.startswith((_UNCHECKED, _NOT_WRITTEN))]
        if kept + list(notices) != warnings:
            work.library.update_video(work.video_id, warnings=json.dumps([*kept, *notices]))


def spoken_by_tag(info: MediaInfo) -> str | None:
    """The language that the file says its sound has, which may be wrong."""
    sounds = [track for track in info.tracks if track.kind == "sound"]
    return next((track.language for track in sounds if info.audio_index in (None, track.index)), None)


def find_notices(runs: Sequence[Run], ears: Ears) -> list[str]:
    """A sentence for each kind of speech that was not written down, or not surely."""
    notices = []
    if untold := [run for run in runs if run.language is None and ears.tells]:
        notices.append(f"{_NOT_WRITTEN}{_times(untold)} was not written down: its language could not be told.")
    foreign: dict[str, list[Run]] = {}
    for run in runs:
        if run.language and not ears.understands(run.language):
            foreign.setdefault(run.language, []).append(run)
    for language, these in foreign.items():
        name = Locale("en").languages.get(language, language)
        notices.append(f"{_NOT_WRITTEN}{_times(these)} was not written down: it is in {name}, and {ears.lack}.")
    if guessed := [run for run in runs if run.language and not run.likelihood and ears.understands(run.language)]:
        name = Locale("en").languages.get(guessed[0].language, guessed[0].language)
        notices.append(f"{_UNCHECKED}{name} without a check, so what is in another language is wrong: {ears.lack}.")
    return notices


def _times(runs: Sequence[Run]) -> str:
    """ "0:10-0:40, 1:20-1:30 and 3 more times" """
    joined: list[tuple[float, float]] = []
    for run in runs:
        if joined and run.start - joined[-1][1] < 1.0:
            joined[-1] = (joined[-1][0], run.end)
        else:
            joined.append((run.start, run.end))
    named = [span(start, end) for start, end in joined[:_NAMED_TIMES]]
    more = len(joined) - len(named)
    if more:
        return f"{', '.join(named)} and {more} more {'times' if more > 1 else 'time'}"
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else named[0]
