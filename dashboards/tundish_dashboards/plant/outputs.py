"""What the subscribed apps computed last: their output signals with the newest value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.plant.conditions import Condition, SignalState
from tundish_dashboards.plant.words import value_words
from tundish_platform.samples import SignalRole

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.data import Line


def app_outputs(view: TenantView, line: Line) -> Component:
    """A table of output signals; without any, where to find apps."""
    t = view.t
    outputs = [s for s in line.derived if s.role is SignalRole.OUTPUT]
    if not outputs:
        return components.nothing(t("plant.no_outputs"), t("plant.no_outputs_then"))
    rows = []
    for signal in outputs:
        latest = line.latest.get(signal.id)
        state = SignalState(signal, latest, Condition.GOOD if latest else Condition.MISSING)
        rows.append(
            [
                html.Span(t.of(signal.name_zh, signal.name_en), title=signal.path),
                value_words(view, state),
                view.formats.moment(latest.ts if latest else None),
                html.Span(signal.source, className="code"),
            ]
        )
    head = [t(f"output.{key}") for key in ("name", "value", "source_time", "app")]
    return components.table(head, rows, t("plant.outputs"))
