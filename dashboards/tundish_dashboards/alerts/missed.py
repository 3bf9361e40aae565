"""Failures that no alert announced, as people report them: without these there is no recall."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.theme import Tone
from tundish_platform.assets import list_places
from tundish_platform.ratings import (
    FailureRefused,
    FailureSpec,
    UnknownFailure,
    failures,
    report_failure,
    take_failure_back,
)
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.ratings import FailureView

_SHOWN: Final = 20
_PATTERN: Final = "%Y-%m-%d %H:%M"
_MAX_ID: Final = 2**31 - 1
_MACHINE_LEVELS: Final = 4


def missed_panel(view: TenantView) -> Component:
    """The newest reports, and the way to make one for who handles alarms somewhere."""
    t = view.t
    may = view.may(Permission.HANDLE) or Permission.HANDLE in view.scope.limits
    button = html.Button(t("missed.report"), id="missed-report", className="quiet", hidden=not may)
    body = [
        html.P(t("missed.words"), className="muted"),
        html.Div(_list(view), id="missed-list"),
        html.Div(button, className="entry-buttons left"),
        _dialog(view),
    ]
    return components.panel(t("missed.title"), body, id="missed-panel")


def register_missed(pages: Pages) -> None:
    """Asking, keeping a report, and taking one back."""

    @pages.on_tenant(
        Output("missed-dialog", "opened"),
        Output("missed-dialog-what", "children"),
        Output("missed-dialog-problem", "children"),
        Output("missed-at", "value"),
        Input("missed-report", "n_clicks"),
        Input("missed-no", "n_clicks"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def ask(view: TenantView, clicks: object, _no: object) -> tuple[Any, ...]:
        if wishes.asker() != "missed-report" or not clicks:
            return False, no_update, None, no_update
        now = datetime.now(UTC).astimezone(view.formats.zone).strftime(_PATTERN)
        return True, view.t("missed.report"), None, now

    @pages.on_tenant(
        Output("missed-dialog", "opened", allow_duplicate=True),
        Output("missed-dialog-problem", "children", allow_duplicate=True),
        Output("missed-list", "children", allow_duplicate=True),
        Input("missed-yes", "n_clicks"),
        State("missed-machine", "value"),
        State("missed-at", "value"),
        State("missed-note", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def keep(view: TenantView, clicks: object, machine: object, at: object, note: object) -> tuple[Any, ...]:
        if not clicks:
            return (no_update,) * 3
        problem = _keep(
            view, wishes.word(machine, "the machine", 240), wishes.word(at, "the time", 40),
            wishes.word(note, "the note", 1_000),
        )  # fmt: skip
        return (no_update, problem, no_update) if problem is not None else (False, None, _list(view))

    @pages.on_tenant(
        Output("missed-list", "children"),
        Input({"role": "missed-remove", "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def remove(view: TenantView, _clicks: object) -> Any:  # noqa: ANN401 - a list of components
        if not (asked := wishes.click()):
            return no_update
        number = wishes.whole(asked.get("number"), "the report", 0, _MAX_ID, 0)
        try:
            with view.context.metadata.session() as session:
                take_failure_back(session, view.scope, number, datetime.now(UTC))
        except UnknownFailure:
            # Somebody else took it back meanwhile; the list says so.
            return _list(view)
        return _list(view)


def _keep(view: TenantView, machine: str, at: str, note: str) -> Component | None:
    """Keep a report, or say why not."""
    t = view.t
    try:
        failed_at = datetime.strptime(at.strip(), _PATTERN).replace(tzinfo=view.formats.zone)
        spec = FailureSpec(path=machine.strip(), failed_at=failed_at, note=note)
        with view.context.metadata.session() as session:
            report_failure(session, view.scope, spec, datetime.now(UTC))
    except FailureRefused as refused:
        return components.refused(t, refused)
    except AccessDenied:
        return components.notice(Tone.BAD, t("missed.not_there"), "")
    except (ValidationError, ValueError):
        return components.notice(Tone.BAD, t("alerts.invalid"), f"{t('missed.machine')}, {t('missed.at')}")
    return None


def _list(view: TenantView) -> Component:
    with view.context.metadata.session() as session:
        found = failures(session, view.scope, 0, _SHOWN)
    if not found:
        return html.P(view.t("missed.none"), className="muted")
    return components.entries([_entry(view, one) for one in found])


def _entry(view: TenantView, one: FailureView) -> Component:
    t, moment = view.t, view.formats.moment
    facts = [moment(one.failed_at, seconds=False), t("missed.said", by=one.said_by), one.note]
    remove = components.quiet(
        t("missed.remove"), {"role": "missed-remove", "number": one.id}, f"{t('missed.remove')} {one.path}"
    )
    buttons = [remove] if view.scope.allows(Permission.HANDLE, one.path) else []
    return components.entry(html.Strong(one.path), facts, buttons)


def _dialog(view: TenantView) -> Component:
    t = view.t
    body = [
        html.P(t("missed.dialog_words")),
        dmc.Autocomplete(
            id="missed-machine", label=t("missed.machine"), value="", data=_machines(view), limit=20
        ),
        dmc.TextInput(id="missed-at", label=t("missed.at"), value="", placeholder="2026-01-31 08:00"),
        *comment("missed-note", t("alerts.note"), 1_000),
    ]
    return dialog("missed", t("alerts.confirm"), t("alerts.cancel"), body)


def _machines(view: TenantView) -> list[str]:
    """Paths of machines to choose from; who is limited to some places types one."""
    try:
        with view.context.metadata.session() as session:
            found = list_places(session, view.scope, machines=True)
    except AccessDenied:
        return []
    return [place.path for place in found if place.path.count("/") == _MACHINE_LEVELS - 1]
