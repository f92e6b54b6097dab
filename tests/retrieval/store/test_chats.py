"""Chats: what is said stays, can be found again, named, changed and thrown away, and is its owner's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import UsageError
from retrieval.store.chats import Chats
from retrieval.store.library import LOCAL_OWNER, Library
from retrieval.store.records import Chat, Message, Video
from tests.retrieval.conftest import register


@pytest.fixture
def chats(library: Library) -> Chats:
    return Chats(library)


def talk(chats: Chats, *said: str, owner: str = LOCAL_OWNER, videos: tuple[str, ...] = ()) -> Chat:
    """A chat in which questions and answers take turns."""
    chat = chats.start(owner, videos)
    for number, text in enumerate(said):
        chats.add(
            chat.id, Message("assistant" if number % 2 else "user", text, {"found": True} if number % 2 else None)
        )
    return chats.chat(chat.id, owner)


def said(chats: Chats, chat: Chat) -> list[str]:
    return [message.text for message in chats.messages(chat.id)]


def test_chats_are_listed_last_used_first_and_empty_ones_are_not(chats: Chats, video: Video) -> None:
    first = talk(chats, "What is red?", "A boat.", videos=(video.id,))
    second = talk(chats, "What is green?", "A door.", "And blue?")
    chats.start(LOCAL_OWNER, [])
    assert [(e.chat.id, e.questions) for e in chats.listed(LOCAL_OWNER)] == [(second.id, 2), (first.id, 1)]
    chats.add(first.id, Message("user", "Where?"))
    entry = chats.listed(LOCAL_OWNER)[0]
    assert (entry.chat.title, entry.chat.video_ids, entry.excerpt) == ("What is red?", [video.id], None)


def test_every_word_of_a_search_must_occur_somewhere(chats: Chats) -> None:
    boat = talk(chats, "What is red?", "The boat in the Harbour, 100% sure.")
    talk(chats, "What is green?", "A door.")
    assert [e.chat.id for e in chats.search(LOCAL_OWNER, "RED harb")] == [boat.id]
    assert chats.search(LOCAL_OWNER, "harb")[0].excerpt == "The boat in the Harbour, 100% sure."
    assert len(chats.search(LOCAL_OWNER, "what")) == 2
    assert [e.chat.id for e in chats.search(LOCAL_OWNER, "0%")] == [boat.id]
    assert chats.search(LOCAL_OWNER, "red door") == [] and chats.search(LOCAL_OWNER, "_ %_") == []


def test_chinese_is_found_inside_its_sentence(chats: Chats) -> None:
    chat = talk(chats, "海边有什么？", "一条红色的船。")
    assert [e.chat.id for e in chats.search(LOCAL_OWNER, "红色")] == [chat.id]


def test_a_chat_is_its_owners_alone(library: Library, chats: Chats) -> None:
    library.add_owner("somebody")
    theirs = talk(chats, "What is red?", "A boat.", owner="somebody")
    assert chats.listed(LOCAL_OWNER) == [] and chats.search(LOCAL_OWNER, "red") == []
    for attempt in (
        lambda: chats.rename(theirs.id, LOCAL_OWNER, "mine"),
        lambda: chats.delete(theirs.id, LOCAL_OWNER),
        lambda: chats.edit(theirs.id, LOCAL_OWNER, 0, "mine"),
    ):
        with pytest.raises(UsageError, match="no longer exists"):
            attempt()
    assert said(chats, theirs) == ["What is red?", "A boat."]


def test_a_name_stays_and_nonsense_is_refused(chats: Chats) -> None:
    chat = talk(chats, "What is red?", "A boat.")
    assert chats.rename(chat.id, LOCAL_OWNER, "  The \n harbour ").title == "The harbour"
    chats.edit(chat.id, LOCAL_OWNER, 0, "What is blue?")
    assert chats.chat(chat.id, LOCAL_OWNER).title == "The harbour"
    for bad in (" ", "x" * 121):
        with pytest.raises(UsageError, match="1 to 120"):
            chats.rename(chat.id, LOCAL_OWNER, bad)


def test_a_deleted_chat_takes_its_messages_along(library: Library, chats: Chats) -> None:
    chat = talk(chats, "What is red?", "A boat.")
    chats.delete(chat.id, LOCAL_OWNER)
    assert library.db.rows("SELECT 1 FROM messages") == []
    chats.add(chat.id, Message("assistant", "An answer that came too late."))
    assert library.db.rows("SELECT 1 FROM messages") == []


def test_an_edited_question_drops_what_came_after_it(chats: Chats) -> None:
    chat = talk(chats, "What is red?", "A boat.", "And green?", "A door.", "Why?", "Paint.")
    chats.edit(chat.id, LOCAL_OWNER, 2, " And blue? ")
    assert said(chats, chat) == ["What is red?", "A boat.", "And blue?"]
    assert chats.chat(chat.id, LOCAL_OWNER).title == "What is red?"
    chats.edit(chat.id, LOCAL_OWNER, 0, "What is white?")
    assert said(chats, chat) == ["What is white?"] and chats.chat(chat.id, LOCAL_OWNER).title == "What is white?"


@pytest.mark.parametrize("position", [-1, 1, 4, 99])
def test_only_questions_that_are_there_can_be_edited(chats: Chats, position: int) -> None:
    chat = talk(chats, "What is red?", "A boat.", "Why?")
    with pytest.raises(UsageError, match="no longer in the chat"):
        chats.edit(chat.id, LOCAL_OWNER, position, "What is blue?")
    with pytest.raises(UsageError, match="no longer in the chat"):
        chats.answer_again(chat.id, position, Message("assistant", "Sky."))
    with pytest.raises(UsageError, match="Type a question"):
        chats.edit(chat.id, LOCAL_OWNER, 0, "  ")
    assert said(chats, chat) == ["What is red?", "A boat.", "Why?"]


def test_a_new_answer_takes_the_place_of_the_old_one(chats: Chats) -> None:
    chat = talk(chats, "What is red?", "A boat.", "Why?", "Paint.")
    chats.answer_again(chat.id, 2, Message("assistant", "Rust.", {"found": True}))
    assert said(chats, chat) == ["What is red?", "A boat.", "Why?", "Rust."]
    assert chats.messages(chat.id)[-1].answer == {"found": True}


def test_chats_keep_their_words_when_a_video_goes(library: Library, chats: Chats, tmp_path: Path, video: Video) -> None:
    other = register(library, tmp_path, "second")
    chat = talk(chats, "What is red?", "A boat.", videos=(video.id, other.id))
    library.delete_video(video.id)
    assert chats.listed(LOCAL_OWNER)[0].chat.video_ids == [other.id] and len(said(chats, chat)) == 2


def test_visitors_find_their_own_chats_and_those_of_all(chats: Chats) -> None:
    for visitor in (None, "ann", "bob"):
        chat = chats.start(LOCAL_OWNER, [], visitor)
        chats.add(chat.id, Message("user", f"Of {visitor}?"))
    titles = {who: {e.chat.title for e in chats.search(LOCAL_OWNER, "", visitor=who)} for who in ("ann", "bob", None)}
    assert titles["ann"] == {"Of None?", "Of ann?"} and titles["bob"] == {"Of None?", "Of bob?"}
    assert len(titles[None]) == 3
    assert [e.chat.title for e in chats.search(LOCAL_OWNER, "bob", visitor="ann")] == []
    latest = [chats.latest(LOCAL_OWNER, visitor=who) for who in ("ann", "bob", "new")]
    assert [chat.title for chat in latest if chat] == ["Of ann?", "Of bob?", "Of None?"]
