"""Values that move on an open page: without a reload, without being asked for, and said where they do not."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World
    from playwright.sync_api import Page

pytestmark = [pytest.mark.integration, pytest.mark.browser]

SHANGHAI = ZoneInfo("Asia/Shanghai")
FLOW = "SY-Site/CylinderShop/CYL1/HPU1/Circuit/Flow1"
BAD = 0x808C0000
LOST, CLOCK = "#live-lost", "#source-clock"
CUT = "ERR_INCOMPLETE_CHUNKED_ENCODING"
_later = iter(range(1, 1_000))


def send(world: World, value: float, status: int = 0) -> datetime:
    """A sample of the flow, newer than any before."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=next(_later))
    schema = SCHEMAS[SampleKind.NUMERIC]
    columns = [[world.ids[FLOW]], [at], [value], [status]]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    with Client(world.url, world.token) as client:
        client.ingest(world.plant, [SampleBatch(SampleKind.NUMERIC, table, at)])
    return at


def opened(visit: Visit, path: str = "") -> Page:
    """The plant's page with its stream."""
    visit.log_in("manager", path or f"/plant/{visit.world.plant}")
    page = visit.page
    page.wait_for_selector(CLOCK)
    page.wait_for_selector("#signal-grid .ag-row")
    return page


def value(page: Page, world: World) -> str:
    return page.inner_text(f'#signal-grid [row-id="{world.ids[FLOW]}"] [col-id="value"]')


def streams(world: World, wanted: int) -> None:
    """Wait until so many pages are being told news."""
    until = time.monotonic() + 30
    while len(world.hub) != wanted:
        assert time.monotonic() < until, f"{len(world.hub)} streams, wanted {wanted}"
        time.sleep(0.05)


def test_values_and_clock_move_without_being_asked_for(visit: Visit, world: World) -> None:
    page = opened(visit)
    streams(world, 1)
    page.wait_for_timeout(1_000)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.post_data or "") if "_dash-update" in r.url else None)
    at = send(world, 61.25)
    cell = page.locator(f'#signal-grid [row-id="{world.ids[FLOW]}"]')
    expect(cell).to_contain_text("61.25 L/min", timeout=3_000)
    expect(page.locator(CLOCK)).to_have_text(f"{at.astimezone(SHANGHAI):%H:%M:%S}", timeout=3_000)
    send(world, 61.5, BAD)
    expect(cell).to_contain_text("0x808C0000", timeout=3_000)
    # A signal that turned bad is worth a computed answer at once; nobody waits for the next round.
    expect(page.locator("#plant-attention")).to_contain_text("流量 1", timeout=4_000)
    assert not any("rowTransaction" in body or '"signal-rows' in body for body in asked), (
        "rows were asked for"
    )
    send(world, 61.75)
    expect(page.locator("#plant-attention")).not_to_contain_text("流量 1", timeout=10_000)


def test_what_was_computed_earlier_never_puts_an_older_value_back(visit: Visit, world: World) -> None:
    """Values only rise here, so each fall on the page is an older one put back."""
    page = opened(visit)
    streams(world, 1)
    send(world, 1_000.0)
    page.evaluate(
        """row => {
          window.fell = [];
          let last = 0;
          const look = () => {
            const cell = document.querySelector(`#signal-grid [row-id="${row}"] [col-id="value"]`);
            const shown = cell ? parseFloat(cell.textContent.replace(/,/g, "")) : last;
            if (shown >= 1000 && shown < last) { window.fell.push([last, shown]); }
            last = Math.max(last, shown);
            requestAnimationFrame(look);
          };
          look();
        }""",
        str(world.ids[FLOW]),
    )
    for step in range(1, 13):
        send(world, 1_000.0 + step)
        # The whole table is asked for again and again meanwhile, as it is every half minute.
        page.evaluate("n => window.dash_clientside.set_props('slow-tick', {n_intervals: n})", step)
        page.wait_for_timeout(300)
    expect(page.locator("#signal-grid")).to_contain_text("1,012 L/min", timeout=3_000)
    assert page.evaluate("() => window.fell") == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_broken_stream_is_said_and_mends_itself(visit: Visit, world: World, language: str) -> None:
    visit.expected = ("ERR_FAILED", CUT)
    page = opened(visit)
    page.goto(f"{world.url}/language/{language}?next=/plant/{world.plant}")
    page.wait_for_selector("#signal-grid .ag-row")
    streams(world, 1)
    expect(page.locator(LOST)).to_be_hidden()
    page.route("**/live/**", lambda route: route.abort())
    before = datetime.now(SHANGHAI)
    assert world.cut() == 1
    page.wait_for_selector(LOST, timeout=15_000)
    words = page.inner_text(LOST)
    said = re.search(r"\d\d:\d\d:\d\d", words)
    assert said is not None
    assert ("实时数据" in words) == (language == "zh-CN")
    at = datetime.strptime(said[0], "%H:%M:%S").replace(
        year=before.year, month=before.month, day=before.day, tzinfo=SHANGHAI
    )
    assert abs((at - before).total_seconds()) < 8, "since when, in the plant's own time"
    send(world, 47.25)
    expect(page.locator("#signal-grid")).to_contain_text("47.25 L/min", timeout=15_000)
    page.unroute("**/live/**")
    page.wait_for_selector(LOST, state="hidden", timeout=30_000)
    streams(world, 1)
    send(world, 48.25)
    expect(page.locator("#signal-grid")).to_contain_text("48.25 L/min", timeout=3_000)


def test_a_short_break_is_mended_without_a_word(visit: Visit, world: World) -> None:
    visit.expected = (CUT,)
    page = opened(visit)
    streams(world, 1)
    page.evaluate(
        """() => { window.said = 0; new MutationObserver(() => { window.said += 1; })
        .observe(document.querySelector("#live-lost"), { attributes: true }); }"""
    )
    assert world.cut() == 1
    page.wait_for_timeout(4_000)
    streams(world, 1)
    assert page.evaluate("() => window.said") == 0
    send(world, 33.25)
    expect(page.locator("#signal-grid")).to_contain_text("33.25 L/min", timeout=3_000)


def test_who_logs_out_elsewhere_is_led_to_the_log_in(visit: Visit, world: World) -> None:
    # The page may be led away while it asks for something.
    visit.expected = ("401", CUT, "Failed to fetch", "Callback failed", "Callback error")
    page = opened(visit)
    streams(world, 1)
    other = page.context.new_page()
    other.goto(f"{world.url}/account")
    other.click("text=退出登录")
    other.wait_for_selector("#password")
    page.wait_for_selector("#password", timeout=15_000)
    streams(world, 0)


def test_a_page_that_nobody_sees_asks_for_nothing(visit: Visit, world: World) -> None:
    page = opened(visit)
    streams(world, 1)
    page.evaluate(
        """() => { window.unseen = true;
        Object.defineProperty(document, "hidden", { configurable: true, get: () => window.unseen });
        document.dispatchEvent(new Event("visibilitychange")); }"""
    )
    streams(world, 0)
    page.wait_for_timeout(1_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(7_000)
    assert asked == []
    send(world, 29.25)
    page.evaluate("() => { window.unseen = false; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page.locator("#signal-grid")).to_contain_text("29.25 L/min", timeout=4_000)
    expect(page.locator(LOST)).to_be_hidden()
