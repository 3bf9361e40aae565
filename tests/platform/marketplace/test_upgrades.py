"""Upgrades of two subscriptions to one app: offered, tried, taken, undone, and never more than agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    Catalogue,
    Outcome,
    Run,
    changes_of,
    confirm,
    confirmed,
    record_run,
    subscribe,
    subscription_of,
    withdraw_grant,
)
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.publishing import (
    Act,
    ApprovedPackages,
    PackageFolder,
    add_key,
    confirm_key,
    decide,
    field_upgrades,
    move,
    packages_for,
    register,
    take_back,
    upload,
)
from tundish_platform.marketplace.upgrades import (
    FAILURES,
    MAX_TRIES,
    Follow,
    Shadow,
    State,
    UnknownUpgrade,
    UpgradeRefused,
    after_failures,
    ask_upgrade,
    follow_patches,
    former_version,
    give_up,
    open_upgrades,
    roll_back,
    set_follow,
    shadow_ran,
    take_anyway,
    upgrade_of,
    upgrades_of,
)
from tundish_platform.marketplace.upgrades.comparing import Difference, Side
from tundish_platform.marketplace.upgrades.shelf import best_offer, may_run, offer_for
from tundish_platform.samples import SignalSpec
from tundish_platform.sdk.manifest import parse_manifest
from tundish_platform.sdk.package import Package, package_of
from tundish_platform.sdk.signing import key_text, new_key, public_part, sign, text_of
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_platform.marketplace import SubscriptionView
    from tundish_platform.marketplace.upgrades import UpgradeView
    from tundish_platform.sdk import Manifest
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPERATOR = Principal(1, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}), person=True)
KEY = new_key()
SPECS = [
    SignalSpec(path="S/A/L/M/C/P", name_zh="压", name_en="P", semantic="pressure.oil"),
    SignalSpec(path="S/A/L/M/C/Q", name_zh="流", name_en="Q", semantic="flow.oil"),
]
MANIFEST = """
id = "probe"
version = "{version}"
entry = "tundish_app_probe.app:run"
publisher = "Acme"
problems = ["quality"]
schedule_s = {schedule}
window_s = 600
name = {{ zh = "测试", en = "test" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
inputs = [{inputs}]
outputs = [{{ key = "number", name = {{ zh = "数", en = "number" }} }}]
parameters = [{{ key = "limit", name = {{ zh = "限", en = "limit" }}, default = {limit} }}]
"""
PRESSURE = '{ key = "any", semantic = "pressure.*", name = { zh = "压力", en = "pressure" } }'
FLOW = '{ key = "flow", need = "optional", semantic = "flow.*", name = { zh = "流量", en = "flow" } }'


def made(version: str, inputs: str = PRESSURE, schedule: int = 60, limit: float = 1.0) -> Package:
    manifest = MANIFEST.format(version=version, inputs=inputs, schedule=schedule, limit=limit)
    top = "tundish_app_probe"
    code = b"from tundish_platform.sdk import AppOutputs\n\n\ndef run(inputs):\n    return AppOutputs()\n"
    cards = {f"{top}/card_{language}.md": b"card" for language in ("zh", "en")}
    return package_of(
        {f"{top}/__init__.py": b"", f"{top}/app.py": code, f"{top}/app.toml": manifest.encode(), **cards}
    )


def shadow(version: str, outcome: Outcome = Outcome.OK, *, differing: bool = False, rows: int = 5) -> Shadow:
    return Shadow(
        current=Side(version="1.0.0", outcome=Outcome.OK, rows=rows, values=1),
        new=Side(version=version, outcome=outcome, rows=rows, values=1),
        differing=(Difference(output="number", before=1.0, after=2.0),) if differing else (),
    )


@dataclass
class Market:
    """A publisher with an app, and two plants that look alike and run its first version."""

    metadata: Metadata
    folder: PackageFolder
    acme: TenantScope
    mine: TenantScope
    theirs: TenantScope

    def approve(self, package: Package) -> int:
        with self.metadata.session() as session:
            signature = sign(KEY, text_of(package))
            number = upload(session, self.acme, self.folder, package.data, signature, NOW)
            move(session, number, Act.PASS, "checks", NOW, report={"findings": []})
            decide(session, OPERATOR, number, Act.APPROVE, "", NOW)
        return number

    def catalogue(self) -> Catalogue:
        approved = ApprovedPackages(self.metadata, self.folder)
        return Catalogue(packages=approved, named=approved.named)

    def start(self) -> None:
        for scope in (self.mine, self.theirs):
            with self.metadata.session() as session:
                subscribe(session, scope, self.catalogue(), "probe", list_signals(session, scope))

    def ask(self, scope: TenantScope, version: str, *agreed: str) -> UpgradeView:
        with self.metadata.session() as session:
            running = subscription_of(session, scope, "probe")
            offer = offer_for(session, session, scope, running, version)
            assert offer is not None
            return ask_upgrade(session, scope, "probe", offer, agreed, NOW)

    def tried(self, scope: TenantScope, number: int, told: Shadow, now: datetime = NOW) -> UpgradeView:
        with self.metadata.session() as session:
            return shadow_ran(session, scope, number, told, self.manifest(told.new.version), now)

    def take(self, scope: TenantScope, version: str, *agreed: str) -> UpgradeView:
        return self.tried(scope, self.ask(scope, version, *agreed).id, shadow(version))

    def manifest(self, version: str) -> Manifest:
        app = self.catalogue().named
        assert app is not None
        found = app("probe", version)
        assert found is not None
        return found.manifest

    def sub(self, scope: TenantScope) -> SubscriptionView:
        with self.metadata.session() as session:
            return subscription_of(session, scope, "probe")

    def versions(self) -> tuple[str, str]:
        return self.sub(self.mine).version, self.sub(self.theirs).version

    def ran(self, scope: TenantScope, version: str, outcome: Outcome, minute: int) -> UpgradeView | None:
        at = NOW + minute * MINUTE
        run = Run(
            app="probe", version=version, started_at=at, window_start=at, window_end=at, seconds=1,
            rows_in=1, values_out=0, isolation="bubblewrap", filtered=True, outcome=outcome,
        )  # fmt: skip
        with self.metadata.session() as session:
            record_run(session, scope, run)
            return after_failures(session, scope, "probe", version, may_run(session, "probe"), at)

    def signal(self, scope: TenantScope, end: str) -> int:
        with self.metadata.session() as session:
            return next(one.id for one in list_signals(session, scope) if one.path.endswith(end))


@pytest.fixture
def market(request: pytest.FixtureRequest, tmp_path: Path) -> Market:
    """On SQLite, where a test does not ask for PostgreSQL too."""
    new: Callable[[], Metadata] = request.getfixturevalue(getattr(request, "param", "new_sqlite"))
    metadata = new().above(Above.OPERATOR)
    with metadata.session() as session:
        scopes = []
        # The second plant's signals have other numbers than the first one's.
        for place, slug in enumerate(("acme", "plant-a", "plant-b")):
            tenant = create_tenant(session, slug, slug, slug)
            roles = frozenset({Role.OWNER, Role.ANALYST, Role.APP_DEVELOPER})
            who = Principal(1, f"owner of {slug}", {slug: (tenant.id, roles)})
            scopes.append(access_tenant(who, slug, Permission.SUBSCRIBE))
            upsert_signals(session, scopes[-1], "opc", SPECS[::-1] if place == 2 else SPECS)
        register(session, scopes[0], "Acme", NOW)
        text = key_text("acme", public_part(KEY))
        mark = add_key(session, scopes[0], public_part(KEY), sign(KEY, text), None, NOW).fingerprint
        confirm_key(session, OPERATOR, mark, NOW)
    market = Market(metadata, PackageFolder(tmp_path / "apps"), *scopes)
    market.approve(made("1.0.0"))
    market.start()
    return market


on_both = pytest.mark.parametrize("market", ["new_sqlite", "new_postgres"], indirect=True)


def refused(code: str) -> object:
    return pytest.raises(UpgradeRefused, check=lambda error: error.code == code)


@on_both
def test_a_newer_version_is_offered_tried_and_taken_by_one_tenant_alone(market: Market) -> None:
    market.approve(made("1.1.0", schedule=120, limit=2.0))
    assert market.versions() == ("1.0.0", "1.0.0"), "nothing changes by itself"
    with market.metadata.session() as session:
        offer = best_offer(session, session, market.mine, subscription_of(session, market.mine, "probe"))
        assert offer is not None
        assert (offer.newer.version, offer.more, offer.fresh, offer.missing) == ("1.1.0", (), (), ())
        assert set(offer.changed) == {"parameters", "schedule"}
    asked = market.ask(market.mine, "1.1.0")
    with refused("upgrade_open"):
        market.ask(market.mine, "1.1.0")
    with market.metadata.session() as session:
        assert set(open_upgrades(session, market.mine)) == {"probe"}
        assert open_upgrades(session, market.theirs) == {}
        packages = [one.version for one in packages_for(session, session, market.mine)]
        assert packages == ["1.0.0", "1.1.0"]
        assert [one.version for one in packages_for(session, session, market.theirs)] == ["1.0.0"]
    done = market.tried(market.mine, asked.id, shadow("1.1.0"))
    assert (done.state, done.ended_at) == (State.TAKEN, None)
    assert market.versions() == ("1.1.0", "1.0.0")
    assert market.sub(market.mine).schedule_s == 120
    assert market.sub(market.mine).parameters == {"limit": 1.0}, "a setting that was in force stays"
    with market.metadata.session() as session:
        assert [one.to_version for one in upgrades_of(session, market.mine, "probe")] == ["1.1.0"]
        assert upgrades_of(session, market.theirs, "probe") == []
        assert former_version(session, market.theirs, "probe") is None
        told = changes_of(session, market.mine, "probe")[0]
        assert (told.act, told.by, told.detail["from"]) == ("version_taken", "owner of plant-a", "1.0.0")
        assert len(changes_of(session, market.theirs, "probe")) == 1


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (shadow("1.1.0", Outcome.FAILED), State.REFUSED),
        (shadow("1.1.0", Outcome.TIMEOUT), State.REFUSED),
        (shadow("1.1.0", differing=True), State.DIFFERS),
        (shadow("1.1.0", Outcome.UNREACHED), State.TRYING),
        (shadow("1.1.0", rows=0), State.TRYING),
    ],
)
def test_only_a_good_shadow_run_switches(market: Market, told: Shadow, state: State) -> None:
    market.approve(made("1.1.0"))
    asked = market.ask(market.mine, "1.1.0")
    found = market.tried(market.mine, asked.id, told)
    assert (found.state, found.shadow) == (state, told)
    assert market.versions() == ("1.0.0", "1.0.0")


def test_a_shadow_run_that_tells_nothing_is_tried_again_so_often_and_no_more(market: Market) -> None:
    market.approve(made("1.1.0"))
    number = market.ask(market.mine, "1.1.0").id
    for _ in range(MAX_TRIES - 1):
        found = market.tried(market.mine, number, shadow("1.1.0", rows=0))
        assert (found.state, found.try_at > NOW) == (State.TRYING, True)
    assert market.tried(market.mine, number, shadow("1.1.0", rows=0)).reason == "undecided"
    with refused("upgrade_over"):
        market.tried(market.mine, number, shadow("1.1.0"))


def test_a_version_that_tells_other_values_waits_for_a_person(market: Market) -> None:
    market.approve(made("1.1.0"))
    number = market.ask(market.mine, "1.1.0").id
    market.tried(market.mine, number, shadow("1.1.0", differing=True))
    manifest = market.manifest("1.1.0")
    with market.metadata.session() as session:
        for act in (upgrade_of, give_up):
            with pytest.raises(UnknownUpgrade):
                act(session, market.theirs, number, *([NOW] if act is give_up else []))  # type: ignore[operator] # two calls
        with pytest.raises(UnknownUpgrade):
            take_anyway(session, market.theirs, number, manifest, NOW)
        with pytest.raises(UnknownUpgrade):
            shadow_ran(session, market.theirs, number, shadow("1.1.0"), manifest, NOW)
        reader = market.mine.narrowed(frozenset(), frozenset({Permission.ANALYSE}))
        with pytest.raises(AccessDenied):
            take_anyway(session, reader, number, manifest, NOW)
        assert take_anyway(session, market.mine, number, manifest, NOW).state == State.TAKEN
    assert market.versions() == ("1.1.0", "1.0.0")


@on_both
def test_more_data_needs_consent_to_all_of_it_and_gives_no_more_than_that(market: Market) -> None:
    market.approve(made("1.1.0", f"{PRESSURE}, {FLOW}"))
    with refused("consent_needed"):
        market.ask(market.mine, "1.1.0")
    with refused("consent_needed"):
        market.ask(market.mine, "1.1.0", "input:flow", "window")
    pressure, flow = market.signal(market.mine, "/P"), market.signal(market.mine, "/Q")
    asked = market.ask(market.mine, "1.1.0", "input:flow")
    assert (asked.signals, asked.fresh) == ((pressure,), (flow,))
    assert market.sub(market.mine).signals == (pressure,), "granted with the switch, not before"
    with market.metadata.session() as session:
        withdraw_grant(session, market.mine, "probe", pressure)
    market.tried(market.mine, asked.id, shadow("1.1.0"))
    assert market.sub(market.mine).signals == (flow,), "what was withdrawn meanwhile stays withdrawn"
    assert market.sub(market.theirs).signals == (market.signal(market.theirs, "/P"),)


@on_both
def test_a_roll_back_by_hand_restores_signals_settings_and_mapping(market: Market) -> None:
    market.approve(made("2.0.0", FLOW.replace("optional", "required"), schedule=30, limit=9.0))
    pressure, flow = market.signal(market.mine, "/P"), market.signal(market.mine, "/Q")
    with market.metadata.session() as session:
        signals = list_signals(session, market.mine)
        confirm(session, market.mine, market.manifest("1.0.0"), {"any": [pressure]}, signals, NOW)
    before = market.sub(market.mine)
    with market.metadata.session() as session, refused("no_former_version"):
        roll_back(session, market.mine, "probe", may_run(session, "probe"), NOW)
    market.take(market.mine, "2.0.0", "input:flow")
    taken = market.sub(market.mine)
    assert (taken.signals, taken.schedule_s, taken.inputs) == ((flow,), 30, {"any": (), "flow": (flow,)})
    with market.metadata.session() as session, refused("no_former_version"):
        roll_back(session, market.theirs, "probe", may_run(session, "probe"), NOW)
    with market.metadata.session() as session, refused("no_former_version"):
        roll_back(session, market.mine, "probe", lambda _version: False, NOW)
    with market.metadata.session() as session:
        back = roll_back(session, market.mine, "probe", may_run(session, "probe"), NOW + MINUTE)
        assert (back.state, back.reason, back.ended_by) == ("returned", "person", "owner of plant-a")
        assert [one.key for one in confirmed(session, market.mine, "probe")] == ["any"]
    assert market.sub(market.mine) == before
    with market.metadata.session() as session, refused("no_former_version"):
        roll_back(session, market.mine, "probe", may_run(session, "probe"), NOW)


@on_both
def test_a_version_that_fails_after_the_switch_is_undone_for_that_tenant_and_told(market: Market) -> None:
    market.approve(made("1.1.0"))
    for scope in (market.mine, market.theirs):
        market.take(scope, "1.1.0")
    ends = [Outcome.FAILED] * (FAILURES - 1) + [Outcome.OK] + [Outcome.TIMEOUT] * (FAILURES - 1)
    assert [market.ran(market.mine, "1.1.0", end, n + 1) for n, end in enumerate(ends)] == [None] * len(ends)
    assert market.ran(market.theirs, "1.1.0", Outcome.FAILED, 9) is None, "the neighbour's runs do not count"
    back = market.ran(market.mine, "1.1.0", Outcome.REFUSED, 10)
    assert back is not None
    assert (back.state, back.reason, back.ended_by) == ("returned", "failing", "marketplace")
    assert market.versions() == ("1.0.0", "1.1.0")
    # What fails then is not brought further back, and the version is not tried anew by itself.
    assert [market.ran(market.mine, "1.0.0", Outcome.FAILED, 20 + n) for n in range(FAILURES)] == [
        None
    ] * FAILURES
    with market.metadata.session() as session:
        assert changes_of(session, market.mine, "probe")[0].detail["reason"] == "failing"
        told = [(one.version, one.state, one.reason, one.upgrades)
                for one in field_upgrades(session, session, market.acme, "probe")]  # fmt: skip
    assert told == [("1.1.0", "returned", "failing", 1), ("1.1.0", "taken", "", 1)]


def test_patches_come_by_themselves_to_who_follows_them_and_only_if_they_read_no_more(
    market: Market,
) -> None:
    def follow(scope: TenantScope) -> list[str]:
        with market.metadata.session() as session:
            stock = stock_of(list_signals(session, scope))
            return [one.to_version for one in follow_patches(session, session, scope, stock, NOW)]

    market.approve(made("1.1.0"))
    with market.metadata.session() as session:
        assert set_follow(session, market.mine, "probe", Follow.PATCHES, NOW)
        assert not set_follow(session, market.mine, "probe", Follow.PATCHES, NOW)
    assert market.sub(market.theirs).follow == "none"
    assert follow(market.mine) == [], "a minor version is no patch"
    market.take(market.mine, "1.1.0")
    market.approve(made("1.1.1"))
    assert follow(market.theirs) == []
    assert follow(market.mine) == ["1.1.1"]
    assert follow(market.mine) == [], "it waits for its shadow run"
    with market.metadata.session() as session:
        waiting = open_upgrades(session, market.mine)["probe"]
        give_up(session, market.mine, waiting.id, NOW)
    assert follow(market.mine) == [], "what was given up does not come again"
    market.approve(made("1.1.2", f"{PRESSURE}, {FLOW}"))
    assert follow(market.mine) == [], "more data needs a person"
    assert waiting.automatic


@on_both
def test_a_withdrawn_version_gives_way_to_one_that_reads_no_more(market: Market) -> None:
    new = market.approve(made("1.1.0"))
    market.take(market.mine, "1.1.0")
    waiting = market.ask(market.theirs, "1.1.0")
    with market.metadata.session() as session:
        take_back(session, market.acme, new, "faulty", NOW)
        ended = upgrade_of(session, market.theirs, waiting.id)
        told = upgrades_of(session, market.mine, "probe")[0]
    assert market.versions() == ("1.0.0", "1.0.0")
    assert (ended.state, ended.reason) == ("refused", "withdrawn")
    assert (told.from_version, told.to_version, told.reason) == ("1.1.0", "1.0.0", "withdrawn")


def test_the_manifest_of_the_version_that_runs_is_what_counts(market: Market) -> None:
    market.approve(made("1.1.0", f"{PRESSURE}, {FLOW}"))
    running = market.catalogue().running("probe", "1.0.0")
    assert [one.key for one in running.manifest.inputs] == ["any"]
    assert market.catalogue().app("probe").manifest.version == "1.1.0"
    assert parse_manifest(MANIFEST.format(version="1.0.0", inputs=PRESSURE, schedule=60, limit=1.0).encode(),
                          "x") == running.manifest  # fmt: skip
