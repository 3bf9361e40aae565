"""The bureau's page and the enterprise's own page of what is seen: reasons, consents, publishing, forms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tundish_dashboards.bureau import listing
from tundish_platform.audit import all_entries
from tundish_platform.programme import register_enterprise
from tundish_platform.programme.external import facts_of
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.published.log import newest_head
from tundish_platform.programme.series.targets import targets
from tundish_platform.programme.uscc import check_digit, organisation_digit
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
STRANGERS = ("insider", "viewer", "operator")
RULE = "2026.1"


def code(number: int) -> str:
    body = f"TDW{number:05d}"
    start = f"91999900{body}{organisation_digit(body)}"
    return start + check_digit(start)


MINE = code(0)


@pytest.fixture(scope="module")
def city(site: Site) -> Iterator[Site]:
    """Seven enterprises of this file, the first of which is the insider's plant."""
    for who in ("bureau", *STRANGERS):
        site.visitor(who).get("/language/zh-CN?next=/")
    with site.context.metadata.above(Above.ADOPTION).session() as session:
        plant = session.scalar(select(Tenant.id).where(Tenant.slug == "own-plant"))
        held = session.scalar(select(Enterprise).where(Enterprise.tenant == plant))
        if held is not None:
            held.tenant = None
            session.flush()
        for number in range(7):
            register_enterprise(
                session, uscc=code(number), name_zh=f"CITY-{number}", name_en="P", industry="C3444",
                region="431302", demo=True, tenant_id=None if number else plant,
            )  # fmt: skip
        former = None if held is None else held.id
    yield site
    with site.context.metadata.above(Above.ADOPTION).session() as session:
        session.scalars(select(Enterprise).where(Enterprise.uscc == MINE)).one().tenant = None
        session.flush()
        if former is not None:
            session.get_one(Enterprise, former).tenant = plant


def ask(
    site: Site, first: str, path: str, asker: str | dict[str, Any] = "", who: str = "bureau",
    **said: Any,  # noqa: ANN401 - values of parts
) -> tuple[int, str]:  # fmt: skip
    """Call a callback by its first output; ``asker`` is the part that was clicked, or its id of many."""
    site.visitor(who).get("/account")
    output = next(one for one in site.dash.callback_map if one.lstrip(".").startswith(first))
    body, wanted = site.body(output, path), asker if isinstance(asker, str) else ""

    def told(part: Any) -> Any:  # noqa: ANN401 - as Dash has it
        if isinstance(part, list):
            return [{"id": asker, "property": "n_clicks", "value": 1}] if isinstance(asker, dict) else []
        return {**part, "value": 1 if part["id"] == wanted else said.get(part["id"], part["value"])}

    body["inputs"] = [told(part) for part in body["inputs"]]
    body["state"] = [told(part) for part in body["state"]]
    name = json.dumps(asker, separators=(",", ":"), sort_keys=True) if isinstance(asker, dict) else asker
    body["changedPropIds"] = [f"{name}.n_clicks"] if asker else body["changedPropIds"]
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    return answer.status_code, json.dumps(answer.json, ensure_ascii=False)


def evidence(site: Site, reason: str, who: str = "bureau") -> tuple[int, str]:
    return ask(
        site, "bureau-evidence.children", "/bureau", "evidence-open", who,
        **{"bureau-chosen": MINE, "bureau-rule": RULE, "evidence-reason": reason},
    )  # fmt: skip


def openings(site: Site) -> list[dict[str, Any]]:
    with site.context.metadata.above(Above.OPERATOR).session() as session:
        return [
            json.loads(one.detail or "{}") for one in all_entries(session) if one.action == "evidence.opened"
        ]


def consent(site: Site, act: str, who: str = "insider") -> tuple[int, str]:
    button = {"role": "consent", "purpose": "evidence", "act": act, "version": "2026.1"}
    return ask(site, "sharing-body.children", "/sharing/own-plant", button, who)


def test_evidence_opens_for_a_reason_and_its_figures_with_the_enterprises_consent(city: Site) -> None:
    before = len(openings(city))
    assert "notice-bad" in evidence(city, "  ")[1]
    assert len(openings(city)) == before, "nothing was opened"
    chosen = ask(city, "bureau-evidence.children", "/bureau", **{"bureau-chosen": MINE, "bureau-rule": RULE})[
        1
    ]
    assert MINE in chosen
    assert len(openings(city)) == before, "choosing opens nothing"
    closed = evidence(city, "年度核查")[1]
    assert "企业未同意公开明细" in closed
    assert "第 1 个窗口" not in closed
    assert "notice-good" in consent(city, "give")[1]
    assert "第 1 个窗口" in evidence(city, "年度核查")[1]
    assert consent(city, "withdraw")[0] == 200
    assert "企业未同意公开明细" in evidence(city, "年度核查")[1]
    said = openings(city)[before:]
    assert [(one["reason"], one["facts"]) for one in said] == [
        ("年度核查", False), ("年度核查", True), ("年度核查", False)
    ]  # fmt: skip
    for who in STRANGERS:
        assert evidence(city, "年度核查", who)[0] == 404


