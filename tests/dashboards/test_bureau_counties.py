"""The bureau's counties, reports and cockpit: for officers only, what is withheld is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete

from tundish_dashboards.bureau import page
from tundish_dashboards.bureau.standing import counties, shades
from tundish_platform.api.reports import issue_report
from tundish_platform.programme import Enterprise, published_rules
from tundish_platform.programme.reports.issuing import issued
from tundish_platform.programme.reports.models import IssuedReport
from tundish_platform.programme.series.frozen import freeze
from tundish_platform.programme.series.models import FrozenMonth, StoredSeries, TargetRecord
from tundish_platform.programme.series.months import month_of, shifted
from tundish_platform.programme.series.panel import table_of
from tundish_platform.programme.series.stored import recompute
from tundish_platform.programme.series.targets import TargetSpec, set_target
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site

NOW = datetime.now(UTC)
MONTH = shifted(month_of(NOW), -1)
ORIGIN = {"Origin": "http://localhost"}
KNOWN = dict.fromkeys(("uscc_valid", "industry_set", "region_set"), 1)
SENDING = KNOWN | {"subscriptions": 1, "machine_bins": 20, "sources": 1, "good_share": 0.9, "apps": 1}
# The county of three is withheld, and the next smaller one with it.
COUNTIES = {"430202": 20, "430203": 12, "431322": 6, "431321": 3}


def freeze_months(site: Site, months: int) -> None:
    """The newest months, in which every second enterprise of a county sends data."""
    rule = published_rules()["2026.2"]
    with site.context.metadata.above(Above.ADOPTION).session() as session:
        for back in range(months, 0, -1):
            facts = [SENDING if n % 2 else KNOWN for n in range(41)]
            freeze(session, shifted(MONTH, 1 - back), table_of(range(901, 942), facts), "2026.2", NOW)
        recompute(session, rule, NOW)


@pytest.fixture(scope="module")
def city(site: Site) -> Iterator[Site]:
    """Forty-one enterprises, three frozen months, a target, and the newest month's report."""
    regions = [region for region, count in COUNTIES.items() for _ in range(count)]
    with site.context.metadata.above(Above.ADOPTION).session() as session:
        for n, region in enumerate(regions):
            one = Enterprise(
                id=901 + n, uscc=f"9{n:017d}", name_zh=f"厂{n}", name_en=f"P{n}", demo=True, region=region,
                industry="C3130" if n % 3 else "C3444", hours_week=168.0, registered_at=NOW,
            )  # fmt: skip
            session.add(one)
        spec = TargetSpec(
            year=int(MONTH[:4]), stage="on_cloud", kind="current", region="430202", value=20, source="s"
        )
        set_target(session, spec, "officer", NOW)
    freeze_months(site, 3)
    with site.context.metadata.above(Above.ADOPTION).session() as session:
        issue_report(session, {}, None, MONTH, "officer", NOW)
    yield site
    # The site is that of other files, too.
    with site.context.metadata.above(Above.ADOPTION).session() as session:
        for table in (IssuedReport, TargetRecord, StoredSeries, FrozenMonth):
            session.execute(delete(table))
        session.execute(delete(Enterprise).where(Enterprise.id > 900))


def ask(
    site: Site, output: str, who: str = "bureau", path: str = "/bureau", **values: str
) -> tuple[int, str]:
    """Call the callback that writes an output; values are by the id of its inputs and states."""
    clicked = values.pop("clicked", "")
    values = {"bureau-rule": "2026.2", "atlas-stage": "on_platform", "cockpit-digest": ""} | values
    wanted = next(one for one in site.dash.callback_map if f"{output}." in one)
    body = site.body(wanted, path, 1)
    for kind in ("inputs", "state"):
        for one in body[kind]:
            if isinstance(one, dict) and one["id"] in values:
                one["value"] = values[one["id"]]
            elif clicked and isinstance(one, dict) and one["id"] == clicked:
                one["value"] = 1
    if clicked:
        body["changedPropIds"] = [f"{clicked}.n_clicks"]
    answer = site.visitor(who).post("/_dash-update-component", json=body, headers=ORIGIN)
    return answer.status_code, answer.text


def test_before_the_first_month_the_cockpit_says_so(site: Site) -> None:
    shown = repr(json.loads(ask(site, "page", path="/cockpit")[1]))
    assert "cockpit-nothing" in shown


def test_places_follow_the_share_and_withheld_counties_have_none() -> None:
    def cell(key: str, counts: list[int | None], sizes: list[int | None]) -> dict[str, Any]:
        return {"key": key, "figures": {"enterprises": sizes, "current": {"s": counts}}}

    found = {
        "months": ["2026-01", "2026-02"],
        "by_region": [
            cell("a", [5, 8], [10, 10]), cell("b", [6, 6], [10, 10]), cell("c", [1, None], [9, None]),
            {"key": "d", "figures": None}, cell("e", [3, 6], [10, 10]),
        ],
    }  # fmt: skip
    target = {"stage": "s", "kind": "current", "region": "b", "industry": "", "park": "", "year": 2026,
              "progress": {"completion": 0.6}}  # fmt: skip
    last_year = target | {"region": "a", "year": 2025}
    met = {one.key: one for one in counties(found, [target, last_year], "s")}
    assert list(met) == ["a", "b", "e", "c", "d"]
    assert [(one.place, one.best, one.worst) for one in met.values()] == [
        (1, 1, 2), (2, 1, 2), (2, 2, 3), (None, None, None), (None, None, None)
    ]  # fmt: skip
    assert (met["b"].completion, met["a"].completion) == (0.6, None)
    assert (met["c"].share, met["c"].count) == (None, None)
    assert shades(list(met.values())) == {"a": 4, "b": 3, "e": 3}


