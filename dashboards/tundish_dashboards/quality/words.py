"""The quality page's charts and capability in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from tundish_analytics import spc
from tundish_dashboards import components
from tundish_dashboards.instants import moment
from tundish_dashboards.quality.capable import Ability, Refused
from tundish_dashboards.quality.choice import Nature
from tundish_dashboards.theme import Tone

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_analytics.spc import Index
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.quality.charting import Charted
    from tundish_dashboards.quality.choice import Characteristic, Period
    from tundish_dashboards.quality.samples import Samples

_LISTED: Final = 10
_TONES: Final = {"capable": Tone.GOOD, "not capable": Tone.BAD, "undecided": Tone.NOTICE}
_VERDICTS: Final = {"capable": "capable", "not capable": "not_capable", "undecided": "undecided"}


def chart_words(
    view: TenantView, one: Characteristic, found: Charted, samples: Samples, baseline: Period
) -> Component:
    """Which chart this is, where its limits come from, and what it says."""
    t, formats, first = view.t, view.formats, found.first
    kind = t(f"spc_kind.{first.kind}", size=first.size)
    lines = [
        t("spc.limits_from", kind=kind, start=formats.moment(baseline.start),
          end=formats.moment(baseline.end), points=first.points, centre=formats.number(first.baseline.centre),
          sigma=formats.number(first.baseline.sigma)),
    ]  # fmt: skip
    if one.nature in {Nature.FAULTY, Nature.FAULTS}:
        lines.append(t("spc.by_hour"))
    if first.step > 1:
        lines.append(t("spc.thinned", step=first.step))
    if first.exact:
        lines.append(t("spc.exact"))
    if samples.cut:
        lines.append(t("spc.cut", n=formats.number(samples.times.size, 0)))
    missing = int(samples.bad.sum())
    if missing or samples.gaps:
        lines.append(t("spc.missing", bad=missing, gaps=len(samples.gaps)))
    return html.Div([_verdict(view, found), *(html.P(line, className="muted") for line in lines)])


def _verdict(view: TenantView, found: Charted) -> Component:
    t, first = view.t, found.first
    if not first.valid:
        words = t("spc.invalid", r=f"{first.correlation:.2f}", bound=f"{max(first.bound, 0):.2f}")
        return html.P(components.status(Tone.NOTICE, words), id="quality-verdict")
    tone, key = (Tone.BAD, "spc.signals") if found.flagged else (Tone.GOOD, "spc.in_control")
    return html.P(components.status(tone, t(key, n=found.flagged)), id="quality-verdict")


def broken_rules(view: TenantView, found: Charted) -> Component | None:
    """The newest broken rules with their names, values and times."""
    t, formats = view.t, view.formats
    rows = [
        (int(found.times[place]), part, rule, float(part.chart.statistic[place]))
        for part in found.parts
        for rule in part.rules
        for place in part.flags.get(rule.key, ())
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: row[0], reverse=True)
    head = [t(f"spc.head_{name}") for name in ("rule", "time", "statistic", "value")]
    cells = [
        [
            html.Span([html.Strong(rule.key), " ", t.of(rule.text_zh, rule.text_en)]),
            formats.moment(moment(at)),
            t(f"spc_statistic.{part.key}"),
            html.Span(formats.number(value), className="number"),
        ]
        for at, part, rule, value in rows[:_LISTED]
    ]
    title = t("spc.broken_listed", n=min(len(rows), _LISTED), all=len(rows))
    return html.Div([html.H3(title), components.table(head, cells, title)])


def ability_words(view: TenantView, found: Ability | Refused, charted: Charted) -> Component:
    """Indices with their intervals, or why there are none."""
    t, formats = view.t, view.formats
    if isinstance(found, Refused):
        stable = charted.first.stability
        words = t(
            f"spc_refused.{found}",
            outside=stable.outside, points=stable.points, allowed=stable.allowed, least=spc.LEAST_POINTS,
        )  # fmt: skip
        return components.notice(Tone.NOTICE, t("spc.no_capability"), words)
    judged = found.normal or found.quantiles
    if judged is None:
        return html.Div()
    names = ("cp", "cpk", "pp", "ppk", "cpm") if found.normal else ("pp", "ppk")
    rows = [
        _index_row(view, name, index) for name in names if (index := getattr(judged, name, None)) is not None
    ]
    verdict = spc.judge(judged.ppk, judged.count)
    head = [t(f"spc.head_{name}") for name in ("index", "value", "interval", "method")]
    lines = [_law(view, found)]
    if found.normal:
        lines.append(
            t("spc.outside_spec", expected=formats.percent(found.normal.expected_outside, 3),
              observed=formats.percent(found.normal.observed_outside, 3))
        )  # fmt: skip
    note = judged.note
    if note is not None:
        lines.append(t.of(*note))
    status = components.status(_TONES[verdict], t(f"spc_verdict.{_VERDICTS[verdict]}", bar="1.33"))
    return html.Div(
        [
            html.P(status, id="quality-capable"),
            components.table(head, rows, t("spc.capability")),
            *(html.P(line, className="muted") for line in lines),
            html.P(t("spc.capability_of", n=formats.number(judged.count, 0)), className="legend"),
        ]
    )


def _index_row(view: TenantView, name: str, index: Index) -> list[object]:
    number = view.formats.number
    return [
        html.Strong(name.capitalize()),
        html.Span(number(index.value, 2), className="number"),
        f"{number(index.low, 2)} … {number(index.high, 2)}",
        view.t.maybe(f"spc_method.{_key(index.method)}", index.method),
    ]


def _law(view: TenantView, found: Ability) -> str:
    t = view.t
    p = f"{found.normal_p:.3f}"
    if found.quantiles is None:
        return t("spc.normal", p=p)
    law = t.maybe(f"spc_law.{_key(found.quantiles.law.name)}", found.quantiles.law.name)
    words = t("spc.not_normal", p=p, law=law, fits=f"{found.quantiles.normal_p:.3f}")
    return f"{words} {t('spc.beyond_data')}" if found.quantiles.beyond_data else words


def _key(name: str) -> str:
    return name.replace("-", "_")
