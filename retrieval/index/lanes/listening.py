"""Listens to one sound track: finds the speech, tells its language, writes it down.

Stretches of speech are gathered to about half a minute before their languages are settled, so that a short one can lean
on those around it. Each such group is stored at once with the lane's progress, and what it takes from before it is what
was stored: a run that was killed goes on at the group that was open and ends with the same index.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from model.media.audio import read_audio
from model.media.probe import MediaInfo
from model.speech.ears import Ears
from model.speech.recognizer import Line
from model.speech.spoken_language import Verdict
from model.speech.voice import Speech, VoiceActivity
from retrieval.index.coverage import Coverage
from retrieval.index.lanes.tracks import without_repeats
from retrieval.index.lanes.work import Work
from retrieval.store.heard import Run, add_heard
from retrieval.store.spoken import spoken

HEARD = "heard"  # the origin of lines that a recogniser wrote
GROUP_S = 20.0  # of speech; a stretch has at most 15 s, and Whisper hears 30 s at once
_TELLING_LOSS_S = 1.0  # less is a word at most, and many good files begin with a packet that cannot be decoded
NEAR_S = 30.0  # a group ends where nobody speaks for so long


class Listener:
    """The sound track that the lane's progress counts. What `subtitles` have written down is not written again."""

    counts = True

    def __init__(self, work: Work, info: MediaInfo, ears: Ears, subtitles: Coverage, origin: str = HEARD) -> None:
        self.work, self.info, self.ears, self.subtitles, self.origin = work, info, ears, subtitles, origin
        self._group: list[Speech] = []
        self._before = self._last_verdict() if self.counts else None

    def run(self) -> None:
        """Raises UnreadableMedia if the file cannot be opened any more."""
        work, voice = self.work, VoiceActivity()
        for begin, block in self.sound(work.until("hear") if self.counts else 0.0):
            for speech in voice.feed(begin, block):
                self._take(speech)
            work.check()
            if self._group and voice.resume_at - self._group[-1].end > NEAR_S:
                self._settle()
            if not self._group and self.counts and voice.resume_at > work.until("hear"):
                self._store([], voice.resume_at)
        for speech in voice.flush():
            self._take(speech)
        self._settle()

    def sound(self, start: float) -> Iterator[tuple[float, np.ndarray]]:
        """Blocks (seconds, float32 mono 16 kHz [n]) from `start` on. A notice says so if much cannot be decoded."""
        lost = list[float]()
        yield from read_audio(self.work.path, self.info, start, lost=lost.append)
        if sum(lost) >= _TELLING_LOSS_S:
            self.work.library.add_warning(
                self.work.video_id,
                f"{sum(lost):.0f} s of the sound could not be decoded:"
                " they are damaged or in another format than the rest.",
            )

    def fitting(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that are kept, inside the video."""
        duration = self.work.info.duration
        return [replace(line, end=min(line.end, duration)) for line in lines if line.start < duration]

    def _take(self, speech: Speech) -> None:
        if self._group and speech.start - self._group[-1].end > NEAR_S:
            self._settle()
        self._group.append(speech)
        if sum(stretch.end - stretch.start for stretch in self._group) >= GROUP_S:
            self._settle()

    def _settle(self) -> None:
        """Tells the languages of the group, writes it down and stores it."""
        group, self._group = self._group, []
        if not group:
            return
        self.work.check()
        told = self.ears.tell(group, self._before)
        runs = []
        for language, pairs in itertools.groupby(told, key=lambda pair: pair[1].language):
            stretches, verdicts = zip(*pairs, strict=True)
            self.work.check()
            needed = self.subtitles.uncovered(stretches, language, partial(self._heard, language))
            lines = self.fitting(self.ears.write_down(needed, language))
            likelihood = min(verdict.likelihood for verdict in verdicts)
            unheard = language is None or not self.ears.understands(language)
            if lines or unheard or not needed:  # else it was no speech
                runs.append(Run(stretches[0].start, stretches[-1].end, language, likelihood, lines))
        known = [run for run in runs if run.language]
        if known:
            self._before = Verdict(known[-1].language, known[-1].likelihood)
        self._store(runs, group[-1].end)

    def _heard(self, language: str | None, speech: Speech) -> list[Line]:
        return self.ears.write_down([speech], language)

    def _store(self, runs: Sequence[Run], until: float) -> None:
        work = self.work
        vectors = work.models.passages.embed([line.text for run in runs for line in run.lines])
        add_heard(work.library, work.video_id, runs, vectors, until if self.counts else None, self.origin)

    def _last_verdict(self) -> Verdict | None:
        known = [run for run in spoken(self.work.library, self.work.video_id) if run.language]
        return Verdict(known[-1].language, known[-1].likelihood) if known else None


class FurtherListener(Listener):
    """Another sound track of the same video: heard from its beginning, and less what the tracks before it say too."""

    counts = False

    def run(self) -> None:
        """See Listener."""
        library, video_id = self.work.library, self.work.video_id
        library.add_passages(video_id, "speech", [], np.zeros((0, 1)), replace=True, origin=self.origin)
        self._known = [line for line in library.passages(video_id, "speech") if line.origin != self.origin]
        super().run()

    def fitting(self, lines: Sequence[Line]) -> list[Line]:
        """See Listener."""
        return without_repeats(super().fitting(lines), self._known)
