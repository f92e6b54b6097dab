"""The page in headless Chromium: what a person does, from dropping a file in to clicking a moment of the answer."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from retrieval.store.records import Video
from tests.app.browsing import Open, ask, current_time, moment_of, told, upload, wait_for_seek
from tests.app.conftest import SCENE_S, Served, colour_video, wait_until
from tests.fakes import DIM
from tests.media_factory import Scene, make_video, write_noise
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio.queueing")]


def test_from_a_file_to_a_cited_moment_and_back_after_a_reload(open_page: Open, served: Served, tmp_path: Path) -> None:
    page = open_page()
    expect(page.locator("#cards")).to_contain_text("No videos yet")
    served.engine.models.vision.look_s = 0.4  # type: ignore[attr-defined]  # so that progress can be seen
    upload(page, colour_video(tmp_path / "colours.mp4"))
    expect(page.locator(".card .progress-bar")).to_be_visible()
    expect(page.locator(".card .lane")).to_have_count(4)
    page.wait_for_selector(".card.status-ready")
    expect(page.locator("#player video")).to_have_attribute("src", re.compile("^media/"))
    page.wait_for_function("document.querySelector('#player video').readyState >= 1")

    told(served, served.engine.library.videos()[0], (SCENE_S + 1, SCENE_S + 3), "The green door is open")
    ask(page, "What is said about the door?")
    expect(page.locator("#chatbot .evidence")).to_be_visible()
    expect(page.locator("#chatbot .waiting")).to_be_visible()  # the moments are there before the first word
    expect(page.locator("#chatbot .answer .cue").first).to_be_visible()
    expect(page.locator("#chatbot .waiting")).to_have_count(0)
    expect(page.locator("#timeline .mark-moment").first).to_be_visible()

    chip = page.locator("#chatbot .answer .cue").first
    _, start, end = moment_of(chip.get_attribute("href") or "")
    assert (start, end) == (SCENE_S + 1, SCENE_S + 3)
    chip.click()
    wait_for_seek(page)
    assert start <= current_time(page) <= end

    answer = page.locator("#chatbot .answer").inner_text()
    title = page.locator(".video-title").inner_text()
    page.reload()
    expect(page.locator("#chatbot .answer")).to_have_text(answer)
    expect(page.locator(".video-title")).to_have_text(title)
    expect(page.locator("#timeline .mark-moment").first).to_be_visible()
    assert "?v=" in page.url


def test_the_player_goes_on_while_the_page_polls(open_page: Open, served: Served, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 2")
    page.evaluate("window.first = document.querySelector('#player video'); first.muted = true; first.play()")
    served.engine.library.add_passages(indexed.id, "speech", [(1.0, 2.0, "Hello there")], np.ones((1, DIM), np.float32))
    page.get_by_role("tab", name="Transcript").click()
    expect(page.locator("#transcript .line")).to_contain_text("Hello there")  # drawn by a later tick
    assert page.evaluate("window.first === document.querySelector('#player video') && !first.paused")
    page.wait_for_function("window.first.currentTime > 0.3")
    expect(page.locator("#player track")).to_have_attribute("src", f"media/{indexed.id}/transcript.vtt")


def test_a_moment_of_another_video_opens_that_video(
    open_page: Open, served: Served, indexed: Video, tmp_path: Path
) -> None:
    page = open_page(f"?v={indexed.id}")
    upload(page, colour_video(tmp_path / "night.mp4", (30, 30, 200), (200, 30, 30)))
    expect(page.locator(".card.status-ready")).to_have_count(2)
    expect(page.locator(".video-title")).to_have_text("night.mp4")
    page.locator("#everywhere input").check()
    page.locator("#find input").fill("something green")
    page.locator("#find input").press("Enter")
    result = page.locator(f'#results .moment[href*="{indexed.id}"]').first
    _, start, end = moment_of(result.get_attribute("href") or "")
    result.click()
    expect(page.locator(".video-title")).to_have_text("colours.mp4")
    wait_for_seek(page)
    assert start <= current_time(page) <= end
    assert f"v={indexed.id}" in page.url


def test_the_timeline_obeys_mouse_and_keyboard(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 1")
    line = page.locator(".timeline")
    box = line.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert current_time(page) == pytest.approx(indexed.duration / 2, abs=0.2)
    expect(line).to_be_focused()
    page.keyboard.press("ArrowLeft")
    assert current_time(page) == pytest.approx(indexed.duration / 2 - 5, abs=0.3)
    page.keyboard.press("Home")
    expect(line).to_have_attribute("aria-valuetext", "0:00")


def test_what_a_video_says_is_never_a_tag(open_page: Open, served: Served, indexed: Video) -> None:
    evil = '<img src=x onerror="window.hacked=1"> ![p](http://evil.example/p.png) [9] zebra'
    library = served.engine.library
    library.update_video(indexed.id, title=evil)
    for source in ("speech", "text"):
        vectors = np.asarray(served.engine.models.passages.embed([evil]), np.float32)
        library.add_passages(indexed.id, source, [(1.0, 3.0, evil)], vectors)  # type: ignore[arg-type]
    page = open_page(f"?v={indexed.id}")
    for question in (
        "What is said about the zebra?",
        "What is written about the zebra <img src=x onerror=window.hacked=1>?",
    ):
        ask(page, question)
        expect(page.locator("#chatbot .evidence").last).to_contain_text("onerror")
        expect(page.locator("#question textarea")).to_be_editable()
    for tab in ("Transcript", "On-screen text", "Summary"):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator("#tabs")).to_contain_text("onerror")
    assert page.evaluate("window.hacked") is None


def test_bad_files_are_named_and_the_good_one_goes_on(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    upload(page, write_noise(tmp_path / "noise.mp4"), colour_video(tmp_path / "good.mp4", (200, 30, 30)))
    expect(page.locator("#notices .notice.bad")).to_contain_text("noise.mp4")
    expect(page.locator(".card")).to_have_count(1)
    page.wait_for_selector(".card.status-ready")
    expect(page.locator(".video-title")).to_have_text("good.mp4")


def test_deleting_asks_first(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}")
    page.locator(".act-delete").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator(".card")).to_have_count(1)
    page.locator(".act-delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#cards")).to_contain_text("No videos yet")
    expect(page.locator(".stage-empty")).to_be_visible()


def test_chinese_labels(open_page: Open, indexed: Video) -> None:
    page = open_page(f"?v={indexed.id}", locale="zh-CN")
    expect(page.get_by_role("tab", name="查找片段")).to_be_visible()
    expect(page.locator("#cards .area-title")).to_have_text("视频库")
    expect(page.locator("#question textarea")).to_have_attribute("placeholder", re.compile("询问"))
    expect(page.get_by_role("button", name="新聊天")).to_be_visible()


@pytest.mark.parametrize("width", [390, 820])
def test_narrow_screens_do_not_overflow(open_page: Open, indexed: Video, width: int) -> None:
    page = open_page(f"?v={indexed.id}", viewport={"width": width, "height": 844}, has_touch=True)
    ask(page, "What is green?")
    expect(page.locator("#chatbot .answer .cue").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    order = [page.locator(part).bounding_box() for part in ("#player-area", "#chat-column", "#library-column")]
    tops = [box["y"] for box in order if box]
    assert len(tops) == 3 and (width > 780 or tops == sorted(tops))


def test_dark_follows_the_system(open_page: Open, indexed: Video) -> None:
    def brightness(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.querySelector('#chat-column')).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    light, dark = (brightness(open_page(f"?v={indexed.id}", color_scheme=scheme)) for scheme in ("light", "dark"))
    assert dark < 200 < 600 < light


@pytest.mark.models
def test_the_real_thing(browser: Browser, tmp_path: Path, speech: np.ndarray) -> None:
    """The app as a newcomer starts it, worker process and real models included."""
    scenes = [Scene(4, (20, 60, 120)), Scene(4, (240, 240, 240), text="HARBOUR 47"), Scene(4, (150, 40, 40))]
    path = make_video(tmp_path / "harbour.mp4", scenes, size=(640, 360), audio=speech[: 12 * 16_000])
    port = free_port()
    command = [sys.executable, "-m", "app", "--data-dir", str(tmp_path / "data"), "serve", "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), 60)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#cards .area-title")).to_be_visible()
        upload(page, path)
        page.wait_for_selector(".card .progress-bar")
        page.wait_for_selector(".card.status-ready")
        ask(page, "What is written on the screen?")
        expect(page.locator("#chatbot .answer")).to_contain_text("HARBOUR 47", timeout=120_000)
        chip = page.locator("#chatbot .answer .cue").first
        _, start, end = moment_of(chip.get_attribute("href") or "")
        assert 3.5 <= start < end <= 8.5
        chip.click()
        wait_for_seek(page)
        assert start <= current_time(page) <= end
        page.get_by_role("tab", name="Transcript").click()
        expect(page.locator("#transcript .line").first).to_be_visible()
    finally:
        server.terminate()
        server.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_a_still_that_comes_late_is_shown_all_the_same(open_page: Open, served: Served, indexed: Video) -> None:
    still = served.engine.library.folder(indexed.id) / "thumbnails" / "00000.jpg"
    away = still.rename(still.with_suffix(".away"))
    page = open_page(f"?v={indexed.id}")
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 1")
    assert page.evaluate("document.querySelector('#player video').poster") == ""
    away.rename(still)
    page.wait_for_function("document.querySelector('#player video').poster.endsWith('thumbnail/0.jpg')")