def test_tiles_say_shares_and_withheld_ones_say_so(city: Site) -> None:
    status, told = ask(city, "bureau-atlas", **{"bureau-rule": "2026.2", "atlas-stage": "on_cloud"})
    assert status == 200
    shown = repr(json.loads(told))
    assert "荷塘区: 50.0%, 10 / 20 家, 目标完成 50.0%" in shown
    assert shown.count("tile-withheld") == 2
    assert ask(city, "bureau-atlas", "insider")[0] == 404


def test_a_county_opens_to_industries_and_an_industry_to_enterprises(city: Site) -> None:
    status, told = ask(city, "bureau-drill", **{"atlas-place": "430202", "bureau-rule": "2026.2"})
    shown = repr(json.loads(told))
    assert status == 200
    assert "厂0" in shown
    assert "厂25" not in shown, "of another county"
    narrowed = repr(json.loads(ask(city, "bureau-drill", **{"atlas-place": "430202/C3444"})[1]))
    assert "厂3'" in narrowed
    assert "厂1'" not in narrowed
    small = repr(json.loads(ask(city, "bureau-drill", **{"atlas-place": "431321"})[1]))
    assert "不公布" in small, "the industries of a county of three"
    assert ask(city, "bureau-drill", "insider", **{"atlas-place": "430202"})[0] == 404


def test_reports_are_listed_with_files_for_officers_only(city: Site) -> None:
    page = ask(city, "page")[1]
    shown = repr(json.loads(page))
    for form in ("xlsx", "docx", "pdf"):
        address = f"/bureau/reports/1/{form}"
        assert address in shown
        answer = city.visitor("bureau").get(address)
        assert answer.status_code == 200
        assert f"programme-{MONTH}-1-zh.{form}" in answer.headers["Content-Disposition"]
        assert city.visitor("insider").get(address).status_code == 404
    assert city.visitor("bureau").get("/bureau/reports/1/html").status_code == 404
    assert city.visitor("bureau").get("/bureau/reports/2/pdf").status_code == 404


def test_a_further_report_of_a_month_says_why_and_the_former_stays(city: Site) -> None:
    def act(who: str = "bureau", **said: str) -> tuple[int, str]:
        status, told = ask(city, "issuing-dialog", who, clicked="issuing-yes", **said)
        return status, repr(json.loads(told)) if status == 200 else told

    def reports() -> list[tuple[str, int, str, str]]:
        with city.context.metadata.above(Above.ADOPTION).session() as session:
            return [(one.month, one.issue, one.reason, one.issued_by) for one in issued(session)]

    first = (MONTH, 1, "", "officer")
    shown = ask(city, "issuing-dialog", clicked="issuing-open")[1]
    assert json.loads(shown)["response"]["issuing-dialog"]["opened"] is True
    assert f"{MONTH} 的月报已签发" in act(**{"issuing-month": MONTH, "issuing-reason": "  "})[1]
    assert "1999-01 尚未冻结" in act(**{"issuing-month": "1999-01", "issuing-reason": "补发"})[1]
    assert act("insider", **{"issuing-month": MONTH, "issuing-reason": "补发"})[0] == 404
    assert reports() == [first]
    done = act(**{"issuing-month": MONTH, "issuing-reason": "更正-区县"})[1]
    assert "更正-区县" in done
    assert "第2期" in done
    assert reports() == [first, (MONTH, 2, "更正-区县", "Bu Reau")]


def test_a_simulated_city_is_not_said_to_be_measured(city: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> str:
        return repr(json.loads(ask(city, "page")[1]))

    assert "全部数字由平台实测数据得出" in said()
    monkeypatch.setattr(page, "SimulatedMark", lambda _metadata: True)
    assert "全部数字由平台实测数据得出" not in said()
    assert "模拟城市：全部数字由模型生成" in said()


def test_the_cockpit_draws_anew_only_what_changed_and_says_what_is_late(city: Site) -> None:
    first = repr(json.loads(ask(city, "page", path="/cockpit")[1]))
    assert MONTH in first
    assert "cockpit-late" not in first
    assert "tile-withheld" in first
    _, told = ask(city, "cockpit-body", path="/cockpit")
    answer = json.loads(told)["response"]
    digest = answer["cockpit-digest"]["data"]
    assert answer["cockpit-body"]["children"]
    again = json.loads(ask(city, "cockpit-body", path="/cockpit", **{"cockpit-digest": digest})[1])[
        "response"
    ]
    assert set(again) == {"cockpit-beat"}, "nothing changed, and the beat says that the server is there"
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        spec = TargetSpec(year=int(MONTH[:4]), stage="on_cloud", kind="ever", value=30, source="s")
        set_target(session, spec, "officer", NOW)
    news = json.loads(ask(city, "cockpit-body", path="/cockpit", **{"cockpit-digest": digest})[1])["response"]
    assert "66.67 %" in repr(news["cockpit-body"])
    assert ask(city, "cockpit-body", "insider", "/cockpit")[0] == 404
    assert "not-found" in ask(city, "page", "insider", "/cockpit")[1]
