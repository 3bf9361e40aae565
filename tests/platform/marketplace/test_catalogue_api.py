"""Catalogue and matching over the API: what one tenant confirms, the other never sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.assets import upsert_signals
from tundish_platform.marketplace import App, Catalogue
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PASSWORD = "tundish-test-2026"
QUIET = "return AppOutputs()"


@dataclass
class Market:
    app: Flask
    headers: dict[str, dict[str, str]]

    def ask(self, who: str, method: str, path: str, **more: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        answer = self.app.test_client().open(
            f"/api/v1{path}", method=method, headers=self.headers[who], **more
        )
        return answer.status_code, answer.get_json()


def filled(context: PlatformContext, slug: str) -> None:
    """Two signals in MPa: one comes each second, one each 30 s, and neither says so."""
    with context.metadata.session() as session:
        create_tenant(session, slug, slug, slug)
        scope = access_tenant(job_principal(session, slug, Role.COLLECTOR), slug, Permission.INGEST)
        specs = [
            SignalSpec(
                path=f"{slug}/A/L{n}/M/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.oil",
                unit="MPa",
            )
            for n in (1, 2)
        ]  # fmt: skip
        quick, slow = upsert_signals(session, scope, "opc", specs).values()
    times = [(quick, NOW - timedelta(seconds=s)) for s in range(100)]
    times += [(slow, NOW - timedelta(seconds=30 * s)) for s in range(4)]
    columns = [[n for n, _ in times], [t for _, t in times], [1.0] * len(times), [0] * len(times)]
    schema = SCHEMAS[SampleKind.NUMERIC]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    context.telemetry.append(scope, [SampleBatch(SampleKind.NUMERIC, table, NOW)])


@pytest.fixture
def market(
    new_sqlite: Callable[[], Metadata], tmp_path: Path, make_app: Callable[..., App]
) -> Iterator[Market]:
    metadata = new_sqlite()
    telemetry = Telemetry(tmp_path / "store", metadata)
    first = make_app(QUIET)
    wanted = first.manifest.inputs[0].model_copy(update={"max_period_s": 10.0, "unit": "bar"})
    probe = replace(first, manifest=first.manifest.model_copy(update={"inputs": (wanted,)}))
    second = make_app(QUIET, "other")
    absent = second.manifest.inputs[0].model_copy(update={"semantic": "flow.x"})
    other = replace(second, manifest=second.manifest.model_copy(update={"inputs": (absent,)}))
    context = PlatformContext(metadata, telemetry, Catalogue({"probe": probe, "other": other}))
    for slug in ("steel", "power"):
        filled(context, slug)
    with metadata.session() as session:
        create_user(session, "li", "Li", PASSWORD, {"steel": [Role.OWNER]})
        create_user(session, "wu", "Wu", PASSWORD, {"power": [Role.OWNER]})
        token = create_token(session, "service", {"steel": [Role.OWNER]})
    app = create_app(context)
    headers = {"service": {"Authorization": f"Bearer {token}"}}
    for who in ("li", "wu"):
        answer = app.test_client().post("/api/v1/sessions", json={"login": who, "password": PASSWORD})
        headers[who] = {"Authorization": f"Bearer {answer.get_json()['session']}"}
    yield Market(app, headers)
    telemetry.close()


def test_each_input_says_what_fits_and_what_is_too_slow_by_measure(market: Market) -> None:
    status, found = market.ask("li", "GET", "/tenants/steel/apps/probe/matching")
    assert status == 200
    assert (found["lines"], found["confirmed"]) == (["steel/A/L1", "steel/A/L2"], False)
    (one,) = found["inputs"]
    assert [s["path"] for s in one["signals"]] == ["steel/A/L1/M/C/P"]
    assert [(s["path"], s["obstacles"]) for s in one["near"]] == [
        ("steel/A/L2/M/C/P", [{"why": "rate", "found": "30", "wanted": "10"}])
    ]
    other = market.ask("li", "GET", "/tenants/steel/apps/probe/matching?line=steel/A/L2")[1]
    assert other["inputs"][0]["fits"] == 0
    assert market.ask("li", "GET", "/tenants/steel/apps/nothing/matching")[0] == 404


def test_what_a_person_confirms_holds_for_their_tenant_alone(market: Market) -> None:
    path, body = "/tenants/steel/apps/probe/matching", {"inputs": {"any": [1]}}
    assert market.ask("service", "PUT", path, json=body)[0] == 403
    assert market.ask("wu", "PUT", path, json=body)[0] == 404
    status, mapped = market.ask("li", "PUT", path, json=body)
    assert (status, mapped) == (200, {"inputs": {"any": [1]}, "signals": [1], "missing": []})
    mine = market.ask("li", "GET", path)[1]
    assert [(c["by"], c["standing"]) for c in mine["inputs"][0]["confirmed"]] == [("Li", "as_confirmed")]
    theirs = market.ask("wu", "GET", "/tenants/power/apps/probe/matching")[1]
    assert (theirs["confirmed"], theirs["inputs"][0]["confirmed"]) == (False, [])
    assert "steel" not in str(theirs)
    status, refused = market.ask("li", "PUT", path, json={"inputs": {"any": [7]}})
    assert (status, refused["code"]) == (422, "mapping_refused")
    subscribed = market.ask("li", "POST", "/tenants/steel/subscriptions", json={"app": "probe"})[1]
    assert (subscribed["signals"], subscribed["inputs"]) == ([1], {"any": [1]})


def test_apps_are_found_page_by_page_with_what_they_would_find_here(market: Market) -> None:
    first = market.app.test_client().get(
        "/api/v1/tenants/steel/apps?limit=1&order=fit", headers=market.headers["li"]
    )
    assert [one["id"] for one in first.get_json()] == ["probe"]
    assert 'after=1>; rel="next"' in first.headers["Link"]
    status, rest = market.ask("li", "GET", "/tenants/steel/apps?limit=1&order=fit&after=1")
    assert (status, [one["id"] for one in rest]) == (200, ["other"])
    assert [rest[0][name] for name in ("found", "inputs", "usable", "subscribed")] == [0, 1, False, False]
    market.ask("wu", "POST", "/tenants/power/subscriptions", json={"app": "probe"})
    for who, tenant, count in (("li", "steel", 0), ("wu", "power", 1)):
        found = market.ask(who, "GET", f"/tenants/{tenant}/apps")[1]
        assert sum(one["subscribed"] for one in found) == count
    assert market.ask("li", "GET", "/tenants/steel/apps?words=zzz")[1] == []
    assert market.ask("li", "GET", "/tenants/steel/apps?order=price")[0] == 400


def test_shelves_and_versions(market: Market) -> None:
    shelves = market.ask("li", "GET", "/catalogue/categories")[1]
    assert shelves["industries"] == []
    assert {one["code"]: one["apps"] for one in shelves["problems"]}["quality"] == 2
    assert market.ask("li", "GET", "/catalogue/probe/versions") == (200, [])
    assert market.ask("li", "GET", "/catalogue/nothing/versions")[0] == 404
