"""At how many plants which version of a publisher's apps runs, and how upgrades went; few are not told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from tundish_dashboards import components
from tundish_platform.marketplace.publishing import (
    FEWEST,
    field_upgrades,
    field_versions,
    own_apps,
)
from tundish_platform.marketplace.upgrades import State
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace.publishing import FieldUpgrade, FieldVersion

_STATES: Final = (State.TAKEN, State.TRYING, State.DIFFERS, State.REFUSED, State.RETURNED)


def spread_panel(view: TenantView) -> Component:
    """For each app a row a version: plants that run it now, and upgrades to it by how they stand."""
    t, metadata = view.t, view.context.metadata
    body: list[Component] = []
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        for app in own_apps(session, view.scope):
            running = field_versions(session, above, view.scope, app)
            upgrades = field_upgrades(session, above, view.scope, app)
            body += [html.H3(app), _table(view, app, running, upgrades)]
    words = html.P(t("developer.spread_words", k=FEWEST), className="muted")
    return components.panel(
        t("developer.spread"),
        [words, *(body or [html.P(t("developer.spread_nothing"))])],
        id="developer-spread",
    )


def _table(
    view: TenantView, app: str, running: Sequence[FieldVersion], upgrades: Sequence[FieldUpgrade]
) -> Component:
    t = view.t
    plants = {one.version: one.tenants for one in running}
    counts: dict[tuple[str, str], int] = {}
    for one in upgrades:
        counts[one.version, one.state] = counts.get((one.version, one.state), 0) + one.upgrades
    versions = sorted({*plants, *(version for version, _ in counts)}, key=_number, reverse=True)
    if not versions:
        return html.P(t("developer.spread_nothing"))
    head = [t("developer.run_version"), t("developer.spread_plants")]
    head += [t(f"developer.spread_{state}") for state in _STATES]
    rows = [
        [
            version,
            _told(view, plants[version]) if version in plants else "0",
            *(_told(view, _safe(counts.get((version, state), 0))) for state in _STATES),
        ]
        for version in versions
    ]
    return components.table(head, rows, app)


def _safe(count: int) -> int | None:
    return None if 0 < count < FEWEST else count


def _told(view: TenantView, count: int | None) -> str:
    return view.t("developer.fewer", k=FEWEST) if count is None else view.formats.number(count, 0)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
