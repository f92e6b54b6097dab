"""Voice activity: finds the stretches of sound in which somebody speaks.

Knows nothing of words. The network is Silero VAD (MIT, https://github.com/snakers4/silero-vad), which rates windows of
512 samples one after the other and carries a memory from window to window. That memory is wiped where a stretch ends,
so whatever follows depends on nothing before: a run that stops there and one that starts there find the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000
WINDOW = 512  # samples a rating; fixed by the network, 32 ms
CONTEXT = 64  # samples of the window before that the network wants to see again
WINDOW_S = WINDOW / SAMPLE_RATE

ENTER = 0.5  # probability at which speech begins (the network's recommended threshold)
LEAVE = 0.35  # probability below which a window counts as a pause: lower, so that stretches do not flicker
MIN_SPEECH_WINDOWS = 8  # 0.26 s: anything shorter is a click or a cough; "yes" takes about 0.3 s
MIN_CERTAINTY = 0.7  # mean probability over the windows of speech: voices come to 0.8 and more, music to 0.5-0.7
PAD_WINDOWS = 10  # 0.32 s kept before and after: soft consonants are rated late, and recognisers want room
# The longer a stretch, the shorter the pause that ends it: recognisers mishear lone words and drop words from long
# pieces, and a line of a few seconds is also the better thing to jump to. (Stretch shorter than, windows of pause.)
PAUSES = ((int(3.0 / WINDOW_S), 31), (int(6.0 / WINDOW_S), 14), (int(9.0 / WINDOW_S), 7), (int(14.5 / WINDOW_S), 4))
MAX_WINDOWS = PAUSES[-1][0]
SPLIT_SEARCH_WINDOWS = int(7.0 / WINDOW_S)  # without any pause: cut at the least likely window of the last 7 s
# After so long without speech the memory is wiped as well, so that a resumed run need not go back further. Not sooner:
# right after a wipe the network takes music for speech more easily.
RESET_WINDOWS = int(60.0 / WINDOW_S)


@dataclass(frozen=True)
class Speech:
    """A stretch of speech: `start` and `end` in seconds, `samples` float32 mono 16 kHz [n]."""

    start: float
    end: float
    samples: np.ndarray


class _Rater:
    """Silero VAD: the probability of speech in each of consecutive windows."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # tiny products: threads only add waiting
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._rate = np.array(SAMPLE_RATE, np.int64)
        self.reset()

    def reset(self) -> None:
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, CONTEXT + WINDOW), np.float32)

    def rate(self, window: np.ndarray) -> float:
        self._input[0, :CONTEXT] = self._input[0, -CONTEXT:]
        self._input[0, CONTEXT:] = window
        feed = {"input": self._input, "state": self._state, "sr": self._rate}
        rating, self._state = self._session.run(None, feed)
        return float(rating[0, 0])


def load_rater() -> Callable[[np.ndarray], np.ndarray]:
    """Takes float32 mono 16 kHz [n] to the probability of speech in each whole window; nothing is before them.

    Raises PackError if the network is not there.
    """
    from model.pack import part

    rater = _Rater(part("voice") / "silero_vad_16k_op15.onnx")

    def rate(sound: np.ndarray) -> np.ndarray:
        rater.reset()
        windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
        return np.array([rater.rate(window) for window in windows], np.float32)

    return rate


