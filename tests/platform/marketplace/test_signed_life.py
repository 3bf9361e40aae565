"""Signed packages from a first version to a revoked key: over the API, with the real sandbox."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from sqlalchemy import update
from werkzeug.serving import make_server

from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue, Outcome
from tundish_platform.marketplace.publishing import ApprovedPackages, FetchedPackages, PackageFolder
from tundish_platform.marketplace.runner import Runner
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.sdk.package import Package, package_of
from tundish_platform.sdk.signing import fingerprint, key_text, new_key, public_part, sign, text_of
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tundish_platform.marketplace import Run
    from tundish_platform.marketplace.forks import ForkServer
    from tundish_platform.tenancy.metadata import Metadata

pytestmark = pytest.mark.integration

PASSWORD = "tap hole 42, quietly"
KEY = new_key()
MINUTE = timedelta(minutes=1)
TOP = "tundish_app_peak"
MANIFEST = """
id = "peak"
version = "{version}"
entry = "tundish_app_peak.app:run"
publisher = "Acme"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "峰值", en = "peak" }}
description = {{ zh = "窗口内的最高压力", en = "highest pressure in the window" }}
data_use = {{ zh = "不使用", en = "none" }}
outputs = [{{ key = "highest", name = {{ zh = "最高", en = "highest" }} }}]
[[inputs]]
key = "pressure"
semantic = "pressure.*"
name = {{ zh = "压力", en = "pressure" }}
{more}
"""
HEAT = """
[[inputs]]
key = "heat"
semantic = "temperature.*"
need = "optional"
name = { zh = "温度", en = "heat" }
"""
CODE = """
from tundish_platform.sdk import AppOutputs, window_values


def run(inputs):
    if inputs.missing():
        return AppOutputs(missing=inputs.missing())
    values = [v for one in inputs.found("pressure") for v in inputs.good(one)[1].tolist()]
    {trap}
    return AppOutputs(values=window_values({{"highest": max(values, default=None)}}, inputs.end))
