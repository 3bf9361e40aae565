"""Equipment and signals as tables: out and in again changes nothing, and one wrong cell stops all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import ContractSpec, declare_contract, list_assets, list_signals, upsert_signals
from tundish_platform.planning import Change
from tundish_platform.planning.tables import (
    ASSET_COLUMNS,
    SIGNAL_COLUMNS,
    TableRefused,
    asset_rows,
    signal_rows,
    take_assets,
    take_signals,
)
from tundish_platform.samples import SignalSpec
from tundish_platform.samples.sheets import read_sheet, write_sheet
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PATH = "S/A/L/M/C/P"


@pytest.fixture
def scopes(metadata: Metadata) -> dict[str, TenantScope]:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        opc, owner = job_principal(session, "opc", Role.COLLECTOR), job_principal(session, "eng", Role.OWNER)
        found = {
            "opc": access_tenant(opc, "steel", Permission.INGEST),
            "owner": access_tenant(owner, "steel", Permission.CONFIGURE),
        }
        told = {"name_zh": "=压力", "name_en": "Pressure", "semantic": "pressure", "unit": "bar", "low": -1.5}
        upsert_signals(session, found["opc"], "opc", [SignalSpec.model_validate({"path": PATH, **told})])
    return found


@pytest.mark.parametrize("excel", [False, True])
def test_what_goes_out_and_comes_in_again_changes_nothing(
    metadata: Metadata, scopes: dict[str, TenantScope], excel: bool
) -> None:
    owner = scopes["owner"]
    with metadata.session() as session:
        out = write_sheet(ASSET_COLUMNS, asset_rows(session, owner), "assets", excel=excel)
        found = take_assets(session, owner, read_sheet(out, ASSET_COLUMNS, "path", excel=excel), NOW)
        assert [(one.path, one.change) for one in found] == [
            (path, Change.KEPT) for path in ("S", "S/A", "S/A/L", "S/A/L/M", "S/A/L/M/C")
        ]
        before = list_signals(session, owner)
        out = write_sheet(SIGNAL_COLUMNS, signal_rows(session, owner), "signals", excel=excel)
        (kept,) = take_signals(session, owner, read_sheet(out, SIGNAL_COLUMNS, "path", excel=excel))
        assert kept.change is Change.KEPT
        assert list_signals(session, owner) == before


def test_rows_make_name_and_retire_nodes_in_any_order(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    owner = scopes["owner"]
    rows = [
        (2, {"path": "T/B/K", "name_zh": "二线"}), (3, {"path": "T/B"}), (4, {"path": "T", "position": "4"}),
        (5, {"path": "S/A/L/M/C", "retired": "是"}), (6, {"path": "S", "name_en": "Works", "version": "1"}),
        (7, {"path": "S/A", "name_en": "A"}),
    ]  # fmt: skip
    with metadata.session() as session:
        found = take_assets(session, owner, rows, NOW)
        assert [(one.row, one.change.value, one.fields) for one in found] == [
            (2, "new", ()), (3, "new", ()), (4, "new", ()), (5, "changed", ("retired",)),
            (6, "changed", ("name_en",)), (7, "kept", ()),
        ]  # fmt: skip
        tree = {node.path: node for node in list_assets(session, owner, retired=True)}
    line, works = tree["T/B/K"], tree["S"]
    assert (line.name_zh, line.name_en, line.level.value, tree["T"].position) == ("二线", "K", "line", 4)
    assert (works.name_en, works.version) == ("Works", 2)
    assert tree["S/A/L/M/C"].retired_at == NOW


def test_every_wrong_row_of_the_tree_is_named_and_none_is_written(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    owner = scopes["owner"]
    rows = [
        (2, {"path": "T"}), (3, {"path": "U/B"}), (4, {"path": "S", "version": "9"}), (5, {"name_zh": "x"}),
        (6, {"path": "S/A", "retired": "perhaps"}), (7, {"path": "T"}), (8, {"path": "V", "position": "-1"}),
    ]  # fmt: skip
    with metadata.session() as session:
        before = asset_rows(session, owner)
    with pytest.raises(TableRefused) as refused, metadata.session() as session:
        take_assets(session, owner, rows, NOW)
    assert [(fault.row, fault.column) for fault in refused.value.faults] == [
        (3, "path"), (4, "version"), (5, "path"), (6, "retired"), (7, "path"), (8, "position"),
    ]  # fmt: skip
    with metadata.session() as session:
        assert asset_rows(session, owner) == before
        with pytest.raises(AccessDenied):
            take_assets(session, scopes["opc"], rows, NOW)


def test_signals_are_planned_and_changed_and_stay_their_sources(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    owner = scopes["owner"]
    rows = [
        (2, {"path": PATH, "high": "315", "step": "yes"}),
        (3, {"path": "S/A/L/M/C/Q", "name_zh": "流量", "name_en": "Flow", "semantic": "flow"}),
    ]
    with metadata.session() as session:
        changed, new = take_signals(session, owner, rows)
        assert (changed.change, changed.fields, new.change) == (Change.CHANGED, ("high", "step"), Change.NEW)
        held = {signal.path: signal for signal in list_signals(session, owner)}
    assert (held[PATH].high, held[PATH].low, held[PATH].source) == (315.0, -1.5, "opc")
    assert held["S/A/L/M/C/Q"].source == "table"


def test_every_wrong_row_of_signals_is_named_and_none_is_written(
    metadata: Metadata, scopes: dict[str, TenantScope]
) -> None:
    owner = scopes["owner"]
    flow = {"path": "S/A/L/M/C/Q", "name_zh": "流量", "name_en": "Flow", "semantic": "flow"}
    rows = [(2, flow), (3, {"path": PATH, "low": "much"}), (4, {"path": "S/A/L/M/C/R"}), (5, flow)]
    with metadata.session() as session:
        before = signal_rows(session, owner)
    with pytest.raises(TableRefused) as refused, metadata.session() as session:
        take_signals(session, owner, rows)
    assert {(fault.row, fault.column) for fault in refused.value.faults} >= {
        (3, "low"), (4, "name_zh"), (5, "path"),
    }  # fmt: skip
    for wrong in ({"path": PATH, "kind": "text"}, {"path": PATH, "name_en": "x" * 201}):
        with pytest.raises(TableRefused) as refused, metadata.session() as session:
            take_signals(session, owner, [(2, flow), (3, wrong)])
        assert [fault.row for fault in refused.value.faults] == [3]
    with metadata.session() as session:
        assert signal_rows(session, owner) == before


def test_a_table_cannot_break_a_contract(metadata: Metadata, scopes: dict[str, TenantScope]) -> None:
    term = {"path": PATH, "unit": "bar", "semantic": "pressure"}
    promise = ContractSpec.model_validate({"source": "opc", "signals": [term]})
    with metadata.session() as session:
        declare_contract(session, scopes["opc"], "press", promise, NOW)
    with pytest.raises(TableRefused) as refused, metadata.session() as session:
        take_signals(session, scopes["owner"], [(2, {"path": PATH, "unit": "Pa"})])
    assert [(fault.row, fault.column) for fault in refused.value.faults] == [(2, "unit")]
