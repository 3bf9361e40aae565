"""`tundish bench dashboards`: one server of the product, looked at in Chromium."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from tundish_deploy.benchmarks.api.run import served, settings_file
from tundish_deploy.benchmarks.dashboards.plant import SIGNALS, TENANT, Source, found_plant
from tundish_deploy.benchmarks.dashboards.viewers import Viewers
from tundish_deploy.benchmarks.dashboards.watching import (
    CHROMIUM,
    FLAGS,
    USEFUL,
    changes_seen,
    log_in,
    opened,
    painted_ms,
    pixel_ms,
    refresh_bodies,
    stream_of,
    wait_for_stream,
    watch_changes,
    zoom_ms,
)
from tundish_deploy.benchmarks.opcua.processes import cpu_s, free_ports
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tundish_deploy.benchmarks.dashboards.plant import Plant

_ZONE: Final = ZoneInfo("Asia/Shanghai")
_PAINT_BAR_MS, _SERVER_BAR_MS, _ZOOM_BAR_MS, _PIXEL_BAR_MS = 1_500.0, 200.0, 150.0, 1_000.0
_ROUND_S: Final = 5.0
# A change of the last moment is no late one.
_SETTLED_S: Final = 2.0
_DEEPEST: Final = timedelta(milliseconds=50)
_BROWSERS: Final = 2


class BrowserMissing(RuntimeError):  # noqa: N818 - says what is wrong
    """Chromium or Playwright is not installed; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is shown, and to how many.

    Attributes:
        rows: of history.
        visits: of each page, each with an empty cache.
        zooms: from the whole history down to milliseconds, times over.
        viewers: of the live page.
        seconds: how long changes are watched.
    """

    rows: int = 100_000_000
    visits: int = 5
    zooms: int = 4
    viewers: int = 50
    seconds: float = 30.0


def bench_dashboards(options: Options, tell: Callable[[str], None]) -> Report:
    """Measure; Linux only.

    Raises:
        BrowserMissing: there is nothing to look with.
        LoadError: the server did not start.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise BrowserMissing("Playwright is missing. Run: pip install playwright") from None
    if not Path(CHROMIUM).exists():
        raise BrowserMissing("Debian's Chromium is missing. Run: apt-get install -y chromium fonts-noto-cjk")
    with TemporaryDirectory() as name:
        folder = Path(name)
        (port,) = free_ports(1)
        settings, url = settings_file(folder, port), f"http://127.0.0.1:{port}"
        tell(f"making {options.rows} rows of {SIGNALS} signals")
        database = f"sqlite:///{folder / 'data' / 'metadata.sqlite'}"
        plant = found_plant(folder / "data", database, options.rows, options.viewers)
        with served(settings, port, core=None) as pid, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            tell("pages with an empty cache")
            figures = _pages(browser, url, options.visits)
            tell("zooming")
            figures.append(_zooms(browser, url, plant, options))
            tell(f"{options.viewers} viewers for {options.seconds:g} s")
            figures += _changes(browser, url, plant, options, pid)
            browser.close()
    return Report("bench dashboards", _conditions(options), figures)


def _pages(browser: Browser, url: str, visits: int) -> list[Figure]:
    shown: dict[str, list[float]] = {path: [] for path in USEFUL}
    answers: list[float] = []
    session = log_in(browser, url)
    for _ in range(visits):
        for path in USEFUL:
            context = opened(browser, session)
            paint, taken = painted_ms(context.new_page(), url, path)
            shown[path].append(paint)
            answers += taken
            context.close()
    medians = {path.split("/")[1]: float(np.median(ms)) for path, ms in shown.items()}
    return [
        judged("first_paint_ms", max(medians.values()), "ms", "lower", bar=_PAINT_BAR_MS),
        *(Figure(f"first_paint_{page}_ms", ms, "ms", "lower") for page, ms in sorted(medians.items())),
        judged("server_p95_ms", float(np.percentile(answers, 95)), "ms", "lower", bar=_SERVER_BAR_MS),
        Figure("server_p50_ms", float(np.median(answers)), "ms", "lower"),
    ]


