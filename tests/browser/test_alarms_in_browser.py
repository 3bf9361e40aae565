from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

CHINESE = re.compile(r"[\u3000-\u9fff]")
PAGE = "/alarms/xianghe-cylinder"
PATIENT_MS = 60_000


def report(world: World, key: str, *, active: bool) -> None:
    """What the line's connector says of an alarm now."""
    alarm = {
        "key": key, "active": active, "ts": datetime.now(UTC).isoformat(), "priority": 4,
        "name_zh": f"油温过高 {key}", "name_en": f"Oil too hot {key}",
        "path": "SY-Site/CylinderShop/CYL1/HPU1/Tank/Temperature1",
    }  # fmt: skip
    answer = httpx.put(
        f"{world.url}/api/v1/tenants/{world.plant}/sources/hydraulic-opcua/alarms",
        json={"alarms": [alarm]},
        headers={"Authorization": f"Bearer {world.token}"},
        timeout=60,
    )
    answer.raise_for_status()


def test_the_shift_sees_an_alarm_acknowledges_it_and_sees_it_gone(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("manager", PAGE)
    page.wait_for_selector("#alarms-list")
    report(world, "journey", active=True)
    alarm = page.locator(".alarm", has_text="油温过高 journey")
    expect(alarm).to_contain_text("未确认")
    expect(alarm).to_contain_text("CYL1/HPU1")
    expect(alarm.locator(".priority")).to_have_text("紧急")
    alarm.get_by_text("确认", exact=True).click()
    page.fill("#alarm-comment", "已到现场")
    page.click("#alarm-yes")
    expect(page.locator("#alarms-message")).to_contain_text("已确认。")
    expect(alarm).to_contain_text("已确认")
    alarm.get_by_text("时间线").click()
    expect(page.locator("#alarm-events-list")).to_contain_text("Lin Manager · 已到现场")
    page.keyboard.press("Escape")
    report(world, "journey", active=False)
    expect(alarm).to_have_count(0)
    expect(page.locator("#alarms-recent li").first).to_contain_text("报警消除 油温过高 journey")


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_a_phone_needs_no_sideways_scrolling_in_either_language(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    report(world, "phone", active=True)
    visit.log_in("owner", PAGE)
    for language in ("zh-CN", "en"):
        page.goto(f"{world.url}/language/{language}?next={PAGE}")
        page.wait_for_selector(".alarm")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".alarm", has_text="phone").get_by_text("Shelve", exact=True).click()
    page.wait_for_selector("#alarm-yes")
    page.click("#alarm-yes")
    expect(page.locator("#alarm-dialog-problem")).to_contain_text("Give a reason.", timeout=PATIENT_MS)
    listed = visit.text("#alarms-list") + visit.text("#alarms-counts")
    assert CHINESE.findall(listed) == []
