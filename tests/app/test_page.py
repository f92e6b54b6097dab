"""What the page says and draws, without a browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from app.engine import Engine
from app.i18n import Language, language_of
from app.i18n.chinese import CHINESE
from app.i18n.english import ENGLISH
from app.page.asking import Asking
from app.page.cards import eta_s, overall
from app.page.conversation import answer_html
from app.page.finding import Finding
from app.page.handlers import Handlers
from app.page.html import Shelf
from app.page.player import timeline_html
from app.page.rows import MOST_ROWS, passage_rows
from app.page.session import Session
from app.page.views import PARTS
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Job, Passage, Video
from tests.app.conftest import answer_slowly, colour_video, page_handlers, wait_until
from tests.fakes import DIM
from tests.media_factory import write_noise

EVIL = '<img src=x onerror="alert(1)"> ![p](http://evil.example/p.png) $$x$$ [2] ${1} {{2}} @children'
ENGLISH_WORDS = Language("en")


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_: said.append(message))
    return said


def request(language: str = "en-US,en;q=0.9") -> Any:
    return SimpleNamespace(headers={"accept-language": language})


def part(updates: list[Any], name: str) -> Any:
    return updates[-len(PARTS) :][PARTS.index(name)]


def skipped(update: Any) -> bool:
    return isinstance(update, dict) and update == gr.skip()


def test_both_languages_have_the_same_words_and_places() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    for key, english in ENGLISH.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", CHINESE[key])), key


@pytest.mark.parametrize(
    ("header", "code"), [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de,zh;q=0.5", "en"), ("", "en"), ("zh", "zh")]
)
def test_the_first_language_of_the_browser_decides(header: str, code: str) -> None:
    assert language_of(request(header)).code == code


def test_progress_and_time_left() -> None:
    lanes = {"media": 60.0, "see": 30.0, "read": 30.0, "hear": 0.0}
    assert overall(lanes, 60.0) == pytest.approx(0.5)
    job = Job("j", "v", "local", "running", None, 1, None, False, 0.0, 100.0, None, None, lanes=lanes)
    assert eta_s(job, 60.0, now=110.0) == pytest.approx(10.0)
    job.lanes = {}
    assert eta_s(job, 60.0, now=110.0) is None


def test_words_of_a_video_never_become_html(engine: Engine, indexed: Video) -> None:
    engine.library.update_video(indexed.id, title=EVIL)
    citation = {"video_id": indexed.id, "start": 1.0, "end": 2.0, "source": "text", "quote": EVIL}
    html = answer_html(
        "",
        {"marked": f"It says {EVIL} ⟦1⟧.", "citations": [citation]},
        Shelf(engine.library, LOCAL_OWNER),
        ENGLISH_WORDS,
    )
    passage = Passage(1, indexed.id, "text", 1.0, 2.0, EVIL)
    rows = passage_rows(engine.library.video(indexed.id), [passage], "text", "onerror", ENGLISH_WORDS)
    for drawn in (html, rows):
        assert "<img src=x" not in drawn and "&lt;" in drawn
    assert html.count('class="cue"') == 1  # [2] stands in the quote and is no citation
    assert all(block.startswith("<") for block in html.split("\n\n"))  # Markdown has nothing left to read


def test_a_long_transcript_is_cut_and_filtered(indexed: Video) -> None:
    passages = [Passage(i, indexed.id, "speech", i, i + 1.0, f"line number {i}") for i in range(2000)]
    rows = passage_rows(indexed, passages, "speech", "", ENGLISH_WORDS)
    assert rows.count('class="line"') == MOST_ROWS and "2000" in rows
    found = passage_rows(indexed, passages, "speech", "NUMBER 1999", ENGLISH_WORDS)
    assert found.count('class="line"') == 1 and "<mark>1999</mark>" in found


def test_the_timeline_is_a_slider_with_clips_and_moments(indexed: Video) -> None:
    html = timeline_html(indexed, [0.0, 4.0, 8.0], [(6.0, 9.0, "speech")], True, False, ENGLISH_WORDS)
    assert 'role="slider"' in html and f'aria-valuemax="{indexed.duration:.2f}"' in html
    assert len(re.findall(r"M[\d.]+ 0V10", html)) == 2  # inner boundaries only
    left = float(re.search(r"mark-moment source-heard\" style=\"left:([\d.]+)%", html).group(1))  # type: ignore[union-attr]
    assert left == pytest.approx(100 * 6 / indexed.duration, abs=0.1)


def test_polling_redraws_only_what_changed(engine: Engine, indexed: Video) -> None:
    on, session = page_handlers(engine), Session()
    opened = on.open_page(indexed.id, session, request())
    assert not any(skipped(update) for update in opened)
    assert all(skipped(update) for update in on.tick(indexed.id, session, request()))
    engine.library.add_passages(indexed.id, "speech", [(1.0, 2.0, "Hello")], np.ones((1, DIM), np.float32))
    again = on.tick(indexed.id, session, request())
    assert "Hello" in part(again, "transcript")
    assert skipped(part(again, "player")) and skipped(part(again, "chat"))


def test_a_page_survives_a_new_server(engine: Engine, indexed: Video) -> None:
    updates = page_handlers(engine).tick(indexed.id, Session(), request())
    assert f'src="media/{indexed.id}"' in part(updates, "player")


def ask(engine: Engine, session: Session, question: str) -> Iterator[list[Any]]:
    return Asking(engine, page_handlers(engine).views).ask(question, session, request())


@pytest.mark.parametrize(("question", "words"), [("  ", "Type a question"), ("x" * 10_000, "characters")])
def test_a_question_that_cannot_be_asked(
    engine: Engine, indexed: Video, warnings: list[str], question: str, words: str
) -> None:
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    assert all(skipped(update) for updates in ask(engine, session, question) for update in updates)
    assert len(warnings) == 1 and words in warnings[0]
    assert session.chat_id is None  # nothing was written down


def test_a_question_without_a_video(engine: Engine, warnings: list[str]) -> None:
    assert len(list(ask(engine, Session(), "What is red?"))) == 1
    assert "Choose a video" in warnings[0]


def test_moments_come_before_the_words_and_both_are_kept(
    engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_slowly(engine, monkeypatch)
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    drawn = [part(updates, "chat") for updates in ask(engine, session, "What is green?")]
    answers = [chat[-1]["content"] for chat in drawn if isinstance(chat, list)]
    assert "waiting" in answers[0] and "evidence" not in answers[0]
    first_words = next(i for i, html in enumerate(answers) if "waiting" not in html)
    assert any("evidence" in html for html in answers[:first_words])
    assert 'class="cue"' in answers[-1]
    reopened = Session()
    kept = part(on.open_page("", reopened, request()), "chat")
    assert kept == drawn[-1] and reopened.moments == session.moments != []


def test_an_answer_goes_on_when_the_page_is_closed(engine: Engine, indexed: Video) -> None:
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    answering = ask(engine, session, "What is green?")
    next(answering), next(answering)
    answering.close()  # type: ignore[attr-defined]
    assert session.chat_id is not None and session.following is None
    wait_until(lambda: not engine.desk.is_busy(session.chat_id), 10)
    assert [message.role for message in engine.chats.messages(session.chat_id)] == ["user", "assistant"]


def test_a_failing_decoder_is_one_sentence(engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Iterator[Any]:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(engine.answerer, "ask", broken)
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    last = list(ask(engine, session, "What is green?"))[-1]
    answer = part(last, "chat")[-1]["content"]
    assert "Something went wrong" in answer and "secret" not in answer and "Traceback" not in answer


def send(on: Handlers, path: Path) -> str:
    """A file's token, as if it had been sent."""

    async def body() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    return asyncio.run(on.uploads.receive(LOCAL_OWNER, "", path.name, path.stat().st_size, body()))


