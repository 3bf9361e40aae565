"""Noting what was done on a machine, and how it looks on charts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.machine.data import list_machines
from tundish_dashboards.theme import Tone
from tundish_platform.annotations import AnnotationView
from tundish_platform.assets import list_signals
from tundish_platform.maintenance import (
    MaintenanceKind,
    RecordRefused,
    RecordSpec,
    RecordView,
    UnknownRecord,
    note_record,
    remove_record,
)
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_PATTERN: Final = "%Y-%m-%d %H:%M"
_LONGEST: Final = 400
_MACHINE_DEPTH: Final = 4
_MAX_ID: Final = 2**31 - 1


def work_notes(view: TenantView, records: Sequence[RecordView]) -> list[AnnotationView]:
    """Records as the notes that charts draw."""
    return [
        AnnotationView(
            id=record.id, path=record.path, starts_at=record.started_at, ends_at=record.ended_at,
            text=f"{view.t(f'maintenance_kind.{record.kind}')}: {record.text}",
            said_at=record.said_at, said_by=record.said_by,
        )
        for record in records
    ]  # fmt: skip


def record_form(view: TenantView) -> Component:
    """Fields of a new record; times are on the plant's clock. Unseen where the person may not note."""
    t = view.t
    kinds = [{"value": kind.value, "label": t(f"maintenance_kind.{kind}")} for kind in MaintenanceKind]
    now = datetime.now(view.formats.zone).strftime(_PATTERN)
    return html.Div(
        [
            dmc.Select(
                id="record-place", label=t("machine.record_place"), data=[], value=None, allowDeselect=False
            ),
            dmc.Select(
                id="record-kind", label=t("machine.record_kind"), data=kinds,
                value=MaintenanceKind.REPAIR.value, allowDeselect=False,
            ),
            dmc.TextInput(id="record-start", label=t("machine.record_start"), value=now),
            dmc.TextInput(
                id="record-end", label=t("machine.record_end"), value="",
                placeholder=t("machine.record_optional"),
            ),
            dmc.TextInput(
                id="record-by", label=t("machine.record_by"), value=view.person.principal.name,
                autoComplete="off",
            ),
            dmc.TextInput(id="record-text", label=t("machine.record_text"), value="", autoComplete="off"),
            dmc.Button(t("machine.record_add"), id="record-add", size="sm"),
        ],
        className="form",
        hidden=not view.may(Permission.HANDLE),
    )  # fmt: skip


def parts_of(machine: str, paths: Iterable[str]) -> list[str]:
    """The machine and the parts of it that its signals hang on, the machine first."""
    found = {machine}
    for path in paths:
        parts = path.split("/")
        if path.startswith(f"{machine}/"):
            found |= {"/".join(parts[:depth]) for depth in range(_MACHINE_DEPTH + 1, len(parts))}
    return sorted(found, key=lambda one: (one.count("/"), one))


def register_records(pages: Pages) -> None:
    """Making a record, taking one away, and the places that one can be about."""

    @pages.on_tenant(
        Output("record-place", "data"), Output("record-place", "value"), Input("machine-choice", "value")
    )
    def places(view: TenantView, wish: object) -> tuple[list[dict[str, str]], str | None]:
        chosen = wishes.word(wish, "the machine", _LONGEST)
        machines = [one.path for one in list_machines(view)]
        if not machines:
            return [], None
        machine = chosen if chosen in machines else machines[0]
        with view.context.metadata.session() as session:
            found = parts_of(machine, (signal.path for signal in list_signals(session, view.scope)))
        above = machine.rpartition("/")[0]
        return [{"value": one, "label": one.removeprefix(f"{above}/")} for one in found], machine

    @pages.on_tenant(
        Output("machine-noted", "data"),
        Output("record-message", "children"),
        Output("record-text", "value"),
        Input("record-add", "n_clicks"),
        Input({"role": "machine-unrecord", "number": ALL}, "n_clicks"),
        State("record-place", "value"),
        State("record-kind", "value"),
        State("record-start", "value"),
        State("record-end", "value"),
        State("record-by", "value"),
        State("record-text", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def note(view: TenantView, adding: object, _removing: object, *given: object) -> tuple[Any, ...]:
        clicked = wishes.click()
        if clicked:
            return _removed(view, wishes.whole(clicked.get("number"), "the record", 0, _MAX_ID, 0))
        if isinstance(wishes.asker(), dict) or not adding:
            return no_update, no_update, no_update
        names = ("the place", "the kind", "the start", "the end", "who did it", "what was done")
        place, kind, start, end, by, text = (
            wishes.word(one, name, 10_000) for one, name in zip(given, names, strict=True)
        )
        if not place or not text.strip():
            return _told(view, "machine.record_lacks")
        return _made(view, {"path": place, "kind": kind, "done_by": by, "text": text}, start, end)


def _made(view: TenantView, said: dict[str, str], start: str, end: str) -> tuple[Any, ...]:
    try:
        times = {"started_at": _instant(view, start)}
        times |= {"ended_at": _instant(view, end)} if end.strip() else {}
    except ValueError:
        return _told(view, "machine.record_times")
    try:
        spec = RecordSpec.model_validate(said | times)
        with view.context.metadata.session() as session:
            kept = note_record(session, view.scope, spec, datetime.now(UTC))
    except ValidationError as error:
        wrong = {str(part["loc"][0]) if part["loc"] else "ended_at" for part in error.errors()}
        return _told(view, "machine.record_times" if "ended_at" in wrong else "machine.record_wrong")
    except RecordRefused as refused:
        return no_update, components.refused(view.t, refused), no_update
    except AccessDenied:
        return _told(view, "explorer.note_elsewhere")
    return kept.id, components.done(view.t("machine.recorded")), ""


def _instant(view: TenantView, text: str) -> datetime:
    return datetime.strptime(text.strip(), _PATTERN).replace(tzinfo=view.formats.zone)


def _removed(view: TenantView, number: int) -> tuple[Any, ...]:
    try:
        with view.context.metadata.session() as session:
            remove_record(session, view.scope, number, datetime.now(UTC))
    except UnknownRecord:
        return _told(view, "machine.record_gone")
    return -number, components.done(view.t("machine.removed")), no_update


def _told(view: TenantView, key: str) -> tuple[Any, ...]:
    """Why nothing was done; what was written stays."""
    return no_update, components.notice(Tone.NOTICE, view.t(key), ""), no_update