class VoiceActivity:
    """Streams sound in, stretches of speech out.

    Feed consecutive blocks; their sizes do not matter. `resume_at` is the time from which a new VoiceActivity, fed the
    same sound, finds exactly the stretches that this one has yet to return; the end of each stretch is such a time.
    Holds about a minute of sound. Not thread-safe: one instance per sound track.
    """

    def __init__(self) -> None:
        from model.pack import part

        self._rater = _Rater(part("voice") / "silero_vad_16k_op15.onnx")
        self._audio = np.zeros(0, np.float32)
        self._start_anew(0.0)
        self._fed = False

    @property
    def resume_at(self) -> float:
        """Seconds: all before this time is settled."""
        return self._time

    def feed(self, time: float, audio: np.ndarray) -> list[Speech]:
        """Takes in `audio` (float32 mono 16 kHz [n]) that begins at `time` seconds; returns the stretches that ended.

        A block that does not begin where the last one ended (to a window) ends what was going on and starts anew.
        """
        ended: list[Speech] = []
        if not self._fed or abs(time - (self._time + len(self._audio) / SAMPLE_RATE)) > WINDOW_S:
            ended = self.flush()
            self._start_anew(time)
            self._fed = True
        self._audio = np.concatenate([self._audio, audio.astype(np.float32, copy=False)])
        return ended + self._advance()

    def flush(self) -> list[Speech]:
        """The sound is over: returns what was still open, if it was speech."""
        ended = []
        rest = len(self._audio) % WINDOW
        if rest and self._first is not None:  # the last, partial window counts as a pause of silence
            self._audio = np.concatenate([self._audio, np.zeros(WINDOW - rest, np.float32)])
            ended = self._advance()
        if self._first is not None:
            ended += self._close(min(self._last + 1 + PAD_WINDOWS, len(self._ratings)))
        self._start_anew(self._time + len(self._audio) / SAMPLE_RATE)
        self._fed = False
        return ended

    def _start_anew(self, time: float) -> None:
        self._time = time  # of the first sample of `_audio`
        self._audio = np.zeros(0, np.float32)
        self._forget()

    def _forget(self) -> None:
        self._rater.reset()
        self._ratings: list[float] = []  # one per window of `_audio` rated so far
        self._first: int | None = None  # window where the open stretch begins
        self._last = 0  # its latest window of speech
        self._spoken: list[float] = []  # ratings of its windows of speech

    def _advance(self) -> list[Speech]:
        ended: list[Speech] = []
        while (len(self._ratings) + 1) * WINDOW <= len(self._audio):
            at = len(self._ratings)
            rating = self._rater.rate(self._audio[at * WINDOW : (at + 1) * WINDOW])
            self._ratings.append(rating)
            if self._first is None:
                if rating >= ENTER:
                    self._first, self._last, self._spoken = at, at, [rating]
                elif at >= RESET_WINDOWS:
                    self._cut(at + 1 - PAD_WINDOWS)
            else:
                ended += self._continue(at, rating)
        return ended

    def _continue(self, at: int, rating: float) -> list[Speech]:
        """One more window of an open stretch: goes on, or ends it by a pause or by its length."""
        assert self._first is not None
        if rating >= LEAVE:
            self._last = at
            if rating >= ENTER:
                self._spoken.append(rating)
        length = at + 1 - self._first
        pause = at - self._last
        if pause >= next((windows for limit, windows in PAUSES if length < limit), 0):
            return self._close(self._last + 1 + min(PAD_WINDOWS, pause // 2))
        if length >= MAX_WINDOWS:
            recent = self._ratings[at + 1 - SPLIT_SEARCH_WINDOWS : at + 1]
            return self._close(at + 1 - SPLIT_SEARCH_WINDOWS + int(np.argmin(recent)))
        return []

    def _close(self, end: int) -> list[Speech]:
        """Ends the open stretch before window `end` and wipes the memory there."""
        assert self._first is not None
        begin = max(0, self._first - PAD_WINDOWS)
        spoken = self._spoken
        samples = self._audio[begin * WINDOW : end * WINDOW]
        speech = Speech(self._time + begin * WINDOW_S, self._time + end * WINDOW_S, samples)
        self._cut(end)
        if len(spoken) < MIN_SPEECH_WINDOWS or sum(spoken) / len(spoken) < MIN_CERTAINTY:
            return []
        return [speech]

    def _cut(self, end: int) -> None:
        self._time += end * WINDOW_S
        self._audio = self._audio[end * WINDOW :]
        self._forget()
