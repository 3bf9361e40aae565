"""Publishers, keys, versions and review: each rule at its door, and what falls with a key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import Catalogue, NotSubscribed, subscribe, subscription_of, subscriptions
from tundish_platform.marketplace.publishing import (
    LIFE,
    Act,
    ApprovedPackages,
    PackageFolder,
    PublishRefused,
    State,
    add_key,
    any_version,
    confirm_key,
    decide,
    keys_of,
    move,
    packages_for,
    register,
    revoke_key,
    take_back,
    upload,
    versions_of,
)
from tundish_platform.marketplace.publishing.checks import breaks, check_package, unknown_kinds
from tundish_platform.marketplace.publishing.releases import releases
from tundish_platform.samples import SignalSpec
from tundish_platform.sdk.package import PackageError, package_of
from tundish_platform.sdk.signing import key_text, new_key, package_text, public_part, sign, text_of
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.sdk.package import Package
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
OPERATOR = Principal(1, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}), person=True)
KEYS = [new_key() for _ in range(3)]
MANIFEST = """
id = "{app}"
version = "{version}"
entry = "tundish_app_probe.app:run"
publisher = "{publisher}"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "测试", en = "test" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
inputs = [{{ key = "any", semantic = "{semantic}", name = {{ zh = "压力", en = "pressure" }} }}]
outputs = [{{ key = "number", unit = "{unit}", name = {{ zh = "数", en = "number" }} }}]
"""
CODE = """
from tundish_platform.sdk import AppOutputs, window_values


def run(inputs):
    if inputs.missing():
        return AppOutputs(missing=inputs.missing())
    return AppOutputs(values=window_values({"number": 1.0}, inputs.end))
