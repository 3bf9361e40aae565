"""The pages of money: each enterprise its own statements, the operator's invoices, the bureau's vouchers."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from tundish_platform.assets import list_signals
from tundish_platform.audit import entries_of
from tundish_platform.marketplace import (
    App,
    Catalogue,
    Outcome,
    Run,
    after_run,
    halt_of,
    record_run,
    subscribe,
    subscription_of,
)
from tundish_platform.marketplace.billing.statements import issue_due
from tundish_platform.marketplace.halting import FAILURES
from tundish_platform.programme import register_enterprise
from tundish_platform.sdk.manifest import parse_manifest
from tundish_platform.store.lifecycle.policy import operator_scope
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Site

    from tundish_platform.marketplace import SubscriptionView

_DIALOGS = {"market": "market-confirm"}
UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
BEGIN, AFTER = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)
OPERATOR = Principal(8, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
USCC = "91999900TD0000033H"
APP_PAGE = "/market/own-plant/app/dear"
MANIFEST = """
id = "dear"
version = "1.0.0"
entry = "tundish_app_dear.app:run"
publisher = "p"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = { zh = "贵应用", en = "Dear app" }
description = { zh = "测试", en = "test" }
data_use = { zh = "不使用", en = "none" }
inputs = [{ key = "any", semantic = "pressure.*", name = { zh = "压力", en = "pressure" } }]
outputs = [{ key = "number", name = { zh = "数", en = "number" } }]
plans = [
  { key = "month", kind = "flat", fen = 12345, name = { zh = "包月", en = "Monthly" } },
  { key = "run", kind = "per_run", fen = 7, name = { zh = "按次", en = "Per run" } },
]
"""


@pytest.fixture(scope="module")
def billed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Both enterprises subscribed to an app in March 2026, each at another price; March is billed."""
    folder: Path = tmp_path_factory.mktemp("dear")
    catalogue = Catalogue({"dear": App(parse_manifest(MANIFEST.encode(), "app.toml"), folder)})
    # The words below are Chinese, whatever language another file left behind.
    for who in ("insider", "viewer"):
        site.visitor(who).get("/language/zh-CN?next=/")
    before = site.context.catalogue
    object.__setattr__(site.context, "catalogue", catalogue)
    with site.context.metadata.above(Above.BILLING).session() as session:
        for slug, plan in (("own-plant", "month"), ("canary-plant", "run")):
            scope = access_tenant(job_principal(session, "boss", Role.OWNER), slug, Permission.SUBSCRIBE)
            subscribe(session, scope, catalogue, "dear", list_signals(session, scope), plan=plan, now=BEGIN)
            issue_due(session, operator_scope(session, OPERATOR, slug), catalogue, BEGIN.date(), AFTER)
        register_enterprise(
            session, uscc=USCC, name_zh="甲", name_en="A", industry="C3130", region="431382", demo=True,
            tenant_id=operator_scope(session, OPERATOR, "own-plant").tenant_id,
        )  # fmt: skip
    yield site
    object.__setattr__(site.context, "catalogue", before)


def output_of(site: Site, first: str, *, last: bool = False) -> str:
    site.visitor("insider").get("/account")
    every = [one for one in site.dash.callback_map if one.lstrip(".").startswith(first)]
    return next(one for one in every if ("@" in one) is last)


def page(site: Site, who: str, path: str) -> str:
    body = site.body(output_of(site, "page.children"), path)
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def say_yes(site: Site, who: str, path: str, first: str, **told: object) -> tuple[int, str]:
    """Press a dialog's yes with what the page remembers, or what somebody made up in its place."""
    body = site.body(output_of(site, _DIALOGS.get(first, f"{first}-dialog"), last=True), path, 1)
    known: dict[str, Any] = {f"{first}-{name}": value for name, value in told.items()}
    body["state"] = [{**part, "value": known.get(part["id"], path)} for part in body["state"]]
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    return answer.status_code, json.dumps(answer.json, ensure_ascii=False)


def life(site: Site, act: str, of: int = 0, choice: str = "", who: str = "insider") -> tuple[int, str]:
    return say_yes(site, who, APP_PAGE, "life", wish={"act": act, "of": of}, choice=choice)


