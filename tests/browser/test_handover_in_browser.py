"""The shift leader's way: plan the shifts, read the report, hand over, take over, and the wall screen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PAGE = "/handover/xianghe-cylinder"
WALL = "/andon/xianghe-cylinder/SY-Site"
PATIENT_MS = 60_000
SHIFTS = (
    "day; 白班; Day shift; 08:00-20:00; 12:00-12:30; 1234567\n"
    "night; 夜班; Night shift; 20:00-08:00; ; 1234567"
)


def keep(visit: Visit, name: str) -> None:
    """A picture to look at, where somebody wants some."""
    folder = os.environ.get("TUNDISH_PICTURES")
    if folder:
        visit.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def plan(visit: Visit) -> None:
    page = visit.page
    page.fill("#handover-shifts", SHIFTS)
    page.fill("#handover-ideal_s", "60")
    page.fill("#handover-target", "720")
    page.click("#handover-plan-save")
    expect(page.locator("#handover-plan-message")).to_contain_text("方案已保存")


def test_a_shift_leader_plans_reads_hands_over_and_looks_at_the_wall(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("manager", PAGE)
    expect(page.locator("#handover-report")).to_contain_text("此处还没有班次")
    plan(visit)
    page.reload()
    report = page.locator("#handover-report")
    expect(report).to_contain_text("交接班报告 · CYL1")
    expect(report).to_contain_text("本班尚未结束")
    expect(report).to_contain_text("没有不合格计数")
    page.fill("#handover-text", "3 号缸密封待换 <b>急</b>")
    page.check("#handover-point")
    page.click("#handover-save")
    notes = page.locator("#handover-notes")
    expect(notes).to_contain_text("3 号缸密封待换 <b>急</b>")
    expect(notes).to_contain_text("交班: Lin Manager")
    expect(page.locator("#handover-text")).to_have_value("")
    notes.get_by_role("button", name="修改: 记录 #1").click()
    expect(page.locator("#handover-form-what")).to_contain_text("修改 #1")
    page.fill("#handover-text", "4 号缸密封待换")
    page.click("#handover-save")
    expect(notes).to_contain_text("4 号缸密封待换")
    expect(notes).not_to_contain_text("3 号缸")
    keep(visit, "handover-zh")
    with page.expect_download() as got:
        page.get_by_text("PDF 中文").click()
    assert Path(got.value.path()).read_bytes().startswith(b"%PDF")
    if folder := os.environ.get("TUNDISH_PICTURES"):
        got.value.save_as(Path(folder) / "handover-zh.pdf")
    page.goto(f"{world.url}/language/en?next={PAGE}")
    expect(page.locator("#handover-report")).to_contain_text("Shift hand-over report")
    keep(visit, "handover-en")
    with page.expect_download() as got:
        page.get_by_text("Excel English").click()
    assert Path(got.value.path()).read_bytes().startswith(b"PK")


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_another_shift_takes_over_on_the_phone_and_the_note_stays(visit: Visit) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("chief", PAGE)
    notes = page.locator("#handover-notes")
    expect(notes).to_contain_text("4 号缸密封待换")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    notes.get_by_role("button", name="接班确认: 记录 #1").click()
    expect(notes).to_contain_text("接班: Chen Chief")
    expect(notes.get_by_role("button", name="接班确认: 记录 #1")).to_have_count(0)
    notes.get_by_role("button", name="关闭事项: 记录 #1").click()
    expect(notes).to_contain_text("关闭: Chen Chief")
    keep(visit, "handover-phone")


@pytest.mark.parametrize("visit", [{"width": 1920, "height": 1080}], indirect=True)
def test_the_wall_shows_the_line_and_says_when_it_stands_still(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("manager", PAGE)
    page.goto(f"{world.url}{WALL}")
    wall = page.locator("#andon")
    expect(wall).to_contain_text("CYL1")
    expect(wall).to_contain_text("/ 720")
    expect(wall).to_contain_text("登录有效至")
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    assert page.locator("#andon-trouble").is_hidden()
    keep(visit, "andon-1080")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(visit, "andon-phone")
    visit.expected = ("401", "ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    expect(page.locator("#andon-trouble")).to_contain_text("连接中断")
    page.context.set_offline(False)
    expect(page.locator("#andon-trouble")).to_be_hidden()
    page.context.clear_cookies()
    expect(page.locator("#andon-trouble")).to_contain_text("登录已过期")
