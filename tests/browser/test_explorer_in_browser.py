"""A person finds signals, looks at them, zooms down to milliseconds and back, and hands the look on."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Visit, World
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PAGE = "/explorer/xianghe-cylinder"
CHINESE = re.compile(r"[\u3000-\u9fff]")
PATIENT_MS = 60_000
PICTURE = "document.querySelector('#explorer-chart .js-plotly-plot')"
RANGE = f"() => {PICTURE}._fullLayout.xaxis.range"
SPAN = f"{PICTURE}._fullLayout.xaxis.range.map(one => Date.parse(one.replace(' ', 'T')))"
LENGTH = f"(([from, to]) => (to - from) / 1000)({SPAN})"
POINTS = f"() => {PICTURE}.data.filter(one => one.mode === 'lines').map(one => one.x.length)"


def patient(visit: Visit) -> Page:
    visit.page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    return visit.page


def seconds(page: Page) -> float:
    start, end = (datetime.fromisoformat(one) for one in page.evaluate(RANGE))
    return (end - start).total_seconds()


def narrower(page: Page, before: float, at: float = 0.45) -> float:
    """Length in s of the window after a drag over a tenth of the chart, once the server has answered."""
    box = page.locator("#explorer-chart .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + at * box["width"], box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + (at + 0.1) * box["width"], box["y"] + 30, steps=4)
    with page.expect_response(lambda one: "explorer-chart.figure" in (one.request.post_data or "")):
        page.mouse.up()
    page.wait_for_function(f"before => {LENGTH} < before / 5", arg=before)
    return seconds(page)


def test_signals_are_found_drawn_zoomed_and_handed_on(visit: Visit, world: World) -> None:
    page = patient(visit)
    visit.log_in("manager", PAGE)
    expect(page.locator("#explorer-said")).to_contain_text("还没有选择信号")
    page.fill("#explorer-terms", "压力")
    expect(page.locator("#explorer-found .entry")).to_have_count(3)
    page.get_by_role("button", name="把 压力 1 加入图表").click()
    page.get_by_role("button", name="把 压力 2 加入图表").click()
    expect(page.locator("#explorer-figures tbody tr")).to_have_count(2)
    page.wait_for_function(f"() => {PICTURE}.data.length > 1")
    whole = seconds(page)
    assert whole == pytest.approx(3600, abs=1)
    inner = narrower(page, whole, 0.88)
    assert inner == pytest.approx(whole / 10, rel=0.1)
    for _ in range(4):
        inner = narrower(page, inner)
    assert inner < 0.1, "down to milliseconds"
    assert min(page.evaluate(POINTS)[:2]) >= 2, "the line runs through a window between two samples"
    page.click("#explorer-back")
    page.wait_for_function(f"before => {LENGTH} > 5 * before", arg=inner)
    link = page.get_by_role("link", name="此视图的链接").get_attribute("href")
    look = page.evaluate(RANGE)
    page.goto(f"{world.url}{link}")
    expect(page.locator("#explorer-figures tbody tr")).to_have_count(2)
    page.wait_for_function(f"() => {PICTURE}.data.length > 1")
    assert page.evaluate(RANGE) == look
    with page.expect_download() as loading:
        page.get_by_role("link", name="导出 CSV").click()
    assert loading.value.suggested_filename.endswith(".csv")
    page.get_by_role("button", name="从图表移除 压力 1").click()
    expect(page.locator("#explorer-figures tbody tr")).to_have_count(1)
    visit.check()


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_on_a_phone_in_english_nothing_sticks_out(visit: Visit, world: World) -> None:
    page = patient(visit)
    page.goto(f"{world.url}/language/en?next=/login")
    number = world.ids["SY-Site/CylinderShop/CYL1/HPU1/Circuit/Flow1"]
    visit.log_in("manager", f"{PAGE}?signals={number}&span=10m")
    expect(page.locator("#explorer-figures tbody tr")).to_have_count(1)
    page.wait_for_function(f"() => {PICTURE}.data.length > 0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not CHINESE.search(visit.text("#explorer-found") + visit.text("#explorer-figures"))
    visit.check()
