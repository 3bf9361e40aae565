"""Months are frozen from what two plants sent, and the bureau is answered from them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from tundish_platform.api import adoption
from tundish_platform.api.monthly import ProgrammeKeeper, due_months
from tundish_platform.assets import upsert_signals
from tundish_platform.assets.sources import Heartbeat, save_heartbeat
from tundish_platform.programme import Enterprise, EvidenceRecord, register_enterprise
from tundish_platform.programme.models import SuspicionRecord
from tundish_platform.programme.register.tables import RegisterEntryRow
from tundish_platform.programme.series.frozen import freeze, frozen_months, load
from tundish_platform.programme.series.months import month_of, shifted
from tundish_platform.programme.series.panel import table_of
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from flask.testing import FlaskClient

    from tundish_platform.samples import SampleBatch

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=32)
CODES = {"steel": "91999900TD0000017U", "power": "91999900TD0000025N"}
PASSWORD = "a long password"
PDF = b"%PDF-1.7 certificate"
KNOWN = ("uscc_valid", "industry_set", "region_set", "subscriptions")
SENDING = dict.fromkeys(KNOWN, 1) | {"machine_bins": 20}


@pytest.fixture
def plants(world: World) -> World:
    """Two registered enterprises with a tenant each."""
    with world.context.metadata.session() as session:
        for slug, code in CODES.items():
            register_enterprise(
                session, uscc=code, name_zh=slug, name_en=slug, industry="C3130", region="430202",
                demo=True, tenant_id=world.scopes[slug].tenant_id,
            )  # fmt: skip
    return world


@pytest.fixture
def officer(plants: World) -> FlaskClient:
    """A person of the bureau who logged in."""
    with plants.context.metadata.session() as session:
        create_user(session, "officer", "Officer", PASSWORD, roles=[Role.BUREAU_OFFICER])
    client = plants.app.test_client()
    body = {"login": "officer", "password": PASSWORD}
    token = client.post("/api/v1/sessions", json=body).get_json()["session"]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def send(world: World, slug: str, make_batch: Callable[..., SampleBatch]) -> None:
    spec = SignalSpec(path="S/A/L/M9/C/P", name_zh="值", name_en="value", semantic="pressure.x")
    with world.context.metadata.session() as session:
        numbers = upsert_signals(session, world.scopes[slug], "opc-9", [spec])
        save_heartbeat(session, world.scopes[slug], "opc-9", Heartbeat(state="running"))
    world.context.telemetry.append(
        world.scopes[slug], [make_batch(SampleKind.NUMERIC, numbers[spec.path], [1.0, 2.0], NOW)]
    )


def stalled_year(world: World) -> None:
    """Twelve months in which both stand on the cloud and go no further."""
    with world.context.metadata.session() as session:
        numbers = list(session.scalars(select(Enterprise.id).order_by(Enterprise.id)))
        for back in range(12, 0, -1):
            table = table_of(numbers, [SENDING] * len(numbers))
            freeze(session, shifted(month_of(NOW), -back), table, "2026.2", NOW)
        session.add(
            SuspicionRecord(
                enterprise_id=numbers[0], reason="flat", risk=0.9, signals=1, figures={}, since=NOW,
                looked_at=NOW,
            )
        )  # fmt: skip
    ProgrammeKeeper(world.context).round(NOW)


def test_a_month_holds_what_each_plant_sent_and_nothing_of_the_other(
    plants: World, make_batch: Callable[..., SampleBatch]
) -> None:
    send(plants, "steel", make_batch)
    ProgrammeKeeper(plants.context).round(LATER)
    with plants.context.metadata.session() as session:
        assert frozen_months(session)
        panel = load(session, 36)
        numbers = {e.uscc: e.id for e in session.scalars(select(Enterprise))}
        assert due_months(session, LATER) == []
        stages = {(r.enterprise_id, r.rule_version): r for r in session.scalars(select(EvidenceRecord))}
    rows = {slug: panel.enterprises.tolist().index(numbers[code]) for slug, code in CODES.items()}
    last = len(panel.months) - 1
    sent = {slug: max(panel.windows(row, last), key=lambda of: of["machines"]) for slug, row in rows.items()}
    assert (sent["steel"]["machines"], sent["steel"]["sources"], sent["steel"]["machine_bins"]) == (2, 2, 1)
    assert (sent["power"]["machines"], sent["power"]["sources"], sent["power"]["machine_bins"]) == (0, 0, 0)
    # The monthly rule looks at the rolling window and, before it, at the frozen months.
    windows = stages[numbers[CODES["steel"]], "2026.2"].facts["windows"]
    assert max(window["machines"] for window in windows[1:]) == 2
    assert len(windows) == 1 + len(panel.months)


def test_series_and_who_is_stalled_with_the_failing_condition(plants: World, officer: FlaskClient) -> None:
    assert officer.get("/api/v1/programme/series").get_json()["months"] == []
    stalled_year(plants)
    found = officer.get("/api/v1/programme/series").get_json()
    assert found["total"]["current"]["on_cloud"] == [2] * 12
    assert found["by_region"] == [{"key": "430202", "suppressed": True, "figures": None, "projection": None}]
    assert found["projection"]["current"]["registered"]["middle"][-1] == 2
    first, second = officer.get("/api/v1/programme/stalled?months=12").get_json()
    assert (first["stage"], first["next"], first["months"]) == ("on_cloud", "on_platform", 12)
    assert [condition["unbroken"] for condition in first["failing"]] == [0, 0, 0]
    assert (first["suspicions"], second["suspicions"]) == (["flat"], [])
    assert officer.get("/api/v1/programme/stalled?months=13").get_json() == []
    assert officer.get("/api/v1/programme/stalled?region=430211").get_json() == []
    assert len(officer.get("/api/v1/programme/stalled?industry=C31&region=430202").get_json()) == 2
    few = officer.get("/api/v1/programme/stalled/steps?region=430202").get_json()
    assert {step["enterprises"] for step in few} == {None}
    page = officer.get("/api/v1/programme/stalled?limit=1")
    assert [one["id"] for one in page.get_json()] == [first["id"]]
    following = officer.get(page.headers["Link"].partition("<")[2].partition(">")[0]).get_json()
    assert [one["id"] for one in following] == [second["id"]]
    steps = officer.get("/api/v1/programme/stalled/steps").get_json()
    assert {s["text_en"]: s["enterprises"] for s in steps if s["stage"] == "on_platform"} == {
        "good data from at least 3 machines, or from all known machines of one line": 2,
        "good data in at least 60 % of scheduled time": 2,
        "at least 1 industrial app used live data on 10 days": 2,
    }
    assert officer.get("/api/v1/programme/series?rule=demo-2026.2").status_code == 404


def test_targets_are_entered_by_a_person_and_small_scopes_are_not_told(
    plants: World, officer: FlaskClient
) -> None:
    stalled_year(plants)
    year = int(shifted(month_of(NOW), -1)[:4])
    said = {"year": year, "stage": "on_cloud", "kind": "ever", "value": 240, "source": "Order 3"}
    made = officer.post("/api/v1/programme/targets/versions", json=said)
    assert (made.status_code, made.get_json()["version"]) == (201, 1)
    officer.post("/api/v1/programme/targets/versions", json=said | {"value": 250})
    (one,) = officer.get(f"/api/v1/programme/targets?year={year}").get_json()
    # Two enterprises in all: the target is shown, and nothing that was measured.
    assert (one["value"], one["progress"]["suppressed"], one["completion_percent"]) == (250, True, None)
    kept = officer.get(f"/api/v1/programme/targets/{one['id']}/versions").get_json()
    assert [v["value"] for v in kept] == [240, 250]
    wrong = officer.post("/api/v1/programme/targets/versions", json=said | {"stage": "moon"})
    assert wrong.get_json()["code"] == "unknown_stage"


def test_an_external_fact_comes_with_its_document_and_leaves_with_a_reason(officer: FlaskClient) -> None:
    where = f"/api/v1/programme/enterprises/{CODES['steel']}/external"
    fact = {
        "kind": "integration_certified", "name": "证书", "issuer": "机构", "issued_on": "2025-01-01",
        "file_name": "证书.pdf", "document": base64.b64encode(PDF).decode(),
    }  # fmt: skip
    made = officer.post(f"{where}/entries", json=fact).get_json()
    assert (made["size"], made["entered_by"]) == (len(PDF), "Officer")
    document = officer.get(f"/api/v1/programme/external/{made['id']}/document")
    assert (document.data, document.content_type) == (PDF, "application/pdf")
    # What is outside ASCII fails in another way than what is no base64.
    for odd in ("\u894b", "!"):
        assert officer.post(f"{where}/entries", json=fact | {"document": odd}).status_code == 422
    bad = officer.post(f"{where}/entries", json=fact | {"document": base64.b64encode(b"MZ").decode()})
    assert (bad.status_code, bad.get_json()["code"]) == (422, "external_refused")
    assert officer.post(f"{where}/entries", json=fact | {"document": "%"}).status_code == 422
    counted = officer.get("/api/v1/programme/external").get_json()
    assert {c["kind"]: c["in_force"] for c in counted if c["in_force"]} == {"integration_certified": 1}
    gone = officer.post(f"/api/v1/programme/external/{made['id']}/withdrawal", json={"reason": "mistaken"})
    assert gone.get_json()["withdrawn_because"] == "mistaken"
    (kept,) = officer.get(where).get_json()
    assert kept["withdrawn_at"] is not None
    assert officer.get(where.replace(CODES["steel"], CODES["power"])).get_json() == []


def test_a_large_register_is_answered_from_the_last_assessment(
    plants: World, officer: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert officer.get("/api/v1/programme/adoption").get_json()["enterprises"] == 2
    monkeypatch.setattr("tundish_platform.api.adoption._MOST_AT_ONCE", 1)
    with plants.context.metadata.session() as session:
        session.execute(update(EvidenceRecord).values(as_of=NOW - timedelta(days=9), stage="on_platform"))
    # Evidence is never changed in life, so what was counted of it would stand.
    monkeypatch.setattr("tundish_platform.api.adoption._counted", adoption._Counted())
    before = officer.get("/api/v1/programme/adoption").get_json()
    assert [stage["current"] for stage in before["stages"]] == [2, 2, 2]
    with plants.context.metadata.session() as session:
        session.delete(session.scalars(select(Enterprise)).first())
    assert officer.get("/api/v1/programme/adoption").get_json()["enterprises"] == 1


def test_the_keeper_counts_parks_from_the_register(plants: World, officer: FlaskClient) -> None:
    with plants.context.metadata.session() as session:
        for number in range(3, 15):
            session.add(
                Enterprise(
                    id=number, uscc=f"{number:018d}", name_zh="厂", name_en="Plant", industry="C3130",
                    region="430202", demo=True, hours_week=168.0, registered_at=NOW,
                )
            )  # fmt: skip
        session.flush()
        session.add_all(RegisterEntryRow(enterprise_id=n, park="高新区", version=1) for n in range(3, 10))
        session.flush()
    stalled_year(plants)
    park, *others = officer.get("/api/v1/programme/series").get_json()["by_park"]
    assert (park["key"], others) == ("高新区", [])
    assert park["figures"]["current"]["on_cloud"] == [5] * 12
    assert park["projection"]["current"]["on_cloud"]["middle"][-1] == 5
    stuck = officer.get("/api/v1/programme/stalled?park=高新区").get_json()
    assert [(one["id"], one["park"]) for one in stuck] == [(n, "高新区") for n in range(3, 10)]
    steps = officer.get("/api/v1/programme/stalled/steps?park=高新区").get_json()
    assert {step["enterprises"] for step in steps if step["stage"] == "on_platform"} == {5}
    said = {"year": int(shifted(month_of(NOW), -1)[:4]), "stage": "on_cloud", "kind": "ever", "value": 10}
    body = said | {"park": "高新区", "source": "Order 4"}
    officer.post("/api/v1/programme/targets/versions", json=body)
    (one,) = officer.get("/api/v1/programme/targets").get_json()
    assert (one["progress"]["actual"], one["progress"]["rounded"]) == (5, True)
    assert one["completion_percent"] == "50.00"
