"""One version: its card, what was decided about it, what was reported on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components
from tundish_dashboards.models.evidence import evidence_parts, summary
from tundish_dashboards.models.words import approval_words, level_words, state_words, window_words
from tundish_dashboards.theme import Tone
from tundish_platform.model_registry import (
    Decision,
    UnknownModel,
    find_model,
    list_decisions,
    list_reports,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.model_registry import DecisionInfo, ModelDetail, ReportInfo

DECISIONS_SHOWN: Final = 50
REPORTS_SHOWN: Final = 20
_MAIN: Final = frozenset({Decision.APPROVE, Decision.PROMOTE})


def model_detail(view: TenantView, number: int) -> Component:
    """All that is known of a version, with a button for each decision that is open."""
    t = view.t
    back = components.quiet(t("models.back"), {"role": "model-open", "model": 0})
    try:
        with view.context.metadata.session() as session:
            found = find_model(session, view.scope, number)
            decisions = list_decisions(session, view.scope, number, limit=DECISIONS_SHOWN)
            reports = list_reports(session, view.scope, number, limit=REPORTS_SHOWN)
    except UnknownModel:
        return html.Div([back, components.notice(Tone.BAD, t("models.gone"), "")])
    return html.Div(
        [
            html.Div(back, className="model-back"),
            components.panel(f"{found.model} · {found.version}", _standing(view, found)),
            html.Div(
                [
                    components.panel(t("models.card"), _card(view, found)),
                    components.panel(t("models.decisions"), _decisions(view, decisions)),
                ],
                className="columns",
            ),
            components.panel(t("models.reports"), _reports(view, reports)),
        ]
    )


def _standing(view: TenantView, found: ModelDetail) -> list[Component]:
    t = view.t
    registered = t(
        "models.registered",
        by=found.registered_by,
        at=view.formats.moment(found.registered_at, seconds=False),
    )
    pairs: list[tuple[str, Any]] = [
        (t("models.state"), state_words(view, found.state)),
        (t("models.approval"), approval_words(view, found)),
        (t("models.line_name"), html.Span(found.line, className="code")),
        (t("models.registration"), registered),
        (t("models.digest"), html.Span(found.digest, className="code")),
    ]
    if found.replaces is not None:
        pairs.append((t("models.replaces"), html.Span(found.replaces, className="code")))
    return [components.facts(pairs), _buttons(view, found)]


def _buttons(view: TenantView, found: ModelDetail) -> Component:
    if not view.scope.allows(Permission.CONFIGURE, found.line):
        return html.P(view.t("models.may_not"), className="muted")
    buttons = [
        dmc.Button(
            view.t(f"model_decision.{one.name.lower()}"),
            id={"role": "model-decide", "do": one.value, "model": found.id},
            size="xs",
            variant="filled" if one in _MAIN else "default",
        )
        for one in found.possible
    ]
    return html.Div(buttons or view.t("models.nothing_open"), className="entry-buttons left")


def _card(view: TenantView, found: ModelDetail) -> list[Component]:
    t, card = view.t, found.card
    metrics = [(name, view.formats.brief(value)) for name, value in card.metrics.items()]
    paths = html.Ul([html.Li(html.Span(path, className="code")) for path in card.features])
    parts: list[Component] = [
        components.facts(
            [
                (t("models.window"), window_words(view, found)),
                (t("models.protocol"), t.of(card.protocol_zh, card.protocol_en)),
                (t("models.limits"), t.of(card.limits_zh, card.limits_en)),
                (t("models.code"), html.Span(card.code, className="code")),
            ]
        ),
        components.table((t("models.metric"), t("models.value")), metrics, t("models.metrics")),
        components.more(t("models.features", n=len(card.features)), paths),
    ]
    # What the registration says itself stands above already.
    extra = {
        k: v for k, v in (card.model_extra or {}).items() if k not in {"line", "model", "version", "sha256"}
    }
    if extra:
        parts.append(components.more(t("models.extra"), evidence_parts(view, extra)))
    return parts


def _decisions(view: TenantView, decisions: list[DecisionInfo]) -> Component:
    rows = [components.entry(_decision_head(view, one), [one.reason]) for one in decisions]
    return components.entries(rows)


def _decision_head(view: TenantView, one: DecisionInfo) -> list[Component]:
    t = view.t
    states = [t(f"model_state.{state}") for state in (one.from_state, one.to_state) if state is not None]
    way = " → ".join(dict.fromkeys(states))
    return [
        html.Strong(t(f"model_step.{one.what.name.lower()}")),
        html.Span(way),
        html.Span(f"{one.by} · {view.formats.moment(one.at, seconds=False)}", className="muted small"),
    ]


def _reports(view: TenantView, reports: list[ReportInfo]) -> Component:
    if not reports:
        return components.nothing(view.t("models.no_reports"), view.t("models.no_reports_then"))
    rows = []
    for one in reports:
        head = [
            level_words(view, one.level),
            html.Strong(view.t(f"model_report.{one.kind}")),
            html.Span(view.formats.moment(one.moment), className="muted small number"),
        ]
        more = [
            html.P(summary(view, one.evidence)),
            components.more(view.t("models.evidence"), evidence_parts(view, one.evidence)),
        ]
        rows.append(components.entry(head, [], more=more))
    return components.entries(rows)
