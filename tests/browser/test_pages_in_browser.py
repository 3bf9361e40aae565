from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from tundish_dashboards.i18n import Language, texts
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from conftest import Visit, World

pytestmark = [pytest.mark.browser, pytest.mark.integration]

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINESE = re.compile(r"[\u3000-\u9fff]")
RANGE = "document.querySelector('#trends .js-plotly-plot').layout.xaxis.range"
FLOW = "SY-Site/CylinderShop/CYL1/HPU1/Circuit/Flow1"
PAGES = {"manager": "/plant/xianghe-cylinder", "owner": "/market/xianghe-cylinder", "bureau": "/bureau"}
_STAGES = ("registered", "on_cloud", "on_platform")
_RANKS = {"注册": 1, "上云": 2, "上平台": 3}
FILLED = {"manager": "#source-clock", "owner": ".card", "bureau": "#stage-registered"}


def _shown(visit: Visit, signal: str) -> str:
    row = visit.page.locator(".ag-center-cols-container .ag-row", has_text=signal).first
    return row.locator('[col-id="value"]').inner_text()


def _untranslated(text: str, other: Language) -> list[str]:
    """Keys, and sentences of the other language, that stand on a page."""
    keys = texts(Language.ZH).entries
    # Short words such as units and state names may be the same in both.
    foreign = [words for words in texts(other).entries.values() if len(words) > 14 and "{" not in words]
    return [key for key in keys if key in text.split()] + [words for words in foreign if words in text]


def test_manager_sees_what_was_ingested_in_both_languages(visit: Visit, world: World) -> None:
    page = visit.page
    visit.log_in("manager")
    assert page.url.endswith("/overview/xianghe-cylinder")
    page.click("#nav-plant")
    page.wait_for_selector("#source-clock")
    assert page.url.endswith("/plant/xianghe-cylinder")
    assert visit.text("#source-clock") == world.now.astimezone(SHANGHAI).strftime("%H:%M:%S")
    page.wait_for_selector(".ag-center-cols-container .ag-row")
    assert _shown(visit, "流量 1") == f"{world.value_of(FLOW):.2f} L/min"
    strip = visit.text("#plant-strip")
    assert "空闲" in strip
    attention = visit.text("#plant-attention")
    assert "BadNodeIdUnknown" in attention
    assert "差：传感器故障 (0x808C0000)" in attention
    predictions = visit.text("#plant-predictions")
    assert "概率 97.3%" in predictions
    assert "15 / 18（83.3%），共核对 20 次" in predictions
    page.wait_for_selector("#trends .scatterlayer .trace path")
    assert page.locator("#trends .shapelayer path").count() >= 3
    whole = visit.text("body")
    assert _untranslated(whole, Language.EN) == []

    page.click("#language")
    page.wait_for_selector("#source-clock")
    page.wait_for_selector("#plant-predictions .prediction")
    english = visit.text("body").replace("中文", "")
    assert CHINESE.findall(english) == []
    assert _untranslated(english, Language.ZH) == []
    assert "15 of 18 statements (83.3%)" in english
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Plant · Tundish"


