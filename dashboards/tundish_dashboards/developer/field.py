"""How a publisher's apps run at all tenants, without anything of the tenants' own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace import Outcome
from tundish_platform.marketplace.publishing import field_halts, field_runs, own_apps
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace.publishing import FieldHalt, FieldRun

_SHOWN: Final = 20
_COLUMNS: Final = ("version", "day", "tenant", "outcome", "seconds", "memory", "rows", "error")


def field_runs_of(view: TenantView) -> list[Component]:
    """For each app the newest runs, and where it stands still."""
    metadata = view.context.metadata
    found: list[Component] = []
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        for app in own_apps(session, view.scope):
            runs = field_runs(session, above, view.scope, app, 0, _SHOWN)
            found += _of_app(view, app, runs, field_halts(session, above, view.scope, app))
    if not found:
        return [components.nothing(view.t("developer.no_runs"), view.t("developer.no_runs_then"))]
    return found


def _of_app(view: TenantView, app: str, runs: list[FieldRun], standing: list[FieldHalt]) -> list[Component]:
    if not runs:
        return []
    t = view.t
    words = [
        html.P(t("developer.halted", version=one.version, tenants=view.formats.number(one.tenants, 0)))
        for one in standing
    ]
    head = [t(f"developer.run_{column}") for column in _COLUMNS]
    return [html.H3(app), *words, components.table(head, [_row(view, run) for run in runs], app)]


def _row(view: TenantView, run: FieldRun) -> list[object]:
    formats = view.formats
    memory = "–" if run.memory_mb is None else formats.number(run.memory_mb, 0)
    tone = Tone.GOOD if run.outcome == Outcome.OK else Tone.NOTICE
    return [
        run.version,
        run.day.isoformat(),
        formats.number(run.tenant, 0),
        components.status(tone, view.t(f"outcome.{run.outcome}"), ""),
        formats.number(run.seconds, 2),
        memory,
        f"< {formats.number(run.rows_below, 0)}",
        " ".join(part for part in (run.error_type, run.error_place) if part) or "–",
    ]
