"""What is known without searching: facts of the file, the transcript, lists; and talk."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from retrieval.ask.answer import Answerer
from retrieval.store.library import LOCAL_OWNER, Library
from retrieval.store.records import Video
from tests.fakes import FakeModels
from tests.retrieval.ask.test_times import LINES, SIGNS, answerer, ask, day, places  # noqa: F401
from tests.retrieval.conftest import register

INFO = {
    "duration": 125.0, "width": 1280, "height": 720, "fps": 29.97, "video_codec": "h264", "audio_codec": "aac",
    "container": "mp4", "warnings": [],
}  # fmt: skip


@pytest.fixture
def film(library: Library, tmp_path: Path) -> Video:
    """A file with facts and nothing indexed, added now."""
    path = tmp_path / "harbour.mp4"
    path.write_bytes(b"x" * 2_500_000)
    return library.add_video(path, "f" * 64, INFO, LOCAL_OWNER)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("How long is the video?", "The video lasts 2 minutes 5 seconds ⟦1⟧."),
        ("What is the resolution?", "The picture is 1280 by 720 pixels ⟦1⟧."),
        ("What is the frame rate?", "It has 29.97 frames a second ⟦1⟧."),
        ("How big is the file?", "The file is 2.5 MB large ⟦1⟧."),
        ("Does the video have sound?", "There is a sound track (aac) ⟦1⟧."),
        ("What format is it?", "The file is mp4, the picture h264, the sound aac ⟦1⟧."),
        ("What language is spoken?", "No speech was found, so there is no language to name ⟦1⟧."),
        ("视频有多长?", "视频时长2分5秒 ⟦1⟧。"),
    ],
)
def test_facts_of_the_file(answerer: Answerer, film: Video, text: str, told: str) -> None:  # noqa: F811
    answer = ask(answerer, text, film)
    assert answer.found and answer.text == told
    assert places(answer) == [(0.0, 125.0)]


def test_a_still_picture_has_no_length_of_its_own(answerer: Answerer, library: Library, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "harbour.jpg"
    path.write_bytes(b"still")
    info = {"duration": 5.0, "width": 640, "height": 360, "fps": 0.0, "video_codec": "jpeg", "container": "picture"}
    still = library.add_video(path, "d" * 64, info, LOCAL_OWNER)
    assert "still picture" in ask(answerer, "How long is the video?", still).text
    assert ask(answerer, "What format is it?", still).text == "The file is a picture (jpeg) ⟦1⟧."
    assert "静态图片" in ask(answerer, "视频有多长?", still).text


def test_the_date_is_that_of_adding_and_says_so(answerer: Answerer, film: Video) -> None:  # noqa: F811
    answer = ask(answerer, "When was this video recorded?", film)
    assert time.strftime("%Y-%m-%d") in answer.text and "does not say when it was recorded" in answer.text


def test_a_file_without_sound_says_so(answerer: Answerer, library: Library, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "mute.mp4"
    path.write_bytes(b"mute")
    mute = library.add_video(path, "e" * 64, {"duration": 3.0, "video_codec": "h264", "container": "mp4"}, LOCAL_OWNER)
    assert ask(answerer, "Is there any sound?", mute).text == "There is no sound track ⟦1⟧."
    assert ask(answerer, "What format is it?", mute).text == "The file is mp4, the picture h264 ⟦1⟧."
    assert ask(answerer, "What is the resolution?", mute).text == "The file does not say ⟦1⟧."


def test_what_is_spoken_has_a_language(answerer: Answerer, day: Video) -> None:  # noqa: F811
    assert "was transcribed as" in ask(answerer, "What language is spoken?", day).text


def test_of_several_videos_each_is_told_by_its_name(answerer: Answerer, day: Video, film: Video) -> None:  # noqa: F811
    *_, answer = answerer.ask("How long is the video?", [day.id, film.id])
    assert (
        answer.text
        == f"{day.title}: The video lasts 1 minute ⟦1⟧. {film.title}: The video lasts 2 minutes 5 seconds ⟦2⟧."
    )
    assert [citation.video_id for citation in answer.citations] == [day.id, film.id]


# The transcript


def test_the_transcript_is_all_that_is_said_in_order(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "Transcript please", day)
    assert answer.found and places(answer) == [(start, end) for start, end, _ in LINES]
    assert re.findall(r"⟦(\d)⟧ (.+)", answer.text) == [(str(n), line) for n, (*_, line) in enumerate(LINES, 1)]


def test_the_transcript_of_a_part(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "Give me the transcript of the first 20 seconds", day)
    assert places(answer) == [(start, end) for start, end, _ in LINES if start < 20]


def test_there_is_no_speech_is_said_only_where_there_is_none(
    answerer: Answerer,  # noqa: F811
    day: Video,  # noqa: F811
    film: Video,
) -> None:
    silent = ask(answerer, "Transcript please", film)
    assert not silent.found and silent.citations == []
    between = ask(answerer, "Transcript from 0:50 to 0:60", day)
    assert not between.found and "no speech in this video" not in between.text


# Lists


def test_all_texts_are_listed_once_for_each_time_that_they_stand_there(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "List all texts", day)
    assert answer.found and answer.text.startswith("On screen, in order:")
    assert answer.text.count("“TICKETS”") == len(answer.citations) >= 1
    assert all(citation.source == "text" for citation in answer.citations) and answer.citations[0].start == SIGNS[0][0]


def test_what_is_seen_and_said_is_listed_too(answerer: Answerer, day: Video) -> None:  # noqa: F811
    seen = ask(answerer, "Which objects can be seen?", day)
    assert seen.found and all(colour in seen.text for colour in ("red", "blue", "green"))
    assert "as far as the pictures tell" in seen.text


def test_a_long_list_ends_with_how_many_more(
    answerer: Answerer,  # noqa: F811
    library: Library,
    models: FakeModels,
    tmp_path: Path,
) -> None:
    video = register(library, tmp_path, "slides", duration=400.0)
    texts = [(float(10 * n), 10.0 * n + 5, f"Slide number {n}") for n in range(40)]
    library.add_passages(video.id, "text", texts, models.passages.embed([text for *_, text in texts]))
    answer = ask(answerer, "List all texts", video)
    assert len(answer.citations) == 24 and answer.text.endswith("… and 16 more.")


def test_a_list_of_what_the_video_has_none_of(answerer: Answerer, film: Video) -> None:  # noqa: F811
    answer = ask(answerer, "List all texts", film)
    assert not answer.found and answer.citations == []


# Talk, and several questions


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Thanks!", "You are welcome."),
        ("hello", "Hello."),
        ("What can you do?", "I answer questions"),
        ("谢谢", "不客气"),
    ],
)
def test_talk_searches_nothing(answerer: Answerer, film: Video, text: str, begins: str) -> None:  # noqa: F811
    answer = ask(answerer, text, film)
    assert answer.text.startswith(begins) and answer.citations == [] and answer.searched == []


def test_citations_are_counted_on_over_the_questions_of_a_message(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "How often is the ferry mentioned? And when does blue first appear?", day)
    often, first = answer.text.split("\n\n")
    assert "⟦1⟧ ⟦2⟧ ⟦3⟧" in often and "⟦4⟧" in first and "⟦1⟧" not in first
    assert places(answer)[3][0] == 10.0 and len(answer.citations) == 4
    assert answer.found and json.dumps(answer.as_json())


def test_one_question_that_finds_nothing_does_not_undo_the_other(answerer: Answerer, day: Video) -> None:  # noqa: F811
    answer = ask(answerer, "How long is blue visible? How often is the elephant mentioned?", day)
    found, other = answer.text.split("\n\n")
    assert answer.found and "20 seconds" in found and other.startswith("I cannot tell.")
    numbers = [int(number) for number in re.findall(r"⟦(\d+)⟧", other)]
    assert all(2 < number <= len(answer.citations) for number in numbers)


def test_what_the_index_lacks_is_said_with_a_denial(answerer: Answerer, library: Library, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"broken")
    warning = "The sound could not be read after 0:10."
    video = library.add_video(path, "d" * 64, {"duration": 30.0, "warnings": [warning]}, LOCAL_OWNER)
    for text in ("What does the man say about tea?", "Transcript please", "List all texts", "When is it red?"):
        answer = ask(answerer, text, video)
        assert not answer.found and answer.text.endswith(f"Note: {warning}"), text