def _zooms(browser: Browser, url: str, plant: Plant, options: Options) -> Figure:
    """Each window a tenth of the one before, from the whole history down to milliseconds, then anew."""
    context = opened(browser, log_in(browser, url))
    page = context.new_page()
    chosen = ",".join(map(str, plant.ids[1:5]))
    taken = []
    for number in range(options.zooms):
        page.goto(f"{url}/explorer/{TENANT}?signals={chosen}&span=1y")
        page.wait_for_function("() => document.querySelectorAll('#explorer-figures tbody tr').length === 4")
        taken += [zoom_ms(page, window) for window in _windows(plant, options.rows, number)]
    context.close()
    return judged("zoom_ms", float(np.percentile(taken, 95)), "ms", "lower", bar=_ZOOM_BAR_MS)


def _windows(plant: Plant, rows: int, number: int) -> Iterator[tuple[str, str]]:
    length = timedelta(seconds=rows // SIGNALS)
    middle = plant.newest - length * (0.2 + 0.6 * number / 10)
    while length > _DEEPEST:
        ends = (middle - length / 2, middle + length / 2)
        first, last = (at.astimezone(_ZONE).replace(tzinfo=None).isoformat(sep=" ") for at in ends)
        yield first, last
        length /= 10


def _changes(browser: Browser, url: str, plant: Plant, options: Options, pid: int) -> list[Figure]:
    session = log_in(browser, url)
    contexts = [opened(browser, session) for _ in range(min(_BROWSERS, options.viewers))]
    pages = [context.new_page() for context in contexts]
    counted = plant.ids[0]
    with Source(url, plant) as source:
        for page in pages:
            painted_ms(page, url, f"/plant/{TENANT}")
            wait_for_stream(page, counted)
        bodies, stream = refresh_bodies(pages[0], 2 * _ROUND_S), stream_of(pages[0])
        for page in pages:
            watch_changes(page, counted)
        with Viewers(url, stream, bodies, options.viewers - len(pages), _ROUND_S, counted) as viewers:
            # All of them have come before it counts.
            pages[0].wait_for_timeout(_ROUND_S * 1_000)
            first, used = max(source.sent) + 1, cpu_s(pid)
            pages[0].wait_for_timeout(options.seconds * 1_000)
            cores, until = (cpu_s(pid) - used) / options.seconds, time.time()
            pages[0].wait_for_timeout(_SETTLED_S * 1_000)
            drawn = [changes_seen(page) for page in pages]
            heard = [dict(one) for one in viewers.heard]
    for context in contexts:
        context.close()
    taken, missing = pixel_ms(source.sent, drawn, first, until)
    came, unheard = pixel_ms(source.sent, heard, first, until)
    return [
        judged("change_to_pixel_p95_ms", float(np.percentile(taken, 95)), "ms", "lower", bar=_PIXEL_BAR_MS),
        Figure("change_to_pixel_p50_ms", float(np.median(taken)), "ms", "lower"),
        Figure("change_to_pixel_max_ms", max(taken), "ms", "lower"),
        Figure("change_to_viewers_p95_ms", _p95(came), "ms", "lower"),
        Figure("changes_not_come", float(missing + unheard), "1", "lower"),
        Figure("viewers_server_p95_ms", _p95(viewers.taken_ms), "ms", "lower"),
        Figure("viewers_refused", float(viewers.refused), "1", "lower"),
        Figure("viewers_server_cores", cores, "cores", "none"),
    ]


def _p95(taken: list[float]) -> float | None:
    return float(np.percentile(taken, 95)) if taken else None


def _conditions(options: Options) -> dict[str, object]:
    return {
        "rows": options.rows,
        "signals": SIGNALS,
        "visits": options.visits,
        "viewers": options.viewers,
        "browsers": min(_BROWSERS, options.viewers),
        "seconds": options.seconds,
        "viewers beside the browsers": "a stream and what the page sends besides; nothing draws for them",
        "a change": "from its due time at the source to the second frame after it was put into the page",
        "answers": "from request to last byte, in the browser; each visit with an empty cache",
        "server": "one process; browser, viewers and source on the same cores",
    }
