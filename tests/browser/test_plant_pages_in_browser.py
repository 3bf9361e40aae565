"""A plant manager's way through the plant: all lines, one line, one machine, and what was done on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

LINE = "SY-Site/CylinderShop/CYL1"
MACHINE = f"{LINE}/HPU1"
HERE = "/machine/xianghe-cylinder"
CHINESE = re.compile(r"[\u3000-\u9fff]")
PATIENT_MS = 60_000


def test_from_all_lines_over_one_line_to_one_machine(visit: Visit) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("manager")
    assert page.url.endswith("/overview/xianghe-cylinder")
    row = page.locator("article.line-row", has_text="CYL1")
    expect(row).to_have_count(1)
    expect(page.locator("#overview-basis")).to_contain_text("Asia/Shanghai (UTC+08:00)")
    expect(page.locator("#overview-basis")).to_contain_text("未设班次")
    expect(row).to_contain_text("可用率")
    expect(row).to_contain_text("未设该设备的理想节拍")
    expect(row).to_contain_text("个样本")
    row.locator(".line-line a").click()
    expect(page.locator("#plant-strip")).to_contain_text("试验台状态")
    assert page.url.endswith(f"/plant/xianghe-cylinder?line={LINE.replace('/', '%2F')}")
    page.go_back()
    page.locator("article.line-row .line-state a", has_text="HPU1").click()
    expect(page.locator("#machine-name")).to_have_text("HPU1")
    expect(page.locator("#machine-figures")).to_contain_text("试验台状态")
    expect(page.locator("#machine-predictions")).to_contain_text("冷却器效率下降")
    expect(page.locator("#machine-evidence")).to_contain_text("油温 1 的均值")
    expect(page.locator("#machine-life")).to_contain_text("没有模型给出该设备的剩余寿命")
    expect(page.locator("#machine-signals")).to_contain_text("差：传感器故障 (0x808C0000)")
    expect(page.locator("#machine-chart .scatterlayer .trace path").first).to_be_attached()
    page.locator("#machine-ways a", has_text="信号浏览").click()
    expect(page.locator("#explorer-figures")).to_contain_text("压力")


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_the_shift_notes_on_the_phone_what_it_did(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("manager", "/overview/xianghe-cylinder")
    expect(page.locator("article.line-row")).to_contain_text(["CYL1"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{world.url}{HERE}?machine={MACHINE}")
    expect(page.locator("#machine-history")).to_contain_text("没有记录不等于没有检修")
    page.fill("#record-text", "已更换密封圈")
    page.fill("#record-by", "李工")
    page.fill("#record-start", "昨天")
    page.click("#record-add")
    expect(page.locator("#record-message")).to_contain_text("时间请写作")
    page.fill("#record-start", "2026-05-10 08:30")
    page.fill("#record-end", "2026-05-10 09:00")
    page.click("#record-add")
    expect(page.locator("#record-message")).to_contain_text("检修已记录")
    entry = page.locator("#machine-history .entry", has_text="已更换密封圈")
    expect(entry).to_contain_text("执行人 李工")
    expect(entry).to_contain_text("2026-05-10 08:30 – 2026-05-10 09:00")
    expect(entry).to_contain_text("历时 30 分钟")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with Client(world.url, world.token) as client:
        kept = [one["done_by"] for one in client.maintenance_records(world.plant, MACHINE)]
    assert kept == ["李工"]
    page.goto(f"{world.url}/language/en?next={HERE}")
    expect(page.locator("#machine-history")).to_contain_text("done by 李工")
    english = visit.text("body").replace("中文", "").replace("已更换密封圈", "").replace("李工", "")
    assert CHINESE.findall(english) == []
    page.locator("#machine-history button", has_text="Remove").click()
    expect(page.locator("#record-message")).to_contain_text("the audit trail keeps what it said")
    expect(page.locator("#machine-history")).to_contain_text("No maintenance is recorded.")
