"""How alerts and their outcomes are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.alarms.rows import priority
from tundish_dashboards.alerts.data import ALERTS_SHOWN
from tundish_dashboards.formats import unit_text
from tundish_dashboards.plant.predictions import evidence_rows
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.alerts import SUBSCRIPTION_ENDED, Verdict
from tundish_platform.samples import Sureness
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.alerts.data import Alerts
    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.alerts import AlertView, FeedbackView, Outcome

_TONES: Final = {Verdict.CONFIRMED: Tone.GOOD, Verdict.FALSE: Tone.BAD, Verdict.UNCLEAR: Tone.QUIET}
_BECAUSE: Final = {SUBSCRIPTION_ENDED: "alerts.closed_subscription_ended"}


def outcome_strip(view: TenantView, alerts: Alerts) -> Component:
    """How good the last year's alerts were, and the same by model version behind a fold."""
    t, formats, total = view.t, view.formats, alerts.outcomes.total
    strip = components.figures(
        [
            components.figure(
                t("alerts.open_now"),
                formats.number(total.open, 0),
                t("alerts.of_year", n=formats.number(total.alerts, 0)),
                Tone.NOTICE if total.open else None,
            ),
            components.figure(
                t("alerts.precision"), formats.percent(total.precision, 0), _interval(view, total)
            ),
            components.figure(
                t("alerts.answered"),
                formats.percent(total.answered_share, 0),
                t("alerts.answered_of", n=total.answered, all=total.alerts),
            ),
            components.figure(t("alerts.lead"), _span(view, total.lead_median_s), _quartiles(view, total)),
            components.figure(
                t("alerts.avoided"), formats.quantity(total.avoided_cost, "CNY", 0), t("alerts.as_entered")
            ),
        ]
    )
    if not alerts.outcomes.versions:
        return html.Div(strip)
    rows = [_version(view, one) for one in alerts.outcomes.versions]
    head = [t(f"alerts.{name}") for name in ("model", "raised", "verdicts", "precision", "lead")]
    by_version = components.table(head, rows, t("alerts.by_version"))
    return html.Div([strip, components.more(t("alerts.by_version"), by_version)])


def _interval(view: TenantView, outcome: Outcome) -> str:
    if outcome.precision is None:
        return view.t("alerts.no_precision")
    low, high = (view.formats.percent(end, 0) for end in (outcome.precision_low, outcome.precision_high))
    cases = outcome.confirmed + outcome.false
    return view.t("alerts.interval", low=low, high=high, n=cases)


def _quartiles(view: TenantView, outcome: Outcome) -> str:
    if not outcome.leads:
        return view.t("alerts.no_lead")
    first, third = (_span(view, end) for end in (outcome.lead_q1_s, outcome.lead_q3_s))
    return view.t("alerts.quartiles", first=first, third=third, n=outcome.leads)


def _span(view: TenantView, seconds: float | None) -> str:
    """A length of time that may be negative, where a fault was found before its alert."""
    if seconds is None:
        return "–"
    words = view.formats.span(timedelta(seconds=abs(seconds)))
    return f"−{words}" if seconds < 0 else words


def _version(view: TenantView, one: Outcome) -> list[object]:
    number = view.formats.number
    verdicts = " / ".join(number(count, 0) for count in (one.confirmed, one.false, one.unclear))
    precision = view.formats.percent(one.precision, 0)
    return [
        [html.Div(one.model), html.Div(one.version, className="muted")],
        number(one.alerts, 0),
        verdicts,
        [html.Div(precision), html.Div(_interval(view, one), className="muted")],
        _span(view, one.lead_median_s),
    ]


def alert_list(view: TenantView, alerts: Alerts, choice: str) -> Component:
    """The chosen alerts, one under the other, so that a phone needs no sideways scroll."""
    if not alerts.shown:
        return components.nothing(view.t(f"alerts.none_{choice}"), view.t(f"alerts.none_{choice}_then"))
    rows: list[Any] = [html.Li(_alert(view, alert), className="alert") for alert in alerts.shown]
    more = view.t("alerts.more", n=ALERTS_SHOWN) if alerts.more else ""
    return html.Div([html.Ul(rows, className="alerts"), html.P(more, className="muted")])


def name_of(view: TenantView, alert: AlertView) -> str:
    """What is predicted, in the person's language."""
    return view.t.of(alert.target_zh, alert.target_en) or alert.target


