from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.errors import UsageError
from retrieval.ask.answer import Answer, Answerer
from retrieval.ask.summary import summarize
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Clip, Message, Video
from tests.fakes import FakeModels
from tests.retrieval.conftest import register

LINES = [
    (2.0, 5.0, "Welcome to the harbour of Port Ellen."),
    (6.0, 9.0, "The ferry leaves at nine in the morning."),
    (12.0, 15.0, "Captain Morag has a wooden leg."),
]


@pytest.fixture
def answerer(library: Library, video: Video, models: FakeModels) -> Answerer:
    """A video with speech, a sign, and a red stretch followed by a blue one."""
    library.add_passages(video.id, "speech", LINES, models.passages.embed([text for *_, text in LINES]))
    library.add_passages(
        video.id, "text", [(20.0, 24.0, "TICKETS 12 POUNDS")], models.passages.embed(["TICKETS 12 POUNDS"])
    )
    for number, (colour, start) in enumerate((("red", 0.0), ("blue", 15.0))):
        times = np.arange(start, start + 15, 0.5, dtype=np.float32)
        vectors = np.repeat(models.text.embed([colour]), len(times), axis=0)
        concepts = np.array([name == colour for name in models.vision.colours], np.float32)
        library.add_clip(
            Clip(0, video.id, number, start, start + 15, [(colour, 0.9)], []), times, vectors, vectors[:1], concepts
        )
    return Answerer(Searcher(library, models), models)  # type: ignore[arg-type]


def ask(answerer: Answerer, text: str, video: Video, history: tuple[Message, ...] = ()) -> Answer:
    *_, answer = answerer.ask(text, [video.id], history)
    assert answer.final
    for citation in answer.citations:
        assert 0 <= citation.start <= citation.end <= video.duration
    return answer


def test_speech_is_quoted_with_its_time(answerer: Answerer, video: Video) -> None:
    answer = ask(answerer, "What does the narrator say about the ferry?", video)
    assert answer.found and "“The ferry leaves at nine in the morning.”" in answer.text
    assert (answer.citations[0].start, answer.citations[0].source) == (6.0, "speech")
    assert "[0:06–0:09]" in answer.plain_text


def test_on_screen_text_is_quoted(answerer: Answerer, video: Video) -> None:
    answer = ask(answerer, "What is written on the ticket sign?", video)
    assert "TICKETS 12 POUNDS" in answer.text and answer.citations[0].source == "text"


def test_pictures_are_found(answerer: Answerer, video: Video) -> None:
    answer = ask(answerer, "When is it blue?", video)
    assert answer.found and answer.citations[0].start >= 15


@pytest.mark.parametrize(
    "text",
    ["What does the narrator say about elephants?", "When is it green?", "What does she say about the price of gold?"],
)
def test_what_is_not_there_is_not_said_to_be_there(answerer: Answerer, video: Video, text: str) -> None:
    answer = ask(answerer, text, video)
    assert not answer.found and answer.text.startswith(("I cannot tell.", "I searched "))
    assert "the speech" in answer.text and "of the whole video" in answer.text


def test_where_it_cannot_tell_the_moments_that_fit_best_are_shown(answerer: Answerer, video: Video) -> None:
    answer = ask(answerer, "What does the narrator say about elephants?", video)
    assert answer.text.startswith("I cannot tell.") and "these moments fit best: ⟦1⟧" in answer.text
    assert answer.citations and all(citation.source == "speech" for citation in answer.citations)


def test_no_speech_at_all_is_named(library: Library, video: Video, models: FakeModels) -> None:
    answer = ask(Answerer(Searcher(library, models), models), "What does he say?", video)  # type: ignore[arg-type]
    assert not answer.found and "no speech" in answer.text


@pytest.mark.parametrize(
    "said",
    [
        "The name of the captain is Morag.",
        "The captain has a golden parrot.",
        "It leaves at 11.",
        "Ignore the notes.",
        "",
    ],
)
def test_what_is_said_is_quoted_whatever_a_small_model_makes_of_it(
    answerer: Answerer, video: Video, models: FakeModels, said: str
) -> None:
    models.decoder.says = said
    answer = ask(answerer, "What does the speaker say about the captain?", video)
    assert answer.text == "Heard: “Captain Morag has a wooden leg.” ⟦1⟧."


def test_moments_come_before_the_first_word(answerer: Answerer, video: Video) -> None:
    first = next(iter(answerer.ask("What does the speaker say about the ferry?", [video.id])))
    assert first.text == "" and first.citations and not first.final


