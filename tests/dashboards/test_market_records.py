"""Panels of an app that reads records: consent is ticked and kept, the questions are a form with answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tundish_platform.marketplace import subscribe
from tundish_platform.marketplace.records import consents, sheets
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from conftest import Site

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
APP = "maturity-check"
OWN, THEIRS = f"/market/own-plant/app/{APP}", f"/market/canary-plant/app/{APP}"


def press(site: Site, who: str, path: str, button: str, role: str, given: dict[str, Any]) -> tuple[int, str]:
    """Press a button of the panels with these values in its fields."""
    wanted = next(
        name
        for name, one in site.dash.callback_map.items()
        if any(part["id"] == button for part in one["inputs"])
    )
    body = site.body(wanted, path)
    body["inputs"][0]["value"] = 1
    ids = [{"role": role, "key": key} for key in given]
    shown = "checked" if role == "record-kind" else "value"
    values = [[{"id": i, "property": shown, "value": v} for i, v in zip(ids, given.values(), strict=True)],
              [{"id": i, "property": "id", "value": i} for i in ids]]  # fmt: skip
    body["state"] = [*values, body["state"][-1]]
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    return answer.status_code, answer.text


def page(site: Site, who: str, path: str) -> str:
    wanted = next(one for one in site.dash.callback_map if "app-panels.children" in one)
    answer = site.visitor(who).post(UPDATE, json=site.body(wanted, path), headers=ORIGIN)
    assert answer.status_code == 200, answer.text
    return json.dumps(answer.get_json(), ensure_ascii=False)


def test_what_is_ticked_is_agreed_to_and_what_is_answered_stands_in_the_form(site: Site) -> None:
    metadata, catalogue = site.context.metadata, site.context.catalogue
    before = page(site, "insider", OWN)
    assert "请先订阅" in before
    assert "关键生产设备联网采集" in before
    with metadata.session() as session:
        owner = access_tenant(job_principal(session, "t", Role.OWNER), "own-plant", Permission.READ)
        subscribe(session, owner, catalogue, APP, ())
    ticked = {"answers": True, "usage": False}
    for who, path in (("viewer", OWN), ("insider", THEIRS)):
        assert press(site, who, path, "records-consent", "record-kind", ticked)[0] == 404
        assert press(site, who, path, "records-answer", "record-answer", {"data": "fully"})[0] == 404
    assert press(site, "insider", OWN, "records-consent", "record-kind", ticked)[0] == 200
    wrong = press(site, "insider", OWN, "records-answer", "record-answer", {"data": "x"})[1]
    assert "答案无法使用" in json.dumps(json.loads(wrong), ensure_ascii=False)
    given = {"data": "fully", "people": None}
    assert press(site, "insider", OWN, "records-answer", "record-answer", given)[0] == 200
    with metadata.session() as session:
        assert [one.kind for one in consents(session, owner, APP)] == ["answers"]
        (sheet,) = sheets(session, owner, APP)
        assert sheet.answers == {"data": "fully"}
    assert "In Sider" in page(site, "insider", OWN)
    assert "In Sider" not in page(site, "neighbour", THEIRS)


def test_an_app_that_asks_nothing_takes_no_answers(site: Site) -> None:
    path = "/market/own-plant/app/spc-monitor"
    status, said = press(site, "insider", path, "records-answer", "record-answer", {"data": "fully"})
    assert status == 200
    assert "没有申请此类记录" in json.dumps(json.loads(said), ensure_ascii=False)
    with site.context.metadata.session() as session:
        owner = access_tenant(job_principal(session, "t", Role.OWNER), "own-plant", Permission.READ)
        assert sheets(session, owner, "spc-monitor") == []


def test_an_app_on_signals_alone_has_no_such_panels(site: Site) -> None:
    shown = page(site, "insider", "/market/own-plant/app/spc-monitor")
    assert "app-records" not in shown
    assert "app-questions" not in shown
    assert "无需信号" not in shown


def test_an_app_on_records_alone_offers_no_matching_of_signals(site: Site) -> None:
    shown = page(site, "insider", OWN)
    assert "无需信号" in shown
    assert "match-confirm" not in shown
