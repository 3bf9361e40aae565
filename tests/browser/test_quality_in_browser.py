"""A quality engineer: a control chart with its limits, capability, stops, a piece; then the energy page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.integration]

QUALITY, ENERGY = "/quality/xianghe-cylinder", "/energy/xianghe-cylinder"
UNIT = "SY-Site/CylinderShop/CYL1/HPU1"
CHINESE = re.compile(r"[\u3000-\u9fff]")
PATIENT_MS = 60_000
NARROW = [{"width": 390, "height": 844}]
DRAWN = "() => (document.querySelector('{} .js-plotly-plot')?.data ?? []).length > 0"
WIDER = "() => document.scrollingElement.scrollWidth - window.innerWidth"


def patient(visit: Visit) -> Page:
    visit.page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    return visit.page


def declare(world: World) -> None:
    """A heat and a piece of it that was on the hydraulic unit for a minute."""
    begin = world.start + timedelta(seconds=700)
    stay = {
        "path": UNIT, "starts_at": begin.isoformat(), "ends_at": (begin + timedelta(seconds=60)).isoformat()
    }  # fmt: skip
    heat = {"series": "heat", "number": "QH-1"}
    piece = {"kind": "piece", "series": "tube", "number": "QT-1", "made_from": [heat], "stays": [stay]}
    with Client(world.url, world.token) as client:
        client.put_products(world.plant, [{"kind": "lot", **heat, "material": "27SiMn"}, piece])


def test_a_quality_engineers_way_from_chart_to_piece(visit: Visit, world: World) -> None:
    declare(world)
    page = patient(visit)
    visit.log_in("manager", QUALITY)
    page.wait_for_function(DRAWN.format("#quality-chart"))
    page.click("#quality-signal")
    page.get_by_role("option", name=re.compile("泵振动")).click()
    expect(page.locator("#quality-said")).to_contain_text("单值-移动极差图")
    expect(page.locator("#quality-said")).to_contain_text("个坏值或不确定的样本")
    expect(page.locator("#quality-verdict")).to_be_visible()
    page.click("#quality-size")
    page.get_by_role("option", name="每组 5 个").click()
    expect(page.locator("#quality-said")).to_contain_text("均值-极差图")
    expect(page.locator("#quality-ability")).to_contain_text("没有填写规格限")
    page.fill("#quality-lower", "100")
    page.fill("#quality-upper", "300")
    expect(page.locator("#quality-ability")).not_to_contain_text("没有填写规格限")
    expect(page.locator("#quality-link a")).to_have_attribute("href", re.compile("upper=300"))
    link = page.locator("#quality-link a").get_attribute("href")
    page.goto(f"{world.url}{link}")
    expect(page.locator("#quality-said")).to_contain_text("均值-极差图")
    expect(page.locator("#quality-upper")).to_have_value("300")
    expect(page.locator("#quality-pareto")).to_contain_text("未说明原因")
    page.fill("#quality-piece", "QT-1")
    expect(page.locator("#piece-view")).to_contain_text("tube QT-1")
    expect(page.locator("#piece-view tbody tr").first).to_be_visible()
    page.get_by_role("button", name="显示 heat QH-1").click()
    expect(page.locator("#piece-view")).to_contain_text("27SiMn")
    expect(page.locator("#piece-view")).to_contain_text("tube QT-1")


def test_energy_says_what_is_known_and_what_a_forecast_lacks(visit: Visit) -> None:
    page = patient(visit)
    visit.log_in("manager", ENERGY)
    page.wait_for_function(DRAWN.format("#energy-load"))
    expect(page.locator("#energy-figures")).to_contain_text("的时间已知")
    expect(page.locator("#energy-ahead")).to_contain_text("至少 35 个整天的历史")
    expect(page.locator("#energy-tariff")).to_contain_text("没有电价")
    page.locator("#energy-period").get_by_text("小时", exact=True).click()
    expect(page.locator("#energy-period-table")).to_contain_text("(进行中)")


@pytest.mark.parametrize("visit", NARROW, indirect=True)
@pytest.mark.parametrize("path", [QUALITY, ENERGY])
def test_a_phone_shows_all_of_it_in_english_without_scrolling_sideways(visit: Visit, path: str) -> None:
    page = patient(visit)
    visit.log_in("manager", path)
    page.goto(f"{visit.world.url}/language/en?next={path}")
    chart = "#quality-chart" if path == QUALITY else "#energy-load"
    page.wait_for_function(DRAWN.format(chart))
    assert page.evaluate(WIDER) <= 0
    told = page.inner_text("#quality-said" if path == QUALITY else "#energy-figures")
    assert told
    assert not CHINESE.search(told)
