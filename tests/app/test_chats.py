"""The chat history of the page, by the command line and over HTTP, without a browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from app.answering import Turn
from app.cli import main
from app.engine import Engine
from app.i18n import Language
from app.page.asking import Asking
from app.page.chat_handlers import ChatHandlers
from app.page.session import Session
from app.page.views import PARTS
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Message, Video
from tests.app.conftest import page_handlers, wait_until, web_client
from tests.fakes import FakeModels

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_: said.append(message))
    return said


def request() -> Any:
    return SimpleNamespace(headers={"accept-language": "en"})


def event(**data: object) -> Any:
    return SimpleNamespace(_data=data)


def part(updates: list[Any], name: str) -> Any:
    return updates[-len(PARTS) :][PARTS.index(name)]


@pytest.fixture
def session(engine: Engine, indexed: Video) -> Session:
    """A page that shows a video and has asked two questions."""
    session = Session()
    page_handlers(engine).open_page(indexed.id, session, request())
    for question in ("What is green?", "What is red?"):
        list(asking(engine).ask(question, session, request()))
    return session


def asking(engine: Engine) -> Asking:
    return Asking(engine, page_handlers(engine).views)


def history(engine: Engine) -> ChatHandlers:
    return ChatHandlers(engine, page_handlers(engine).views)


def said(engine: Engine, session: Session) -> list[tuple[str, str]]:
    assert session.chat_id
    return [(message.role, message.text) for message in engine.chats.messages(session.chat_id)]


def test_the_history_lists_searches_renames_and_deletes(engine: Engine, session: Session, warnings: list[str]) -> None:
    on, first = history(engine), session.chat_id
    page_handlers(engine).new_chat(session, request())
    list(asking(engine).ask("What is blue?", session, request()))
    session.forget_drawn()
    html = part(on.search("", session, request()), "history")
    assert html.index("What is blue?") < html.index("What is green?") and "2 questions" in html
    engine.chats.add(str(first), Message("assistant", "The harbour."))
    found = part(on.search("HARBOUR", session, request()), "history")
    assert "What is green?" in found and "What is blue?" not in found
    assert "No chat has" in part(on.search("zebra", session, request()), "history")
    on.search("", session, request())
    html = part(on.act(session, request(), event(act="rename", id=first, title=EVIL)), "history")
    assert "&lt;img" in html and EVIL not in html
    on.act(session, request(), event(act="rename", id=first, title=" "))
    assert len(warnings) == 1 and "1 to 120" in warnings[0]
    updates = on.act(session, request(), event(act="delete", id=session.chat_id))
    assert session.chat_id is None and "What is blue?" not in part(updates, "history")


def test_opening_a_chat_brings_its_video_and_its_moments(engine: Engine, session: Session, indexed: Video) -> None:
    first, moments = session.chat_id, list(session.moments)
    page_handlers(engine).new_chat(session, request())
    session.shown, session.asked = None, []
    updates = history(engine).act(session, request(), event(act="open", id=first))
    assert (session.chat_id, session.shown, session.asked) == (first, indexed.id, [indexed.id])
    assert session.moments == moments != [] and "What is red?" in part(updates, "chat")[2]["content"]


def test_nobody_opens_somebody_elses_chat(engine: Engine, session: Session, warnings: list[str]) -> None:
    engine.library.add_owner("somebody")
    theirs = engine.chats.start("somebody", [])
    mine = session.chat_id
    for act in ("open", "rename", "delete"):
        history(engine).act(session, request(), event(act=act, id=theirs.id, title="x"))
    assert len(warnings) == 3 and session.chat_id == mine and engine.chats.chat(theirs.id, "somebody").title == ""


def test_an_edited_question_is_asked_in_the_place_of_the_old_one(engine: Engine, session: Session) -> None:
    *_, last = asking(engine).edited(session, request(), event(position=0, text="What is blue?"))
    assert [text for role, text in said(engine, session) if role == "user"] == ["What is blue?"]
    assert [role for role, _ in said(engine, session)] == ["user", "assistant"]
    assert len(part(last, "chat")) == 2 and "#edit=0" in part(last, "chat")[0]["content"]


def test_another_answer_takes_the_place_of_the_last(
    engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = said(engine, session)
    *_, last = asking(engine).again(session, request())
    assert said(engine, session) == before and len(part(last, "chat")) == 4
    monkeypatch.setattr(engine.answerer, "ask", lambda *_, **__: iter(()))
    *_, last = asking(engine).again(session, request())  # nothing came: the old answer stays, and is drawn again
    assert said(engine, session) == before and len(part(last, "chat")) == 4


def test_no_answer_is_replaced_while_another_grows(
    engine: Engine, session: Session, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = said(engine, session)
    go_on = threading.Event()
    monkeypatch.setattr(engine.answerer, "ask", lambda *_, **__: iter(go_on.wait, True))
    engine.desk.ask(Turn(str(session.chat_id), "What is red?", session.asked, Language("en"), [], instead=2))
    list(asking(engine).again(session, request()))
    list(asking(engine).edited(session, request(), event(position=0, text="What is blue?")))
    list(asking(engine).edited(session, request(), event(position=0, text="  ")))
    assert said(engine, session) == before
    assert [("Wait" in words, "Type" in words) for words in warnings] == [(True, False), (True, False), (False, True)]
    go_on.set()
    wait_until(lambda: not engine.desk.is_busy(session.chat_id), 10)


def test_a_question_that_is_no_longer_there(engine: Engine, session: Session, warnings: list[str]) -> None:
    before = said(engine, session)
    for position in (1, 9, -1):
        list(asking(engine).edited(session, request(), event(position=position, text="What is blue?")))
    assert said(engine, session) == before and len(warnings) == 3 and not engine.desk.is_busy(session.chat_id)


def test_a_chat_deleted_while_it_is_answered_stays_deleted(engine: Engine, session: Session) -> None:
    answering = asking(engine).ask("What is blue?", session, request())
    next(answering)
    chat_id = session.chat_id
    history(engine).act(session, request(), event(act="delete", id=chat_id))
    list(answering)
    wait_until(lambda: not engine.desk.is_busy(chat_id), 10)
    assert engine.chats.listed(LOCAL_OWNER) == [] and engine.library.db.rows("SELECT 1 FROM messages") == []


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with web_client(engine) as client:
        yield client


def test_chats_over_http(client: TestClient, engine: Engine, session: Session) -> None:
    listed = client.get("/chats").json()["chats"]
    assert [(chat["chat_id"], chat["title"], chat["questions"]) for chat in listed] == [
        (session.chat_id, "What is green?", 2)
    ]
    assert client.get("/chats?search=zebra").json() == {"chats": []}
    shown = client.get(f"/chats/{session.chat_id}").json()
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"] * 2
    assert shown["messages"][1]["citations"]
    assert client.patch(f"/chats/{session.chat_id}", json={"title": "Colours"}).json()["title"] == "Colours"
    assert client.patch(f"/chats/{session.chat_id}", json={"title": " "}).status_code == 422
    assert client.delete(f"/chats/{session.chat_id}").status_code == 204
    for reply in (client.get(f"/chats/{session.chat_id}"), client.delete(f"/chats/{session.chat_id}")):
        assert reply.status_code == 404 and "no longer exists" in reply.json()["detail"]


def test_chats_by_the_command_line(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.engine.Models", lambda profile: FakeModels())
    chat = engine.chats.start(LOCAL_OWNER, [])
    for role, text in (("user", "What is red?"), ("assistant", "A boat [0:01].")):
        engine.chats.add(chat.id, Message(role, text))  # type: ignore[arg-type]

    def run(*arguments: str, code: int = 0) -> str:
        assert main(["--data-dir", str(engine.settings.data_dir), "chats", *arguments]) == code
        return capsys.readouterr().out

    assert chat.id in run() and "What is red?" in run("--search", "boat") and run("--search", "zebra") == ""
    assert json.loads(run("--json"))["questions"] == 1
    assert run("show", chat.id) == "What is red?\n\n> What is red?\n\nA boat [0:01].\n"
    assert json.loads(run("show", chat.id, "--json"))["messages"][1]["text"] == "A boat [0:01]."
    assert json.loads(run("--json", "rename", chat.id, "Boats")) == {"chat_id": chat.id, "title": "Boats"}
    run("delete", chat.id)
    run("show", chat.id, code=2)
    assert run() == ""
