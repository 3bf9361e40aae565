"""Pictures of the pages of a running platform, in both languages, wide and narrow.

python tests/browser/take_screenshots.py --url http://127.0.0.1:8050 --out docs/screenshots \
    --visit manager:password:/plant/xianghe-cylinder:plant --visit officer:password:/bureau:bureau
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic",
    "--no-first-run", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
SETTLE_MS = 4000


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8050")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--visit", action="append", required=True, metavar="LOGIN:PASSWORD:PATH:NAME")
    parser.add_argument("--language", action="append", choices=list(LANGUAGES))
    parser.add_argument("--size", action="append", choices=list(SIZES))
    parser.add_argument("--click", help="CSS selector to click once before the picture")
    wish = parser.parse_args()
    wish.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for visit in wish.visit:
            for language in wish.language or LANGUAGES:
                for size in wish.size or SIZES:
                    _take(browser, wish, visit, language, size)
        browser.close()


def _take(browser: Browser, wish: argparse.Namespace, visit: str, language: str, size: str) -> None:
    login, rest = visit.split(":", 1)
    password, path, name = rest.rsplit(":", 2)
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale=LANGUAGES[language])
    page = context.new_page()
    page.on("console", lambda m: sys.stderr.write(f"{m.type}: {m.text}\n") if m.type == "error" else None)
    page.goto(f"{wish.url}/language/{LANGUAGES[language]}?next=/login")
    if login:
        page.fill("#login", login)
        page.fill("#password", password)
        page.click("button[type=submit]")
        page.wait_for_selector("#page h1")
        page.goto(f"{wish.url}{path}")
        page.wait_for_selector("#page h1")
        page.wait_for_timeout(SETTLE_MS)
        if wish.click:
            page.click(wish.click)
            page.wait_for_timeout(SETTLE_MS // 2)
    # One tall picture: the page scrolls inside the frame, so the window is made as tall as the page.
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(height, tall)})
    page.wait_for_timeout(800)
    page.screenshot(path=wish.out / f"{name}-{language}-{size}.png")
    context.close()


if __name__ == "__main__":
    main()