def test_bad_uploads_are_named_and_the_good_one_goes_on(engine: Engine, tmp_path: Path, indexed: Video) -> None:
    bad = [write_noise(tmp_path / "noise.mp4"), tmp_path / "text.mp4"]
    bad[1].write_text("no video at all")
    good = colour_video(tmp_path / "good.mp4", (10, 10, 10))
    on, session = page_handlers(engine), Session()
    for number, path in enumerate((bad[0], good, bad[1])):
        event = SimpleNamespace(_data={"token": send(on, path), "first": number == 0})
        *_, last = on.upload(session, request(), event)  # type: ignore[arg-type]
    assert last[0].count('class="notice bad"') == 2 and "noise.mp4" in last[0] and "text.mp4" in last[0]
    assert session.shown is not None and engine.library.video(session.shown).title == "good.mp4"
    assert not any(on.uploads.folder.iterdir())  # nothing is left in the upload folder


def test_deleting_forgets_everything_of_a_video(engine: Engine, indexed: Video) -> None:
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    updates = on.act(session, request(), SimpleNamespace(_data={"act": "delete", "id": indexed.id}))  # type: ignore[arg-type]
    assert "No videos yet" in part(updates, "library") and session.shown is None and session.asked == []
    assert not engine.library.folder(indexed.id).exists()


