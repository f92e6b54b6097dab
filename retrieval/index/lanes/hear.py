"""The hear lane: finds speech and writes it down, one stretch of speech after the other, one track after the other."""

from __future__ import annotations

import numpy as np

from model.errors import UnreadableMedia
from model.speech.voice import Speech, VoiceActivity
from retrieval.index.lanes.tracks import Sound, choose_sounds, read_sound, tell, without_repeats
from retrieval.index.lanes.work import Work


class HearLane:
    """Finds speech and writes it down. How far it is counts for the first track; further ones are heard anew."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        work = self.work
        chosen = "sound" in work.library.video(work.video_id).choices
        sounds, notices = choose_sounds(work.info, getattr(work.models.speech, "languages", None), chosen)
        tell(work.library, work.video_id, notices)
        for sound in sounds:
            try:
                self._listen(sound)
            except UnreadableMedia as error:
                work.library.add_warning(work.video_id, f"The sound could not be read: {error}")
        work.finish("hear")

    def _listen(self, sound: Sound) -> None:
        work = self.work
        if not sound.first:
            work.library.add_passages(work.video_id, "speech", [], np.zeros((0, 1)), replace=True, origin=sound.origin)
        voice = VoiceActivity()
        for begin, block in read_sound(work, sound, work.until("hear") if sound.first else 0.0):
            for speech in voice.feed(begin, block):
                self._store(speech, sound)
            work.check()
            if sound.first and voice.resume_at > work.until("hear"):
                self._advance(voice.resume_at)
        for speech in voice.flush():
            self._store(speech, sound)

    def _store(self, speech: Speech, sound: Sound) -> None:
        work = self.work
        work.check()
        lines = work.models.speech.transcribe(speech.samples, speech.start)
        pieces = [(line.start, min(line.end, work.info.duration), line.text) for line in lines]
        pieces = [piece for piece in pieces if piece[0] < work.info.duration]
        if not sound.first:
            said = [p for p in work.library.passages(work.video_id, "speech") if p.origin != sound.origin]
            pieces = without_repeats(pieces, said)
        vectors = work.models.passages.embed([text for _, _, text in pieces])
        until = ("hear", speech.end) if sound.first else None
        work.library.add_passages(
            work.video_id, "speech", pieces, vectors, until, language=sound.language, origin=sound.origin
        )

    def _advance(self, until: float) -> None:
        self.work.library.add_passages(self.work.video_id, "speech", [], np.zeros((0, 1)), lane_until=("hear", until))
