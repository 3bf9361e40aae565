"""What leaves an enterprise: nothing that is not on the list, facts and names only while it agrees."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest
from openpyxl import load_workbook
from pydantic import BaseModel
from sqlalchemy import String, Text, insert, literal, select, update

from tundish_platform.api.described import description_of
from tundish_platform.api.guard import access_of
from tundish_platform.api.publishing_job import publish_if_due
from tundish_platform.audit import all_entries
from tundish_platform.programme import register_enterprise
from tundish_platform.programme.models import Enterprise, EvidenceRecord, SuspicionRecord
from tundish_platform.programme.sharing import ALLOWED, NotAgreed, Record, disclose, purposes
from tundish_platform.programme.sharing.models import ShareConsent
from tundish_platform.programme.sharing.purposes import Purpose
from tundish_platform.programme.uscc import check_digit, organisation_digit
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.accounts import create_user
from tundish_platform.tenancy.metadata import Base, TenantOwned
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import World
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

CANARY = "leak-3b7e"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
WHY = "年度核查"
ALL_RULES = ("2026.1", "2026.2")


def code(number: int) -> str:
    body = f"TDX{number:05d}"
    start = f"91999900{body}{organisation_digit(body)}"
    return start + check_digit(start)


MINE = code(0)


@pytest.fixture
def city(world: World) -> World:
    """Eight enterprises, the first of which is the plant steel; people of both sides with sessions."""
    with world.context.metadata.above(Above.ADOPTION).session() as session:
        for number in range(8):
            register_enterprise(
                session, uscc=code(number), name_zh="厂", name_en="Plant", industry="C3444", region="431302",
                demo=True, tenant_id=None if number else world.scopes["steel"].tenant_id,
            )  # fmt: skip
        create_user(session, "lin", "林", "a long password", {}, roles=[Role.BUREAU_OFFICER])
        create_user(session, "wang", "王", "a long password", {"steel": [Role.OWNER]})
    return world


def headers(world: World, login: str) -> dict[str, str]:
    body = {"login": login, "password": "a long password"}
    told = world.app.test_client().post("/api/v1/sessions", json=body).get_json()
    return {"Authorization": f"Bearer {told['session']}"}


def ask(world: World, who: str, method: str, path: str, **more: Any) -> TestResponse:  # noqa: ANN401 - JSON
    header = headers(world, who) if who in {"lin", "wang"} else world.header(who)
    answer: TestResponse = world.app.test_client().open(
        f"/api/v1{path}", method=method, headers=header, **more
    )
    return answer


def opened(world: World) -> dict[str, Any]:
    answer = ask(
        world, "lin", "POST", f"/programme/enterprises/{MINE}/evidence/openings", json={"reason": WHY}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def agree(world: World, purpose: Purpose) -> TestResponse:
    body = {"version": purposes()[purpose].version}
    return ask(world, "wang", "PUT", f"/tenants/steel/sharing/consents/{purpose}", json=body)


def test_facts_are_seen_while_the_enterprise_agrees_and_not_a_reading_longer(city: World) -> None:
    before = opened(city)
    assert (before["facts"], before["facts_withheld"]) == (None, True)
    assert (before["stage"], len(before["facts_hash"])) == ("registered", 64), "it is counted all the same"
    assert agree(city, Purpose.EVIDENCE).status_code == 200
    during = opened(city)
    assert set(during["facts"]["windows"][0]) == set(ALLOWED[Record.WINDOW])
    gone = ask(city, "wang", "DELETE", "/tenants/steel/sharing/consents/evidence")
    assert [one["standing"] for one in gone.get_json()] == [False, False, False]
    assert opened(city)["facts"] is None
    with city.context.metadata.above(Above.OPERATOR).session() as session:
        trail = [(one.action, one.actor, one.tenant) for one in all_entries(session)]
    for action in ("sharing.agreed", "sharing.withdrawn"):
        assert (action, "王", "steel") in trail
    seen = ask(city, "wang", "GET", "/tenants/steel/sharing").get_json()
    assert [(one["reason"], one["by"], one["facts"]) for one in seen["openings"]] == [
        (WHY, "林", False), (WHY, "林", True), (WHY, "林", False)
    ]  # fmt: skip
    (said,) = next(one for one in seen["consents"] if one["purpose"] == "evidence")["history"]
    assert (said["version"], said["given_by"], said["withdrawn_by"]) == ("2026.1", "王", "王")


def test_consent_is_a_persons_to_the_words_in_force_and_said_twice_stands_once(city: World) -> None:
    path = "/tenants/steel/sharing/consents/evidence"
    assert ask(city, "owner", "PUT", path, json={"version": "2026.1"}).status_code == 403, "a service"
    stale = ask(city, "wang", "PUT", path, json={"version": "2020.1"})
    assert (stale.status_code, stale.get_json()["code"]) == (409, "words_changed")
    assert (
        ask(
            city, "wang", "PUT", "/tenants/steel/sharing/consents/all", json={"version": "2026.1"}
        ).status_code
        == 404
    )
    for _ in range(2):
        assert agree(city, Purpose.EVIDENCE).status_code == 200
    with city.context.metadata.above(Above.OPERATOR).session() as session:
        assert len(session.scalars(select(ShareConsent.id)).all()) == 1
        # The words have changed since: what was agreed to was something else.
        session.execute(update(ShareConsent).values(version="2025.9"))
    assert opened(city)["facts"] is None
    assert agree(city, Purpose.EVIDENCE).get_json()[0]["standing"]


def test_names_are_public_only_while_the_enterprise_agrees(city: World) -> None:
    def named(rule: str = "2026.1") -> list[tuple[str, str]]:
        answer = city.app.test_client().get(f"/api/v1/figures/enterprises?rule={rule}")
        assert answer.status_code == 200
        return [(one["uscc"], one["purpose"]) for one in answer.get_json()]

    opened(city)
    assert named() == []
    agree(city, Purpose.NAMED)
    assert named() == [], "it is no benchmark yet"
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        (number,) = session.scalars(select(Enterprise.id).where(Enterprise.uscc == MINE))
        session.execute(
            update(EvidenceRecord).where(EvidenceRecord.enterprise_id == number).values(stage="benchmark")
        )
    assert named() == [(MINE, "named")]
    agree(city, Purpose.OPEN_DATA)
    assert named() == [(MINE, "open_data")]
    for purpose in ("open_data", "named"):
        ask(city, "wang", "DELETE", f"/tenants/steel/sharing/consents/{purpose}")
    assert named() == []


def test_the_enterprise_sees_the_rows_that_the_bureau_gets(city: World) -> None:
    agree(city, Purpose.EVIDENCE)
    publish_if_due(city.context, "2026.1", NOW)
    evidence = opened(city)
    seen = ask(city, "wang", "GET", "/tenants/steel/sharing").get_json()
    records = {one["record"]: one for one in seen["records"]}
    assert set(records) == set(Record) - {Record.NAMED}
    for name, one in records.items():
        assert one["fields"] == list(ALLOWED[Record(name)])
        assert all(set(row) <= set(one["fields"]) for row in one["rows"])
    entry = ask(city, "lin", "GET", f"/programme/register/enterprises/{MINE}").get_json()
    assert records["entry"]["rows"] == [entry]
    listed = ask(city, "lin", "GET", "/programme/enterprises").get_json()
    assert records["registered"]["rows"] == [one for one in listed if one["uscc"] == MINE]
    (shown,) = records["evidence"]["rows"]
    assert shown == evidence
    assert [one["table"] for one in seen["cells"]] == ["city", "region", "industry"]
    assert seen["published"]["leaf"]["uscc"] == MINE
    other = ask(city, "foreign", "GET", "/tenants/steel/sharing")
    assert other.status_code == 404


def shapes_in(answer: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - a type
    """Every model inside a type."""
    if isinstance(answer, type) and issubclass(answer, BaseModel):
        yield answer
        for part in answer.model_fields.values():
            yield from shapes_in(part.annotation)
    for part in get_args(answer):
        yield from shapes_in(part)


def programme_views(world: World) -> Iterator[tuple[str, Any]]:
    for rule in world.app.url_map.iter_rules():
        view = world.app.view_functions[rule.endpoint]
        access = access_of(view)
        if access is not None and access.above is Permission.PROGRAMME:
            yield rule.rule, view


def test_each_answer_of_the_bureaus_that_names_an_enterprise_has_the_fields_of_a_record(world: World) -> None:
    """Generic over all routes: a shape that has the code of an enterprise is a record of the list."""
    allowed = {frozenset(fields) for fields in ALLOWED.values()}
    about_files = {"PlannedRow", "Merge"}
    met = set()
    for path, view in programme_views(world):
        said = description_of(view)
        for shape in shapes_in(said.answer if said else None):
            if "uscc" in shape.model_fields and shape.__name__ not in about_files:
                assert frozenset(shape.model_fields) in allowed, (path, shape.__name__)
                met.add(shape.__name__)
    assert {
        "Registered",
        "EvidenceOf",
        "Suspected",
        "StalledOne",
        "RegisterEntry",
        "Said",
        "VoucherIssued",
    } <= met


def plant_canaries(session: Session, tenant: int) -> int:
    """Put the canary into every text of every row that the tenant owns; returns into how many columns."""
    owned = [m.class_ for m in Base.registry.mappers if issubclass(m.class_, TenantOwned)]
    planted = 0
    for model in owned:
        table = Base.metadata.tables[model.__tablename__]
        keys = {column.name for key in table.foreign_keys for column in [key.parent]}
        for column in table.columns:
            free = not column.primary_key and not column.unique and column.name not in keys
            if isinstance(column.type, (String, Text)) and free and (column.type.length or 99) >= 40:
                mark = literal(CANARY) + column
                session.execute(update(table).where(table.c.tenant_id == tenant).values({column.name: mark}))
                planted += 1
    session.execute(update(Tenant).where(Tenant.id == tenant).values(name_zh=CANARY, name_en=CANARY))
    return planted


def extra_facts(session: Session) -> None:
    """Facts and figures that a later version of the platform might write and nobody put on the list."""
    for record in session.scalars(select(EvidenceRecord)):
        windows = [window | {"secret_fact": CANARY} for window in record.facts["windows"]]
        record.facts = record.facts | {"windows": windows, "secret": CANARY}


def test_no_bureau_route_gives_a_byte_of_what_is_not_on_the_list(city: World) -> None:
    """Every reading route, evidence and files among them, with every text of the plant's marked."""
    agree(city, Purpose.EVIDENCE)
    opened(city)
    with city.context.metadata.above(Above.OPERATOR).session() as session:
        (number,) = session.scalars(select(Enterprise.id).where(Enterprise.uscc == MINE))
        session.execute(
            insert(SuspicionRecord).values(
                enterprise_id=number, reason="flat", risk=0.9, signals=1, figures={"known": 0.5},
                since=NOW - timedelta(days=1), looked_at=NOW,
            )
        )  # fmt: skip
        extra_facts(session)
        assert plant_canaries(session, city.scopes["steel"].tenant_id) > 30
    header, client = headers(city, "lin"), city.app.test_client()
    asked = 0
    for path, view in programme_views(city):
        said = description_of(view)
        rules = ALL_RULES if said and any(one.name == "rule" for one in said.query) else ("",)
        address = "/" + re.sub(r"<(?:int:)?(\w+)>", lambda found: {"uscc": MINE}.get(found[1], "1"), path[1:])
        for rule in rules:
            query = {"rule": rule} if rule else {}
            answer = client.get(address, headers=header, query_string=query)
            if answer.status_code == 405:
                continue
            asked += 1
            assert answer.status_code in {200, 404}, (path, answer.text)
            assert CANARY.encode() not in unpacked(answer), path
            assert b"canary-7f3a" not in unpacked(answer), (path, "what the plant sent")
    found = opened(city)
    assert CANARY not in json.dumps(found, ensure_ascii=False)
    assert asked > 20


def unpacked(answer: TestResponse) -> bytes:
    """The bytes of an answer; of a workbook what its cells say."""
    if not answer.data.startswith(b"PK"):
        return bytes(answer.data)
    book = load_workbook(io.BytesIO(answer.data))
    return repr([list(sheet.values) for sheet in book]).encode()


def test_what_the_list_lacks_does_not_leave_and_what_needs_consent_is_refused() -> None:
    source = dict.fromkeys((*ALLOWED[Record.REGISTERED], "staff", "tenant"), 1)
    assert tuple(disclose(Record.REGISTERED, source)) == ALLOWED[Record.REGISTERED]
    for wrong in ((), {Purpose.NAMED}):
        with pytest.raises(NotAgreed):
            disclose(Record.WINDOW, {"machines": 1}, wrong)
    assert disclose(Record.WINDOW, {"machines": 1, "pressure": 2}, {Purpose.EVIDENCE}) == {"machines": 1}
