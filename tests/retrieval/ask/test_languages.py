"""Speech in other languages in the answers: traditional characters, languages named, what was not understood."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrieval.ask.answer import Answerer
from retrieval.ask.rules import RulesPlanner
from retrieval.search.lexicon import told_language
from retrieval.search.search import Searcher
from retrieval.store.fulltext import simplified, words
from retrieval.store.library import Library
from retrieval.store.records import Video
from tests.fakes import FakeModels
from tests.retrieval.search.test_search import add_shots


def add(library: Library, video: Video, models: FakeModels, lines: list[tuple[float, float, str]], code: str) -> None:
    library.add_passages(video.id, "speech", lines, models.passages.embed([text for *_, text in lines]), language=code)


@pytest.fixture
def answerer(library: Library, models: FakeModels) -> Answerer:
    return Answerer(Searcher(library, models), models)  # type: ignore[arg-type]


def said(answerer: Answerer, question: str, video: Video) -> str:
    *_, answer = answerer.ask(question, [video.id])
    return answer.plain_text


def test_traditional_and_simplified_characters_are_the_same_words() -> None:
    assert words("歡迎體驗語音") == words("欢迎体验语音")
    assert simplified("The 3 boats") == "The 3 boats"


def test_a_traditional_question_finds_a_simplified_line_and_the_quote_stays_as_it_is(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    add(library, video, models, [(1.0, 4.0, "渡轮九点离开港口"), (9.0, 12.0, "船长喜欢下棋")], "zh")
    assert "“渡轮九点离开港口”" in said(answerer, "渡輪幾點離開港口？", video)


def test_a_simplified_question_finds_a_traditional_line(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    add(library, video, models, [(1.0, 4.0, "渡輪九點離開港口"), (9.0, 12.0, "船長喜歡下棋")], "zh")
    assert "“渡輪九點離開港口”" in said(answerer, "渡轮几点离开港口？", video)
    passages = [passage for passage, _ in library.match_words('"渡 轮"', [video.id], 5)]
    assert [passage.start for passage in passages] == [1.0]


def test_lines_without_full_stops_are_joined_only_as_long_as_they_can_be_watched(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    add(library, video, models, [(i * 4.0, i * 4.0 + 4, f"渡轮第{i}次离开港口") for i in range(6)], "zh")
    first = library.passages(video.id, "speech")[0]
    assert answerer.finder.item(first).end <= 12.0


def test_the_languages_are_named_in_the_language_of_the_question(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    add(library, video, models, [(0.0, 8.0, "La mer est calme."), (9.0, 11.0, "The sea is calm.")], "fr")
    assert "French" in said(answerer, "What language is spoken in the video?", video)
    assert "法语" in said(answerer, "视频里说的是什么语言？", video)


def test_speech_that_was_not_understood_is_not_called_no_speech(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    library.add_passages(video.id, "text", [(1.0, 4.0, "Welcome")], models.passages.embed(["Welcome"]))
    assert "There is no speech in this video" in said(answerer, "What does the speaker say about cooking?", video)
    with library.db.transaction() as db:
        db.execute("INSERT INTO spoken (video_id, start, end, likelihood) VALUES (?, 0, 9, 0.2)", (video.id,))
    library.add_warning(video.id, "The language of the speech could not be told.")
    answer = said(answerer, "What does the speaker say about cooking?", video)
    assert "no speech that was understood" in answer and "The language of the speech could not be told." in answer


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What does the speaker say about it?", "en"),
        ("说话的人说了什么？", "zh"),
        ("Quel animal est le plus beau ?", None),
    ],
)
def test_a_language_is_told_or_nothing_is_claimed(text: str, code: str | None) -> None:
    assert told_language(text) == code


@pytest.mark.parametrize(
    "text", ["最后一张卡片上的电话号码是多少？", "最后一个人说这是第几号听写？", "晚间新闻几点开始？"]
)
def test_chinese_for_last_and_begin_is_no_part_of_the_video(text: str) -> None:
    plan = RulesPlanner().plan(text)
    assert plan.window is None and plan.operation == "answer"


def test_a_topic_behind_its_preposition_is_looked_for() -> None:
    assert "游泳" in RulesPlanner().plan("说话的人对游泳说了什么？").topic


def test_an_eye_that_learned_english_is_not_asked_in_chinese(
    answerer: Answerer, library: Library, video: Video, models: FakeModels
) -> None:
    add_shots(library, models, video, [("red", 0.0, 10.0), ("green", 10.0, 20.0)])
    add(library, video, models, [(1.0, 4.0, "渡轮九点离开港口")], "zh")
    moments = answerer.finder.search("渡轮离开港口", [video.id])
    assert moments and all(moment.sources == ["speech"] for moment in moments)
    told = said(answerer, "船是什么颜色的？", video)
    assert told.startswith("我无法确定") and "没有能用中文搜索画面的模型" in told
    assert {m.sources[0] for m in answerer.finder.search("something green", [video.id])} >= {"visual"}


def test_an_eye_of_any_language_is_asked_in_chinese(library: Library, video: Video, models: FakeModels) -> None:
    models.profile = replace(models.profile, vision=replace(models.profile.vision, languages="any"))
    add_shots(library, models, video, [("red", 0.0, 10.0), ("green", 10.0, 20.0)])
    answerer = Answerer(Searcher(library, models), models)  # type: ignore[arg-type]
    assert any("visual" in moment.sources for moment in answerer.finder.search("渡轮", [video.id]))
    assert "没有能用中文搜索画面的模型" not in said(answerer, "船是什么颜色的？", video)