def test_a_video_that_is_not_theirs_cannot_be_touched(
    engine: Engine, tmp_path: Path, indexed: Video, warnings: list[str]
) -> None:
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    for act in ("show", "play", "delete", "cancel", "retry", "toggle"):
        session = Session()
        page_handlers(engine).act(session, request(), SimpleNamespace(_data={"act": act, "id": theirs.id}))  # type: ignore[arg-type]
        assert session.shown is None and session.asked == []
    assert len(warnings) == 6 and engine.library.video(theirs.id).status == "waiting"


def test_a_chat_over_several_videos_is_there_again(engine: Engine, tmp_path: Path, indexed: Video) -> None:
    other, _ = engine.add(colour_video(tmp_path / "other.mp4", (10, 10, 10)))
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    updates = on.act(session, request(), SimpleNamespace(_data={"act": "toggle", "id": other.id}))  # type: ignore[arg-type]
    assert session.asked == [indexed.id, other.id] and "2 videos" in part(updates, "scope")
    list(ask(engine, session, "What is green?"))
    on.act(session, request(), SimpleNamespace(_data={"act": "show", "id": other.id}))  # type: ignore[arg-type]
    assert session.shown == other.id and session.chat_id is not None  # the chat is about it as well: it stays
    reopened = Session()
    on.open_page(other.id, reopened, request())
    assert reopened.chat_id == session.chat_id and reopened.asked == [indexed.id, other.id]
    on.new_chat(reopened, request())
    assert reopened.chat_id is None