def _alert(view: TenantView, alert: AlertView) -> list[Component | None]:
    t = view.t
    over = alert.closed_at is not None
    check = t.of(alert.check_zh, alert.check_en)
    return [
        html.Div(
            [
                priority(view, alert.priority),
                html.H3(f"{name_of(view, alert)}: {t.of(alert.label_zh, alert.label_en)}"),
                components.status(
                    Tone.QUIET if over else Tone.NOTICE, t("alerts.closed" if over else "alerts.still_open")
                ),
            ],
            className="alert-head",
        ),
        html.Div(
            [html.Span(fact) for fact in (_line(view, alert), _confidence(view, alert)) if fact],
            className="alarm-facts",
        ),
        None if over else html.Div([html.Strong(t("alerts.horizon")), " ", _horizon(view, alert)]),
        html.P([html.Strong(t("prediction.check")), " ", check], className="check") if check else None,
        evidence_rows(view, alert.evidence),
        html.Div([html.Span(fact) for fact in _times(view, alert)], className="alarm-facts"),
        _feedback(view, alert.feedback),
        html.Div(_buttons(view, alert), className="alert-buttons"),
    ]


def _line(view: TenantView, alert: AlertView) -> Component:
    return dcc.Link(alert.line, href=Route(Page.PLANT, view.scope.slug).path, title=view.t("alerts.to_plant"))


def _confidence(view: TenantView, alert: AlertView) -> str:
    t, formats = view.t, view.formats
    share = formats.percent(alert.confidence, 0)
    if alert.sureness is Sureness.PROBABILITY:
        return t("prediction.probability", p=share)
    if alert.sureness is Sureness.RANK:
        return t("alerts.rank", share=formats.percent(alert.confidence))
    if alert.sureness is Sureness.RULE:
        return t("alerts.by_rule")
    low, high = formats.brief(alert.low), f"{formats.brief(alert.high)} {unit_text(alert.unit)}".rstrip()
    value = f"{formats.brief(alert.value)} {unit_text(alert.unit)}".rstrip()
    return t("alerts.level", value=value, share=share, low=low, high=high)


def _horizon(view: TenantView, alert: AlertView) -> str:
    t, moment = view.t, view.formats.moment
    if alert.horizon is None:
        return t("alerts.now")
    expected = moment(alert.horizon.expected_at, seconds=False)
    if alert.horizon.earliest is None or alert.horizon.latest is None:
        return t("alerts.expected", at=expected)
    ends = (moment(end, seconds=False) for end in (alert.horizon.earliest, alert.horizon.latest))
    return t("alerts.expected_between", at=expected, **dict(zip(("earliest", "latest"), ends, strict=True)))


def _times(view: TenantView, alert: AlertView) -> list[str]:
    t, moment = view.t, view.formats.moment
    judged = t(
        "alerts.judged_to", at=moment(alert.judged_to), share=view.formats.percent(alert.completeness, 0)
    )
    closed = [t("alerts.closed_at", at=moment(alert.closed_at))] if alert.closed_at else []
    if alert.closed_because:
        closed.append(t(_BECAUSE[alert.closed_because]))
    opened = t("alerts.opened_at", at=moment(alert.opened_at), since=moment(alert.since))
    return [opened, *closed, judged, t("alerts.by_model", model=alert.model, version=alert.version)]


def _feedback(view: TenantView, said: FeedbackView | None) -> Component | None:
    if said is None:
        return None
    t, formats = view.t, view.formats
    cost = formats.quantity(said.avoided_cost, said.currency, 0) if said.avoided_cost is not None else ""
    parts = [
        t("alerts.said", by=said.by, at=formats.moment(said.at, seconds=False)),
        said.note,
        t("alerts.lead_of", span=_span(view, said.lead_s)) if said.lead_s is not None else "",
        t("alerts.avoided_of", cost=cost) if cost else "",
    ]
    words = components.status(_TONES[said.verdict], t(f"alert_verdict.{said.verdict}"))
    return html.Div([words, html.Span(" · ".join(part for part in parts if part))], className="alert-said")


def _buttons(view: TenantView, alert: AlertView) -> list[Component]:
    if not view.scope.allows(Permission.HANDLE, alert.line):
        return []
    name = name_of(view, alert)
    asked = html.Span(view.t("alerts.what_found"), className="muted")
    return [
        asked,
        *(
            components.quiet(
                view.t(f"alert_verdict.{verdict}"),
                {"role": f"alert-{verdict}", "alert": alert.id},
                view.t(f"alerts.{verdict}_of", name=name),
            )
            for verdict in Verdict
        ),
    ]
