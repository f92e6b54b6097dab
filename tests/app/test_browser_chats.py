"""Chats in headless Chromium: answers as they come, and what a person does with them afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from retrieval.store.records import Video
from tests.app.browsing import Open, ask, told
from tests.app.conftest import Served, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio.queueing")]


def not_answering(served: Served) -> bool:
    """Whether every question of every chat has got its answer, however short."""
    chats = served.engine.chats
    rows = served.engine.library.db.rows("SELECT id FROM chats")
    return all(chats.messages(row["id"])[-1].role == "assistant" for row in rows)


def last_message(served: Served) -> int:
    """The number of what was written down last: another answer in the place of one has a higher one."""
    return int(served.engine.library.db.rows("SELECT max(id) AS number FROM messages")[0]["number"])


def test_stopping_an_answer(open_page: Open, served: Served, indexed: Video) -> None:
    told(served, indexed, (1.0, 2.0), "The door is open")
    served.engine.models.decoder.says = "open " * 200  # type: ignore[attr-defined]
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is said about the door?")
    page.get_by_test_id("stop-button").click()
    expect(page.locator("#question").get_by_test_id("submit-button")).to_be_visible(timeout=8000)
    wait_until(lambda: not_answering(served), 8)


def test_an_answer_outlives_a_reload_and_can_be_stopped_after_it(
    open_page: Open, served: Served, indexed: Video
) -> None:
    told(served, indexed, (1.0, 2.0), "The door is open")
    served.engine.models.decoder.says = "open " * 200  # type: ignore[attr-defined]
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is said about the door?")
    expect(page.locator("#chatbot .waiting")).to_be_visible()
    page.reload()
    expect(page.locator("#chatbot .asked")).to_have_count(1)
    expect(page.locator("#chatbot .waiting")).to_be_visible()
    assert not not_answering(served)
    page.get_by_test_id("stop-button").click()
    wait_until(lambda: not_answering(served), 8)
    expect(page.locator("#chatbot .waiting")).to_have_count(0)
    expect(page.get_by_test_id("stop-button")).to_have_count(0)


def test_an_answer_that_grew_while_the_page_was_away_is_there(open_page: Open, served: Served, indexed: Video) -> None:
    told(served, indexed, (1.0, 2.0), "The green door is open")
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is said about the door?")
    expect(page.locator("#chatbot .waiting")).to_be_visible()
    page.goto("about:blank")
    wait_until(lambda: not_answering(served), 30)
    page.go_back()
    expect(page.locator("#chatbot .answer .cue").first).to_be_visible()
    expect(page.locator("#chatbot .waiting")).to_have_count(0)


def test_questions_that_are_asked_during_an_answer_wait_for_their_turn(
    open_page: Open, served: Served, indexed: Video
) -> None:
    told(served, indexed, (1.0, 2.0), "The green door is open")
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is said about the door?")
    expect(page.locator("#chatbot .waiting")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("")
    ask(page, "What is said about the green door?")
    expect(page.locator("#chatbot .queued")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("")
    expect(page.locator("#chatbot .answer .cue")).not_to_have_count(0)
    wait_until(lambda: not_answering(served), 30)
    expect(page.locator("#chatbot .asked")).to_have_count(2)
    expect(page.locator("#chatbot .queued")).to_have_count(0)
    expect(page.locator("#chatbot .tool-again")).to_be_visible()
    chat = served.engine.chats.latest("local")
    assert chat is not None
    assert [message.role for message in served.engine.chats.messages(chat.id)] == ["user", "assistant"] * 2


def test_two_people_ask_at_once(open_page: Open, served: Served, indexed: Video) -> None:
    told(served, indexed, (1.0, 2.0), "The green door is open")
    pages = [open_page(f"?v={indexed.id}") for _ in range(2)]
    for page in pages:
        ask(page, "What is said about the door?")
    for page in pages:  # both wait for their words at the same time
        expect(page.locator("#chatbot .waiting")).to_be_visible()
    for page in pages:
        expect(page.locator("#chatbot .answer .cue").first).to_be_visible()


def test_chats_are_kept_searched_renamed_and_deleted(open_page: Open, served: Served, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    for question in ("What is green, please?", "What is red?"):
        ask(page, question)
        expect(page.locator("#chatbot .answer .cue").first).to_be_visible()
        expect(page.locator("#chatbot .tool-again")).to_be_visible()
        page.locator("#new-chat").click()
        expect(page.locator("#chatbot .asked")).to_have_count(0)
    page.locator("#history-button").click()
    expect(page.locator("#chats .chat-title")).to_have_text(["What is red?", "What is green, please?"])
    search = page.locator("#history-search input")
    search.press_sequentially("please")
    expect(page.locator("#chats .chat-title")).to_have_text(["What is green, please?"])
    search.fill("zebra")
    expect(page.locator("#chats .chat-title")).to_have_count(0)
    expect(page.locator("#chats")).to_contain_text("zebra")
    search.fill("")
    expect(page.locator("#chats .chat-title")).to_have_count(2)
    page.locator("#chats .act-rename").last.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Doors <b>")
    dialog.get_by_role("button", name="Rename").click()
    expect(page.locator("#chats .chat-title")).to_have_text(["What is red?", "Doors <b>"])
    page.locator("#chats .chat-main").last.click()
    expect(page.locator("#history")).to_be_hidden()
    expect(page.locator("#chatbot .asked")).to_contain_text("What is green, please?")
    expect(page.locator("#chatbot .answer .cue").first).to_be_visible()

    page.locator("#history-button").click()
    page.locator("#chats .act-delete").last.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#chats .chat-title")).to_have_text(["What is red?"])
    page.keyboard.press("Escape")
    expect(page.locator("#history")).to_be_hidden()
    expect(page.locator("#chatbot .asked")).to_have_count(0)
    assert [entry.chat.title for entry in served.engine.chats.listed("local")] == ["What is red?"]


def test_a_question_is_edited_and_an_answer_given_again(open_page: Open, served: Served, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    for question in ("What is green?", "What is red?"):
        ask(page, question)
        expect(page.locator("#chatbot .tool-again")).to_be_visible()
        expect(page.locator("#question textarea")).to_be_editable()
    before = last_message(served)
    page.locator("#chatbot .tool-again").click()
    wait_until(lambda: last_message(served) > before, 30)  # until then the first answer and its tools are shown
    expect(page.locator("#chatbot .tool-again")).to_be_visible()
    expect(page.locator("#chatbot .asked")).to_have_count(2)
    page.locator("#chatbot .tool-edit").first.click()
    field = page.get_by_role("dialog").get_by_role("textbox")
    expect(field).to_have_value("What is green?")
    field.fill("What is blue?")
    field.press("Enter")
    expect(page.locator("#chatbot .asked")).to_have_count(1)
    expect(page.locator("#chatbot .asked")).to_contain_text("What is blue?")
    expect(page.locator("#chatbot .tool-again")).to_be_visible()
    page.reload()
    expect(page.locator("#chatbot .asked")).to_have_count(1)
    expect(page.locator("#chatbot .asked")).to_contain_text("What is blue?")


def test_another_browser_begins_with_a_chat_of_its_own(open_page: Open, served: Served, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is green?")
    expect(page.locator("#chatbot .tool-again")).to_be_visible()
    other = open_page(f"?v={indexed.id}")
    expect(other.locator("#starter .suggestion").first).to_be_visible()
    expect(other.locator("#chatbot .asked")).to_have_count(0)
    other.locator("#history-button").click()
    expect(other.locator("#chats .chat-title")).to_have_count(0)
    page.reload()
    expect(page.locator("#chatbot .asked")).to_have_count(1)


def test_on_a_phone_the_answer_to_a_question_is_in_view(open_page: Open, served: Served, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}", viewport={"width": 390, "height": 844})
    for number, question in enumerate(("What is green?", "What is red?", "What is blue?"), 1):
        ask(page, question)
        expect(page.locator("#chatbot .asked")).to_have_count(number)
        expect(page.locator("#chatbot .answer .cue").last).to_be_visible()
        expect(page.locator("#chatbot .waiting")).to_have_count(0)
    wait_until(lambda: in_view(page, "#chatbot .asked") and in_view(page, "#chatbot .answer"), 10)


def in_view(page: Page, selector: str) -> bool:
    """Whether the last one begins on the screen."""
    top = page.locator(selector).last.evaluate("element => element.getBoundingClientRect().top")
    return 0 <= top < 844 - 60
