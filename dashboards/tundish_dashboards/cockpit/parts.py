"""The cockpit's parts: funnel, counties, targets, trend, what keeps enterprises back, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.bureau.atlas import DEFAULT_STAGE
from tundish_dashboards.bureau.standing import counties, shades
from tundish_dashboards.theme import CHART_CONFIG, FONT
from tundish_platform.programme.register.codes import county_names
from tundish_platform.programme.reports.counting import STALLED_MONTHS
from tundish_platform.programme.series.months import month_of, shifted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_dashboards.bureau.standing import County
    from tundish_dashboards.callbacks import Person
    from tundish_dashboards.cockpit.data import Shown, Told

# Of a wall seen from afar: more could not be read.
_MOST_TILES: Final = 24
_MOST_TARGETS: Final = 5
_MOST_STEPS: Final = 5
_SHOWN_MONTHS: Final = 24
# Light enough on the dark ground for 4.5 to 1, and told apart with any common colour blindness.
_TRACES: Final = ("#7fc8f8", "#f5a65b", "#5ad1a6", "#e59bc6", "#e6d36b", "#c9b5ff")
_INK: Final = "#d7e3ee"
_LINE: Final = "#23394d"


def body_of(person: Person, found: Shown, now: datetime) -> list[Component]:
    """All parts; a word instead of them while no month is frozen."""
    t, told = person.t, found.series
    if not told["months"]:
        return [html.P([t("months.none"), html.Br(), t("months.none_then")], className="cockpit-nothing")]
    stage = next((one for one in told["stages"] if one["key"] == DEFAULT_STAGE), told["stages"][0])
    met = counties(told, found.targets, stage["key"])
    named = t("cockpit.counties", stage=t.of(stage["name_zh"], stage["name_en"]))
    return [
        html.Div(_basis(person, found, now), className="cockpit-basis"),
        _part("funnel", t("cockpit.funnel"), _funnel(person, told)),
        _part("counties", named, _tiles(person, met)),
        _part("targets", t("cockpit.targets"), _targets(person, found)),
        _part("trend", t("cockpit.trend"), _trend(person, told)),
        _part("stalled", t("cockpit.stalled", months=STALLED_MONTHS), _stalled(person, found)),
    ]


def _part(name: str, title: str, inner: Component | list[Component]) -> Component:
    told = html.Div(inner, className="cockpit-inner")
    return html.Section([html.H2(title), told], className=f"cockpit-part at-{name}")


def _basis(person: Person, found: Shown, now: datetime) -> list[Component]:
    """Of when the figures are, what is late, what is made, and what proves the published ones."""
    t, told = person.t, found.series
    newest, due = told["months"][-1], shifted(month_of(now), -1)
    parts: list[Component] = [html.Span(t("cockpit.as_of", month=newest, version=told["rule_version"]))]
    if newest < due:
        parts.append(html.Strong(t("cockpit.behind", month=newest, due=due), className="cockpit-late"))
    if told["simulated"]:
        parts.append(html.Strong(t("cockpit.simulated"), className="cockpit-made"))
    if found.apps is not None:
        month, apps = found.apps
        parts.append(html.Span(f"{t('cockpit.apps')} {person.formats.number(apps.one, 0)} ({month})"))
    words = (
        t("cockpit.no_proof") if found.proof is None
        else t("cockpit.proof", size=found.proof[0], root=found.proof[1][:12])
    )  # fmt: skip
    return [*parts, html.Span(words)]


def _funnel(person: Person, told: Told) -> list[Component]:
    t, formats, total = person.t, person.formats, told["total"]
    whole = total["enterprises"][-1]
    rows: list[tuple[str, int, str | None]] = [(t("cockpit.register"), whole, None)]
    rows += [
        (t.of(stage["name_zh"], stage["name_en"]), total["current"][stage["key"]][-1],
         _change(total["current"][stage["key"]]))
        for stage in told["stages"]
    ]  # fmt: skip
    return [
        html.Div(
            [
                html.Span(name, className="funnel-name"),
                html.Div(
                    html.Span(style={"width": f"{100 * n / whole if whole else 0:.2f}%"}),
                    className="funnel-bar",
                ),
                html.Strong(formats.number(n, 0)),
                html.Span("" if change is None else change, className="funnel-change"),
            ],
            className="funnel-row",
        )
        for name, n, change in rows
    ]


def _change(row: Sequence[int]) -> str | None:
    return f"{row[-1] - row[-2]:+d}" if len(row) > 1 else None


def _tiles(person: Person, met: Sequence[County]) -> Component:
    shown, shade = sorted(met, key=lambda one: one.key)[:_MOST_TILES], shades(met)
    # As few empty places as can be, and tiles that are wider than high.
    wide = min(range(3, 7), key=lambda n: (-len(shown) % n, abs(n * n - 1.4 * len(shown))))
    style = {"gridTemplateColumns": f"repeat({wide}, minmax(0, 1fr))"}
    tiles = [_tile(person, one, shade.get(one.key, 0)) for one in shown]
    return html.Div(tiles, className="cockpit-tiles", style=style)


def _tile(person: Person, one: County, shade: int) -> Component:
    t, formats = person.t, person.formats
    name = html.Span(t.of(*county_names(one.key)), className="tile-name")
    if one.share is None:
        return html.Div([name, html.Span(t("cockpit.withheld"))], className="tile tile-withheld")
    met = "" if one.completion is None else t("atlas.completion", share=formats.percent(one.completion, 0))
    parts = [
        name,
        html.Strong(formats.percent(one.share)),
        html.Span(met or t("atlas.count", n=one.count, of=one.enterprises)),
    ]
    return html.Div(parts, className=f"tile tile-{shade}")


def _targets(person: Person, found: Shown) -> list[Component]:
    """The city's targets: completion as a bar with December's interval on it."""
    t, formats = person.t, person.formats
    names = {one["key"]: t.of(one["name_zh"], one["name_en"]) for one in found.series["stages"]}
    wanted = [
        one for one in found.targets
        if not (one["region"] or one["industry"] or one["park"])
        and one["progress"] and one["progress"]["actual"] is not None
    ][:_MOST_TARGETS]  # fmt: skip
    if not wanted:
        return [html.P(t("cockpit.no_targets"), className="cockpit-nothing")]
    rows: list[Component] = []
    for one in wanted:
        progress, end = one["progress"], one["progress"]["year_end"]
        words = f"{names[one['stage']]} · {t('target.' + one['kind'])}"
        said = f"{formats.number(progress['actual'], 0)} / {formats.number(one['value'], 0)}"
        rows.append(
            html.Div(
                [
                    html.Div([html.Span(words), html.Strong(f"{one['completion_percent'] or '–'} %")]),
                    _bar(progress["completion"], end),
                    html.Div([html.Span(said), html.Span(_december(person, end))], className="target-note"),
                ],
                className="target-row",
            )
        )
    return rows


def _december(person: Person, end: Told | None) -> str:
    if end is None:
        return ""
    counts = {name: person.formats.number(end[name], 0) for name in ("low", "middle", "high")}
    return person.t("cockpit.year_end", **counts)


def _bar(completion: float | None, end: Told | None) -> Component:
    """From nothing to the target at two thirds of the width, so that more than the target has room."""

    def at(share: float | None) -> float:
        return min(max(share or 0.0, 0.0), 1.5) / 1.5 * 100

    parts = [html.Span(className="target-done", style={"width": f"{at(completion):.2f}%"})]
    if end is not None and end["completion_low"] is not None:
        low, high = at(end["completion_low"]), at(end["completion_high"])
        style = {"left": f"{low:.2f}%", "width": f"{max(high - low, 0.6):.2f}%"}
        parts.append(html.Span(className="target-range", style=style))
    parts.append(html.Span(className="target-mark", style={"left": f"{at(1.0):.2f}%"}))
    return html.Div(parts, className="target-bar")


def _trend(person: Person, told: Told) -> Component:
    t = person.t
    data = [
        {
            "type": "scatter", "mode": "lines", "x": told["months"][-_SHOWN_MONTHS:],
            "y": told["total"]["current"][one["key"]][-_SHOWN_MONTHS:],
            "name": t.of(one["name_zh"], one["name_en"]),
            "line": {"color": _TRACES[number % len(_TRACES)], "width": 3},
        }
        for number, one in enumerate(told["stages"])
    ]  # fmt: skip
    axis = {"gridcolor": _LINE, "linecolor": _LINE, "zeroline": False, "automargin": True, "fixedrange": True}
    layout = {
        "font": {"family": FONT, "size": 16, "color": _INK}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)", "margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "autosize": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "uirevision": "cockpit",
        "xaxis": axis | {"type": "category", "nticks": 6, "tickangle": 0},
        "yaxis": axis | {"rangemode": "tozero"},
    }  # fmt: skip
    graph = dcc.Graph(
                id="cockpit-trend", figure={"data": data, "layout": layout}, responsive=True,
        config=CHART_CONFIG | {"staticPlot": True}, className="cockpit-graph",
    )  # fmt: skip
    return html.Div(graph, role="img", className="cockpit-graph", **components.labelled(t("cockpit.trend")))


def _stalled(person: Person, found: Shown) -> list[Component]:
    t = person.t
    named = {one["key"]: t.of(one["name_zh"], one["name_en"]) for one in found.series["stages"]}
    steps = sorted((one for one in found.steps if one["enterprises"]), key=lambda one: -one["enterprises"])
    if not steps:
        return [html.P(t("cockpit.no_stalled"), className="cockpit-nothing")]
    return [
        html.Div(
            [
                html.Strong(person.formats.number(one["enterprises"], 0)),
                html.Span([html.B(named[one["stage"]]), " ", t.of(one["text_zh"], one["text_en"])]),
            ],
            className="stalled-row",
        )
        for one in steps[:_MOST_STEPS]
    ]
