"""Predictions with their evidence: what the model says, how sure it is, why, and what to check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.formats import unit_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.api.predictions import EvidenceItem, Prediction
    from tundish_platform.samples import AlertEvidence

_EVIDENCE_SHOWN = 5


def prediction_cards(view: TenantView, found: Sequence[Prediction], hits: Mapping[int, str]) -> Component:
    """A card per prediction.

    Args:
        view: who looks.
        found: what models said last, one of each target.
        hits: by evidence signal, how often the model was right so far.
    """
    t = view.t
    if not found:
        return components.nothing(t("prediction.none"), t("prediction.none_then"))
    return html.Div(
        [_card(view, item, hits.get(item.signal)) for item in found],
        className="predictions",
    )


def _card(view: TenantView, item: Prediction, hit: str | None) -> Component:
    t, formats = view.t, view.formats
    check = t.of(item.check_zh, item.check_en)
    window = t(
        "prediction.window",
        start=formats.clock(item.window_start),
        end=formats.moment(item.window_end),
        share=formats.percent(item.completeness),
    )
    return html.Article(
        [
            html.Div(
                [
                    html.H3(t.of(item.label_zh, item.label_en)),
                    html.Span(_value(view, item), className="value"),
                ],
                className="prediction-head",
            ),
            html.Div([_confidence(view, item), " · ", window], className="how"),
            html.Div(hit, className="how") if hit is not None else None,
            evidence_rows(view, item.evidence),
            html.P([html.Strong(t("prediction.check")), " ", check], className="check") if check else None,
            components.more(t("prediction.model"), _model(view, item)),
        ],
        className="prediction",
    )


def _value(view: TenantView, item: Prediction) -> str:
    if item.value is None:
        return view.t("prediction.abstains")
    if not item.unit and item.low is None:
        # The number of a class or grade; its name is the heading already.
        return ""
    return _shown(view, item.value, item.unit)


def _shown(view: TenantView, value: float | str | None, unit: str) -> str:
    if isinstance(value, str):
        return value
    return f"{view.formats.brief(value)} {unit_text(unit)}".rstrip()


def _confidence(view: TenantView, item: Prediction) -> str:
    t, formats = view.t, view.formats
    parts = []
    if item.probability is not None:
        parts.append(t("prediction.probability", p=formats.percent(item.probability)))
    if item.low is not None and item.high is not None:
        low, high = formats.brief(item.low), _shown(view, item.high, item.unit)
        parts.append(t("prediction.interval", low=low, high=high))
    return " · ".join(parts) or t("prediction.no_confidence")


def evidence_rows(view: TenantView, evidence: Sequence[EvidenceItem | AlertEvidence]) -> Component | None:
    """The signals that speak for a statement, with what they show and what is expected there."""
    if not evidence:
        return None
    t, formats = view.t, view.formats
    head = html.Div(
        [html.Span(t("evidence.signal")), html.Span(t("evidence.now")), html.Span(t("evidence.share"))],
        className="evidence-row muted",
    )
    rows = [
        html.Div(
            [
                html.Span(t.of(item.name_zh, item.name_en), title=item.signal),
                html.Span(
                    [
                        html.Strong(_shown(view, item.value, item.unit)),
                        " ",
                        html.Span(
                            t("evidence.expected", value=_shown(view, item.expected, "")), className="muted"
                        ),
                    ],
                    className="now",
                ),
                components.meter(
                    item.contribution,
                    t("evidence.contribution", share=formats.percent(item.contribution, 0)),
                ),
            ],
            className="evidence-row",
        )
        for item in evidence[:_EVIDENCE_SHOWN]
    ]
    return html.Div([head, *rows], className="evidence")


def _model(view: TenantView, item: Prediction) -> Component:
    t, formats = view.t, view.formats
    trained = t(
        "prediction.trained_span",
        start=formats.moment(item.trained_from, seconds=False),
        end=formats.moment(item.trained_to, seconds=False),
    )
    return components.facts(
        [
            (t("prediction.model_name"), f"{item.model} {item.version}"),
            (t("prediction.trained"), trained),
            (t("prediction.cases"), formats.number(item.cases, 0)),
        ]
    )
