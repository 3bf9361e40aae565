"""Records of work belong to a node of one tenant's tree, and show on the charts of its machine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_platform.audit import entries_of
from tundish_platform.maintenance import (
    LONGEST,
    MaintenanceKind,
    RecordRefused,
    RecordSpec,
    UnknownRecord,
    list_records,
    note_record,
    records_on,
    remove_record,
)
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from tundish_platform.maintenance import RecordView
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

AT = datetime(2026, 5, 10, 8, tzinfo=UTC)
NOW = AT + timedelta(hours=9)
HOUR = timedelta(hours=1)
MACHINE, SIGNAL = "S/A/L1/M", "S/A/L1/M/C/P"
Plants = tuple["TenantScope", "TenantScope"]
on_both = pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "sqlite")


def noted(
    metadata: Metadata,
    scope: TenantScope,
    text: str,
    path: str = MACHINE,
    *,
    start: float = 0,
    end: float | None = 1,
    done_by: str = "",
) -> RecordView:
    spec = RecordSpec(
        path=path, kind=MaintenanceKind.REPAIR, text=text, started_at=AT + start * HOUR,
        ended_at=None if end is None else AT + end * HOUR, done_by=done_by,
    )  # fmt: skip
    with metadata.of(scope).session() as session:
        return note_record(session, scope, spec, NOW)


def listed(metadata: Metadata, scope: TenantScope, **wanted: object) -> list[str]:
    with metadata.of(scope).session() as session:
        return [one.text for one in list_records(session, scope, **wanted)]  # type: ignore[arg-type] # by name


def on_chart(metadata: Metadata, scope: TenantScope, path: str, start: float, end: float) -> list[str]:
    with metadata.of(scope).session() as session:
        found = records_on(session, scope, [path], AT + start * HOUR, AT + end * HOUR, 10)
    return [one.text for one in found]


@on_both
def test_a_record_shows_on_its_machine_and_in_the_history_of_what_is_above(
    metadata: Metadata, plants: Plants
) -> None:
    steel, _ = plants
    noted(metadata, steel, "pump", "S/A/L1/M/C", start=1, end=2)
    noted(metadata, steel, "machine")
    noted(metadata, steel, "other line", "S/A/L2/M")
    assert listed(metadata, steel, below=MACHINE) == ["machine", "pump"]
    assert listed(metadata, steel, below="S/A/L1/M/C") == ["pump"]
    assert listed(metadata, steel) == ["other line", "machine", "pump"]
    assert on_chart(metadata, steel, SIGNAL, 0.5, 3) == ["pump", "machine"]
    assert on_chart(metadata, steel, SIGNAL, 1.5, 3) == ["pump"]
    assert on_chart(metadata, steel, "S/A/L1/M/Other/P", 0.5, 3) == ["pump", "machine"]
    assert on_chart(metadata, steel, SIGNAL, -2, 0) == []
    assert on_chart(metadata, steel, "S/A/L1", 0, 9) == []


@on_both
def test_another_tenant_neither_sees_nor_removes_it(metadata: Metadata, plants: Plants) -> None:
    steel, other = plants
    kept = noted(metadata, steel, "ours")
    assert listed(metadata, other) == []
    assert on_chart(metadata, other, SIGNAL, -1, 2) == []
    with metadata.of(other).session() as session, pytest.raises(UnknownRecord):
        remove_record(session, other, kept.id, NOW)
    assert listed(metadata, steel) == ["ours"]


def test_who_did_it_is_who_notes_it_where_nobody_is_named(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    kept = noted(metadata, steel, " Seal changed ", end=None)
    assert (kept.text, kept.done_by, kept.said_by) == ("Seal changed", "Person of steel", "Person of steel")
    assert kept.ended_at == kept.started_at == AT
    assert noted(metadata, steel, "x", done_by=" 李工 ").done_by == "李工"


def test_pages_go_back_to_the_oldest(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    records = [noted(metadata, steel, str(n)) for n in range(4)]
    assert listed(metadata, steel, limit=2) == ["3", "2"]
    assert listed(metadata, steel, limit=2, before=records[2].id) == ["1", "0"]


def test_who_has_one_line_only_notes_reads_and_removes_there(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    mine, foreign = noted(metadata, steel, "mine"), noted(metadata, steel, "foreign", "S/A/L2/M")
    placed = {"steel": frozenset({(Role.SHIFT_OPERATOR, "S/A/L1")})}
    person = Principal(2, "Operator", {"steel": (steel.tenant_id, frozenset())}, placed=placed, person=True)
    narrow = access_tenant(person, "steel", Permission.HANDLE)
    assert listed(metadata, narrow) == ["mine"]
    assert on_chart(metadata, narrow, "S/A/L2/M/C/P", 0, 1) == []
    with pytest.raises(AccessDenied):
        noted(metadata, narrow, "x", "S/A/L2/M")
    with metadata.of(narrow).session() as session:
        with pytest.raises(UnknownRecord):
            remove_record(session, narrow, foreign.id, NOW)
        remove_record(session, narrow, mine.id, NOW)
    assert listed(metadata, steel) == ["foreign"]


def test_who_only_reads_may_not_note(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    reader = Principal(3, "Reader", {"steel": (steel.tenant_id, frozenset({Role.VIEWER}))}, person=True)
    with pytest.raises(AccessDenied):
        noted(metadata, access_tenant(reader, "steel", Permission.READ), "x")


def test_work_that_lies_ahead_and_places_that_are_none_are_refused(
    metadata: Metadata, plants: Plants
) -> None:
    steel, _ = plants
    with pytest.raises(RecordRefused, match="lies ahead"):
        noted(metadata, steel, "x", end=10)
    with pytest.raises(RecordRefused, match="no such path"):
        noted(metadata, steel, "x", SIGNAL)
    assert listed(metadata, steel) == []


def test_the_trail_keeps_what_was_recorded_and_removed(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    kept = noted(metadata, steel, "Bearing changed", done_by="Li")
    with metadata.of(steel).session() as session:
        remove_record(session, steel, kept.id, NOW)
    with metadata.session() as session:
        found = [one for one in entries_of(session, steel) if one.action.startswith("maintenance.")]
    told = [(one.action, json.loads(one.detail or "{}")) for one in found]
    assert [action for action, _ in told] == ["maintenance.record_removed", "maintenance.recorded"]
    assert all((d["text"], d["done_by"], d["kind"]) == ("Bearing changed", "Li", "repair") for _, d in told)


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""}, {"text": " "}, {"text": "x" * 1001}, {"text": "a\x00"}, {"path": ""}, {"kind": "magic"},
        {"ended_at": AT - HOUR}, {"ended_at": AT + LONGEST + HOUR}, {"started_at": AT.replace(tzinfo=None)},
        {"done_by": "x" * 201},
    ],
)  # fmt: skip
def test_what_makes_no_record(wrong: dict[str, object]) -> None:
    good = {"path": "S", "kind": "repair", "started_at": AT, "text": "n"}
    RecordSpec.model_validate(good)
    with pytest.raises(ValidationError):
        RecordSpec.model_validate(good | wrong)
