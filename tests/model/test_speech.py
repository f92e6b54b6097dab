from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from model.speech.invented import looks_invented
from model.speech.moonshine import MoonshineRecognizer
from model.speech.recognizer import Line, lines_of_segments, lines_of_words, split_lines
from model.speech.voice import VoiceActivity

RATE = 16_000


@pytest.fixture(scope="module")
def recording() -> np.ndarray:
    """44 s of "It was the best of times ...", which comes with the speech library."""
    import moonshine_voice

    with wave.open(str(Path(moonshine_voice.__file__).parent / "assets" / "two_cities.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        stereo, rate = file.getnchannels(), file.getframerate()
    mono = samples.reshape(-1, stereo).mean(axis=1)
    places = np.arange(0, len(mono) * RATE // rate) * rate / RATE
    return np.interp(places, np.arange(len(mono)), mono).astype(np.float32)


@pytest.fixture(scope="module")
def recognizer() -> MoonshineRecognizer:
    return MoonshineRecognizer()


def music(seconds: float) -> np.ndarray:
    """Chords of a few overtones that change twice a second."""
    rng = np.random.default_rng(5)
    time = np.arange(int(0.5 * RATE)) / RATE
    chords = []
    for _ in range(int(seconds * 2)):
        roots = 220 * 2 ** (rng.choice([0, 3, 4, 7, 9, 12], 3, replace=False) / 12)
        tones = sum(np.sin(2 * np.pi * root * k * time) / k for root in roots for k in (1, 2, 3))
        chords.append(tones * np.exp(-3 * time))
    return (0.1 * np.concatenate(chords)).astype(np.float32)


def stretches(audio: np.ndarray, start: float = 0.0, block: int = 30 * RATE) -> list[tuple[float, float]]:
    voice = VoiceActivity()
    found = [s for i in range(0, len(audio), block) for s in voice.feed(start + i / RATE, audio[i : i + block])]
    return [(round(s.start, 3), round(s.end, 3)) for s in found + voice.flush()]


@pytest.mark.models
def test_speech_is_found_where_it_is(recording: np.ndarray) -> None:
    silence = np.zeros(5 * RATE, np.float32)
    found = stretches(np.concatenate([silence, recording[: 12 * RATE], silence, silence]))
    assert 5.0 <= found[0][0] < 6.5
    assert 16.0 < found[-1][1] <= 17.6
    assert all(end - start <= 15.1 for start, end in found)
    assert all(a[1] <= b[0] + 1e-6 for a, b in pairwise(found))


@pytest.mark.models
def test_no_speech_in_silence_noise_and_music() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 6 * RATE).astype(np.float32)
    assert stretches(np.zeros(3 * RATE, np.float32)) == []
    assert stretches(noise) == []
    assert stretches(music(8)) == []
    assert stretches(np.zeros(0, np.float32)) == []


@pytest.mark.models
def test_block_sizes_do_not_matter_and_samples_match_their_times(recording: np.ndarray) -> None:
    audio = recording[: 15 * RATE]
    assert stretches(audio, block=777) == stretches(audio)
    for speech in VoiceActivity().feed(100.0, audio):
        begin, end = (round((t - 100.0) * RATE) for t in (speech.start, speech.end))
        assert np.array_equal(speech.samples, audio[begin:end])


@pytest.mark.models
def test_a_run_resumed_after_any_stretch_finds_the_same_rest(recording: np.ndarray) -> None:
    whole = stretches(recording)
    assert len(whole) >= 4
    for number, (_, end) in enumerate(whole[:-1]):
        assert stretches(recording[round(end * RATE) :], start=end) == whole[number + 1 :]


@pytest.mark.models
def test_long_silence_moves_the_point_of_resuming(recording: np.ndarray) -> None:
    voice = VoiceActivity()
    voice.feed(0.0, np.zeros(70 * RATE, np.float32))
    resume_at = voice.resume_at
    assert 50 < resume_at <= 70
    audio = recording[: 6 * RATE]
    expected = [(round(s.start, 3), round(s.end, 3)) for s in voice.feed(70.0, audio) + voice.flush()]
    padding = np.zeros(round((70 - resume_at) * RATE), np.float32)
    assert stretches(np.concatenate([padding, audio]), start=resume_at) == expected != []


@pytest.mark.models
def test_speech_without_a_pause_is_cut(recording: np.ndarray) -> None:
    loud = np.abs(recording) > 0.02
    busy = np.convolve(loud, np.ones(1600), "same") > 0
    found = stretches(np.tile(recording[busy], 2)[: 40 * RATE])
    assert len(found) >= 3
    assert max(end - start for start, end in found) <= 15.1


@pytest.mark.models
def test_a_gap_in_the_sound_ends_a_stretch(recording: np.ndarray) -> None:
    voice = VoiceActivity()
    first = voice.feed(0.0, recording[RATE : 3 * RATE])
    second = voice.feed(60.0, recording[RATE : 3 * RATE]) + voice.flush()
    found = first + second
    assert found[0].end <= 2.1
    assert found[-1].start >= 60.0


@pytest.mark.models
def test_speech_becomes_lines_with_times(recording: np.ndarray, recognizer: MoonshineRecognizer) -> None:
    voice = VoiceActivity()
    speech = voice.feed(0.0, recording) + voice.flush()
    lines = [line for s in speech for line in recognizer.transcribe(s.samples, s.start)]
    text = " ".join(line.text.lower() for line in lines)
    for phrase in ("best of times", "worst of times", "age of wisdom", "winter of despair"):
        assert phrase in text
    despair = next(line for line in lines if "despair" in line.text)
    assert 17 < despair.start < despair.end < 22
    assert all(0 < line.end - line.start < 9 for line in lines)


@pytest.mark.models
def test_nothing_is_made_of_silence(recognizer: MoonshineRecognizer) -> None:
    assert recognizer.transcribe(np.zeros(3 * RATE, np.float32), 0.0) == []
    assert recognizer.transcribe(np.zeros(0, np.float32), 0.0) == []
    assert recognizer.transcribe(np.full(RATE, 1e-5, np.float32), 0.0) == []


@pytest.mark.parametrize(
    "text",
    ["", "...", "♪ ♪", "I am going to go to the end of the " * 4, "a" * 80],
)
def test_degenerate_text_is_dropped(text: str) -> None:
    assert looks_invented(text, 2.0)


@pytest.mark.parametrize(
    "text", ["No, no, no!", "It was the best of times, it was the worst of times.", "Banana.", "40"]
)
def test_real_text_is_kept(text: str) -> None:
    assert not looks_invented(text, 3.0)


def test_sentences_are_cut_at_the_pause_between_them() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 8 * RATE).astype(np.float32)
    audio[int(4.3 * RATE) : int(4.5 * RATE)] = 0
    first, second = split_lines("This is the first sentence of it. This is the second one of it.", audio, 100.0)
    assert (first.start, second.end) == (100.0, 108.0)
    assert first.text.endswith("of it.") and second.text.startswith("This is the second")
    assert 104.3 <= first.end == second.start <= 104.5


def test_a_long_sentence_is_cut_into_even_lines() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 15 * RATE).astype(np.float32)
    words = ["word"] * 60
    lines = split_lines(" ".join(words), audio, 0.0)
    assert " ".join(line.text for line in lines).split() == words
    assert max(line.end - line.start for line in lines) < 9.5
    assert [line.start for line in lines[1:]] == [line.end for line in lines[:-1]]