def test_the_enterprises_page_has_each_field_of_the_list_and_who_opened_it(city: Site) -> None:
    evidence(city, "重点核查-七")
    seen = ask(city, "page.children", "/sharing/own-plant", "", "insider")[1]
    for word in (MINE, "CITY-0", "重点核查-七", "Bu Reau", "registered_at", "按区县", "停滞名单"):
        assert word in seen, word
    assert "CITY-1" not in seen
    assert "not-found" in ask(city, "page.children", "/sharing/own-plant", "", "viewer")[1]
    for who in ("viewer", "neighbour", "bureau"):
        assert consent(city, "give", who)[0] in {403, 404}


def test_the_list_says_how_many_there_are_and_turns(city: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_LISTED", 3)
    first = ask(city, "bureau-enterprises.children", "/bureau", **{"bureau-rule": RULE})[1]
    assert "第 1–3 家，共" in first
    assert "下一页" in first
    page = {"uscc": code(2), "number": 3}
    second = ask(
        city, "bureau-enterprises.children", "/bureau", **{"bureau-rule": RULE, "bureau-page": page}
    )[1]
    assert "第 4–6 家" in second
    assert "CITY-3" in second
    assert "CITY-2" not in second
    assert "第一页" in second


def test_publishing_names_what_it_publishes_and_publishes_exactly_that(city: Site) -> None:
    def act(button: str, **said: Any) -> tuple[int, str]:  # noqa: ANN401 - values of parts
        return ask(city, "publish-dialog.opened", "/bureau", button, **{"bureau-rule": RULE, **said})

    asked = act("publish-open")[1]
    for word in ("enterprises.registered.current", RULE, "数据时点"):
        assert word in asked
    mark = json.loads(asked)["response"]["publish-mark"]["data"]
    assert "没有可发布" in act("publish-yes")[1], "nothing was shown"
    assert "数据在预览之后已变化" in act("publish-yes", **{"publish-mark": "0" * 64})[1]
    done = act("publish-yes", **{"publish-mark": mark})[1]
    assert "已发布" in done
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        size = newest_head(session).size
    assert f"日志现有 {size} 条" in done
    again = act("publish-yes", **{"publish-mark": mark})[1]
    assert "没有可发布" in again, "these stand"
    for who in STRANGERS:
        assert ask(city, "publish-dialog.opened", "/bureau", "publish-yes", who)[0] == 404


def test_targets_are_entered_on_the_page(city: Site) -> None:
    filled = {
        "target-year": "2031", "target-region": "", "target-industry": "C34", "target-park": "",
        "target-value": "12", "target-source": "湘工信〔2026〕7号", "target-stage": "on_cloud",
        "target-kind": "ever",
    }  # fmt: skip

    def enter(who: str = "bureau", **more: str) -> tuple[int, str]:
        return ask(city, "target-message.children", "/bureau", "target-enter", who, **(filled | more))

    for wrong in ({"target-year": "x"}, {"target-source": ""}, {"target-stage": "moon"}):
        assert "notice-bad" in enter(**wrong)[1]
    assert "notice-good" in enter()[1]
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        (made,) = targets(session, 2031)
        assert (made.value, made.industry, made.source, made.entered_by) == (
            12,
            "C34",
            "湘工信〔2026〕7号",
            "Bu Reau",
        )
    for who in STRANGERS:
        assert enter(who)[0] == 404


def test_a_fact_is_entered_with_its_document_shown_apart_taken_out_and_withdrawn(city: Site) -> None:
    door = f"/bureau/register/{MINE}/external"
    said = {
        "kind": "specialised", "name": "专精特新-证", "number": "7", "issuer": "工信厅",
        "issued_on": "2026-01-31", "valid_until": "", "file_name": "a.pdf",
    }  # fmt: skip
    for who in STRANGERS:
        refused = city.visitor(who).post(door, query_string=said, data=b"%PDF-1", headers=ORIGIN)
        assert refused.status_code == 404
    officer = city.visitor("bureau")
    assert officer.post(door, query_string=said, data=b"%PDF-1").status_code == 403, "from another origin"
    for wrong, data in (({"issued_on": "soon"}, b"%PDF-1"), ({}, b"no document")):
        answer = officer.post(door, query_string=said | wrong, data=data, headers=ORIGIN).json
        assert "message" in answer
    content = b"%PDF-1" + b"x" * 300_000
    assert "path" in officer.post(door, query_string=said, data=content, headers=ORIGIN).json
    with city.context.metadata.session() as session:
        mine = session.scalars(select(Enterprise).where(Enterprise.uscc == MINE)).one()
        (fact,) = facts_of(session, mine)
    shown = evidence(city, "年度核查")[1]
    assert "专精特新-证" in shown
    assert "不计入任何阶段" in shown
    assert officer.get(f"/bureau/register/external/{fact.id}").data == content
    assert officer.get("/bureau/register/external.xlsx").data.startswith(b"PK")
    for path in (f"/bureau/register/external/{fact.id}", "/bureau/register/external.xlsx"):
        assert city.visitor("insider").get(path).status_code == 404
    outputs = [
        one for one, spec in city.dash.callback_map.items() if "external-withdraw" in str(spec["inputs"])
    ]
    button = {"role": "external-withdraw", "number": fact.id}

    def withdraw(reason: str, who: str = "bureau") -> str:
        return ask(
            city, outputs[0], f"/bureau/register/{MINE}", button, who, **{"external-reason": reason}
        )[1]  # fmt: skip

    assert "notice-bad" in withdraw(" ")
    withdraw("误录", "insider")
    assert "误录" in withdraw("误录")
    with city.context.metadata.session() as session:
        assert facts_of(session, mine)[0].withdrawn_by == "Bu Reau"
