from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from tundish_platform.assets import (
    AssetChange,
    AssetChanged,
    AssetInfo,
    AssetRefused,
    AssetSpec,
    Level,
    UnknownAsset,
    assets_below,
    change_asset,
    create_asset,
    delete_asset,
    find_asset,
    list_assets,
    move_asset,
    upsert_signals,
)
from tundish_platform.audit import entries_of
from tundish_platform.migrations import configuration, upgrade
from tundish_platform.samples import SignalRole, SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def spec(path: str, role: SignalRole = SignalRole.MEASUREMENT) -> SignalSpec:
    return SignalSpec(path=path, name_zh="压力", name_en="Pressure", semantic="pressure", role=role)


def made(session: Session, scope: TenantScope, code: str, parent: int | None = None) -> AssetInfo:
    return create_asset(session, scope, AssetSpec(parent=parent, code=code, name_zh=code, name_en=code), NOW)


def by_path(session: Session, scope: TenantScope, *, retired: bool = False) -> dict[str, AssetInfo]:
    return {asset.path: asset for asset in list_assets(session, scope, retired=retired)}


def scopes_of(metadata: Metadata) -> dict[str, TenantScope]:
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, f"{slug} 厂", slug)
        owner, job = job_principal(session, "eng", Role.OWNER), job_principal(session, "opc", Role.COLLECTOR)
    return {
        "steel": access_tenant(owner, "steel", Permission.CONFIGURE),
        "power": access_tenant(owner, "power", Permission.CONFIGURE),
        "collector": access_tenant(job, "steel", Permission.INGEST),
    }


@pytest.fixture
def scopes(metadata: Metadata) -> dict[str, TenantScope]:
    return scopes_of(metadata)