def test_a_short_interjection_stays_with_its_neighbour() -> None:
    audio = np.full(6 * RATE, 0.1, np.float32)
    assert split_lines("No. That is not what I said to him.", audio, 0.0) == [
        Line(0.0, 6.0, "No. That is not what I said to him.")
    ]


def test_writing_without_spaces_is_cut_too() -> None:
    audio = np.full(20 * RATE, 0.1, np.float32)
    text = "今天天气很好，我们去公园。" * 4
    lines = split_lines(text, audio, 0.0)
    assert "".join(line.text for line in lines) == text and len(lines) >= 3
    endless = split_lines("字" * 60, audio, 0.0)
    assert "".join(line.text for line in endless) == "字" * 60 and max(x.end - x.start for x in endless) < 9.5


def test_segments_keep_their_times_and_impossible_ones_join_their_neighbour() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    heard = [Line(1.0, 3.0, " One here."), Line(3.0, 3.0, "two"), Line(2.5, 6.0, "Three there."), Line(6.0, 7.0, "  ")]
    lines = lines_of_segments(heard, audio, 100.0)
    assert [line.text for line in lines] == ["One here. two", "Three there."]
    assert [(line.start, line.end) for line in lines] == [(101.0, 103.0), (103.0, 106.0)]


def test_words_make_lines_at_sentences_and_at_eight_seconds() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 20 * RATE).astype(np.float32)
    words = [Line(i * 0.5, i * 0.5 + 0.4, f" word{i}{'.' if i == 5 else ''}") for i in range(36)]
    lines = lines_of_words(words, audio, 0.0)
    assert lines[0].text.endswith("word5.") and lines[0].end == pytest.approx(2.9, abs=0.01)
    assert lines[1].start == pytest.approx(3.0) and max(line.end - line.start for line in lines) <= 8.1
    assert " ".join(line.text for line in lines).split() == [word.text.strip() for word in words]
