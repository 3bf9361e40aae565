"""From live samples to a subscribed app's outputs and the bureau's figures, through the real HTTP API."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from werkzeug.serving import make_server

from tundish_platform.api.adoption import current_adoption
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue, Outcome
from tundish_platform.marketplace.runner import Runner
from tundish_platform.programme import register_enterprise
from tundish_platform.programme.sharing import Purpose, give, purposes
from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_platform.tenancy.metadata import Metadata

pytestmark = pytest.mark.integration

SHELF = Path(__file__).parents[3] / "apps-marketplace"
NOW = datetime.now(UTC).replace(second=30, microsecond=0)
DEMO = "demo-2026.1"
FACTS = {
    "uscc_valid", "industry_set", "region_set", "subscriptions", "sources", "users", "user_bins",
    "machine_bins", "machines", "lines", "good_share", "app_bins", "apps", "alerts", "alerts_handled",
    "alert_share",
}  # fmt: skip
BUREAU = Principal(0, "bureau", {}, frozenset({Role.BUREAU_OFFICER}))
LINE = "LG/HotRolling/HSM1"
SPECS = [
    SignalSpec(
        path=f"{LINE}/SIS1/Result/{name}", name_zh=name, name_en=name, semantic=f"defect.{name.lower()}",
        role=SignalRole.RESULT,
    )
    for name in ("PixelsAreas", "XMinimum")
] + [
    SignalSpec(
        path=f"{LINE}/EM1/Meter/Usage", name_zh="电量", name_en="Usage", semantic="energy.active.interval",
        unit="kW.h", period_s=900,
    ),
    SignalSpec(
        path=f"{LINE}/SIS1/Tracking/Plate", name_zh="板号", name_en="Plate", semantic="identity.piece",
        kind=SampleKind.TEXT, role=SignalRole.IDENTITY,
    ),
]  # fmt: skip


@dataclass
class Plant:
    context: PlatformContext
    url: str
    tokens: dict[str, str]

    def client(self, who: str) -> Client:
        return Client(self.url, self.tokens[who])


@pytest.fixture
def plant(new_sqlite: Callable[[], Metadata], tmp_path: Path) -> Iterator[Plant]:
    metadata = new_sqlite()
    telemetry = Telemetry(tmp_path / "store", metadata)
    context = PlatformContext(metadata, telemetry, Catalogue.find(SHELF, installed=False))
    with metadata.session() as session:
        steel = create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power")
        register_enterprise(
            session, uscc="91999900TD0000033H", name_zh="钢厂(演示)", name_en="Steel (demo)",
            industry="C3130", region="431382", demo=True, tenant_id=steel.id,
        )  # fmt: skip
        roles = {
            "owner": {"steel": [Role.OWNER]}, "viewer": {"steel": [Role.VIEWER]},
            "collector": {"steel": [Role.COLLECTOR]}, "worker": {"steel": [Role.ANALYST]},
            "foreign": {"power": [Role.OWNER, Role.ANALYST]},
        }  # fmt: skip
        tokens = {who: create_token(session, who, grants) for who, grants in roles.items()}
        tokens["bureau"] = create_token(session, "bureau", {}, [Role.BUREAU_OFFICER])
    server = make_server("127.0.0.1", 0, create_app(context), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Plant(context, f"http://127.0.0.1:{server.server_port}", tokens)
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()
    telemetry.close()


def send(plant: Plant, origin: Origin, minutes: int = 6) -> dict[str, int]:
    """Plates each 20 s and the meter, arriving over the last minutes as they were made."""
    heartbeat = {"state": "running", "counts": {"received": 1, "queued": 0, "dropped": 0, "sent": 1}}
    noise = np.random.default_rng(5)
    with plant.client("collector") as client:
        ids = client.put_signals("steel", "plate-line", SPECS)
        client.put_source("steel", "plate-line", heartbeat)
        for back in range(minutes, 0, -1):
            arrival = NOW - timedelta(minutes=back)
            times = [arrival - timedelta(seconds=s) for s in (40, 20, 0)]
            rows = [(ids[s.path], t, float(noise.normal(100, 5)), 0) for s in SPECS[:3] for t in times]
            columns = list(zip(*rows, strict=True))
            schema = SCHEMAS[SampleKind.NUMERIC]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            table = pa.table(arrays, schema=schema)
            client.ingest("steel", [SampleBatch(SampleKind.NUMERIC, table, arrival, origin)])
    return ids


def stages(plant: Plant, now: datetime = NOW) -> dict[str, int]:
    figures = current_adoption(plant.context, BUREAU, DEMO, now)
    return {stage.stage: stage.current for stage in figures.stages}


def test_the_whole_way_of_an_app(plant: Plant) -> None:
    ids = send(plant, Origin.LIVE, minutes=12)
    with plant.client("owner") as owner, plant.client("worker") as worker:
        made = owner.subscribe("steel", "spc-monitor")
        again = owner.subscribe("steel", "spc-monitor")
        assert again["id"] == made["id"]
        granted = [ids[spec.path] for spec in SPECS[:3]]
        assert sorted(made["signals"]) == sorted(granted) == owner.grants("steel", "spc-monitor")

        (run,) = Runner(worker, plant.context.catalogue).run_due("steel")
        assert run.outcome is Outcome.OK, run.message_en
        assert run.rows_in == 3 * 12 * 3
        by_semantic = {s.semantic: s for s in owner.signals("steel")}
        charted = by_semantic["app.spc-monitor.points"]
        assert charted.path == "LG/HotRolling/HSM1/Apps/spc-monitor/points"
        newest = {row["signal"]: row["value"] for row in owner.latest("steel")}
        assert newest[charted.id] == 36.0
        assert newest[by_semantic["app.spc-monitor.signal"].id] in {spec.path for spec in SPECS[:2]}

        (recorded,) = owner.runs("steel")
        assert recorded["isolation"] in {"bubblewrap", "process"}
        assert [block["type"] for block in recorded["screen"]["blocks"]].count("chart") == 1
        # It has just run, and its own outputs are no input of its.
        assert Runner(worker, plant.context.catalogue).run_due("steel") == []
        assert owner.grants("steel", "spc-monitor") == sorted(granted)


def test_the_server_gives_an_app_its_granted_signals_and_no_others(plant: Plant) -> None:
    ids = send(plant, Origin.LIVE)
    with plant.client("owner") as owner, plant.client("worker") as worker:
        owner.subscribe("steel", "energy-watch")
        window = NOW - timedelta(hours=1), NOW + timedelta(minutes=1)
        table = worker.app_inputs("steel", "energy-watch", *window)
        assert set(table.column("signal").to_pylist()) == {ids[SPECS[2].path]}
        assert worker.app_inputs("steel", "energy-watch", *window, SampleKind.TEXT).num_rows == 0
        with pytest.raises(ApiError) as refused:
            worker.app_inputs("steel", "energy-watch", NOW - timedelta(days=3), NOW)
        assert (refused.value.status, refused.value.code) == (422, "window_too_long")
        owner.stop("steel", "energy-watch")
        owner.stop("steel", "energy-watch")
        with pytest.raises(ApiError) as refused:
            worker.app_inputs("steel", "energy-watch", *window)
        assert (refused.value.status, refused.value.code) == (404, "not_subscribed")


def test_others_may_neither_subscribe_nor_look(plant: Plant) -> None:
    send(plant, Origin.LIVE)
    with plant.client("owner") as owner:
        owner.subscribe("steel", "spc-monitor")
    for who, look, change in (("viewer", None, 403), ("foreign", 404, 404), ("bureau", 404, 404)):
        with plant.client(who) as client:
            if look is None:
                assert len(client.subscriptions("steel")) == 1
            else:
                with pytest.raises(ApiError) as refused:
                    client.subscriptions("steel")
                assert refused.value.status == look
            with pytest.raises(ApiError) as refused:
                client.stop("steel", "spc-monitor")
            assert refused.value.status == change


def test_what_cannot_be_is_answered_with_words(plant: Plant) -> None:
    with plant.client("owner") as owner:
        for app, status, code in (("spc-monitor", 409, "missing_inputs"), ("nothing", 404, "unknown_app")):
            with pytest.raises(ApiError) as refused:
                owner.subscribe("steel", app)
            assert (refused.value.status, refused.value.code) == (status, code)
            assert refused.value.message_zh
        send(plant, Origin.LIVE)
        with pytest.raises(ApiError) as refused:
            owner.subscribe("steel", "spc-monitor", {"colour": "red"})
        assert (refused.value.status, refused.value.code) == (422, "parameter_refused")
        assert {"energy-watch", "spc-monitor"} <= {app["id"] for app in owner.catalogue()}


def test_live_data_are_adoption_and_the_bureau_sees_evidence_but_no_value(plant: Plant) -> None:
    assert stages(plant) == {"registered": 1, "on_cloud": 0, "on_platform": 0}
    send(plant, Origin.LIVE)
    assert stages(plant, NOW + timedelta(seconds=60))["on_cloud"] == 1
    with plant.client("bureau") as bureau:
        listed = bureau._json("GET", f"/programme/enterprises?rule={DEMO}")
        closed = bureau.evidence("91999900TD0000033H", "年度核查", DEMO)
        with plant.context.metadata.session() as session:
            scope = access_tenant(job_principal(session, "wang", Role.OWNER), "steel", Permission.MANAGE)
            give(session, scope, Purpose.EVIDENCE, purposes()[Purpose.EVIDENCE].version, NOW)
        shown = bureau.evidence("91999900TD0000033H", "年度核查", DEMO)
    assert listed[0]["stage"] == shown["stage"]
    assert shown["replays"]
    assert (closed["facts"], closed["facts_withheld"]) == (None, True)
    assert set(shown["facts"]["windows"][0]) == FACTS
    assert LINE not in str(shown)


def test_four_minutes_of_live_data_and_app_runs_reach_the_platform(plant: Plant) -> None:
    send(plant, Origin.LIVE)
    with plant.client("owner") as owner, plant.client("worker") as worker:
        subscription = owner.subscribe("steel", "energy-watch")
        app = plant.context.catalogue.app("energy-watch")
        for back in (1, 2, 3, 4):
            at = NOW - timedelta(minutes=back)
            Runner(worker, plant.context.catalogue).run_once("steel", app, subscription, at)
    assert stages(plant) == {"registered": 1, "on_cloud": 1, "on_platform": 1}


def test_imported_history_is_no_adoption(plant: Plant) -> None:
    send(plant, Origin.IMPORT)
    assert stages(plant) == {"registered": 1, "on_cloud": 0, "on_platform": 0}


def test_the_programme_is_for_the_bureau_alone(plant: Plant) -> None:
    for who in ("owner", "worker", "collector"):
        with plant.client(who) as client:
            for path in ("adoption", "enterprises", "rules"):
                with pytest.raises(ApiError) as refused:
                    client._json("GET", f"/programme/{path}")
                assert refused.value.status == 403
            with pytest.raises(ApiError) as refused:
                client.evidence("91999900TD0000033H", "年度核查")
            assert refused.value.status == 403
    with plant.client("bureau") as bureau:
        assert {rule["version"] for rule in bureau._list("/programme/rules")} == {
            "2026.1",
            "2026.2",
            DEMO,
            "demo-2026.2",
        }
        assert bureau.adoption()["rule_version"] == "2026.1"
        with pytest.raises(ApiError) as refused:
            bureau._json("GET", "/programme/adoption?rule=none")
        assert refused.value.status == 404
        with pytest.raises(ApiError) as refused:
            bureau.evidence("none", "年度核查")
        assert refused.value.status == 404
