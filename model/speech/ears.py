"""Hearing in any language: which one is spoken, and the recogniser that writes it down.

A profile has a recogniser for one language (or all) and may have another for the rest, which also tells languages
apart. Knows nothing of files and storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from model.speech.languages import usual
from model.speech.recognizer import Line, SpeechRecognizer, quiet_moment
from model.speech.spoken_language import SURE, Shares, Verdict, tell_languages
from model.speech.voice import SAMPLE_RATE, Speech

if TYPE_CHECKING:
    from model.loading import Models

JOIN_GAP_S = 2.0  # stretches with no longer pause between them are heard together: it helps, and it saves time
DIVIDED_S = 5.0  # a shorter stretch is one sentence of one language
PLAIN = 0.9  # a language so probable is the only one in a stretch
JOINED_S = 28.0  # at most so much: the network takes 30 seconds
LACK = "Whisper base, which tells languages apart and understands them, is not here (`make setup` fetches it)"


class LanguageRecognizer(SpeechRecognizer, Protocol):
    """A recogniser of many languages that can tell them apart."""

    languages: frozenset[str]  # ISO 639-1 where there is one

    def rate_languages(self, audio: np.ndarray) -> Shares:
        """The probability of each language in a stretch of speech, float32 mono 16 kHz [n]."""
        ...


class Ears:
    """The recognisers of a profile, with what is known of one sound track."""

    def __init__(
        self,
        main: SpeechRecognizer,
        main_language: str,
        others: LanguageRecognizer | None,
        hint: str | None = None,
        chosen: str | None = None,
    ) -> None:
        """main_language: what `main` understands, "auto" where it understands many. hint: the language that the file
        says its sound has. chosen: the language that the user says it has; it is believed."""
        self._main, self._main_language, self._others = main, main_language, others
        self._hint, self._chosen = usual(hint), usual(chosen)
        # The end of a sentence on speech that was not written down.
        self.lack = "no recogniser of this profile understands it" if others else LACK

    @property
    def tells(self) -> bool:
        """Whether languages are told here; else the recogniser finds them out itself, and says nothing of it."""
        return self._chosen is not None or self._others is not None or self._main_language != "auto"

    def understands(self, language: str) -> bool:
        return language == self._main_language or self._main_language == "auto" or self._speaks(language)

    def tell(self, stretches: Sequence[Speech], before: Verdict | None = None) -> list[tuple[Speech, Verdict]]:
        """Which language each stretch is in; one that changes its language is divided. `before`: the last sure verdict
        on what came before them.

        Without a recogniser that can tell languages apart: the one that the file says, else the main one's.
        """
        if self._chosen:
            return [(speech, Verdict(self._chosen, 1.0)) for speech in stretches]
        if self._others is None:
            alone = Verdict((self._hint or self._main_language) if self.tells else None, 0.0)
            return [(speech, alone) for speech in stretches]
        parts = [part for speech in stretches for part in divide(speech, self._others)]
        verdicts = tell_languages([(s.end - s.start, shares) for s, shares in parts], before, self._hint)
        return [(speech, verdict) for (speech, _), verdict in zip(parts, verdicts, strict=True)]

    def write_down(self, stretches: Sequence[Speech], language: str | None) -> list[Line]:
        """What is said in stretches of one language, in order; nothing where no recogniser here understands it.

        None: it could not be told, and nothing is written; unless the recogniser is to find it out itself.
        """
        if language is None and self.tells:
            return []
        if language is None or language == self._main_language or self._main_language == "auto":
            return [line for s in stretches for line in self._main.transcribe(s.samples, s.start, language)]
        if self._others is not None and self._speaks(language):
            joined = join_stretches(stretches)
            return [line for s in joined for line in self._others.transcribe(s.samples, s.start, language)]
        return []

    def _speaks(self, language: str) -> bool:
        return self._others is not None and language in self._others.languages


def load_ears(models: Models, hint: str | None = None, chosen: str | None = None) -> Ears:
    """The ears of a profile for one sound track; see Ears."""
    return Ears(models.speech, models.profile.speech.language, models.languages, hint, chosen)


def divide(speech: Speech, network: LanguageRecognizer) -> list[tuple[Speech, Shares]]:
    """The stretch with the shares of its languages; in two parts where each is surely in another language.

    People who change their language without a pause leave a long stretch in doubt. Three places are tried.
    """
    whole = network.rate_languages(speech.samples)
    if speech.end - speech.start < DIVIDED_S or max(whole.values()) >= PLAIN:
        return [(speech, whole)]
    best, surest = [(speech, whole)], max(whole.values())
    for share in (1 / 3, 1 / 2, 2 / 3):
        cut = round(quiet_moment(speech.samples, share * (speech.end - speech.start)) * SAMPLE_RATE)
        middle = speech.start + cut / SAMPLE_RATE
        sides = Speech(speech.start, middle, speech.samples[:cut]), Speech(middle, speech.end, speech.samples[cut:])
        parts = [(side, network.rate_languages(side.samples)) for side in sides]
        first, second = (max(shares, key=lambda code: shares[code]) for _, shares in parts)
        sure = min(max(shares.values()) for _, shares in parts)
        if first != second and sure > max(surest, SURE):
            best, surest = parts, sure
    return best


def join_stretches(stretches: Iterable[Speech]) -> list[Speech]:
    """Neighbours put together, with silence where nobody speaks: Whisper hears half a minute at once."""
    joined: list[Speech] = []
    for speech in stretches:
        if joined and speech.start - joined[-1].end <= JOIN_GAP_S and speech.end - joined[-1].start <= JOINED_S:
            first = joined.pop()
            pause = max(0, round((speech.start - first.start) * SAMPLE_RATE) - len(first.samples))
            samples = np.concatenate([first.samples, np.zeros(pause, np.float32), speech.samples])
            joined.append(Speech(first.start, speech.end, samples))
        else:
            joined.append(speech)
    return joined
