"""What is read off a page in the browser: when it was painted, how long answers took, when changes showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.benchmarks.dashboards.plant import LOGIN, PASSWORD, TENANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, BrowserContext, Page, StorageState

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--no-first-run", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# By page, what its reader came for; painted when all of it has a size.
USEFUL: Final = {
    f"/plant/{TENANT}": ("#trends .scatterlayer path", "#signal-grid .ag-row", "#plant-strip > *"),
    f"/explorer/{TENANT}": ("#explorer-found .entry", "#explorer-said > *"),
    f"/alarms/{TENANT}": ("#page h1", ".panel-body"),
    f"/market/{TENANT}": ("#market-cards > *",),
}
_LIMIT_MS: Final = 60_000
_PAINTED: Final = """
parts => new Promise((done, failed) => {
  setTimeout(() => failed(new Error('not painted in a minute: ' + parts)), 60000);
  const there = () => parts.every(one => { const found = document.querySelector(one);
    return found && found.getClientRects().length > 0; });
  const look = () => there() ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 5);
  look();
})
"""
_ANSWERS: Final = """
() => performance.getEntriesByType('resource').filter(one => one.name.includes('_dash-update-component'))
  .map(one => one.responseEnd - one.requestStart)
"""
_PICTURE: Final = "document.querySelector('#explorer-chart .js-plotly-plot')"
_ZOOM: Final = f"""
([from, to]) => new Promise((done, failed) => {{
  setTimeout(() => failed(new Error('no other window in a minute')), 60000);
  const picture = {_PICTURE}, before = picture.layout.uirevision, began = performance.now();
  const look = () => {{
    if ({_PICTURE}.layout.uirevision !== before) requestAnimationFrame(() => done(performance.now() - began));
    else setTimeout(look, 2);
  }};
  window.Plotly.relayout(picture, {{ 'xaxis.range[0]': from, 'xaxis.range[1]': to }}).then(look);
}})
"""
_WATCH: Final = """
row => {
  window.changesSeen = {};
  // Two frames: what is changed before the first of them is on the screen when the second begins.
  const note = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    const cell = document.querySelector(`#signal-grid [row-id="${row}"] [col-id="value"]`);
    const number = cell ? Math.round(parseFloat(cell.textContent.replace(/,/g, ''))) : 0;
    const now = performance.timeOrigin + performance.now();
    if (number && !window.changesSeen[number]) window.changesSeen[number] = now;
  }));
  new MutationObserver(note).observe(document.querySelector('#signal-grid'),
    { subtree: true, childList: true, characterData: true });
}
"""


def opened(browser: Browser, session: StorageState) -> BrowserContext:
    """A browser of its own in which somebody is logged in, with an empty cache."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", storage_state=session
    )
    context.set_default_timeout(_LIMIT_MS)
    return context


def log_in(browser: Browser, url: str) -> StorageState:
    """The cookies of somebody who has just logged in."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{url}/login")
    page.fill("#login", LOGIN)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#page h1")
    session = context.storage_state()
    context.close()
    return session


def painted_ms(page: Page, url: str, path: str) -> tuple[float, list[float]]:
    """Milliseconds until a page shows what it is for, and how long each of its answers took."""
    page.goto(f"{url}{path}", wait_until="commit")
    shown = float(page.evaluate(_PAINTED, list(USEFUL[path])))
    return shown, [float(ms) for ms in page.evaluate(_ANSWERS)]


def zoom_ms(page: Page, window: tuple[str, str]) -> float:
    """Milliseconds from a drag's end until the explorer's chart shows the new window's samples."""
    return float(page.evaluate(_ZOOM, list(window)))


def stream_of(page: Page) -> str:
    """Address of the page's stream."""
    return str(page.evaluate("() => document.getElementById('live-stream').textContent"))


def wait_for_stream(page: Page, row: int) -> None:
    """Wait until a signal's value has moved, which nothing but the stream does here."""
    cell = f'#signal-grid [row-id="{row}"] [col-id="value"]'
    before = page.inner_text(cell)
    page.wait_for_function(
        "([cell, before]) => document.querySelector(cell).textContent !== before", arg=[cell, before]
    )


def refresh_bodies(page: Page, seconds: float) -> list[str]:
    """What the page sends in one round beside its stream: each message once."""
    found: dict[str, str] = {}

    def note(request: Any) -> None:  # noqa: ANN401 - Playwright's
        body = request.post_data
        if body and "tick" in body and "_dash-update-component" in request.url:
            found[body.partition('"outputs"')[0]] = body

    page.on("request", note)
    page.wait_for_timeout(seconds * 1_000)
    page.remove_listener("request", note)
    return list(found.values())


def watch_changes(page: Page, row: int) -> None:
    """Note from now on when each number of a signal's row is drawn first."""
    page.evaluate(_WATCH, str(row))


def changes_seen(page: Page) -> dict[int, float]:
    """By number, when it was drawn: seconds since 1970."""
    return {int(number): at / 1_000 for number, at in page.evaluate("() => window.changesSeen").items()}


def pixel_ms(
    sent: dict[int, float], seen: Sequence[dict[int, float]], first: int, until: float
) -> tuple[list[float], int]:
    """Milliseconds from each change to each reader, and how many changes had not come at the end.

    A change that was never shown, because a later one came with it, is seen when that one is. One that had
    not come at the end counts with the time that it had waited by then, which is less than it took.

    Args:
        sent: by number, when the change happened; seconds since 1970.
        seen: by reader, when each number was shown.
        first: number of the first change that counts.
        until: when it was looked last.
    """
    found, missing = [], 0
    for page in seen:
        for number, at in sent.items():
            if not first <= number or at > until:
                continue
            shown = min((when for later, when in page.items() if later >= number), default=None)
            missing += shown is None
            found.append(((until if shown is None else shown) - at) * 1_000)
    return found, missing
