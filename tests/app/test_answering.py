"""The desk: answers that belong to their chats, whoever looks on."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from app.answering import Turn
from app.engine import Engine
from app.i18n import Language
from app.page.session import Session
from app.page.views import PARTS
from model.errors import CuepointError
from retrieval.ask.answer import Answer
from retrieval.store.library import LOCAL_OWNER
from retrieval.store.records import Message, Video
from tests.app.conftest import page_handlers, wait_until

LIMIT_S = 10.0


class Answerer:
    """Says the question back, word by word, each when it is let."""

    def __init__(self) -> None:
        self.histories: dict[str, list[str]] = {}
        self._words = threading.Semaphore(0)

    def let(self, words: int) -> None:
        self._words.release(words)

    def ask(self, text: str, video_ids: Sequence[str], history: Sequence[Message] = (), stop: Any = None) -> Any:
        self.histories[text] = [message.text for message in history]
        answer = Answer(text)
        for word in text.split():
            while not self._words.acquire(timeout=0.02):
                if stop():
                    return
            if word == "fail":
                raise CuepointError("The server is away.")
            answer.text = f"{answer.text} {word}".strip()
            yield answer


@pytest.fixture
def answerer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Answerer:
    slow = Answerer()
    monkeypatch.setattr(engine.answerer, "ask", slow.ask)
    return slow


@pytest.fixture
def chat_id(engine: Engine, indexed: Video) -> str:
    return engine.chats.start(LOCAL_OWNER, [indexed.id]).id


def turn(chat_id: str, question: str) -> Turn:
    return Turn(chat_id, question, [], Language("en"))


def texts(engine: Engine, chat_id: str) -> list[str]:
    return [message.text for message in engine.chats.messages(chat_id)]


def grown(engine: Engine, chat_id: str, words: str) -> bool:
    growing = engine.desk.growing(chat_id)
    return growing is not None and growing.answer.get("answer") == words


def at_rest(engine: Engine, chat_id: str) -> None:
    wait_until(lambda: not engine.desk.is_busy(chat_id), LIMIT_S)


def test_questions_of_a_chat_are_answered_in_their_order(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    for question in ("one two", "three", "four"):
        engine.desk.ask(turn(chat_id, question))
    growing = engine.desk.growing(chat_id)
    assert growing is not None and growing.question == "one two" and growing.waiting == ("three", "four")
    assert texts(engine, chat_id) == ["one two"]
    answerer.let(4)
    at_rest(engine, chat_id)
    assert texts(engine, chat_id) == ["one two", "one two", "three", "three", "four", "four"]
    assert answerer.histories["four"] == ["one two", "one two", "three", "three"]


def test_chats_do_not_wait_for_each_other(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    other = engine.chats.start(LOCAL_OWNER, []).id
    engine.desk.ask(turn(chat_id, "a b c"))
    engine.desk.ask(turn(other, "d e f"))
    answerer.let(6)
    at_rest(engine, chat_id), at_rest(engine, other)
    assert texts(engine, chat_id) == ["a b c"] * 2 and texts(engine, other) == ["d e f"] * 2


def test_every_listener_hears_all_of_it_from_when_it_comes(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    heard: list[list[str]] = [[], []]

    def listen(number: int) -> None:
        for growing in engine.desk.follow(chat_id):
            heard[number].append(growing.answer.get("answer", ""))

    listeners = [threading.Thread(target=listen, args=(number,)) for number in range(2)]
    engine.desk.ask(turn(chat_id, "one two three"))
    listeners[0].start()
    answerer.let(1)
    wait_until(lambda: grown(engine, chat_id, "one"), LIMIT_S)
    listeners[1].start()
    wait_until(lambda: heard[1] == ["one"], LIMIT_S)
    answerer.let(1)
    wait_until(lambda: heard[1] == ["one", "one two"] and heard[0][-2:] == ["one", "one two"], LIMIT_S)
    answerer.let(1)
    for listener in listeners:
        listener.join(LIMIT_S)
        assert not listener.is_alive()
    assert texts(engine, chat_id)[-1] == "one two three"


def test_a_stopped_answer_is_kept_and_the_next_question_comes(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    engine.desk.ask(turn(chat_id, "one two"))
    engine.desk.ask(turn(chat_id, "three"))
    answerer.let(1)
    wait_until(lambda: grown(engine, chat_id, "one"), LIMIT_S)
    engine.desk.stop(chat_id)
    wait_until(lambda: len(texts(engine, chat_id)) == 3, LIMIT_S)
    answerer.let(1)
    at_rest(engine, chat_id)
    assert texts(engine, chat_id) == ["one two", "one", "three", "three"]


def test_what_goes_wrong_is_said_and_the_next_question_comes(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    engine.desk.ask(turn(chat_id, "please fail"))
    engine.desk.ask(turn(chat_id, "three"))
    answerer.let(3)
    at_rest(engine, chat_id)
    assert texts(engine, chat_id) == ["please fail", "The server is away.", "three", "three"]


def test_a_question_that_cannot_be_written_down_leaves_its_chat_free(
    engine: Engine, answerer: Answerer, chat_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = engine.chats.add

    def full(chat_id: str, message: Message) -> None:
        if message.text == "three":
            raise sqlite3.OperationalError("database or disk is full")
        add(chat_id, message)

    monkeypatch.setattr(engine.chats, "add", full)
    for question in ("one", "three", "four"):
        engine.desk.ask(turn(chat_id, question))
    answerer.let(3)
    at_rest(engine, chat_id)
    assert texts(engine, chat_id) == ["one", "one", "four", "four"]
    with pytest.raises(sqlite3.OperationalError):
        engine.desk.ask(turn(chat_id, "three"))
    assert not engine.desk.is_busy(chat_id)


def test_the_answer_of_a_deleted_chat_ends(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    engine.desk.ask(turn(chat_id, "one two"))
    engine.desk.ask(turn(chat_id, "three"))
    engine.chats.delete(chat_id, LOCAL_OWNER)
    engine.desk.forget(chat_id)
    at_rest(engine, chat_id)
    assert engine.library.db.rows("SELECT 1 FROM messages") == [] and "three" not in answerer.histories


def chat_html(engine: Engine, chat_id: str) -> Iterator[str]:
    """What a page that is opened now shows of a chat, message by message."""
    session = Session()
    session.chat_id = chat_id
    request: Any = SimpleNamespace(headers={"accept-language": "en"})
    (chat,) = page_handlers(engine).tick("", session, request)[PARTS.index("chat") :][:1]
    return (str(message["content"]) for message in chat)


def test_a_page_that_is_opened_in_mid_answer_sees_it_grow(engine: Engine, answerer: Answerer, chat_id: str) -> None:
    engine.desk.ask(turn(chat_id, "one two"))
    engine.desk.ask(turn(chat_id, "three"))
    asked, waiting, queued = chat_html(engine, chat_id)
    assert "one two" in asked and "waiting" in waiting and "three" in queued and "Waits for" in queued
    answerer.let(1)
    wait_until(lambda: grown(engine, chat_id, "one"), LIMIT_S)
    _, growing, _ = chat_html(engine, chat_id)
    assert ">one<" in growing and "waiting" not in growing
    answerer.let(2)
    at_rest(engine, chat_id)
    assert len(list(chat_html(engine, chat_id))) == 4


def test_an_answer_that_the_server_took_with_it_is_said_to_be_lost(engine: Engine, chat_id: str) -> None:
    engine.chats.add(chat_id, Message("user", "What is green?"))
    _, lost = chat_html(engine, chat_id)
    assert "interrupted" in lost and "#again" in lost and "waiting" not in lost
