"""What the explorer answers: what was found, what is chosen, and the chart of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode

from dash import ALL, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION
from tundish_dashboards.explorer.found import found_signals, wished_search
from tundish_dashboards.explorer.notes import note_marks, notes_list, places, register_notes
from tundish_dashboards.explorer.page import STEPS
from tundish_dashboards.explorer.reading import MOST_SIGNALS, Look, TooMuch, look_at, visible_signals
from tundish_dashboards.explorer.window import COMPARED
from tundish_dashboards.formats import unit_text
from tundish_dashboards.machine.records import work_notes
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_dashboards.trends import POINTS_PER_BUCKET, trend_figure
from tundish_platform.store.query.export import ExportForm

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_PIXELS_PER_BUCKET: Final = 3
# Few signals share the height that many would need.
_CHART_PX: Final = 480
_TALLEST_PX, _LOWEST_PX = 240, 104
_LONGEST_QUERY: Final = 2_000
_FORM_NAMES: Final = {ExportForm.CSV: "CSV", ExportForm.PARQUET: "Parquet"}
FORMS: Final = tuple(_FORM_NAMES)
_EMPTY: Final[dict[str, Any]] = {
    "data": [],
    "layout": {"height": 40, "xaxis": {"visible": False}, "yaxis": {"visible": False}},
}


def register_explorer(pages: Pages) -> None:
    """The page's answers, and the steps of its window, which the browser takes by itself."""
    _register_search(pages)
    _register_chosen(pages)
    _register_chart(pages)
    register_notes(pages)
    pages.in_browser(
        "explorerWindow",
        Output("explorer-window", "data"),
        Input(LOCATION, "search"),
        Input("explorer-span", "value"),
        Input("explorer-chart", "relayoutData"),
        *(Input(name, "n_clicks") for name in STEPS),
        State("explorer-shown", "data"),
        State("explorer-window", "data"),
    )
    pages.in_browser("explorerWidth", Output("explorer-width", "data"), Input("explorer-span", "value"))


def _register_search(pages: Pages) -> None:
    @pages.on_tenant(
        Output("explorer-found", "children"),
        Input("explorer-terms", "value"),
        Input("explorer-kind", "value"),
        Input("explorer-unit", "value"),
        Input("explorer-chosen", "data"),
        Input({"role": "explorer-after", "number": ALL}, "n_clicks"),
    )
    def found(
        view: TenantView, terms: object, kind: object, unit: object, chosen: object, _turns: object
    ) -> object:
        asked = wishes.asker()
        turned = wishes.click() if isinstance(asked, dict) else {}
        if isinstance(asked, dict) and not turned:
            return no_update
        after = wishes.whole(turned.get("number"), "the page", 0, 2**32 - 1, 0)
        return found_signals(view, wished_search(terms, kind, unit, after), _numbers(chosen))


def _register_chosen(pages: Pages) -> None:
    @pages.on_tenant(
        Output("explorer-chosen", "data"),
        Input(LOCATION, "search"),
        Input({"role": "explorer-add", "number": ALL}, "n_clicks"),
        Input({"role": "explorer-drop", "number": ALL}, "n_clicks"),
        State("explorer-chosen", "data"),
    )
    def choose(
        view: TenantView, search: object, _added: object, _dropped: object, chosen: object
    ) -> list[int]:
        now = _numbers(chosen)
        asked = wishes.asker()
        if not isinstance(asked, dict):
            # The address says which signals a look begins with.
            return [signal.id for signal in visible_signals(view, _addressed(search))]
        clicked = wishes.click()
        if not clicked:
            raise PreventUpdate
        number = wishes.whole(clicked.get("number"), "the signal", 0, 2**32 - 1, 0)
        if clicked.get("role") == "explorer-drop":
            return [one for one in now if one != number]
        kept = [one for one in now if one != number]
        return [signal.id for signal in visible_signals(view, [*kept, number])]


