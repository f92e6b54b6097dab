"""Saving what was found and commenting on it, in headless Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from model.media.probe import probe
from retrieval.store.records import Video
from tests.app.browsing import Open, ask, current_time, told
from tests.app.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio.queueing")]


def test_a_cited_moment_is_saved_as_a_clip(open_page: Open, served: Served, indexed: Video, tmp_path: Path) -> None:
    told(served, indexed, (5.0, 8.0), "The green door is open")
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is said about the door?")
    expect(page.locator("#question textarea")).to_be_editable()
    with page.expect_download() as download:
        page.locator("#chatbot .evidence .save-clip").first.click()
    assert download.value.suggested_filename == "colours 0.05-0.08.mp4"
    download.value.save_as(tmp_path / "clip.mp4")
    assert probe(tmp_path / "clip.mp4").duration == pytest.approx(3.0, abs=0.2)
    expect(page.locator(".save.working")).to_have_count(0)
    assert list((served.engine.library.folder(indexed.id) / "clips").iterdir()) == []


def test_a_clip_that_cannot_be_cut_says_why(open_page: Open, served: Served, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    page.locator("#find input").fill("something green")
    page.locator("#find input").press("Enter")
    expect(page.locator("#results .save-clip").first).to_be_visible()
    assert indexed.media_path is not None
    Path(indexed.media_path).unlink()
    Path(indexed.source_path).unlink()
    page.locator("#results .save-clip").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("no longer there")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_report_and_the_highlights_are_saved(open_page: Open, indexed: Video, tmp_path: Path) -> None:
    page = open_page(f"?v={indexed.id}")
    page.get_by_role("tab", name="Summary").click()
    with page.expect_download() as download:
        page.locator("#summary .save-report", has_text="HTML").click()
    assert download.value.suggested_filename == "colours.html"
    with page.expect_download() as download:
        page.locator("#summary .save-reel").click()
    assert download.value.suggested_filename == "colours highlights.mp4"
    download.value.save_as(tmp_path / "reel.mp4")
    assert probe(tmp_path / "reel.mp4").duration > 2


def test_a_comment_flies_at_its_moment_and_lies_on_the_timeline(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 1")
    page.evaluate("document.querySelector('#player video').currentTime = 6")
    field = page.locator("#player .bullet-text")
    field.fill("Here it turns <green>")
    field.press("Enter")
    expect(field).to_have_value("")
    expect(page.locator(".bullet-sky .bullet")).to_have_text("Here it turns <green>")
    dot = page.locator("#timeline .bullet-dot")
    expect(dot).to_have_attribute("title", "Here it turns <green>")

    page.reload()  # it is kept
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 1")
    expect(dot).to_have_count(1)
    page.evaluate("const v = document.querySelector('#player video'); v.muted = true; v.currentTime = 5; v.play()")
    expect(page.locator(".bullet-sky .bullet")).to_have_text("Here it turns <green>", timeout=15_000)
    page.evaluate("document.querySelector('#player video').pause()")
    dot.click()
    assert abs(current_time(page) - 6) < 0.1
    page.locator(".bullet-shown input").uncheck()
    expect(page.locator(".bullet-sky .bullet")).to_have_count(0)
    page.locator(".bullet-delete").click()
    expect(dot).to_have_count(0)
    page.reload()
    expect(page.locator(".bullet-shown input")).not_to_be_checked()
    expect(page.locator("#timeline .timeline")).to_be_visible()
    page.wait_for_timeout(700)  # when the dots would have come
    expect(dot).to_have_count(0)
