"""Models by line, the newest version first; one under the other, so that a phone needs no sideways scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.models.words import (
    OPEN,
    approval_words,
    headline,
    level_words,
    state_words,
    window_words,
)
from tundish_platform.model_registry import ReportKind, list_models

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.model_registry import ModelInfo, State

SHOWN: Final = 50


def model_list(view: TenantView, state: State | None, before: int) -> Component:
    """A page of versions, and the ways to the next and back to the newest."""
    t = view.t
    with view.context.metadata.session() as session:
        found = list_models(session, view.scope, state=state, before=before or None, limit=SHOWN + 1)
    if not found:
        return components.nothing(t("models.none"), t("models.none_then"))
    shown = found[:SHOWN]
    lines: dict[str, list[Component]] = {}
    for info in shown:
        lines.setdefault(info.line, []).append(_row(view, info))
    ways = [
        components.quiet(t("models.newest"), {"role": "model-before", "number": 0}) if before else None,
        components.quiet(t("models.older"), {"role": "model-before", "number": shown[-1].id})
        if len(found) > SHOWN
        else None,
    ]
    parts: list[Component] = []
    for line, rows in sorted(lines.items()):
        parts += [html.H3(line, className="model-line"), components.entries(rows)]
    return html.Div([*parts, html.Div([way for way in ways if way], className="entry-buttons left")])


def _row(view: TenantView, info: ModelInfo) -> Component:
    t = view.t
    # What nobody uses any more needs nobody's attention.
    levels = [
        level_words(view, info.levels[kind], f"{t(f'model_report.{kind}')}: ")
        for kind in ReportKind
        if kind in info.levels and info.state in OPEN
    ]
    head = [state_words(view, info.state), html.Strong(info.model), html.Span(info.version, className="code")]
    facts = [approval_words(view, info), window_words(view, info), headline(view, info.metrics), *levels]
    label = t("models.open_of", model=info.model, version=info.version)
    button = components.quiet(t("models.open"), {"role": "model-open", "model": info.id}, label)
    return components.entry(head, facts, [button])