def _register_chart(pages: Pages) -> None:
    @pages.on_tenant(
        Output("explorer-chart", "figure"),
        Output("explorer-figures", "children"),
        Output("explorer-notes", "children"),
        Output("explorer-note-place", "data"),
        Output("explorer-said", "children"),
        Output("explorer-ways", "children"),
        Output("explorer-shown", "data"),
        Input("explorer-chosen", "data"),
        Input("explorer-window", "data"),
        Input("explorer-compared", "value"),
        Input("explorer-width", "data"),
        Input("explorer-tick", "n_intervals"),
        Input("explorer-noted", "data"),
        State("explorer-shown", "data"),
    )
    def chart(
        view: TenantView,
        chosen: object,
        wish: object,
        compared: object,
        width: object,
        _tick: object,
        _noted: object,
        shown: object,
    ) -> tuple[Any, ...]:
        ids = _numbers(chosen)
        beside = wishes.one_of(compared, "the comparison", list(COMPARED), "none")
        pixels = wishes.whole(width, "the width of the chart", 200, 2400, 900)
        points = pixels * POINTS_PER_BUCKET // _PIXELS_PER_BUCKET
        try:
            look = look_at(view, ids, wish, points, beside)
        except TooMuch:
            said = components.notice(
                Tone.NOTICE, view.t("explorer.too_much"), view.t("explorer.too_much_then")
            )
            return no_update, no_update, no_update, no_update, said, no_update, no_update
        if not look.signals:
            nothing = components.nothing(view.t("explorer.none"), view.t("explorer.none_then"))
            return _EMPTY, None, None, [], nothing, None, None
        kept = look.window.kept(view.formats.zone)
        marks = [one.id for one in look.notes], [one.id for one in look.work]
        parts = [one.id for one in look.signals], *marks
        now = f"{parts} {kept} {beside} {pixels} {look.arrival}"
        if isinstance(shown, dict) and shown.get("now") == now:
            raise PreventUpdate
        start, end = look.window.start, look.window.end
        row_px = min(_TALLEST_PX, max(_LOWEST_PX, _CHART_PX // len(look.rows)))
        figure = trend_figure(view, look.rows, start, end, pixels, clipped=True, row_px=row_px)
        figure["layout"]["shapes"] += note_marks(view, [*look.notes, *work_notes(view, look.work)])
        return (
            figure,
            _figures(view, look),
            notes_list(view, look.notes),
            places(look.signals),
            _said(view, look),
            _ways(view, look),
            kept | {"now": now},
        )


def _numbers(chosen: object) -> list[int]:
    return wishes.numbers(chosen, "the chosen signals", MOST_SIGNALS)


def _addressed(search: object) -> list[int]:
    """Signals that an address names: ``?signals=3,17``."""
    asked = parse_qs(wishes.word(search, "the address", _LONGEST_QUERY).removeprefix("?"))
    return wishes.numbers(
        [one for one in asked.get("signals", [""])[0].split(",") if one], "the signals", MOST_SIGNALS
    )


def _said(view: TenantView, look: Look) -> Component:
    formats = view.formats
    window = look.window
    key = "explorer.shows_newest" if window.follows else "explorer.shows"
    return html.P(
        view.t(
            key,
            start=formats.moment(window.start),
            end=formats.moment(window.end),
            length=formats.span(window.length),
        ),
        className="muted",
    )


def _ways(view: TenantView, look: Look) -> list[Component]:
    """A link that shows a colleague the same, and files of all samples."""
    kept = look.window.kept(view.formats.zone)
    asked = {"signals": ",".join(str(s.id) for s in look.signals), "from": kept["from"], "to": kept["to"]}
    here = Route(Page.EXPLORER, view.scope.slug).path
    t = view.t
    kinds = sorted({signal.kind for signal in look.signals})
    files = [
        html.A(
            t("explorer.file" if len(kinds) == 1 else f"explorer.file_{kind}", form=_FORM_NAMES[form]),
            href=f"{here}/export?{urlencode(asked | {'form': form.value, 'kind': kind.value})}",
            className="button",
        )
        for kind in kinds
        for form in FORMS
    ]
    same = {"span": look.window.follows} if look.window.follows else {"from": kept["from"], "to": kept["to"]}
    link = urlencode({"signals": asked["signals"]} | same)
    return [dcc.Link(t("explorer.link"), href=f"{here}?{link}", className="quiet"), *files]


def _figures(view: TenantView, look: Look) -> Component:
    t, formats = view.t, view.formats
    names = ("signal", "unit", "mean", "min", "max", "count", "complete", "remove")
    rows = []
    for signal in look.signals:
        found = look.figures.get(signal.id)
        name = t.of(signal.name_zh, signal.name_en)
        numbers = [None, None, None] if found is None else [found.mean, found.low, found.high]
        drop = {"role": "explorer-drop", "number": signal.id}
        rows.append(
            [
                html.Span([html.Strong(name), html.Div(signal.path, className="code muted")]),
                unit_text(signal.unit),
                *(html.Span(formats.number(one), className="number") for one in numbers),
                html.Span("–" if found is None else formats.number(found.count, 0), className="number"),
                html.Span(formats.percent(None if found is None else found.completeness), className="number"),
                components.quiet(t("explorer.remove"), drop, t("explorer.remove_what", signal=name)),
            ]
        )
    return components.table([t(f"explorer.head_{name}") for name in names], rows, t("explorer.figures"))