"""


def made(
    version: str = "1.0.0", *, app: str = "probe", publisher: str = "Acme", semantic: str = "pressure.*",
    unit: str = "", code: str = CODE,
) -> Package:  # fmt: skip
    manifest = MANIFEST.format(app=app, version=version, publisher=publisher, semantic=semantic, unit=unit)
    top = "tundish_app_probe"
    return package_of(
        {
            f"{top}/__init__.py": b"", f"{top}/app.py": code.encode(), f"{top}/app.toml": manifest.encode(),
            f"{top}/card_zh.md": "说明".encode(), f"{top}/card_en.md": b"card",
        }
    )  # fmt: skip


class House:
    """A platform with a publisher, a plant that subscribes, and an operator."""

    def __init__(self, metadata: Metadata, folder: PackageFolder) -> None:
        self.metadata, self.folder = metadata, folder
        with metadata.above(Above.OPERATOR).session() as session:
            for slug in ("acme", "steel", "rival"):
                create_tenant(session, slug, slug, slug)
            owner = job_principal(session, "owner", Role.OWNER)
            self.acme, self.steel, self.rival = (
                access_tenant(owner, slug, Permission.READ) for slug in ("acme", "steel", "rival")
            )
            analyst = access_tenant(job_principal(session, "c", Role.ANALYST), "steel", Permission.INGEST)
            spec = SignalSpec(path="S/A/L/M/C/P", name_zh="压", name_en="P", semantic="pressure.oil")
            upsert_signals(session, analyst, "opc", [spec])
        self.publisher(self.acme, "Acme", KEYS[0])

    def above(self, work: Callable[[Session], object]) -> object:
        with self.metadata.above(Above.PACKAGES).session() as session:
            return work(session)

    def publisher(self, scope: TenantScope, name: str, key: str) -> str:
        with self.metadata.of(scope).session() as session:
            register(session, scope, name, NOW)
        mark = self.key(scope, key)
        self.above(lambda session: confirm_key(session, OPERATOR, mark, NOW))
        return mark

    def key(self, scope: TenantScope, key: str, old: str | None = None, now: datetime = NOW) -> str:
        text = key_text(scope.slug, public_part(key))
        vouch = sign(old, text) if old else None
        with self.metadata.of(scope).session() as session:
            return add_key(session, scope, public_part(key), sign(key, text), vouch, now).fingerprint

    def send(
        self, package: Package, key: str = KEYS[0], scope: TenantScope | None = None, now: datetime = NOW
    ) -> int:
        who = scope or self.acme
        with self.metadata.of(who).session() as session:
            return upload(session, who, self.folder, package.data, sign(key, text_of(package)), now)

    def approve(self, package: Package, key: str = KEYS[0], now: datetime = NOW) -> int:
        number = self.send(package, key, now=now)
        self.above(lambda session: move(session, number, Act.PASS, "checks", now, report={"findings": []}))
        self.above(lambda session: decide(session, OPERATOR, number, Act.APPROVE, "", now))
        return number

    def state(self, number: int) -> str:
        with self.metadata.above(Above.PACKAGES).session() as session:
            return any_version(session, number).state

    def catalogue(self) -> Catalogue:
        return Catalogue(packages=ApprovedPackages(self.metadata, self.folder))

    def subscribe(self) -> None:
        with self.metadata.of(self.steel).session() as session:
            subscribe(session, self.steel, self.catalogue(), "probe", list_signals(session, self.steel))

    def running(self) -> list[str]:
        with (
            self.metadata.of(self.steel).session() as session,
            self.metadata.above(Above.PACKAGES).session() as above,
        ):
            return [f"{one.app} {one.version}" for one in packages_for(session, above, self.steel)]


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """On SQLite, where a test does not ask for PostgreSQL too."""
    new_database: Callable[[], Metadata] = request.getfixturevalue(getattr(request, "param", "new_sqlite"))
    return House(new_database(), PackageFolder(tmp_path / "apps"))


# Row-level security stands behind the rules, and must not stand in anybody's way.
on_both = pytest.mark.parametrize("house", ["new_sqlite", "new_postgres"], indirect=True)


def refused(code: str) -> object:
    return pytest.raises(PublishRefused, check=lambda error: error.code == code)


def test_the_life_of_a_version_is_the_table_and_nothing_else(house: House) -> None:
    ways = {
        State.UPLOADED: [], State.IN_REVIEW: [Act.PASS], State.APPROVED: [Act.PASS, Act.APPROVE],
        State.REJECTED: [Act.PASS, Act.REJECT], State.WITHDRAWN: [Act.WITHDRAW],
    }  # fmt: skip
    for patch, (state, act) in enumerate(product(State, Act)):
        number = house.send(made(f"1.0.{patch}"))
        with house.metadata.above(Above.PACKAGES).session() as session:
            for step in ways[state]:
                move(session, number, step, "x", NOW)
            if (state, act) in LIFE:
                move(session, number, act, "x", NOW)
            else:
                with refused("wrong_state"):
                    move(session, number, act, "x", NOW)
        assert house.state(number) == LIFE.get((state, act), state), (state, act)


@on_both
def test_approved_versions_are_told_with_what_changed_and_order_the_catalogue(house: House) -> None:
    for days, package in enumerate((made(), made("1.1.0", unit="bar"), made("2.0.0", semantic="flow.x"))):
        house.approve(package, now=NOW + days * DAY)
    house.send(made("2.1.0"))
    told = releases(house.metadata, "probe")
    assert [(one.version, one.changed) for one in told] == [
        ("2.0.0", ("inputs", "outputs")), ("1.1.0", ("outputs",)), ("1.0.0", ()),
    ]  # fmt: skip
    assert told[0].at == house.catalogue().app("probe").approved_at == NOW + 2 * DAY
    assert releases(house.metadata, "other") == []


@on_both
def test_an_approved_package_is_in_the_catalogue_and_runs_for_its_subscribers(house: House) -> None:
    number = house.send(made())
    assert "probe" not in house.catalogue().apps
    assert house.state(number) == "uploaded"
    house.approve(made("1.1.0"))
    found = house.catalogue().app("probe")
    assert (found.manifest.version, found.foreign) == ("1.1.0", True)
    house.subscribe()
    assert house.running() == ["probe 1.1.0"]


@pytest.mark.parametrize("version", ["1.1.0", "1.0.9"])
def test_an_older_or_the_same_version_cannot_be_sent_again(house: House, version: str) -> None:
    """A replay of an old, signed, once approved package would bring back its mended faults."""
    house.approve(made("1.1.0"))
    with refused("version_not_newer"):
        house.send(made(version))
    house.send(made("1.10.0"))


def test_signatures_bind_archive_id_and_version_to_the_publishers_active_key(house: House) -> None:
    good = made()
    for key, text in (
        (KEYS[1], text_of(good)),
        (KEYS[0], package_text("probe", "1.0.0", made(code="#").digest)),
        (KEYS[0], package_text("probe", "2.0.0", good.digest)),
        (KEYS[0], package_text("other", "1.0.0", good.digest)),
    ):
        with house.metadata.of(house.acme).session() as session, refused("bad_signature"):
            upload(session, house.acme, house.folder, good.data, sign(key, text), NOW)
    changed = good.data.replace(b"1.0}", b"9.0}")
    assert changed != good.data
    with house.metadata.of(house.acme).session() as session, refused("bad_package"):
        upload(session, house.acme, house.folder, changed, sign(KEYS[0], text_of(good)), NOW)


@on_both
def test_an_id_belongs_to_whoever_sent_it_first(house: House) -> None:
    house.send(made())
    house.publisher(house.rival, "Rival", KEYS[1])
    with refused("id_of_others"):
        house.send(made("2.0.0", publisher="Rival"), KEYS[1], house.rival)
    with refused("other_publisher"):
        house.send(made("2.0.0"), KEYS[1], house.rival)
    with refused("publisher_taken"), house.metadata.of(house.steel).session() as session:
        register(session, house.steel, "Acme", NOW)


def test_an_app_of_the_platform_cannot_be_replaced(house: House) -> None:
    package = made()
    with house.metadata.of(house.acme).session() as session, refused("id_of_others"):
        signature = sign(KEYS[0], text_of(package))
        upload(session, house.acme, house.folder, package.data, signature, NOW, {"probe"})


def test_who_sent_a_version_does_not_approve_it_and_a_rejection_has_a_reason(house: House) -> None:
    number = house.send(made())
    house.above(lambda session: move(session, number, Act.PASS, "checks", NOW))
    sender = Principal(2, house.acme.principal, {}, frozenset({Role.PLATFORM_OPERATOR}), person=True)
    for who, act, reason, code in (
        (sender, Act.APPROVE, "", "own_version"), (OPERATOR, Act.REJECT, " ", "no_reason"),
    ):  # fmt: skip
        with house.metadata.above(Above.PACKAGES).session() as session, refused(code):
            decide(session, who, number, act, reason, NOW)
    assert house.state(number) == "in_review"


def test_a_new_key_takes_over_only_if_the_old_one_signed_it(house: House) -> None:
    with refused("bad_vouch"):
        house.key(house.acme, KEYS[1], KEYS[2])
    house.key(house.acme, KEYS[1], KEYS[0])
    with refused("key_retired"):
        house.send(made())
    house.send(made(), KEYS[1])
    with house.metadata.of(house.acme).session() as session:
        assert [key.state for key in keys_of(session, house.acme)] == ["active", "retired"]


def test_a_key_that_nobody_vouched_for_signs_nothing_until_the_operator_confirms_it(house: House) -> None:
    mark = house.key(house.acme, KEYS[1])
    with refused("key_waiting"):
        house.send(made(), KEYS[1])
    house.send(made())
    house.above(lambda session: confirm_key(session, OPERATOR, mark, NOW))
    house.send(made("1.0.1"), KEYS[1])
    with refused("key_retired"):
        house.send(made("1.0.2"))


def test_a_key_is_added_by_who_has_it_and_only_once(house: House) -> None:
    text = key_text("acme", public_part(KEYS[1]))
    with house.metadata.of(house.acme).session() as session, refused("bad_proof"):
        add_key(session, house.acme, public_part(KEYS[1]), sign(KEYS[0], text), None, NOW)
    foreign = sign(KEYS[1], key_text("rival", public_part(KEYS[1])))
    with house.metadata.of(house.acme).session() as session, refused("bad_proof"):
        add_key(session, house.acme, public_part(KEYS[1]), foreign, None, NOW)
    with refused("key_known"):
        house.key(house.acme, KEYS[0])


def test_what_was_sent_since_a_key_was_lost_falls_and_what_is_older_stays_suspect(house: House) -> None:
    old = house.approve(made("1.0.0"))
    new = house.approve(made("1.1.0"), now=NOW + 2 * DAY)
    house.subscribe()
    assert house.running() == ["probe 1.1.0"]
    mark = keys_mark(house)
    fallen = house.above(
        lambda session: revoke_key(session, mark, NOW + DAY, "operator", "laptop stolen", NOW + 3 * DAY)
    )
    assert (fallen, house.state(old), house.state(new)) == (1, "approved", "withdrawn")
    assert house.running() == ["probe 1.0.0"]
    with house.metadata.of(house.acme).session() as session:
        assert [one.suspect for one in versions_of(session, house.acme)] == [True, True]
    with refused("key_revoked"):
        house.send(made("1.2.0"), now=NOW + 3 * DAY)


@on_both
def test_installed_apps_of_a_revoked_key_stop_with_the_reason(house: House) -> None:
    house.approve(made())
    house.subscribe()
    mark = keys_mark(house)
    house.above(lambda session: revoke_key(session, mark, NOW - DAY, "operator", "laptop stolen", NOW + DAY))
    assert "probe" not in house.catalogue().apps
    assert house.running() == []
    with house.metadata.of(house.steel).session() as session:
        (stopped,) = subscriptions(session, house.steel, stopped=True)
        assert stopped.signals == ()
        assert "laptop stolen" in (stopped.stopped_because or "")
        with pytest.raises(NotSubscribed):
            subscription_of(session, house.steel, "probe")


def test_keys_that_a_lost_key_vouched_for_fall_with_it(house: House) -> None:
    """Else a thief would rotate to a key of their own before the theft is noticed."""
    mark = keys_mark(house)
    house.key(house.acme, KEYS[1], KEYS[0], NOW + 2 * DAY)
    house.key(house.acme, KEYS[2], KEYS[1], NOW + 3 * DAY)
    number = house.approve(made(), KEYS[2], NOW + 3 * DAY)
    fallen = house.above(lambda session: revoke_key(session, mark, NOW + DAY, "x", "stolen", NOW + 4 * DAY))
    assert fallen == 1
    assert house.state(number) == "withdrawn"
    with house.metadata.of(house.acme).session() as session:
        assert {key.state for key in keys_of(session, house.acme)} == {"revoked"}


def test_a_withdrawn_major_version_stops_its_subscribers_and_no_others(house: House) -> None:
    first = house.approve(made("1.0.0"))
    house.subscribe()
    house.approve(made("2.0.0"))
    assert house.running() == ["probe 1.0.0"], "a breaking version waits for the subscriber's consent"
    house.above(lambda session: take_back(session, house.acme, first, "faulty", NOW))
    assert house.running() == []
    house.subscribe()
    assert house.running() == ["probe 2.0.0"]


@on_both
def test_another_tenant_takes_nothing_back_and_sees_nothing(house: House) -> None:
    number = house.approve(made())
    with house.metadata.above(Above.PACKAGES).session() as session, refused("unknown_version"):
        take_back(session, house.steel, number, "x", NOW)
    with house.metadata.above(Above.PACKAGES).session() as session, refused("unknown_key"):
        revoke_key(session, keys_mark(house), NOW, "steel", "x", NOW, house.steel.tenant_id)
    with house.metadata.of(house.steel).session() as session:
        assert versions_of(session, house.steel) == []
        viewer = access_tenant(job_principal(session, "v", Role.VIEWER), "acme", Permission.READ)
        with pytest.raises(AccessDenied):
            versions_of(session, viewer)


def test_a_changed_archive_is_loaded_by_nobody_and_a_changed_layout_is_made_anew(house: House) -> None:
    house.approve(made())
    app = house.catalogue().app("probe")
    code = app.folder / "app.py"
    code.chmod(0o644)
    code.write_text("evil")
    again = house.catalogue().app("probe")
    assert (again.folder / "app.py").read_text() == CODE
    extra = again.folder / "extra.py"
    again.folder.chmod(0o755)
    extra.write_text("evil")
    assert "probe" in house.catalogue().apps
    assert not extra.exists()
    (archive,) = house.folder.root.glob("*.zip")
    archive.chmod(0o644)
    archive.write_bytes(archive.read_bytes().replace(b"number", b"nunber"))
    assert "probe" not in house.catalogue().apps
    with pytest.raises(PackageError, match="not what it was"):
        house.folder.load(archive.stem)
    with pytest.raises(PackageError, match="64 hexadecimal"):
        house.folder.read("../" + archive.stem)


def test_uploading_imports_and_runs_nothing(house: House, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    number = house.send(made(code=f"open({str(witness)!r}, 'w')\n{CODE}"))
    house.above(lambda session: move(session, number, Act.PASS, "checks", NOW))
    house.above(lambda session: decide(session, OPERATOR, number, Act.APPROVE, "", NOW))
    assert house.catalogue().app("probe").card("zh") == "说明"
    assert not witness.exists()


def test_what_subscribers_rely_on_changes_with_the_major_version_only() -> None:
    before = made("1.0.0").manifest
    assert breaks(before, made("1.1.0").manifest) == []
    assert len(breaks(before, made("1.1.0", unit="bar").manifest)) == 1
    assert len(breaks(before, made("1.1.0", semantic="temperature.*").manifest)) == 1
    assert breaks(before, made("2.0.0", unit="bar", semantic="temperature.*").manifest) == []


def test_inputs_of_unknown_kinds_are_found() -> None:
    for semantic, wrong in (("pressure.*", 0), ("*", 0), ("app.spc.cpk", 0), ("pressur.*", 1), ("moon", 1)):
        assert len(list(unknown_kinds(made(semantic=semantic).manifest))) == wrong, semantic


@pytest.mark.integration
@pytest.mark.usefixtures("needs_bubblewrap")
def test_the_checks_run_the_app_in_the_sandbox_and_report_the_first_window_that_goes_wrong(
    house: House,
) -> None:
    bad = made(code=CODE.replace("if inputs.missing():", "if open('/etc/hostname'):"))
    app = house.folder.load(house.folder.keep(bad.data))
    report = check_package(app, made(unit="bar").manifest)
    assert not report.passed
    assert [finding.check for finding in report.findings] == ["upgrade", "conformance"]
    assert "FileNotFoundError" in report.findings[1].problem, "the host's files are not there in the sandbox"


def keys_mark(house: House) -> str:
    with house.metadata.of(house.acme).session() as session:
        return keys_of(session, house.acme)[-1].fingerprint
