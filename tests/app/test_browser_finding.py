"""Finding in headless Chromium: filters as they are typed, the curve of what was asked for, and searches by looks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from model.timecode import span
from retrieval.store.records import Video
from tests.app.browsing import Open, ask, current_time, moment_of
from tests.app.conftest import GREEN, SCENE_S, Served
from tests.fakes import DIM

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio.queueing")]


def test_the_transcript_is_filtered_while_one_types(open_page: Open, served: Served, indexed: Video) -> None:
    lines = [(1.0, 2.0, "Hello there"), (3.0, 4.0, "Good bye")]
    served.engine.library.add_passages(indexed.id, "speech", lines, np.ones((2, DIM), np.float32))
    page = open_page(f"?v={indexed.id}")
    page.get_by_role("tab", name="Transcript").click()
    expect(page.locator("#transcript .line")).to_have_count(2)
    page.locator("#filter-transcript input").press_sequentially("hel")
    expect(page.locator("#transcript .line-text")).to_have_text(["Hello there"])
    page.locator("#filter-transcript input").fill("")
    expect(page.locator("#transcript .line")).to_have_count(2)


def test_the_curve_of_the_last_question_leads_to_its_peak(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    expect(page.locator("#curve")).to_be_hidden()
    ask(page, "When do you see green?")
    plot = page.locator("#curve .curve-plot")
    expect(plot).to_be_visible()
    expect(plot).to_have_attribute("aria-label", re.compile("When do you see green.*seen most at 0:0[4-7]"))
    expect(page.locator("#curve .source")).to_have_text(["seen"])
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 1")
    box = plot.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert SCENE_S < current_time(page) < 2 * SCENE_S
    page.reload()
    expect(plot).to_be_visible()
    page.locator("#new-chat").click()
    expect(page.locator("#curve")).to_be_hidden()


def test_a_search_keeps_to_its_filters(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    page.locator("#find-from input").fill("8")
    page.locator("#find input").fill("something green")
    page.locator("#find input").press("Enter")
    expect(page.locator("#results .moment").first).to_be_visible()
    links = page.locator("#results .moment").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert all(moment_of(link)[1] >= 8 for link in links)
    page.locator("#find-to input").fill("soon")
    page.locator("#find-to input").press("Enter")
    expect(page.get_by_test_id("toast-body").last).to_contain_text("The end 'soon' is no time in a video")
    page.locator("#find-to input").fill("")
    page.locator("#find-from input").fill("")
    page.locator("#find-seen input").uncheck()
    expect(page.locator("#results")).to_contain_text("No moment fits")
    page.locator("#find-seen input").check()
    expect(page.locator(f'#results .moment[href*="{indexed.id},{SCENE_S:.3f}"]')).to_be_visible()


def test_moments_that_look_like_a_picture_and_like_a_moment(open_page: Open, indexed: Video, tmp_path: Path) -> None:
    still = tmp_path / "leaf.png"
    Image.new("RGB", (64, 48), GREEN).save(still)
    page = open_page(f"?v={indexed.id}")
    page.locator("#find-scope input[type=file]").set_input_files(still)
    expect(page.locator("#results .like")).to_have_text("Looks like the picture leaf.png")
    first = page.locator("#results .moment").first
    _, start, end = moment_of(first.get_attribute("href") or "")
    assert SCENE_S <= start < end <= 2 * SCENE_S
    page.locator("#results .more-like").first.click()
    expect(page.locator("#results .like")).to_have_text(f"Looks like {span(start, end)} of “colours.mp4”")
    (tmp_path / "words.png").write_text("no picture at all")
    page.locator("#find-scope input[type=file]").set_input_files(tmp_path / "words.png")
    expect(page.get_by_test_id("toast-body").last).to_contain_text("words.png could not be read")
    expect(page.locator("#results .like")).to_contain_text(span(start, end))  # the last results stay


def test_what_counts_in_the_picture_is_shown_from_the_evidence(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    ask(page, "When do you see green?")
    link = page.locator("#chatbot .evidence a.where").first
    expect(link).to_have_attribute("title", re.compile("Show what counts in the picture at 0:0"))
    link.click()
    picture = page.locator("dialog.where-shown img")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('dialog.where-shown img').naturalWidth > 0")
    expect(page.locator("dialog.where-shown")).to_contain_text("Bright is what the answer rests on")
    page.keyboard.press("Escape")
    expect(picture).to_have_count(0)
