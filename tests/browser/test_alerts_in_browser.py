from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tundish_platform.samples import AlertReport
from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PAGE = "/alerts/xianghe-cylinder"
PATIENT_MS = 60_000


def foresee(world: World) -> None:
    """What the worker tells of a cooler."""
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=3), now - timedelta(hours=2)
    report = AlertReport.model_validate({
        "model": "hydraulic-condition", "version": "v1", "line": "SY-Site/CylinderShop/CYL1",
        "target": "cooler", "target_zh": "冷却器状况", "target_en": "Cooler condition", "since": begin,
        "opened_at": end, "judged_to": now, "priority": 3, "label_zh": "冷却器接近失效",
        "label_en": "Cooler close to total failure", "confidence": 0.97, "sureness": "probability",
        "check_zh": "检查散热片", "check_en": "Look for clogged fins", "window_start": begin,
        "window_end": now, "completeness": 1.0,
    })  # fmt: skip
    with Client(world.url, world.token) as client:
        client.raise_alert(world.plant, report)


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_the_shift_says_on_the_phone_what_it_found(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    foresee(world)
    visit.log_in("manager", PAGE)
    alert = page.locator(".alert", has_text="冷却器接近失效")
    expect(alert).to_contain_text("检查散热片")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    alert.get_by_text("属实", exact=True).click()
    page.fill("#alert-note", "已清洗散热片")
    page.fill("#alert-cost", "12,000")
    page.click("#alert-yes")
    expect(page.locator("#alerts-message")).to_contain_text("已保存")
    expect(alert).to_contain_text("已清洗散热片")
    expect(alert).to_contain_text("避免损失 12,000 CNY")
    expect(page.locator("#alerts-outcomes")).to_contain_text("1 条中的 1 条")
    page.goto(f"{world.url}/language/en?next={PAGE}")
    expect(page.locator(".alert")).to_contain_text("Cooler close to total failure")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#to-alarms")
    expect(page.locator("#alarms-list")).to_contain_text("Cooler condition")