"""
TRAP = "assert max(values, default=0) < 500, 'too high for me'"
SPECS = [
    SignalSpec(path=f"S/A/L/M/C/{end}", name_zh=end, name_en=end, semantic=semantic)
    for end, semantic in (("P", "pressure.oil"), ("T", "temperature.oil"))
]


def made(version: str, *, more: str = "", trap: str = "pass") -> Package:
    files = {
        "__init__.py": "", "app.py": CODE.format(trap=trap), "card_zh.md": "说明", "card_en.md": "card",
        "app.toml": MANIFEST.format(version=version, more=more),
    }  # fmt: skip
    return package_of({f"{TOP}/{name}": text.encode() for name, text in files.items()})


@dataclass
class House:
    """A platform behind its API, and everybody who uses it."""

    url: str
    metadata: Metadata
    folder: Path
    forks: ForkServer
    tokens: dict[str, str]
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_(self, who: str) -> Client:
        return Client(self.url, self.tokens[who], timeout=120.0)

    def publish(self, package: Package, key: str = KEY) -> None:
        """Send, have checked in the sandbox, have a person approve it."""
        with self.as_("acme") as acme, self.as_("operator") as operator:
            sent = acme.send_version("acme", package.data, sign(key, text_of(package)))
            checked = acme.check_version("acme", "peak", sent["version"])
            assert checked["state"] == "in_review", checked["report"]
            assert operator.archive_to_review(sent["id"]) == package.data
            assert operator.decide_version(sent["id"], "approve")["state"] == "approved"

    def measure(self, tenant: str, pressure: float) -> None:
        """One sample of each signal, now."""
        with self.as_("collector") as collector:
            ids = collector.put_signals(tenant, "opc", SPECS)
            rows = [(number, datetime.now(UTC), pressure, 0) for number in ids.values()]
            schema = SCHEMAS[SampleKind.NUMERIC]
            columns = zip(zip(*rows, strict=True), schema, strict=True)
            table = pa.table([pa.array(column, one.type) for column, one in columns], schema=schema)
            collector.ingest(tenant, [SampleBatch(SampleKind.NUMERIC, table, datetime.now(UTC))])

    def run(self, tenant: str) -> list[Run]:
        """What the process of apps does a minute later."""
        self.clock += MINUTE
        with self.as_("worker") as worker:
            fetched = FetchedPackages(worker, PackageFolder(self.folder / "fetched"))
            return Runner(worker, Catalogue(), packages=fetched, forks=self.forks).run_due(tenant, self.clock)

    def alarms(self, tenant: str) -> dict[str, tuple[bool, str]]:
        with self.as_(tenant) as person:
            return {one["key"]: (one["active"], one["message_en"]) for one in person.alarms(tenant)}

    def subscription(self, tenant: str) -> dict[str, Any]:
        with self.as_(tenant) as person:
            return dict(person.subscriptions(tenant)[0])

    def changed(self, **values: object) -> None:
        with self.metadata.session() as session:
            session.execute(update(AppUpgrade).values(**values))


@pytest.fixture
def house(new_sqlite: Callable[[], Metadata], tmp_path: Path, forks: ForkServer) -> Iterator[House]:
    metadata = new_sqlite()
    telemetry = Telemetry(tmp_path / "store", metadata)
    packages = PackageFolder(tmp_path / "apps")
    approved = ApprovedPackages(metadata, packages)
    catalogue = Catalogue(packages=approved, named=approved.named)
    plants = ("steel", "power")
    with metadata.session() as session:
        for slug in ("acme", *plants):
            create_tenant(session, slug, slug, slug)
            create_user(session, slug, slug, PASSWORD, {slug: [Role.OWNER]})
        create_user(session, "operator", "o", PASSWORD, roles=[Role.PLATFORM_OPERATOR])
        roles = {"worker": Role.ANALYST, "collector": Role.COLLECTOR}
        tokens = {
            who: create_token(session, who, {slug: [role] for slug in plants}) for who, role in roles.items()
        }
    app = create_app(PlatformContext(metadata, telemetry, catalogue, packages=packages))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    with Client(url, "none") as stranger:
        for login in ("acme", *plants, "operator"):
            tokens[login] = stranger.log_in(login, PASSWORD)["session"]
    house = House(url, metadata, tmp_path, forks, tokens)
    with house.as_("acme") as acme, house.as_("operator") as operator:
        acme.register_publisher("acme", "Acme")
        proof = sign(KEY, key_text("acme", public_part(KEY)))
        mark = acme.add_signing_key("acme", public_part(KEY), proof)["fingerprint"]
        assert mark == fingerprint(public_part(KEY))
        operator.confirm_signing_key(mark)
    yield house
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()
    telemetry.close()


def test_two_versions_from_signing_to_the_way_back(house: House) -> None:
    house.publish(made("1.0.0"))
    house.measure("steel", 42.0)
    with house.as_("steel") as steel:
        steel.subscribe("steel", "peak")
        (run,) = house.run("steel")
        assert (run.version, run.outcome, run.isolation) == ("1.0.0", Outcome.OK, "bubblewrap")
        house.publish(made("1.1.0", more=HEAT))
        (run,) = house.run("steel")
        assert run.version == "1.0.0", "a newer version on the shelf changes nothing by itself"
        more = steel.app_versions_here("steel", "peak")["newer"]["more"]  # type: ignore[index]
        assert more == ["input:heat"]
        with pytest.raises(ApiError, match="consent_needed"):
            steel.upgrade_app("steel", "peak", "1.1.0")
        granted = steel.grants("steel", "peak")
        steel.upgrade_app("steel", "peak", "1.1.0", more)
        before = len(steel.runs("steel"))
        assert house.run("steel") == [], "the shadow run writes nothing and is no run"
        assert len(steel.runs("steel")) == before
        (upgrade, *_) = steel.app_upgrades("steel", "peak")
        assert (upgrade["state"], upgrade["agreed"]) == ("taken", more)
        assert upgrade["shadow"]["new"]["outcome"] == "ok"  # type: ignore[index]
        (run,) = house.run("steel")
        assert (run.version, run.outcome, run.rows_in) == ("1.1.0", Outcome.OK, 2)
        assert len(steel.grants("steel", "peak")) == len(granted) + 1
        steel.roll_back_app("steel", "peak")
        (run,) = house.run("steel")
        assert (run.version, run.outcome, run.rows_in) == ("1.0.0", Outcome.OK, 1)
        assert steel.grants("steel", "peak") == granted
        assert {one["value"] for one in steel.latest("steel") if one["signal"] not in granted} == {42.0}


def test_a_version_that_crashes_is_undone_and_people_are_told_for_a_day(house: House) -> None:
    house.publish(made("1.0.0"))
    house.measure("steel", 42.0)
    with house.as_("steel") as steel:
        steel.subscribe("steel", "peak")
        house.run("steel")
        house.publish(made("1.1.0", trap=TRAP))
        steel.upgrade_app("steel", "peak", "1.1.0")
        assert house.run("steel") == []
        house.measure("steel", 600.0)
        runs = [run for _ in range(3) for run in house.run("steel")]
        assert [(run.version, run.outcome) for run in runs] == [("1.1.0", Outcome.FAILED)] * 3
        assert "too high for me" in runs[0].message_en
        assert steel.app_versions_here("steel", "peak")["version"] == "1.0.0"
        standing, words = house.alarms("steel")["peak returned"]
        assert standing
        assert words == "Version 1.1.0 failed run by run; 1.0.0 runs again."
        (run,) = house.run("steel")
        assert (run.version, run.outcome) == ("1.0.0", Outcome.OK)
        assert house.alarms("steel")["peak returned"][0]
        assert not house.alarms("steel").get("peak halted", (False, ""))[0]
        house.changed(ended_at=datetime.now(UTC) - timedelta(hours=25))
        house.run("steel")
        assert not house.alarms("steel").get("peak returned", (False, ""))[0]


def test_a_version_without_a_former_one_stops_says_so_and_is_started_by_a_person(house: House) -> None:
    house.publish(made("1.0.0", trap=TRAP))
    house.measure("power", 600.0)
    with house.as_("power") as power:
        power.subscribe("power", "peak")
        for number in range(1, 6):
            (run,) = house.run("power")
            assert run.outcome is Outcome.FAILED
            assert (house.subscription("power")["halted"] is not None) is (number == 5)
        halted = house.subscription("power")["halted"]
        assert (halted["version"], halted["failures"]) == ("1.0.0", 5)
        assert halted["reason_en"].startswith("peak 1.0.0 failed 5 times in a row")
        assert "连续 5 次" in halted["reason_zh"]
        assert house.alarms("power")["peak halted"][0]
        assert house.run("power") == []
        # Elsewhere it runs: what stops it is one plant's data.
        house.measure("steel", 42.0)
        with house.as_("steel") as steel:
            steel.subscribe("steel", "peak")
        assert [run.outcome for run in house.run("steel")] == [Outcome.OK]
        power.restart_app("power", "peak")
        house.measure("power", 42.0)
        assert house.subscription("power")["halted"] is None


def test_a_revoked_key_stops_what_it_signed_and_signs_nothing_more(house: House) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    house.publish(made("1.0.0"))
    house.measure("steel", 42.0)
    with house.as_("steel") as steel, house.as_("acme") as acme, house.as_("operator") as operator:
        steel.subscribe("steel", "peak")
        assert [run.outcome for run in house.run("steel")] == [Outcome.OK]
        package = made("1.0.1")
        forged = bytearray(sign(KEY, text_of(package)))
        forged[0] ^= 1
        with pytest.raises(ApiError, match="signature"):
            acme.send_version("acme", package.data, bytes(forged))
        done = operator.revoke_any_signing_key(fingerprint(public_part(KEY)), before, "stolen")
        assert done["withdrawn"] == ["peak 1.0.0"] or done["withdrawn"], done
        with pytest.raises(ApiError):
            acme.send_version("acme", package.data, sign(KEY, text_of(package)))
        assert house.run("steel") == []
        assert steel.packages("steel") == []
        (change, *_) = steel.subscription_changes("steel", "peak")
        assert (change["act"], change["by"]) == ("cancelled", "marketplace")
        with pytest.raises(ApiError, match="404"):
            steel.subscribe("steel", "peak")
