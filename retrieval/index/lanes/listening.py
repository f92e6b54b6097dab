"""Listens to one sound track: finds the speech, tells its language, writes it down.

Stretches of speech are gathered to about half a minute before their languages are settled, so that a short one can lean
on those around it. Each such group is stored at once with the lane's progress, and what it takes from before it is what
was stored: a run that was killed goes on at the group that was open and ends with the same index.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from model.media.audio import read_audio
from model.media.probe import MediaInfo
from model.speech.ears import Ears
from model.speech.recognizer import Line
from model.speech.spoken_language import Verdict
from model.speech.voice import Speech, VoiceActivity
from retrieval.index.lanes.work import Work
from retrieval.store.heard import Run, add_heard, spoken_runs

HEARD = "heard"  # the origin of lines that a recogniser wrote
GROUP_S = 20.0  # of speech; a stretch has at most 15 s, and Whisper hears 30 s at once
NEAR_S = 30.0  # a group ends where nobody speaks for so long


class Listener:
    """One sound track. `counts`: whether the lane's progress is that of this track; further ones are heard anew."""

    def __init__(self, work: Work, info: MediaInfo, ears: Ears, origin: str = HEARD, counts: bool = True) -> None:
        self.work, self.info, self.ears, self.origin, self.counts = work, info, ears, origin, counts
        self._group: list[Speech] = []
        self._before = self._last_verdict() if counts else None

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
        """Blocks (seconds, float32 mono 16 kHz [n]) from `start` on."""
        return read_audio(self.work.path, self.info, start)

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
        verdicts = self.ears.tell(group, self._before)
        runs = []
        for language, both in itertools.groupby(zip(group, verdicts, strict=True), key=lambda pair: pair[1].language):
            stretches, told = zip(*both, strict=True)
            self.work.check()
            lines = self.fitting(self.ears.write_down(stretches, language))
            likelihood = min(verdict.likelihood for verdict in told)
            runs.append(Run(stretches[0].start, stretches[-1].end, language, likelihood, lines))
        known = [run for run in runs if run.language]
        if known:
            self._before = Verdict(known[-1].language, known[-1].likelihood)
        self._store(runs, group[-1].end)

    def _store(self, runs: Sequence[Run], until: float) -> None:
        work = self.work
        vectors = work.models.passages.embed([line.text for run in runs for line in run.lines])
        add_heard(work.library, work.video_id, runs, vectors, until if self.counts else None, self.origin)

    def _last_verdict(self) -> Verdict | None:
        known = [run for run in spoken_runs(self.work.library, self.work.video_id) if run.language]
        return Verdict(known[-1].language, known[-1].likelihood) if known else None