def standing(site: Site, slug: str = "own-plant") -> SubscriptionView:
    with site.context.metadata.above(Above.BILLING).session() as session:
        scope = access_tenant(job_principal(session, "boss", Role.OWNER), slug, Permission.SUBSCRIBE)
        return subscription_of(session, scope, "dear")


def test_an_enterprise_sees_its_own_statement_and_gets_it_as_a_file(billed: Site) -> None:
    seen = page(billed, "insider", "/statements/own-plant")
    # 30 of 31 days at 123.45.
    assert "2026-03" in seen
    assert "119.47" in seen
    for who, path in (("insider", "/statements/canary-plant"), ("viewer", "/statements/own-plant")):
        assert "not-found" in page(billed, who, path), who
        assert billed.visitor(who).get(f"{path}/1").status_code == 404
    book = load_workbook(io.BytesIO(billed.visitor("insider").get("/statements/own-plant/1").data))
    cells = [cell for row in book.worksheets[0].values for cell in row]
    assert 119.47 in cells
    assert "贵应用" in cells
    pdf = billed.visitor("insider").get("/statements/own-plant/1?format=pdf")
    assert (pdf.status_code, pdf.data[:5]) == (200, b"%PDF-")
    assert billed.visitor("insider").get("/statements/own-plant/2").status_code == 404


def test_the_panel_pauses_changes_withdraws_and_gives_for_who_may(billed: Site) -> None:
    assert "app-life" in page(billed, "insider", APP_PAGE)
    (signal,) = standing(billed).signals
    for who in ("viewer", "neighbour", "bureau"):
        assert life(billed, "pause", who=who)[0] in {403, 404}, who
    assert life(billed, "pause")[0] == 200
    assert standing(billed).paused_at is not None
    assert standing(billed, "canary-plant").paused_at is None
    assert "已暂停" in page(billed, "insider", APP_PAGE)
    life(billed, "resume")
    life(billed, "plan", choice="run")
    assert (standing(billed).state(AFTER), standing(billed).plan) == ("active", "run")
    assert "notice-bad" in life(billed, "plan", choice="no-such-plan")[1]
    life(billed, "withdraw", signal)
    assert standing(billed).signals == ()
    assert "notice-bad" in life(billed, "give", signal + 999)[1]
    life(billed, "give", signal)
    assert standing(billed).signals == (signal,)
    assert life(billed, "explode")[0] == 400


def fail_again_and_again(site: Site, slug: str) -> None:
    with site.context.metadata.above(Above.BILLING).session() as session:
        scope = access_tenant(job_principal(session, "runner", Role.ANALYST), slug, Permission.ANALYSE)
        for minute in range(FAILURES):
            at = BEGIN + timedelta(minutes=minute)
            run = Run(
                app="dear", version="1.0.0", started_at=at, window_start=at, window_end=at, seconds=1,
                rows_in=1, values_out=0, isolation="bubblewrap", filtered=True, outcome=Outcome.FAILED,
            )  # fmt: skip
            record_run(session, scope, run)
            after_run(session, scope, "dear", "1.0.0", at)


def stands_still(site: Site, slug: str) -> bool:
    with site.context.metadata.above(Above.BILLING).session() as session:
        scope = access_tenant(job_principal(session, "boss", Role.OWNER), slug, Permission.SUBSCRIBE)
        return halt_of(session, scope, "dear") is not None


def test_an_app_that_was_stopped_says_why_and_is_started_again_by_who_may(billed: Site) -> None:
    assert "app-halted" not in page(billed, "insider", APP_PAGE)
    for slug in ("own-plant", "canary-plant"):
        fail_again_and_again(billed, slug)
    seen, theirs = page(billed, "insider", APP_PAGE), page(billed, "viewer", APP_PAGE)
    for words in ("app-halted", "连续 5 次运行失败"):
        assert words in seen
        assert words in theirs
    assert "重新启动" in seen
    assert '"act": "restart"' not in theirs
    assert life(billed, "restart", who="viewer")[0] in {403, 404}
    assert stands_still(billed, "own-plant")
    assert "notice-good" in life(billed, "restart")[1]
    assert (stands_still(billed, "own-plant"), stands_still(billed, "canary-plant")) == (False, True)
    assert "app-halted" not in page(billed, "insider", APP_PAGE)
    with billed.context.metadata.above(Above.BILLING).session() as session:
        scope = access_tenant(job_principal(session, "boss", Role.OWNER), "own-plant", Permission.MANAGE)
        newest = next(one for one in entries_of(session, scope) if one.subject == "dear")
    assert (newest.action, newest.actor) == ("subscription.restarted", "In Sider")


