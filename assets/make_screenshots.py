"""Takes the README's screenshots of a running app: `python -m assets.make_screenshots http://127.0.0.1:7860`.

Wants an empty library; adds the example video, asks two questions and plays the moment of the last one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.chromium import find_chromium

FOLDER = Path(__file__).parent
_QUESTIONS = ("When can you see the sailing boat?", "Why is the train late?")
_INDEXING_MS = 120_000


def prepare(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector('[data-act="example"], .card')
    if page.locator('[data-act="example"]').count():
        page.locator('[data-act="example"]').click()
    page.wait_for_selector(".card.status-ready", timeout=_INDEXING_MS)
    if page.locator("#player video").count() == 0:
        page.locator(".card").first.click()
    page.wait_for_selector("#player video")


def ask(page: Page, question: str) -> None:
    before = page.locator("#chatbot .answer").count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    page.wait_for_function(f"document.querySelectorAll('#chatbot .answer .cue').length && "
                           f"document.querySelectorAll('#chatbot .answer').length > {before}")  # fmt: skip
    page.wait_for_timeout(3000)


def main(url: str) -> None:
    chromium = str(find_chromium())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        for name, scheme, width, height in (
            ("screenshot", "light", 1440, 900),
            ("screenshot-dark", "dark", 1440, 900),
            ("screenshot-phone", "light", 390, 1400),
        ):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            prepare(page, url)
            if name == "screenshot":
                for question in _QUESTIONS:
                    ask(page, question)
            page.locator("#chatbot .answer .cue").last.click()
            page.wait_for_timeout(2500)
            page.evaluate("document.querySelector('#player video').pause()")
            page.wait_for_timeout(500)
            page.screenshot(path=FOLDER / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
