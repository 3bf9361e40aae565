"""Notes belong to a place and a stretch of time, and to one tenant."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_platform.annotations import (
    LONGEST,
    AnnotationRefused,
    AnnotationSpec,
    UnknownAnnotation,
    annotate,
    annotations_on,
    list_annotations,
    remove_annotation,
)
from tundish_platform.audit import entries_of
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from tundish_platform.annotations import AnnotationView
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

AT = datetime(2026, 5, 10, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIGNAL = "S/A/L1/M/C/P"
Plants = tuple["TenantScope", "TenantScope"]
on_both = pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "sqlite")


def noted(
    metadata: Metadata,
    scope: TenantScope,
    text: str,
    path: str = SIGNAL,
    *,
    start: int = 0,
    end: int | None = 1,
) -> AnnotationView:
    spec = AnnotationSpec(
        path=path, text=text, starts_at=AT + start * HOUR, ends_at=None if end is None else AT + end * HOUR
    )
    with metadata.of(scope).session() as session:
        return annotate(session, scope, spec, AT + 9 * HOUR)


def on_signal(
    metadata: Metadata, scope: TenantScope, start: float, end: float, path: str = SIGNAL
) -> list[str]:
    with metadata.of(scope).session() as session:
        found = annotations_on(session, scope, [path], AT + start * HOUR, AT + end * HOUR, 10)
    return [one.text for one in found]


def listed(metadata: Metadata, scope: TenantScope, **wanted: object) -> list[str]:
    with metadata.of(scope).session() as session:
        return [one.text for one in list_annotations(session, scope, **wanted)]  # type: ignore[arg-type] # by name


@on_both
def test_a_note_shows_on_the_signals_of_its_place_while_it_lasts(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    noted(metadata, steel, "signal")
    noted(metadata, steel, "line", "S/A/L1")
    noted(metadata, steel, "other line", "S/A/L2")
    noted(metadata, steel, "moment", "S/A/L1/M", start=2, end=None)
    assert on_signal(metadata, steel, -1, 0.5) == ["line", "signal"]
    assert on_signal(metadata, steel, 1.5, 2) == []
    assert on_signal(metadata, steel, 1.5, 2.5) == ["moment"]
    assert on_signal(metadata, steel, 0, 1, "S/A/L2/M/C/P") == ["other line"]


@on_both
def test_another_tenant_neither_sees_nor_removes_it(metadata: Metadata, plants: Plants) -> None:
    steel, other = plants
    kept = noted(metadata, steel, "ours")
    assert listed(metadata, other) == []
    assert on_signal(metadata, other, -1, 2) == []
    with metadata.of(other).session() as session, pytest.raises(UnknownAnnotation):
        remove_annotation(session, other, kept.id, AT)
    assert listed(metadata, steel) == ["ours"]


def test_pages_go_back_to_the_oldest_and_a_window_leaves_out_the_rest(
    metadata: Metadata, plants: Plants
) -> None:
    steel, _ = plants
    notes = [noted(metadata, steel, str(n), start=n, end=n + 1) for n in range(5)]
    assert listed(metadata, steel, limit=2) == ["4", "3"]
    assert listed(metadata, steel, limit=2, before=notes[3].id) == ["2", "1"]
    window = {"start": AT + 1.5 * HOUR, "end": AT + 3 * HOUR}
    assert listed(metadata, steel, **window) == ["2", "1"]


def test_who_has_one_line_only_notes_reads_and_removes_there(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    mine, foreign = noted(metadata, steel, "mine", "S/A/L1"), noted(metadata, steel, "foreign", "S/A/L2")
    placed = {"steel": frozenset({(Role.SHIFT_OPERATOR, "S/A/L1")})}
    person = Principal(2, "Operator", {"steel": (steel.tenant_id, frozenset())}, placed=placed, person=True)
    narrow = access_tenant(person, "steel", Permission.HANDLE)
    assert listed(metadata, narrow) == ["mine"]
    assert on_signal(metadata, narrow, 0, 1, "S/A/L2/M/C/P") == []
    with pytest.raises(AccessDenied):
        noted(metadata, narrow, "x", "S/A/L2")
    with metadata.of(narrow).session() as session:
        with pytest.raises(UnknownAnnotation):
            remove_annotation(session, narrow, foreign.id, AT)
        remove_annotation(session, narrow, mine.id, AT)
    assert listed(metadata, steel) == ["foreign"]


def test_who_only_reads_may_not_note(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    reader = Principal(3, "Reader", {"steel": (steel.tenant_id, frozenset({Role.VIEWER}))}, person=True)
    with pytest.raises(AccessDenied):
        noted(metadata, access_tenant(reader, "steel", Permission.READ), "x")


def test_the_trail_keeps_what_a_removed_note_said(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    kept = noted(metadata, steel, " Bearing knocked ")
    with metadata.of(steel).session() as session:
        remove_annotation(session, steel, kept.id, AT)
    with metadata.session() as session:
        found = [one for one in entries_of(session, steel) if one.action.startswith("annotation.")]
    assert [(one.action, json.loads(one.detail or "{}")["text"]) for one in found] == [
        ("annotation.removed", "Bearing knocked"),
        ("annotation.made", "Bearing knocked"),
    ]


def test_a_place_without_signals_is_refused(metadata: Metadata, plants: Plants) -> None:
    steel, _ = plants
    with pytest.raises(AnnotationRefused):
        noted(metadata, steel, "x", "S/A/L3")


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""}, {"text": "  "}, {"text": "x" * 501}, {"text": "a\x00"}, {"path": ""},
        {"ends_at": AT - HOUR}, {"ends_at": AT + LONGEST + HOUR}, {"starts_at": AT.replace(tzinfo=None)},
    ],
)  # fmt: skip
def test_what_makes_no_note(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AnnotationSpec.model_validate({"path": "S", "starts_at": AT, "text": "n"} | wrong)
