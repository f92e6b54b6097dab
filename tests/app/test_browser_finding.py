"""Finding in headless Chromium: filters as they are typed, the curve of what was asked for, and searches by looks."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from retrieval.records import Video
from tests.app.browsing import Open, ask, current_time
from tests.app.conftest import SCENE_S, Served
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
