"""Languages and tracks in headless Chromium: what is spoken, transcripts by track, having a video heard again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from retrieval.store.records import Video
from tests.app.browsing import Open
from tests.app.conftest import Served, wait_until
from tests.several_tracks import make_tracks

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio.queueing")]
LINES = [
    ("Welcome to the harbour", "en", "heard"),
    ("欢迎来到港口", "zh", "heard"),
    ("Hallo", "de", "file:talk.de.srt"),
]


@pytest.fixture
def talk(served: Served, tmp_path: Path) -> Video:
    """An indexed video with an English and a Spanish sound, in which English and later Chinese was heard."""
    engine = served.engine
    video, job = engine.add(make_tracks(tmp_path / "talk.mkv", subtitles=()))
    assert job is not None
    wait_for_end(served, video.id)
    for number, (text, language, origin) in enumerate(LINES):
        vectors = np.asarray(engine.models.passages.embed([text]), np.float32)
        piece = (number * 0.5, number * 0.5 + 0.5, text)
        engine.library.add_passages(video.id, "speech", [piece], vectors, language=language, origin=origin)
    with engine.library.db.transaction() as db:
        for start, language in ((0.0, "en"), (1.2, "zh")):
            db.execute("INSERT INTO spoken VALUES (?, ?, ?, ?, 0.9)", (video.id, start, start + 0.5, language))
    engine.library.add_warning(video.id, "The length is an estimate: the file gives none.")
    return engine.library.video(video.id)


def wait_for_end(served: Served, video_id: str) -> None:
    wait_until(lambda: served.engine.library.video(video_id).status == "ready", 60)


def test_the_transcript_is_shown_by_language_and_track(open_page: Open, talk: Video) -> None:
    page = open_page(f"?v={talk.id}")
    expect(page.locator("#about .spoken")).to_have_text("Speech: English, Chinese from 0:01")
    page.get_by_role("tab", name="Transcript").click()
    names = [re.compile("."), "English · heard", "Chinese · heard", "German · talk.de.srt"]
    expect(page.locator("#transcript .track")).to_have_text(names)
    page.get_by_role("button", name="Chinese · heard").click()
    expect(page.locator("#transcript .line-text")).to_have_text(["欢迎来到港口"])
    expect(page.locator('#transcript .track[aria-pressed="true"]')).to_have_text("Chinese · heard")
    page.locator("#transcript .track").first.click()
    expect(page.locator("#transcript .line-text", has_text="harbour")).to_be_visible()


def test_a_video_is_heard_again_in_another_sound_and_language(open_page: Open, served: Served, talk: Video) -> None:
    page = open_page(f"?v={talk.id}")
    form = page.locator("#about form.hear-again")
    expect(form).to_be_hidden()
    page.locator("#about summary").click()
    expect(form.get_by_label("Sound track").locator("option")).to_have_text(["1 · English · Main", "2 · Spanish"])
    form.get_by_label("Sound track").select_option("2")
    form.get_by_label("Spoken language").select_option(label="Spanish")
    form.get_by_role("button", name="Hear again").click()
    expect(page.locator("#about .spoken")).to_have_text("Speech: Spanish (chosen)")
    wait_for_end(served, talk.id)
    page.get_by_role("tab", name="Summary").click()
    expect(page.locator("#summary .summary")).to_be_visible()  # of what is heard now, and without a reload
    assert served.engine.library.video(talk.id).choices == {"sound": 2, "language": "es"}
    expect(page.locator("#player video")).to_have_attribute("src", re.compile(r"\?sound=2$"))
    expect(page.locator("#about .hearing")).to_have_count(0)
    expect(page.locator("#about select[name=language]")).to_have_value("es")
    page.get_by_role("tab", name="Transcript").click()
    expect(page.locator("#transcript .line-text")).to_have_text(["Hallo"])  # subtitles stay


def test_what_is_spoken_is_told_in_chinese(open_page: Open, talk: Video) -> None:
    page = open_page(f"?v={talk.id}", locale="zh-CN")
    expect(page.locator("#about .spoken")).to_have_text("语音：英语、中文（从 0:01 起）")
    expect(page.locator("#about .note")).to_have_text(
        ["未识别音轨 2（西班牙语）：无法识别其语言。选择它即可识别。", "时长是估计值：文件中没有给出。"]
    )
    page.locator("#about summary").click()
    expect(page.locator("#about select[name=language] option").nth(1)).to_have_text("阿尔巴尼亚语")
    expect(page.locator(".profile-title")).not_to_have_text(re.compile("[A-Za-z]"))
    expect(page.locator("#about")).not_to_have_text(re.compile("(?<![A-Za-z])(?!Main)[A-Za-z]{3}"))