def test_a_follow_up_leans_on_the_question_before(answerer: Answerer, video: Video) -> None:
    history = (Message("user", "What does the speaker say about the captain?"), Message("assistant", "..."))
    assert "wooden leg" in ask(answerer, "And what does he have?", video, history).text


def test_a_question_that_names_one_thing_stands_for_itself(answerer: Answerer, video: Video) -> None:
    history = (Message("user", "When was the lighthouse built?"), Message("assistant", "..."))
    for text in ("What is the name of the captain?", "船长叫什么名字？"):
        assert "lighthouse" not in ask(answerer, text, video, history).plan
    assert "lighthouse" in ask(answerer, "the door?", video, history).plan


def test_a_pronoun_does_not_bind_a_question_that_is_answered_without_it(answerer: Answerer, video: Video) -> None:
    history = (Message("user", "What does the speaker say about the museum?"), Message("assistant", "..."))
    answer = ask(answerer, "Does he mention a captain with a wooden leg?", video, history)
    assert "wooden leg" in answer.text and "museum" not in answer.plan


def test_all_chosen_videos_are_asked(
    answerer: Answerer, library: Library, models: FakeModels, video: Video, tmp_path: Path
) -> None:
    other = register(library, tmp_path, "second")
    text = "The museum opens on Sundays."
    library.add_passages(other.id, "speech", [(1.0, 4.0, text)], models.passages.embed([text]))
    *_, answer = answerer.ask("What does the speaker say about the museum?", [video.id, other.id])
    assert answer.citations[0].video_id == other.id


@pytest.mark.parametrize("text", ["What colour is the blue wall?", "When does a parrot appear?", "How many blues?"])
def test_of_speech_without_pictures_what_is_seen_is_denied(
    library: Library, models: FakeModels, tmp_path: Path, text: str
) -> None:
    heard = register(library, tmp_path, "radio.mp3")
    library.add_passages(heard.id, "speech", LINES, models.passages.embed([line for *_, line in LINES]))
    *_, answer = Answerer(Searcher(library, models), models).ask(text, [heard.id])  # type: ignore[arg-type]
    assert not answer.found and "looks like" not in answer.text
    assert "I searched the speech of the whole video (there is no picture and no on-screen text)" in answer.text


def test_a_summary_covers_the_whole_video(answerer: Answerer, video: Video) -> None:
    answer = ask(answerer, "What is this video about?", video)
    assert answer.found and "Port Ellen" in answer.text and "wooden leg" in answer.text
    assert answer.citations[0].start == 0 and answer.citations[-1].end == 30


def test_vectors_of_another_encoder_are_not_compared(answerer: Answerer, video: Video) -> None:
    library = answerer.searcher.library
    library.update_video(video.id, vision_model="eyes of another width")
    assert not len(answerer.searcher.timeline(video.id).times)
    assert summarize(library, answerer.models, video.id).tags == ["red", "blue"]
    for text in ("What colour is the red wall?", "When is the blue wall seen?", "What comes after the ferry?"):
        ask(answerer, text, video)


def test_a_summary_names_what_both_the_classes_and_the_sentences_recognise(
    answerer: Answerer, video: Video, models: FakeModels
) -> None:
    assert summarize(answerer.searcher.library, answerer.models, video.id).tags == ["red", "blue"]
    blue, sure = models.text.embed(["blue"])[0], models.vision.chance

    def doubtful(frame: np.ndarray, query: np.ndarray) -> float:
        return 0.2 if np.allclose(query, blue) else sure(frame, query)

    models.vision.chance = doubtful  # type: ignore[method-assign]
    summary = summarize(answerer.searcher.library, answerer.models, video.id)
    assert summary.tags == ["red"] and "blue" not in summary.summary
    assert not any("lue" in chapter.title for chapter in summary.chapters)


@pytest.mark.parametrize("text", ["", "x" * 10_000])
def test_empty_and_endless_questions_are_refused(answerer: Answerer, video: Video, text: str) -> None:
    with pytest.raises(UsageError):
        ask(answerer, text, video)


def test_a_quote_that_looks_like_a_marker_is_none(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    text = "See page ⟦2⟧ and [1] of the atlas."
    library.add_passages(video.id, "speech", [(26.0, 28.0, text)], models.passages.embed([text]))
    answer = ask(answerer, "What does the speaker say about the atlas?", video)
    assert "“See page [2] and [1] of the atlas.” [0:26–0:28]" in answer.plain_text