def test_the_curve_comes_after_the_answer_and_knows_every_source(
    engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"Green {EVIL}"
    vectors = np.asarray(engine.models.passages.embed([line]), np.float32)
    engine.library.add_passages(indexed.id, "speech", [(9.0, 11.0, line)], vectors)
    traced: list[str] = []
    real = engine.searcher.relevance
    monkeypatch.setattr(engine.searcher, "relevance", lambda *a: (traced.append(a[0]), real(*a))[1])
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    list(ask(engine, session, f"Green {EVIL}?"))
    assert traced == []
    html = part(on.trace(session, request()), "curve")
    assert "<img" not in html and "source-seen" in html and "source-heard" in html and "source-read" not in html
    assert skipped(part(on.trace(session, request()), "curve")) and len(traced) == 1
    list(ask(engine, session, "What is this video about?"))
    assert session.drawn["curve"][0] is None  # the old curve went with its question, and a summary has none
    assert skipped(part(on.trace(session, request()), "curve")) and len(traced) == 1


def test_bad_filters_are_told_and_the_last_results_stay(engine: Engine, indexed: Video, warnings: list[str]) -> None:
    on, session = page_handlers(engine), Session()
    finding = Finding(engine, on.views, on.uploads)
    on.open_page(indexed.id, session, request())
    finding.find(request(), session, "green", False, "8", "", True, True, True)
    found = session.results
    assert found and found.moments and all(moment.start >= 8 for moment in found.moments)
    for start, end, chosen, words in (
        ("soon", "", (True, True, True), "no time in a video"),
        ("9", "0:05", (True, True, True), "before it begins"),
        ("1:00", "", (True, True, True), "ends at 0:12"),
        ("", "", (False, False, False), "No source is chosen"),
    ):
        finding.find(request(), session, "green", False, start, end, *chosen)
        assert words in warnings.pop() and session.results is found
    finding.refine(request(), Session(), "  ", True, "", "", True, True, True)  # nothing was searched yet
    assert warnings == []


def test_what_looks_alike_is_of_the_owners_videos_only(
    engine: Engine, tmp_path: Path, indexed: Video, warnings: list[str]
) -> None:
    theirs, _ = engine.add(colour_video(tmp_path / "theirs.mp4", (9, 9, 9)), owner="somebody")
    on, session = page_handlers(engine), Session()
    finding = Finding(engine, on.views, on.uploads)
    on.open_page(indexed.id, session, request())
    form = (False, "", "", True, True, True)

    def moment(video_id: str) -> Any:
        return SimpleNamespace(_data={"id": video_id, "start": 4.0, "end": 8.0})

    finding.more_like(request(), moment(theirs.id), session, *form)
    assert len(warnings) == 1 and session.results is None
    html = part(finding.more_like(request(), moment(indexed.id), session, *form), "results")
    assert "Looks like 0:04–0:08 of “colours.mp4”" in html and session.wanted == ""
    finding.more_like(request(), moment(indexed.id), session, False, "", "", False, True, True)
    assert "what was seen only" in warnings[1]
    (tmp_path / "words.png").write_text("no picture")
    token = send(on, tmp_path / "words.png")
    for said in ("words.png", "not here any more"):  # the file is gone once it was looked at
        finding.by_picture(request(), SimpleNamespace(_data={"token": token}), session, *form)  # type: ignore[arg-type]
        assert said in warnings[-1]


def test_evidence_says_what_was_searched_and_what_each_source_gave(engine: Engine, indexed: Video) -> None:
    sources = ["visual", "visual", "speech"]
    citations = [{"video_id": indexed.id, "start": 1.0, "end": 2.0, "source": s, "quote": ""} for s in sources]
    shelf = Shelf(engine.library, LOCAL_OWNER)

    def why(searched: list[str], language: Language = ENGLISH_WORDS) -> str:
        html = answer_html("", {"marked": "So.", "citations": citations, "searched": searched}, shelf, language)
        return "".join(re.findall(r'<p class="why">(.*?)</p>', html))

    counts = "Searched what is seen: 2 moments; heard: 1 moment"
    assert why(["visual", "speech", "text"]) == f"{counts}; read: no moment."
    assert why(["visual", "speech"]) == f"{counts}. There was no on-screen text to search."
    assert "看到：2 个片段" in why(["visual", "speech"], Language("zh"))
    assert why([]) == ""  # a summary


def test_what_fits_nothing_is_said_to_be_only_the_nearest(
    engine: Engine, indexed: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.finder, "fits", lambda text, _: "green" in text)  # all colours are alike to the eye here
    on, session = page_handlers(engine), Session()
    on.open_page(indexed.id, session, request())
    finding = Finding(engine, on.views, on.uploads)
    scope = (False, "", "", True, True, True)
    html = part(finding.find(request(), session, "xyzzy", *scope), "results")
    assert "Nothing fits “xyzzy” well" in html and "faint" in html and session.moments == []
    html = part(finding.find(request(), session, "something green", *scope), "results")
    assert "Nothing fits" not in html and "faint" not in html and session.moments


def test_what_an_answer_does_not_rest_on_is_folded_beneath_its_evidence(engine: Engine, indexed: Video) -> None:
    citations = [
        {"video_id": indexed.id, "start": at, "end": at + 1, "source": "text", "quote": f"sign {at}"} for at in range(3)
    ]
    shelf = Shelf(engine.library, LOCAL_OWNER)
    html = answer_html("Sign 1.", {"citations": citations, "marked": "Sign 1 ⟦2⟧."}, shelf, Language("en"))
    before, after = html.split('<details class="more">')
    assert "sign 1" in before and "sign 0" not in before and "Evidence · 1 moment<" in before
    assert "sign 0" in after and "sign 2" in after and "Also found · 2" in after
    html = answer_html("", {"citations": citations, "marked": ""}, shelf, Language("en"))
    assert "more" not in html.split("moments")[0] and "Evidence · 3 moments" in html  # nothing is said yet


def test_a_browser_that_comes_for_the_first_time_sees_the_newest_video(engine: Engine, indexed: Video) -> None:
    session = Session()
    page_handlers(engine).open_page("", session, request())
    assert session.shown == indexed.id and session.asked == [indexed.id] and session.chat_id is None