def test_lines_and_machines_of_declared_signals_stand_in_the_tree(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    with metadata.session() as session:
        upsert_signals(
            session, scopes["collector"], "opc",
            [
                spec("S/A/L/M/C/P"), spec("S/A/L/M/C/Q"), spec("S/A/L/M/C/Sub/R"), spec("Meter"),
                spec("S/A/L/Models/m/cooler/Value", SignalRole.PREDICTION),
            ],
        )  # fmt: skip
        tree = by_path(session, scopes["steel"])
        assert by_path(session, scopes["power"]) == {}
    assert {path: asset.level for path, asset in tree.items()} == {
        "": Level.ENTERPRISE, "S": Level.SITE, "S/A": Level.AREA, "S/A/L": Level.LINE,
        "S/A/L/M": Level.MACHINE, "S/A/L/M/C": Level.COMPONENT, "S/A/L/M/C/Sub": Level.COMPONENT,
    }  # fmt: skip
    assert tree[""].name_zh == "steel 厂"
    assert {path: asset.signals for path, asset in tree.items() if asset.signals} == {
        "": 1, "S/A/L": 1, "S/A/L/M/C": 2, "S/A/L/M/C/Sub": 1,
    }  # fmt: skip
    assert all(tree[path.rpartition("/")[0]].id == asset.parent for path, asset in tree.items() if path)


def test_a_node_made_by_hand_is_the_one_that_signals_hang_on_later(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        parent = None
        for code in ("S", "A", "L", "M"):
            parent = made(session, steel, code, parent).id
        upsert_signals(session, scopes["collector"], "opc", [spec("S/A/L/M/C/P")])
        tree = by_path(session, steel)
    assert tree["S/A/L/M"].id == parent
    assert tree["S/A/L/M/C"].parent == parent


def test_a_moved_machine_keeps_its_paths_and_what_comes_later_follows_it(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel, collector = scopes["steel"], scopes["collector"]
    with metadata.session() as session:
        first = upsert_signals(session, collector, "opc", [spec("S/A/L/M/C/P"), spec("S/A/L2/N/C/P")])
        tree = by_path(session, steel)
        moved = move_asset(session, steel, tree["S/A/L/M"].id, 1, tree["S/A/L2"].id, NOW)
        assert (moved.parent, moved.path, moved.version) == (tree["S/A/L2"].id, "S/A/L/M", 2)
        again = upsert_signals(session, collector, "opc", [spec("S/A/L/M/C/P"), spec("S/A/L/M/D/P")])
        assert again["S/A/L/M/C/P"] == first["S/A/L/M/C/P"]
        below = assets_below(session, steel, tree["S/A/L2"].id)
        later = by_path(session, steel)
        assert {later["S/A/L/M"].id, later["S/A/L/M/D"].id} < below
        assert assets_below(session, steel, tree["S/A/L"].id) == {tree["S/A/L"].id}
        what = [entry.action for entry in entries_of(session, steel)]
    assert what == ["asset.moved"]


def test_no_level_is_left_out_and_nothing_hangs_below_itself(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        parent, ids = None, {}
        for code in ("S", "A", "L", "M", "C", "D", "E"):
            parent = ids[code] = made(session, steel, code, parent).id
        with pytest.raises(AssetRefused, match="holds no machine"):
            move_asset(session, steel, ids["M"], 1, ids["A"], NOW)
        with pytest.raises(AssetRefused, match="below itself"):
            move_asset(session, steel, ids["C"], 1, ids["E"], NOW)
        with pytest.raises(AssetRefused, match="below itself"):
            move_asset(session, steel, ids["D"], 1, ids["D"], NOW)
        assert move_asset(session, steel, ids["E"], 1, ids["M"], NOW).parent == ids["M"]
        with pytest.raises(AssetRefused, match="already"):
            made(session, steel, "S")
        for n in range(6):
            parent = made(session, steel, f"X{n}", parent).id
        with pytest.raises(AssetRefused, match="12 levels"):
            made(session, steel, "X", parent)


def test_two_who_edit_at_once_do_not_undo_each_other(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        site = made(session, steel, "S")
        named = change_asset(session, steel, site.id, 1, AssetChange(name_zh="一厂", position=3), NOW)
        assert (named.name_zh, named.name_en, named.position, named.path) == ("一厂", "S", 3, "S")
        with pytest.raises(AssetChanged):
            change_asset(session, steel, site.id, 1, AssetChange(name_zh="二厂"), NOW)
        with pytest.raises(AssetChanged):
            move_asset(session, steel, site.id, 1, site.id, NOW)


def test_what_has_data_is_retired_and_never_removed(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        upsert_signals(session, scopes["collector"], "opc", [spec("S/A/L/M/C/P")])
        tree = by_path(session, steel)
        for path in ("S/A/L/M/C", "S/A/L/M", ""):
            with pytest.raises(AssetRefused):
                delete_asset(session, steel, tree[path].id, NOW)
        change_asset(session, steel, tree["S/A/L/M"].id, 1, AssetChange(retired=True), NOW)
        assert set(by_path(session, steel)) == {"", "S", "S/A", "S/A/L"}
        assert by_path(session, steel, retired=True)["S/A/L/M/C"].retired_at == NOW
        with pytest.raises(AssetRefused, match="retired"):
            made(session, steel, "X", tree["S/A/L/M"].id)
        with pytest.raises(AssetRefused, match="retired"):
            change_asset(session, steel, tree["S/A/L/M/C"].id, 1, AssetChange(retired=False), NOW)
        change_asset(session, steel, tree["S/A/L/M"].id, 2, AssetChange(retired=False), NOW)
        assert "S/A/L/M/C" in by_path(session, steel)
        with pytest.raises(AssetRefused, match="enterprise"):
            change_asset(session, steel, tree[""].id, 1, AssetChange(retired=True), NOW)
        spare = made(session, steel, "Spare")
        delete_asset(session, steel, spare.id, NOW)
        with pytest.raises(UnknownAsset):
            find_asset(session, steel, spare.id)


def test_tenants_do_not_reach_each_others_nodes(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    steel, power = scopes["steel"], scopes["power"]
    with metadata.session() as session:
        mine, theirs = made(session, steel, "S"), made(session, power, "S")
        line = made(session, steel, "A", mine.id)
        for refused in (
            lambda: find_asset(session, power, mine.id),
            lambda: made(session, power, "X", mine.id),
            lambda: change_asset(session, power, mine.id, 1, AssetChange(name_zh="x"), NOW),
            lambda: move_asset(session, steel, line.id, 1, theirs.id, NOW),
            lambda: delete_asset(session, power, line.id, NOW),
            lambda: assets_below(session, power, mine.id),
        ):
            with pytest.raises(UnknownAsset):
                refused()


def test_a_narrowed_scope_sees_what_its_signals_hang_on_and_changes_nothing(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        ids = upsert_signals(
            session,
            scopes["collector"],
            "opc",
            [spec("S/A/L/M/C/P"), spec("S/A/L/M/C/Q"), spec("S/B/K/N/C/P")],
        )
        narrow = steel.narrowed(frozenset({ids["S/A/L/M/C/P"]}), steel.permissions)
        seen = by_path(session, narrow)
        assert set(seen) == {"", "S", "S/A", "S/A/L", "S/A/L/M", "S/A/L/M/C"}
        assert seen["S/A/L/M/C"].signals == 1
        hidden = by_path(session, steel)["S/B"].id
        with pytest.raises(UnknownAsset):
            find_asset(session, narrow, hidden)
        with pytest.raises(AccessDenied):
            made(session, narrow, "X")
        with pytest.raises(AccessDenied):
            made(session, scopes["collector"], "X")


def test_pages_follow_each_other(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        for n in range(5):
            made(session, steel, f"S{n}")
        first = list_assets(session, steel, limit=4)
        rest = list_assets(session, steel, after=first[-1].id, limit=4)
    assert [asset.path for asset in first + rest] == ["", "S0", "S1", "S2", "S3", "S4"]


@pytest.mark.parametrize("code", ["", "a/b", " a", "a ", "a\n", "x" * 121])
def test_a_code_must_be_one_part_of_a_path(code: str) -> None:
    with pytest.raises(ValidationError):
        AssetSpec(code=code, name_zh="x", name_en="x")


def test_moves_at_once_never_close_a_circle(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    steel = scopes["steel"]
    with metadata.session() as session:
        parent = None
        for code in ("S", "A", "L", "M"):
            parent = made(session, steel, code, parent).id
        one, other = made(session, steel, "C", parent).id, made(session, steel, "D", parent).id
    outcomes: list[object] = []

    def move(what: int, below: int) -> None:
        try:
            with metadata.session() as session:
                outcomes.append(move_asset(session, steel, what, 1, below, NOW))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall tell
            outcomes.append(error)

    threads = [threading.Thread(target=move, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AssetInfo", "AssetRefused"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15))
def test_whatever_is_moved_it_stays_one_tree(
    new_sqlite: Callable[[], Metadata], moves: list[tuple[int, int]]
) -> None:
    metadata = new_sqlite()
    steel = scopes_of(metadata)["steel"]
    with metadata.session() as session:
        paths = [f"S/A/L/M{m}/C{c}/D/P" for m in range(2) for c in range(2)]
        collector = access_tenant(job_principal(session, "opc", Role.COLLECTOR), "steel", Permission.INGEST)
        upsert_signals(session, collector, "opc", [spec(path) for path in paths])
        nodes = list_assets(session, steel)
        for what, below in moves:
            row = find_asset(session, steel, nodes[what % len(nodes)].id)
            try:
                move_asset(session, steel, row.id, row.version, nodes[below % len(nodes)].id, NOW)
            except AssetRefused:
                continue
        (root,) = [asset for asset in list_assets(session, steel) if asset.parent is None]
        assert assets_below(session, steel, root.id) == {asset.id for asset in nodes}


def test_signals_of_an_older_database_get_their_places(empty_url: str) -> None:
    metadata = Metadata(empty_url)
    with metadata.engine.begin() as connection:
        command.upgrade(configuration(connection), "0005")
        connection.execute(
            text(
                "INSERT INTO tenant (id, slug, name_zh, name_en, timezone, next_signal, created_at)"
                " VALUES (7, 'steel', '钢厂', 'Steel', 'UTC', 3, '2026-01-01')"
            )
        )
        for number, path, role in (
            (1, "S/A/L/M/C/P", "measurement"),
            (2, "S/A/L/Models/m/Value", "prediction"),
        ):
            connection.execute(
                text(
                    "INSERT INTO signal (tenant_id, id, path, name_zh, name_en, semantic, kind, role, unit,"
                    " step, source)"
                    " VALUES (7, :number, :path, 'x', 'x', 'x', 'numeric', :role, '', false, 'opc')"
                ),
                {"number": number, "path": path, "role": role},
            )
    upgrade(metadata)
    with metadata.above(Above.OPERATOR).session() as session:
        owner = job_principal(session, "eng", Role.OWNER)
        tree = by_path(session, access_tenant(owner, "steel", Permission.READ))
    metadata.close()
    assert {path: (asset.level.value, asset.signals) for path, asset in tree.items()} == {
        "": ("enterprise", 0), "S": ("site", 0), "S/A": ("area", 0), "S/A/L": ("line", 1),
        "S/A/L/M": ("machine", 0), "S/A/L/M/C": ("component", 1),
    }  # fmt: skip
    assert tree[""].name_en == "Steel"
