from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

CHINESE = re.compile(r"[\u3000-\u9fff]")
PAGE = "/models/xianghe-cylinder"
LINE = "SY-Site/CylinderShop/CYL1"
PATIENT_MS = 60_000


def card(hour: int) -> dict[str, object]:
    return {
        "trained_from": "2026-03-01T00:00:00Z", "trained_to": f"2026-03-02T{hour:02}:00:00Z", "cases": 1_770,
        "features": [f"{LINE}/HPU1/Circuit/Pressure{n}" for n in (1, 2, 3)], "code": "1.2.0",
        "protocol_zh": "整块工况留出", "protocol_en": "whole condition blocks held out",
        "metrics": {"macro_f1_cooler": 0.995, "macro_f1_valve": 1.0, "macro_f1_accumulator": 0.974},
        "limits_zh": "仅适用于本产线的工况组合。", "limits_en": "Only for this line.",
    }  # fmt: skip


def registered(world: World, model: str) -> list[int]:
    """A champion that nobody approved, with a report of drift, and a later candidate."""
    features = [
        {"feature": "Pressure1", "mean": 151.2, "expected": 148.9, "shift": 0.8, "p_adjusted": 0.001},
        {"feature": "Flow1", "mean": 8.1, "expected": 8.9, "shift": -0.6, "p_adjusted": 0.004},
    ]
    evidence = {
        "summary_zh": "与训练时有差异，请留意。", "summary_en": "Differs from training; keep an eye on it.",
        "inputs": {"level": "watch", "watched": True, "batches": 4, "features": features},
        "hits": {"cooler": {"level": "ok", "expected": 0.97, "judged": 120, "hit_rate": 0.96}},
    }  # fmt: skip
    with Client(world.url, world.token) as client:
        ids = [
            client.register_model(world.plant, LINE, model, f"20260302T0{hour}", "a" * 64, card(hour))["id"]
            for hour in (1, 2)
        ]
        client.report_model(world.plant, ids[0], "drift", "watch", world.now, evidence)
    return ids


def test_a_candidate_is_made_champion_with_a_reason_and_the_champion_before_is_retired(
    visit: Visit, world: World
) -> None:
    registered(world, "hydraulic-journey")
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("manager", PAGE)
    rows = page.locator(".entry", has_text="hydraulic-journey")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("主用")
    expect(rows.last).to_contain_text("尚未批准")
    expect(rows.last).to_contain_text("漂移: 留意")
    rows.first.get_by_role("button").click()
    expect(page.locator("#model-detail")).to_contain_text("整块工况留出")
    page.get_by_role("button", name="升为主用…").click()
    page.click("#model-yes")
    expect(page.locator("#model-dialog-problem")).to_contain_text("请填写原因")
    page.fill("#model-reason", "对比两周, 误差更小")
    page.click("#model-yes")
    expect(page.locator("#model-message")).to_contain_text("已作出决定")
    expect(page.locator("#model-detail")).to_contain_text("对比两周, 误差更小")
    expect(page.locator("#model-detail")).to_contain_text("Lin Manager")
    page.get_by_role("button", name="返回列表").click()
    expect(rows.first).to_contain_text("主用")
    expect(rows.last).to_contain_text("已退役")


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_models_fit_a_phone_in_either_language(visit: Visit, world: World) -> None:
    registered(world, "hydraulic-phone")
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    visit.log_in("owner", PAGE)
    for language in ("zh-CN", "en"):
        page.goto(f"{world.url}/language/{language}?next={PAGE}")
        page.locator(".entry", has_text="hydraulic-phone").last.get_by_role("button").click()
        page.wait_for_selector("#model-detail .facts")
        for more in page.locator("#model-detail summary").all():
            more.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert CHINESE.findall(visit.text("#model-detail")) == []
