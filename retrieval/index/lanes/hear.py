"""The hear lane: finds speech and writes it down, one stretch of speech after the other."""

from __future__ import annotations

import numpy as np

from model.errors import UnreadableMedia
from model.media.audio import read_audio
from model.speech.recognizer import Line
from model.speech.voice import Speech, VoiceActivity
from retrieval.index.coverage import Coverage
from retrieval.index.lanes.work import Work
from retrieval.index.subtitle_choice import spoken_by_tag
from retrieval.index.subtitles import store_subtitles


class HearLane:
    """Finds speech and writes it down, one stretch of speech after the other."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        store_subtitles(self.work)
        self.subtitles = Coverage(self.work.library, self.work.video_id)
        try:
            self._listen()
            self.subtitles.settle()
        except UnreadableMedia as error:
            self.work.library.add_warning(self.work.video_id, f"The sound could not be read: {error}")
        self.work.finish("hear")

    def _listen(self) -> None:
        work = self.work
        if work.info.has_audio:
            voice = VoiceActivity()
            for begin, block in read_audio(work.path, work.info, work.until("hear")):
                for speech in voice.feed(begin, block):
                    self._store(speech)
                work.check()
                if voice.resume_at > work.until("hear"):
                    self._advance(voice.resume_at)
            for speech in voice.flush():
                self._store(speech)

    def _store(self, speech: Speech) -> None:
        work = self.work
        work.check()
        language = spoken_by_tag(work.info, work.library.video(work.video_id).choices) or "en"
        if not self.subtitles.uncovered([speech], language, self._lines):
            self._advance(speech.end)
            return
        lines = self._lines(speech)
        pieces = [(line.start, min(line.end, work.info.duration), line.text) for line in lines]
        pieces = [piece for piece in pieces if piece[0] < work.info.duration]
        vectors = work.models.passages.embed([text for _, _, text in pieces])
        work.library.add_passages(
            work.video_id, "speech", pieces, vectors, lane_until=("hear", speech.end), language=language, origin="heard"
        )

    def _lines(self, speech: Speech) -> list[Line]:
        return self.work.models.speech.transcribe(speech.samples, speech.start)

    def _advance(self, until: float) -> None:
        self.work.library.add_passages(self.work.video_id, "speech", [], np.zeros((0, 1)), lane_until=("hear", until))
