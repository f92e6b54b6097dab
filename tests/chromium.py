"""Chromium for the browser tests: find it, or install it where that is possible.

`python -m tests.chromium` makes sure there is one and prints its path; `find_chromium` is for the tests themselves.
Environment: CUEPOINT_CHROMIUM names the executable; CUEPOINT_SKIP_BROWSER=1 leaves the browser tests out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome; None if there is none."""
    named = os.environ.get("CUEPOINT_CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return str(MAC) if MAC.exists() else _playwright_chromium()


def _playwright_chromium() -> str | None:
    """The Chromium that `playwright install chromium` has put into its own cache."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_chromium() -> None:
    """Debian's package where we may install it, Playwright's own build elsewhere. Failure shows in `find_chromium`."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *arguments], env=quiet, stdout=sys.stderr, check=False)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr, check=False)


def main() -> int:
    if os.environ.get("CUEPOINT_SKIP_BROWSER") == "1":
        print("CUEPOINT_SKIP_BROWSER=1: the browser tests are left out")
        return 0
    if find_chromium() is None:
        print("No Chromium found: installing it for the browser tests", file=sys.stderr)
        install_chromium()
    path = find_chromium()
    if path is None:
        print(
            "The browser tests need Chromium, and it could not be installed here. Install Chromium or Chrome (Debian: "
            "apt-get install chromium) or name it in CUEPOINT_CHROMIUM; CUEPOINT_SKIP_BROWSER=1 skips those tests.",
            file=sys.stderr,
        )
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
