from __future__ import annotations

import json

import numpy as np
import pytest

from model.errors import UsageError
from retrieval.store.library import Library
from retrieval.store.records import Video
from retrieval.store.transcripts import languages, spoken_language, tracks, transcript

Piece = tuple[float, float, str]


def add(library: Library, video: Video, origin: str, language: str | None, *pieces: Piece) -> None:
    library.add_passages(video.id, "speech", pieces, np.ones((len(pieces), 4)), language=language, origin=origin)


def said(library: Library, video: Video, language: str | None = None) -> list[str]:
    return [line.text for line in transcript(library, library.video(video.id), language)]


def test_what_was_heard_is_the_transcript_and_a_translation_is_not_mixed_in(library: Library, video: Video) -> None:
    add(library, video, "heard", "es", (1, 3, "hola"), (4, 6, "adiós"))
    add(library, video, "subtitles:2", "en", (1, 3, "hello"), (4, 6, "goodbye"))
    assert said(library, video) == ["hola", "adiós"]
    assert said(library, video, "en") == ["hello", "goodbye"]
    assert languages(library, video) == ["es", "en"]


def test_subtitles_of_the_spoken_language_come_first_and_what_was_heard_fills_their_gaps(
    library: Library, video: Video
) -> None:
    add(library, video, "heard", "en", (1, 3, "hallo"), (10, 12, "only heard"))
    add(library, video, "subtitles:2", "en", (1, 3, "hello"), (4, 6, "goodbye"))
    add(library, video, "subtitles:3", "de", (1, 3, "guten Tag"))
    assert said(library, video) == ["hello", "goodbye", "only heard"]


def test_without_a_word_heard_the_subtitles_are_the_transcript(library: Library, video: Video) -> None:
    add(library, video, "subtitles:2", "fr", (1, 3, "bonjour"))
    add(library, video, "subtitles:3", "en", (1, 3, "hello"), (4, 5, "you"))
    assert said(library, video) == ["hello", "you"]  # of two the longer
    assert said(library, video, "fr") == ["bonjour"]


def test_a_file_is_preferred_to_a_track(library: Library, video: Video) -> None:
    add(library, video, "subtitles:2", "en", (1, 3, "hello"), (4, 5, "you"))
    add(library, video, "file:first.en.srt", "en", (1, 3, "Hello!"))
    assert [track.origin for track in tracks(library, video)] == ["file:first.en.srt", "subtitles:2"]
    assert said(library, video) == ["Hello!"]


def test_forced_subtitles_are_added_to_what_is_heard(library: Library, video: Video) -> None:
    add(library, video, "heard", "en", (1, 3, "hello"))
    add(library, video, "file:first.en.forced.srt", "en", (5, 6, "[in Elvish] friend"))
    assert said(library, video) == ["hello", "[in Elvish] friend"]


def test_a_language_that_is_not_there_is_refused_with_those_that_are(library: Library, video: Video) -> None:
    add(library, video, "heard", "en", (1, 3, "hello"))
    with pytest.raises(UsageError, match=r"no transcript of first.mp4 in 'zh'; languages it has: en"):
        transcript(library, video, "zh")


def test_lines_of_older_libraries_have_no_origin_and_were_heard(library: Library, video: Video) -> None:
    add(library, video, "", None, (1, 3, "hello"))
    assert said(library, video) == ["hello"] and not tracks(library, video)[0].written


def test_the_spoken_language_is_the_users_else_what_was_heard(library: Library, video: Video) -> None:
    assert spoken_language(library, video) is None
    add(library, video, "heard", "es", (1, 9, "hola"))
    assert spoken_language(library, video) == "es"
    with library.db.transaction() as db:
        db.execute("INSERT INTO spoken VALUES (?, 0, 20, 'fr', 0.9)", (video.id,))
    assert spoken_language(library, video) == "fr"
    library.update_video(video.id, choices=json.dumps({"language": "de"}))
    assert spoken_language(library, library.video(video.id)) == "de"