def test_who_subscribes_chooses_one_of_the_plans_with_its_price(billed: Site) -> None:
    life(billed, "cancel", choice="keep")
    body = billed.body(output_of(billed, "market-confirm.opened"), APP_PAGE)
    body["inputs"] = [
        [{"id": {"role": role, "app": "dear"}, "property": "n_clicks", "value": 1}] * (role == "subscribe")
        if isinstance(part, list) else part
        for part, role in zip(body["inputs"], ("subscribe", "stop", ""), strict=True)
    ]  # fmt: skip
    body["changedPropIds"] = ['{"app":"dear","role":"subscribe"}.n_clicks']
    asked = billed.visitor("insider").post(UPDATE, json=body, headers=ORIGIN).get_json()["response"]
    offered = asked["market-plan"]
    assert [one["value"] for one in offered["data"]] == ["month", "run"]
    assert ["123.45" in one["label"] for one in offered["data"]] == [True, False]
    assert (offered["value"], offered["display"]) == ("month", "block")
    wish = {"app": "dear", "start": True}
    assert say_yes(billed, "viewer", APP_PAGE, "market", wish=wish, plan="run")[0] in {403, 404}
    assert "notice-bad" in say_yes(billed, "insider", APP_PAGE, "market", wish=wish, plan="none")[1]
    assert "notice-good" in say_yes(billed, "insider", APP_PAGE, "market", wish=wish, plan="run")[1]
    assert (standing(billed).plan, standing(billed).fen) == ("run", 7)


def test_the_operator_issues_and_settles_invoices_and_nobody_else_does(billed: Site) -> None:
    seen = page(billed, "operator", "/billing")
    assert "own-plant-00001" in seen
    wish = {"act": "issue", "of": "own-plant-00001"}
    for who in ("insider", "bureau"):
        assert "not-found" in page(billed, who, "/billing"), who
        assert say_yes(billed, who, "/billing", "billing", wish=wish, said="")[0] in {403, 404}
    say_yes(billed, "operator", "/billing", "billing", wish=wish, said="")
    assert "own-plant-00001" in page(billed, "insider", "/statements/own-plant")
    paid = {"act": "paid", "of": "own-plant-00001"}
    assert "notice-bad" in say_yes(billed, "operator", "/billing", "billing", wish=paid, said=" ")[1]
    assert "notice-good" in say_yes(billed, "operator", "/billing", "billing", wish=paid, said="bank 7")[1]
    assert "bank 7" in page(billed, "insider", "/statements/own-plant")
    assert "own-plant-00001" not in page(billed, "neighbour", "/statements/canary-plant")


def test_the_bureau_gives_a_voucher_that_only_its_enterprise_sees_spent(billed: Site) -> None:
    told = {"uscc": USCC, "yuan": "88", "from": "2026-01-01", "to": "2026-12-31", "apps": "",
            "industries": "", "purpose": "CLOUD-HELP"}  # fmt: skip

    def give(who: str, **changes: str) -> tuple[int, str]:
        body = billed.body(output_of(billed, "voucher-message"), "/bureau", 1)
        said = {f"voucher-{name}": value for name, value in (told | changes).items()}
        body["state"] = [{**part, "value": said[part["id"]]} for part in body["state"]]
        answer = billed.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
        return answer.status_code, json.dumps(answer.json, ensure_ascii=False)

    assert give("insider")[0] in {403, 404}
    assert give("operator")[0] in {403, 404}
    for wrong in ({"uscc": "X"}, {"yuan": "-1"}, {"yuan": "nan"}, {"to": "2025-01-01"}, {"purpose": ""}):
        assert "notice-bad" in give("bureau", **wrong)[1], wrong
    assert "notice-good" in give("bureau")[1]
    bureau = page(billed, "bureau", "/bureau")
    assert "CLOUD-HELP" in bureau
    assert "不公布" in bureau
    assert "CLOUD-HELP" in page(billed, "insider", "/statements/own-plant")
    assert "CLOUD-HELP" not in page(billed, "neighbour", "/statements/canary-plant")
