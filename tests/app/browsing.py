"""What the browser tests share: things a person does on the page, and what they look for there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from retrieval.ask.look import Looker
from retrieval.ask.readers.strong import StrongReader
from retrieval.store.records import Video
from tests.app.conftest import Served

Open = Callable[..., Page]


def upload(page: Page, *paths: Path) -> None:
    page.locator('#upload input[type="file"]').set_input_files(list(paths))


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")


def told(served: Served, video: Video, times: tuple[float, float], text: str) -> None:
    """Makes something said in a video, and lets the slow decoder say it again."""
    vectors = np.asarray(served.engine.models.passages.embed([text]), np.float32)
    served.engine.library.add_passages(video.id, "speech", [(*times, text)], vectors)
    served.engine.models.decoder.says = f"{text}."  # type: ignore[attr-defined]
    served.engine.models.decoder.word_s = 0.3  # type: ignore[attr-defined]
    engine = served.engine  # the embedded reader would quote it at once
    engine.answerer.reader = StrongReader(engine.library, engine.models, Looker(engine.library))


def current_time(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#player video').currentTime"))


def wait_for_seek(page: Page) -> None:
    page.wait_for_function("(v => v && !v.seeking && v.currentTime > 0)(document.querySelector('#player video'))")
    page.evaluate("document.querySelector('#player video').pause()")


def moment_of(link: str) -> tuple[str, float, float]:
    found = re.search(r"#cue=(\w+),([\d.]+),([\d.]+)", link)
    assert found
    return found[1], float(found[2]), float(found[3])
