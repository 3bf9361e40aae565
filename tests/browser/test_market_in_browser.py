"""The way of an enterprise through the marketplace: search, try, match, subscribe, see, rate, stop."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

CHINESE = re.compile(r"[\u3000-\u9fff]")
PATIENT_MS = 60_000
APP, OTHER = "energy-watch", "spc-monitor"
TEXTS: dict[str, dict[str, str]] = {
    "zh-CN": {
        "words": "能耗", "miss": "没有这样的应用", "none": "没有符合条件的应用",
        "confirm": "确认匹配", "confirmed": "匹配已确认", "by": "Ou Owner", "subscribe": "订阅",
        "granted": "以下 1 个信号", "stop": "停止", "stopped": "已停止", "back": "全部应用",
        "try": "先试运行", "app": "能耗与峰值", "asked": "已提交试运行", "few": "工厂数量不足",
        "stars": "4 星",
    },
    "en": {
        "words": "ENERGY peaks", "miss": "no such app", "none": "No app is like this",
        "confirm": "Confirm this matching", "confirmed": "The matching is confirmed", "by": "Ou Owner",
        "subscribe": "Subscribe", "granted": "following 1 signals", "stop": "Stop", "stopped": "Stopped",
        "back": "All apps", "try": "Try one first", "app": "Energy and peaks", "asked": "Asked for",
        "few": "Not enough plants yet", "stars": "4 of 5 stars",
    },
}  # fmt: skip


def a_run(world: World, words: str) -> dict[str, Any]:
    """A run as the worker reports it, with a screen that says something."""
    text = {"type": "text", "text": {"zh": words, "en": words}}
    return {
        "app": APP, "version": "0.1.0", "started_at": world.now.isoformat(),
        "window_start": (world.now - timedelta(days=1)).isoformat(), "window_end": world.now.isoformat(),
        "seconds": 0.4, "rows_in": 1200, "values_out": 6, "isolation": "bubblewrap", "filtered": True,
        "outcome": "ok", "screen": {"blocks": [text]},
    }  # fmt: skip


def journey(visit: Visit, world: World, language: str) -> None:
    said, page = TEXTS[language], visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("owner")
    page.goto(f"{world.url}/language/{language}?next=/market/{world.plant}")
    _search(visit, said)
    _try(visit, world, said)
    page.locator(f"#app-{APP} h2 a").press("Enter")
    expect(page.locator("#app-inputs")).to_be_visible()
    _match(visit, said)
    _subscribe(visit, said)
    with Client(world.url, world.token) as client:
        (number,) = client.grants(world.plant, APP)
        assert number == world.ids["SY-Site/CylinderShop/CYL1/HPU1/Motor/ActivePower"]
        client.post_run(world.plant, a_run(world, "2.31 kWh <b>x</b>"))
    expect(page.locator("#app-result")).to_contain_text("2.31 kWh <b>x</b>")
    _rate(visit, said)
    if language == "en":
        assert CHINESE.findall(visit.text("#app-panels")) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.locator("#app-about").get_by_role("button", name=said["stop"]).click()
    page.click("#market-confirm-yes")
    expect(page.locator("#market-message")).to_contain_text(said["stopped"])
    expect(page.locator("#app-result")).to_have_count(0)
    page.get_by_role("link", name=said["back"]).click()
    expect(page.locator(f"#app-{APP}")).to_be_visible()


def _search(visit: Visit, said: dict[str, str]) -> None:
    """By typing: first what nothing is like, then the app; the page is not loaded again."""
    page = visit.page
    page.wait_for_selector(f"#app-{APP}")
    page.evaluate("window.stayed = true")
    page.fill("#market-words", said["miss"])
    expect(page.locator("#market-cards")).to_contain_text(said["none"])
    page.fill("#market-words", said["words"])
    expect(page.locator(f"#app-{APP}")).to_be_visible()
    expect(page.locator(f"#app-{OTHER}")).to_have_count(0)
    assert page.evaluate("window.stayed") is True


def _try(visit: Visit, world: World, said: dict[str, str]) -> None:
    """A shadow trial from the question to the report, with this test as its worker; then back again."""
    page = visit.page
    page.get_by_role("link", name=said["try"]).click()
    page.locator("#trial-app").click()
    page.get_by_role("option", name=said["app"]).click()
    page.click("#trial-ask")
    expect(page.locator("#trial-message")).to_contain_text(said["asked"])
    with Client(world.url, world.token) as client:
        (job,) = client.claim_job(["trial"], "journey")
        trial = next(client.trials(world.plant, APP))
        window = {"at": world.now.isoformat(), "ended": "ok", "seconds": 0.2, "rows": 1200}
        figure = {"output": "energy", "values": 1, "least": 2.31, "median": 2.31, "most": 2.31}
        client.post_trial(job, trial["id"], {"step_s": 3600, "windows": [window], "figures": [figure]})
        client.finish_job(job, {})
    page.locator("#trial-list button[id*='trial-show']").first.click()
    expect(page.locator("#trial-report")).to_contain_text("2.31")
    page.goto(f"{world.url}/market/{world.plant}")
    expect(page.locator(f"#app-{APP}")).to_be_visible()


def _rate(visit: Visit, said: dict[str, str]) -> None:
    """Stars beside a measured figure that there is not yet; they stay when the subscription ends."""
    page = visit.page
    # The run came from outside, so the page learns of it when it is loaded again.
    page.reload()
    rating = page.locator("#app-rating")
    expect(rating).to_contain_text(said["few"])
    page.click("#stars-give")
    page.locator("#stars-number").get_by_text("4 ★").click()
    # Another text than the journey before left, so that the page shows when this one is there.
    text = f"2 kWh less <b>{said['few'].isascii()}</b>"
    page.fill("#stars-text", text)
    page.click("#stars-yes")
    expect(rating.get_by_role("img", name=said["stars"]).first).to_be_visible()
    expect(rating).to_contain_text(text)


def _match(visit: Visit, said: dict[str, str]) -> None:
    page = visit.page
    expect(page.locator("#app-inputs")).to_contain_text("HPU1/Motor/ActivePower")
    # The state is optional; without it the app reads the power alone.
    state = page.locator(".match-row", has_text="PackML").locator("input:not([type=hidden])")
    state.press("Backspace")
    state.press("Escape")
    # The panels are made again, and a click on a button that is replaced at that moment would be lost.
    with page.expect_response(lambda answer: "app-panels.children" in (answer.request.post_data or "")):
        page.get_by_role("button", name=said["confirm"]).click()
    expect(page.locator("#app-panels[data-dash-is-loading]")).to_have_count(0)
    expect(page.locator("#market-message")).to_contain_text(said["confirmed"])
    expect(page.locator("#app-inputs .panel-aside")).to_contain_text(said["by"])


def _subscribe(visit: Visit, said: dict[str, str]) -> None:
    page = visit.page
    page.locator("#app-about").get_by_role("button", name=said["subscribe"]).click()
    expect(page.locator("#market-confirm-words")).to_contain_text(said["granted"])
    page.click("#market-confirm-yes")
    expect(page.locator("#app-about").get_by_role("button", name=said["stop"])).to_be_visible()


def test_from_the_search_to_a_result_and_out_again_in_chinese(visit: Visit, world: World) -> None:
    journey(visit, world, "zh-CN")


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844, "locale": "en-GB"}], indirect=True)
def test_the_same_in_english_on_a_phone(visit: Visit, world: World) -> None:
    journey(visit, world, "en")
