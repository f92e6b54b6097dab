"""The hear lane: what is spoken, in which language, one track after the other; and what of it was not written down."""

from __future__ import annotations

from collections.abc import Sequence

from model.errors import UnreadableMedia
from model.speech.ears import Ears, load_ears
from model.speech.languages import name_of
from model.timecode import span
from retrieval.index.coverage import Coverage
from retrieval.index.lanes.listening import FurtherListener, Listener
from retrieval.index.lanes.tracks import NOT_HEARD, Sound, choose_sounds
from retrieval.index.lanes.work import Work
from retrieval.index.subtitles import store_subtitles
from retrieval.store.spoken import Spoken, spoken

_NAMED_TIMES = 6  # stretches that a notice names one by one
_UNCHECKED = "Speech was taken for "
_NOT_WRITTEN = "Speech at "
_NOT_READ = "The sound could not be read: "
_NOTICES = (_UNCHECKED, _NOT_WRITTEN, _NOT_READ, NOT_HEARD)  # a new hearing puts its own in their place


class HearLane:
    """Listens to the sounds of a video. How far it is counts for the first track; further ones are heard anew."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        work = self.work
        store_subtitles(work)
        if work.info.has_audio:
            self._hear()
        work.finish("hear")

    def _hear(self) -> None:
        work = self.work
        choices = work.library.video(work.video_id).choices
        understood = load_ears(work.models).understands
        sounds, notices = choose_sounds(work.info, understood, chosen="sound" in choices)
        subtitles = Coverage(work.library, work.video_id)
        for sound in sounds:
            ears = load_ears(work.models, sound.language, choices.get("language") if sound.first else None)
            notices += self._listen(sound, ears, subtitles)
        subtitles.settle()
        work.library.replace_warnings(work.video_id, _NOTICES, notices)

    def _listen(self, sound: Sound, ears: Ears, subtitles: Coverage) -> list[str]:
        """Hears one track; returns what is to be said of it."""
        work, notices = self.work, list[str]()
        listener = Listener if sound.first else FurtherListener
        try:
            listener(work, sound.info, ears, subtitles, sound.origin).run()
        except UnreadableMedia as error:
            notices.append(f"{_NOT_READ}{error}")
        if sound.first:
            runs = spoken(work.library, work.video_id)
            open_ = [run for run in runs if not subtitles.covers(run, run.language, lambda: "")]
            notices += find_notices(open_, ears)
        return notices


def find_notices(runs: Sequence[Spoken], ears: Ears) -> list[str]:
    """A sentence for each kind of speech that was not written down, or not surely."""
    notices = []
    if untold := [run for run in runs if run.language is None and ears.tells]:
        notices.append(f"{_NOT_WRITTEN}{_times(untold)} was not written down: its language could not be told.")
    foreign: dict[str, list[Spoken]] = {}
    for run in runs:
        if run.language and not ears.understands(run.language):
            foreign.setdefault(run.language, []).append(run)
    for language, these in foreign.items():
        name = name_of(language)
        notices.append(f"{_NOT_WRITTEN}{_times(these)} was not written down: it is in {name}, and {ears.lack}.")
    if guessed := [run for run in runs if run.language and not run.likelihood and ears.understands(run.language)]:
        name = name_of(guessed[0].language)
        notices.append(f"{_UNCHECKED}{name} without a check, so what is in another language is wrong: {ears.lack}.")
    return notices


def _times(runs: Sequence[Spoken]) -> str:
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
