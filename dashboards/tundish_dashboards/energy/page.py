"""Layout and callbacks of the energy page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.energy.ahead import Ahead, Forecasts
from tundish_dashboards.energy.figure import load_figure, period_figure
from tundish_dashboards.energy.looking import PATTERNS, SHOWN, Energy, limit_of, stretches
from tundish_dashboards.energy.meters import meters_of
from tundish_dashboards.energy.words import day_figures, labels, line_table, made_table, period_table, warning
from tundish_dashboards.known import read_signals
from tundish_dashboards.theme import CHART_CONFIG
from tundish_platform.store.query.windows import Period

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.energy.meters import Meter

_REFRESH_MS: Final = 10_000
_HIGHEST_KW: Final = 10_000_000
_EMPTY: Final[dict[str, Any]] = {
    "data": [], "layout": {"height": 40, "xaxis": {"visible": False}, "yaxis": {"visible": False}}
}  # fmt: skip
_PERIODS: Final = tuple(period.value for period in SHOWN)


def energy_page(pages: Pages, path: str) -> Component:
    """The frame; callbacks fill it and keep it fresh."""
    view = pages.view(path)
    t = view.t
    meters = meters_of(read_signals(view))
    return html.Div(
        [
            _head(view, meters),
            html.Div(id="energy-figures", **components.announced()),
            components.panel(
                t("energy.load"),
                [
                    html.Div(id="energy-ahead"),
                    _graph("energy-load", 320),
                    html.P(t("energy.load_how"), className="legend"),
                ],
                aside=dmc.NumberInput(
                    id="energy-limit", min=0, max=_HIGHEST_KW, size="xs", w=150, debounce=600,
                    placeholder=t("energy.limit_placeholder"), suffix=" kW",
                    **components.labelled(t("energy.limit_choice")),
                ),
            ),
            components.panel(
                t("energy.consumption"),
                [
                    _graph("energy-periods", 220),
                    html.Div(id="energy-period-table"),
                    html.P(t("energy.no_tariff"), className="legend", id="energy-tariff"),
                ],
                aside=_periods(view),
            ),
            components.panel(t("energy.made"), [
                html.Div(id="energy-made"), html.P(t("energy.made_how"), className="legend"),
            ]),
            components.panel(t("energy.lines"), [
                html.Div(id="energy-lines"), html.P(t("energy.lines_how"), className="legend"),
            ]),
            dcc.Store(id="energy-shown"),
            dcc.Store(id="energy-width"),
            dcc.Interval(id="energy-tick", interval=_REFRESH_MS),
        ]
    )  # fmt: skip


def _head(view: TenantView, meters: list[Meter]) -> Component:
    t = view.t
    data = [
        {"value": str(m.signal.id), "label": f"{m.line} · {t.of(m.signal.name_zh, m.signal.name_en)}"}
        for m in meters
    ]
    first = data[0]["value"] if data else None
    zone = t("plant.zone", zone=view.formats.zone.key)
    return html.Div(
        [
            html.H1(t("energy.title", tenant=view.name)),
            components.select("energy-meter", t("energy.meter"), data, first, 340),
            html.Div(zone, className="aside"),
        ],
        className="page-head",
    )


def _graph(name: str, height: int) -> Component:
    return dcc.Graph(
        id=name, figure={"data": [], "layout": {"height": height}}, config=CHART_CONFIG, animate=False
    )


def _periods(view: TenantView) -> Component:
    t = view.t
    period = dmc.SegmentedControl(
        id="energy-period",
        value=Period.DAY.value,
        size="xs",
        data=[{"value": name, "label": t(f"energy_period.{name}")} for name in _PERIODS],
        **components.labelled(t("energy.period")),
    )
    patterns = [{"value": name, "label": t(f"energy_shifts.{name}")} for name in PATTERNS]
    return html.Div(
        [
            html.Div(period, className="explorer-spans"),
            components.select("energy-shifts", t("energy.shifts"), patterns, "two", 210),
        ],
        className="controls",
    )


def register_energy(pages: Pages) -> None:
    """What the page asks for."""
    energy, forecasts = Energy(), Forecasts()

    @pages.on_tenant(
        Output("energy-figures", "children"),
        Output("energy-ahead", "children"),
        Output("energy-load", "figure"),
        Output("energy-periods", "figure"),
        Output("energy-period-table", "children"),
        Output("energy-made", "children"),
        Output("energy-lines", "children"),
        Output("energy-shown", "data"),
        Input("energy-tick", "n_intervals"),
        Input("energy-meter", "value"),
        Input("energy-period", "value"),
        Input("energy-shifts", "value"),
        Input("energy-limit", "value"),
        Input("energy-width", "data"),
        State("energy-shown", "data"),
    )
    def energy_now(
        view: TenantView, _tick: object, meter: object, period: object, shifts: object, limit: object,
        width: object, shown: object,
    ) -> tuple[Any, ...]:  # fmt: skip
        number = next(iter(wishes.numbers(None if meter is None else [meter], "the meter", 1)), 0)
        by = Period(wishes.one_of(period, "the period", _PERIODS, Period.DAY.value))
        pattern = wishes.one_of(shifts, "the shifts", list(PATTERNS), "two")
        asked = None if limit is None or limit == "" else wishes.whole(limit, "the limit", 0, _HIGHEST_KW, 0)
        pixels = wishes.whole(width, "the width of the chart", 200, 2400, 900)
        return _answer(view, energy, forecasts, (number, by, pattern, asked, pixels), shown)

    pages.in_browser("energyWidth", Output("energy-width", "data"), Input("energy-meter", "value"))


def _answer(
    view: TenantView, energy: Energy, forecasts: Forecasts,
    wish: tuple[int, Period, str, int | None, int], shown: object,
) -> tuple[Any, ...]:  # fmt: skip
    number, by, pattern, asked, pixels = wish
    known = {meter.signal.id: meter for meter in meters_of(energy.signals(view))}
    # A meter that the person may not see is none.
    meter = known.get(number)
    look = None if meter is None else energy.look(view, meter)
    if meter is None or look is None:
        key = "energy.no_meter" if meter is None else "plant.no_data"
        nothing = components.nothing(view.t(key), view.t(f"{key}_then"))
        return nothing, None, _EMPTY, _EMPTY, None, None, None, None
    limit = float(asked) if asked is not None else limit_of(view, meter)
    ahead = forecasts.of(view, meter, look.quarters)
    now = f"{wish} {limit} {look.version} {ahead if not isinstance(ahead, Ahead) else ahead.first}"
    if now == shown:
        return (no_update,) * 8
    rows = stretches(view, look, by, pattern)
    names = labels(view, rows, by)
    return (
        day_figures(view, look, ahead),
        warning(view, ahead, limit),
        load_figure(view, look, ahead if isinstance(ahead, Ahead) else None, limit, pixels),
        period_figure(view, rows, names, pixels),
        period_table(view, rows, names),
        made_table(view, look.made),
        line_table(view, energy.lines(view)),
        now,
    )