def test_a_new_sample_appears_and_the_zoom_stays(visit: Visit, world: World) -> None:
    page = visit.page
    visit.log_in("manager", PAGES["manager"])
    page.wait_for_selector("#trends .scatterlayer .trace path")
    page.wait_for_selector(".ag-center-cols-container .ag-row")
    box = page.locator("#trends .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    zoomed = page.evaluate(RANGE)
    at = datetime.now(UTC).replace(microsecond=0)
    columns = [[world.ids[FLOW]], [at], [77.25], [0]]
    schema = SCHEMAS[SampleKind.NUMERIC]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    with Client(world.url, world.token) as client:
        client.ingest(world.plant, [SampleBatch(SampleKind.NUMERIC, table, at)])
    expect(page.locator("#plant-table")).to_contain_text("77.25 L/min", timeout=10_000)
    expect(page.locator("#source-clock")).to_have_text(f"{at.astimezone(SHANGHAI):%H:%M:%S}")
    # Charts follow every five seconds.
    page.wait_for_timeout(6500)
    assert page.evaluate(RANGE) == zoomed
    end = datetime.fromisoformat(zoomed[1]).replace(tzinfo=SHANGHAI)
    assert end < world.now - timedelta(minutes=1), "the drag must have zoomed in"
    page.mouse.dblclick(box["x"] + 0.5 * box["width"], box["y"] + 20)
    page.wait_for_timeout(700)
    assert page.evaluate(RANGE)[1].startswith(f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}")


def test_a_foreign_plant_looks_like_none(visit: Visit, world: World) -> None:
    visit.expected = ("404",)
    visit.log_in("manager")
    seen = []
    for path in (f"/plant/{world.other}", "/plant/never-there"):
        visit.page.goto(f"{world.url}{path}")
        visit.page.wait_for_selector("#not-found")
        seen.append(visit.text("body"))
        assert "菱动" not in seen[-1]
    assert seen[0] == seen[1]


def test_owner_subscribes_and_stops(visit: Visit, world: World) -> None:
    page = visit.page
    visit.log_in("owner", "/market/xianghe-cylinder")
    page.wait_for_selector("#app-spc-monitor")
    # On a full machine a click in the moment in which Dash asks for new buttons' callbacks gets lost.
    page.wait_for_load_state("networkidle")
    page.click("#app-spc-monitor button:has-text('订阅')")
    page.wait_for_selector("#market-confirm-words li", state="attached")
    promised = int(re.search(r"以下 (\d+) 个信号", visit.text("#market-confirm-words")).group(1))
    page.click("#market-confirm-yes")
    page.wait_for_selector("#app-spc-monitor.subscribed")
    with Client(world.url, world.token) as client:
        granted = client.grants(world.plant, "spc-monitor")
        assert len(granted) == promised > 0
        client.post_run(world.plant, _run(world))
        page.wait_for_selector("#market-runs td:has-text('SPC')")
        assert "1,234" in visit.text("#market-runs")
        page.wait_for_selector("#market-screens .js-plotly-plot .trace")
        assert "<b>not bold</b>" in visit.text("#market-screens")
        page.click("#app-spc-monitor button:has-text('停止')")
        page.click("#market-confirm-yes")
        page.wait_for_selector("#app-spc-monitor:not(.subscribed)")
        assert "已停止" in visit.text("#market-message")
        assert client.subscriptions(world.plant) == []


def _run(world: World) -> dict[str, object]:
    x = [(world.start + timedelta(seconds=s)).isoformat() for s in range(5)]
    series = {"name": {"zh": "单值", "en": "individuals"}, "y": [1.0, 2.0, None, 2.0, 3.0]}
    chart = {"type": "chart", "title": {"zh": "单值图", "en": "Individuals"}, "x": x,
             "x_name": {"zh": "时间", "en": "time"}, "unit": "bar", "series": [series]}  # fmt: skip
    text = {"type": "text", "text": {"zh": "<b>not bold</b>", "en": "<b>not bold</b>"}}
    return {
        "app": "spc-monitor", "version": "0.1.0", "started_at": datetime.now(UTC).isoformat(),
        "window_start": x[0], "window_end": x[-1], "seconds": 0.42, "rows_in": 1234, "values_out": 5,
        "isolation": "process", "filtered": True, "outcome": "ok", "screen": {"blocks": [text, chart]},
    }  # fmt: skip


def test_the_bureaus_counts_are_its_evidence(visit: Visit) -> None:
    page = visit.page
    visit.log_in("bureau")
    page.wait_for_selector("#bureau-enterprises tbody tr")
    assert "演示阈值" in visit.text("#bureau-figures")
    until = time.monotonic() + 60
    # The plants go on working: one that moves between two looks is counted by the next refresh.
    while (reached := _reached_by_evidence(visit)) != _shown_stages(visit):
        assert time.monotonic() < until, f"the evidence says {reached}, the page {_shown_stages(visit)}"
    assert reached["registered"] == 2
    assert "不公布" in visit.text("#bureau-cells")
    assert _untranslated(visit.text("body"), Language.EN) == []


def _shown_stages(visit: Visit) -> dict[str, int]:
    return {stage: int(visit.text(f"#stage-{stage}")) for stage in _STAGES}


def _reached_by_evidence(visit: Visit) -> dict[str, int]:
    """Open each enterprise's evidence and count the stages that it gives."""
    page = visit.page
    ranks = []
    buttons = page.locator("#bureau-enterprises button")
    for number in range(buttons.count()):
        row = page.locator("#bureau-enterprises tbody tr").nth(number)
        name = row.locator("td div div").first.inner_text()
        buttons.nth(number).click()
        page.fill("#evidence-reason", "核对阶段的依据")
        page.click("#evidence-open")
        page.wait_for_selector(f"#bureau-evidence h3:has-text('{name}')")
        facts = dict(zip(page.locator("#bureau-evidence dt").all_inner_texts(),
                         page.locator("#bureau-evidence dd").all_inner_texts(), strict=True))  # fmt: skip
        assert re.fullmatch(r"[0-9a-f]{64}", facts["事实摘要 SHA-256"])
        assert "结果一致" in facts["复算"]
        ranks.append(_RANKS.get(facts["阶段"], 0))
    return {stage: sum(at >= rank for at in ranks) for rank, stage in enumerate(_STAGES, start=1)}


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
@pytest.mark.parametrize("login", list(PAGES))
def test_a_phone_needs_no_sideways_scrolling(visit: Visit, world: World, login: str) -> None:
    page = visit.page
    visit.log_in(login, PAGES[login])
    for language in ("zh-CN", "en"):
        page.goto(f"{world.url}/language/{language}?next={PAGES[login]}")
        page.wait_for_selector(FILLED[login])
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#burger")
    page.wait_for_selector("#nav-links a:visible")
    if login != "manager":
        assert CHINESE.findall(visit.text("body").replace("中文", "")) == []


def test_log_out_ends_the_session(visit: Visit, world: World) -> None:
    visit.log_in("manager")
    visit.page.click("text=退出登录")
    visit.page.wait_for_selector("#password")
    visit.page.goto(f"{world.url}/plant/{world.plant}")
    assert "/login" in visit.page.url
