"""The page in headless Chromium: what a person does, from dropping a file in to clicking a moment of the answer."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from retrieval.records import Video
from tests.app.conftest import SCENE_S, Served, colour_video, wait_until
from tests.chromium import find_chromium
from tests.fakes import DIM
from tests.media_factory import Scene, make_video, write_noise
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio.queueing")]
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
_PATIENCE_MS = 30_000
expect.set_options(timeout=_PATIENCE_MS)

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = find_chromium()
    assert chromium, "no Chromium: `python -m tests.chromium` installs one; -m 'not browser' leaves these tests out"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Iterator[Open]:
    """Opens the app; afterwards, nothing may have been asked of another origin and no script may have failed."""
    asked: list[str] = []
    failures: list[str] = []
    contexts = []

    def open_page(path: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1360, "height": 860}, "locale": "en-US"} | options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(served.url + path)
        expect(page.locator("#cards .area-title")).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked
    assert [url for url in asked if not url.startswith((served.url, "data:", "blob:"))] == []
    assert failures == []


def upload(page: Page, *paths: Path) -> None:
    page.locator('#upload input[type="file"]').set_input_files(list(paths))


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")


def told(served: Served, video: Video, times: tuple[float, float], text: str) -> None:
    """Makes something said in a video, and lets the slow decoder say it again."""
    vectors = np.asarray(served.engine.models.text.embed([text]), np.float32)
    served.engine.library.add_passages(video.id, "speech", [(*times, text)], vectors)
    served.engine.models.decoder.says = f"{text}."  # type: ignore[attr-defined]
    served.engine.models.decoder.word_s = 0.3  # type: ignore[attr-defined]


def current_time(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#player video').currentTime"))


def wait_for_seek(page: Page) -> None:
    page.wait_for_function("(v => v && !v.seeking && v.currentTime > 0)(document.querySelector('#player video'))")
    page.evaluate("document.querySelector('#player video').pause()")


def not_answering(served: Served) -> bool:
    """Whether every question of every chat has got its answer, however short."""
    chats = served.engine.chats
    rows = served.engine.library.db.rows("SELECT id FROM chats")
    return all(chats.messages(row["id"])[-1].role == "assistant" for row in rows)


def moment_of(link: str) -> tuple[str, float, float]:
    found = re.search(r"#cue=(\w+),([\d.]+),([\d.]+)", link)
    assert found
    return found[1], float(found[2]), float(found[3])


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
    assert page.evaluate(
        "window.first === document.querySelector('#player video') && !first.paused && first.currentTime > 0.3"
    )
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
        vectors = np.asarray(served.engine.models.text.embed([evil]), np.float32)
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


def test_stopping_an_answer(open_page: Open, served: Served, indexed: Video) -> None:
    told(served, indexed, (1.0, 2.0), "The door is open")
    served.engine.models.decoder.says = "open " * 200  # type: ignore[attr-defined]
    page = open_page(f"?v={indexed.id}")
    ask(page, "What is said about the door?")
    page.get_by_test_id("stop-button").click()
    expect(page.locator("#question").get_by_test_id("submit-button")).to_be_visible(timeout=8000)
    ask(page, "What is said about the door?")
    expect(page.locator("#chatbot .asked")).to_have_count(2)
    page.context.close()  # and an answer that nobody waits for ends as well
    wait_until(lambda: not_answering(served), 8)


def test_two_people_ask_at_once(open_page: Open, served: Served, indexed: Video) -> None:
    told(served, indexed, (1.0, 2.0), "The green door is open")
    pages = [open_page(f"?v={indexed.id}") for _ in range(2)]
    for page in pages:
        ask(page, "What is said about the door?")
    for page in pages:  # both wait for their words at the same time
        expect(page.locator("#chatbot .waiting")).to_be_visible()
    for page in pages:
        expect(page.locator("#chatbot .answer .cue").first).to_be_visible()


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
