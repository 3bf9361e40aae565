"""No list grows without end: each is given in pages, or stands below with what bounds it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from tundish_connectors.delivery import DeliveryConfig, HttpDelivery
from tundish_connectors.delivery import http as delivery_http
from tundish_platform.alarms import Transition, handle, list_alarms, take_reports
from tundish_platform.assets import upsert_signals
from tundish_platform.programme.models import Enterprise, SuspicionRecord
from tundish_platform.samples import AlarmReport, SampleKind, SignalRole, SignalSpec
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.samples import SampleBatch

ROOT = "/api/v1/tenants/steel"
NOW = datetime.now(UTC).replace(microsecond=0)
IN_PAGES = ({"after", "limit"}, {"before", "limit"})
# Lists without pages, and what bounds each.
BOUNDED = {
    "alarms.alarm_floods": "at most a week, and a flood lasts ten minutes or more",
    "catalogue.versions": "the fifty newest",
    "publishing.field_halt_list": "a row for each version of one app",
    "ratings.every_rating": "one for each app of the catalogue",
    "ratings.use": "the newest 480 months and industries of one app",
    "publishing.field_upgrade_list": "a few rows for each version of one app",
    "data.gaps": "refused above 100,000 rows, as it says",
    "data.samples": "refused above 100,000 rows, as it says",
    "data.summary": "a row for each of at most 500 signals",
    "data.trend": "at most 500 signals with max_points each",
    "handover.plans": "a tenant has at most 500",
    "jobs.schedules": "a tenant has at most 100",
    "marketplace.catalogue": "the apps that are installed on this server",
    "marketplace.subscription_list": "one for each app of the catalogue",
    "planning.kit_list": "the kits that come with the release",
    "drill.industries": "a row for each industry of one county",
    "series.steps": "a row for each condition of a rule",
    "external.sums": "a row for each kind",
    "programme.rules": "the versions that come with the release",
    "publishing.packages": "one for each app that the tenant subscribed to",
    "register.contacts": "an enterprise has at most 20",
    "review.keys": "the 1,000 that wait longest; who is confirmed makes room for the next",
    "sessions.own_sessions": "of one person, and each ends by itself after some hours",
    "sessions.passkeys": "a person has at most 20",
    "tenant.list_of_sources": "a tenant has at most 1,000",
    "windows.aggregate": "refused above 100,000 rows, as it says",
    "windows.states": "refused above 100,000 rows, as it says",
}


def lists(world: World) -> dict[str, set[str]]:
    """Operations of the document that answer a list, with the names of what they can be asked with."""
    document = world.app.test_client().get("/api/v1/openapi.json").get_json()
    found = {}
    for path in document["paths"].values():
        if operation := path.get("get"):
            content = operation["responses"]["200"]["content"]
            schema = content.get("application/json", {}).get("schema", {})
            while name := schema.get("$ref"):
                schema = document["components"]["schemas"][name.rpartition("/")[2]]
            if schema.get("type") == "array":
                asked = operation.get("parameters", [])
                found[operation["operationId"]] = {one["name"] for one in asked if one["in"] == "query"}
    return found


def test_each_list_is_given_in_pages_or_is_bounded(world: World) -> None:
    found = lists(world)
    assert len(found) > 30
    whole = {name for name, asked in found.items() if not any(pages <= asked for pages in IN_PAGES)}
    assert whole == set(BOUNDED), "page these, or say what bounds them"


def pages(world: World, path: str, limit: int = 2) -> list[list[Any]]:
    """Every page, as the Link headers lead."""
    client, following = world.app.test_client(), f"{path}?limit={limit}"
    found = []
    while following:
        answer = client.get(following, headers=world.header("all"))
        assert answer.status_code == 200, answer.text
        found.append(answer.get_json())
        leads = re.match(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        following = leads[1] if leads else ""
        assert len(found) < 20
    return found


def add_lines(world: World, count: int, make_batch: Callable[..., SampleBatch]) -> None:
    """Lines with a signal and a prediction each; the evidence of the second cannot be read."""
    names = {"name_zh": "值", "name_en": "value"}
    specs = []
    for n in range(count):
        evidence = f"S/more/L{n}/Models/m/wear/Evidence"
        specs += [
            SignalSpec(path=f"S/more/L{n}/M/C/V", semantic="pressure.x", **names),
            SignalSpec(
                path=evidence, semantic="prediction.m.wear.evidence", kind=SampleKind.TEXT,
                role=SignalRole.PREDICTION, **names,
            ),
        ]  # fmt: skip
    scope = world.scopes["steel"]
    with world.context.metadata.session() as session:
        numbers = upsert_signals(session, scope, "models", specs)
    for n in range(count):
        said = json.dumps({"model": "m", "version": "1", "target": f"wear-{n}", "value": 1.0})
        number = numbers[f"S/more/L{n}/Models/m/wear/Evidence"]
        batch = make_batch(SampleKind.TEXT, number, ["{" if n == 1 else said], NOW)
        world.context.telemetry.append(scope, [batch])


def test_lines_and_predictions_come_page_by_page(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    add_lines(world, 5, make_batch)
    lines = pages(world, f"{ROOT}/lines")
    assert [len(page) for page in lines] == [2, 2, 2, 0]
    paths = [line["line"] for page in lines for line in page]
    assert paths == sorted(set(paths))
    found = pages(world, f"{ROOT}/predictions")
    assert [len(page) for page in found] == [2, 2, 1], "what cannot be read leaves no short page"
    targets = [one["target"] for page in found for one in page]
    assert targets == ["cooler", "wear-0", "wear-2", "wear-3", "wear-4"]


def acknowledge(world: World, count: int) -> list[str]:
    """Alarms of a source that people have acknowledged; returns their keys."""
    keys = [f"furnace-{n}" for n in range(count)]
    reports = [AlarmReport(key=key, active=True, ts=NOW, name_zh="高", name_en="High") for key in keys]
    with world.context.metadata.session() as session:
        collector = access_tenant(job_principal(session, "t", Role.COLLECTOR), "steel", Permission.INGEST)
        take_reports(session, collector, "furnace", reports, NOW)
        engineer = access_tenant(job_principal(session, "t", Role.ENGINEER), "steel", Permission.HANDLE)
        for alarm in list_alarms(session, engineer, NOW):
            if alarm.key in keys:
                handle(session, engineer, alarm.id, Transition.ACKNOWLEDGED, now=NOW)
    return keys


def test_owed_acknowledgements_come_page_by_page(world: World) -> None:
    keys = acknowledge(world, 3)
    found = pages(world, f"{ROOT}/sources/furnace/acknowledgements")
    assert [[one["key"] for one in page] for page in found] == [keys[:2], keys[2:]]


@pytest.mark.integration
def test_a_gateway_is_told_of_every_acknowledgement(
    world: World, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_http, "_ACKNOWLEDGEMENTS_A_REQUEST", 2)
    keys = acknowledge(world, 4)
    token = SecretStr(world.tokens["collector"])
    delivery = HttpDelivery(DeliveryConfig(base_url=served, tenant="steel", token=token))
    try:
        assert [key for _, key in delivery.acknowledgements("furnace")] == keys
    finally:
        delivery.close()


def test_suspicions_come_page_by_page_the_gravest_first(world: World) -> None:
    with world.context.metadata.above(Above.GHOSTS).session() as session:
        for n in range(4):
            enterprise = Enterprise(
                uscc=f"9143020000000000{n:02}", name_zh="厂", name_en="Works", industry="C3130",
                region="430202", demo=True, tenant=None, registered_at=NOW,
            )  # fmt: skip
            session.add(enterprise)
            session.flush()
            session.add(
                SuspicionRecord(
                    enterprise_id=enterprise.id, reason="replay", risk=0.5 + n // 2 / 10, signals=1,
                    figures={}, since=NOW - timedelta(days=1), looked_at=NOW,
                )
            )  # fmt: skip
    found = pages(world, "/api/v1/programme/suspicions")
    assert [[one["risk"] for one in page] for page in found] == [[0.6, 0.6], [0.5, 0.5], []]
    (behind_one, *_) = pages(world, "/api/v1/programme/suspicions", 3)
    assert [one["uscc"][-2:] for one in behind_one] == ["02", "03", "00"]
    answer = world.app.test_client().get(
        "/api/v1/programme/suspicions?after=1", headers=world.header("bureau")
    )
    assert answer.status_code == 400
